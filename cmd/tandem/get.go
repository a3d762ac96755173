package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
)

func (w *work) get(ctx context.Context) error {
	if w.Target == "-" {
		return w.getToPipe(ctx)
	}
	if c, _, ok, err := w.named(w.Target, w.Connection); ok || err != nil {
		if err == nil {
			err = usage(fmt.Errorf("%q is online (connection %s)", w.Target, c.name), "get fetches to here; from online to online it is: tandem cp")
		}
		return err
	}
	all, err := w.selected(ctx, w.reach, w.items)
	if err != nil {
		return err
	}
	return w.bring(ctx, all)
}

// bring fetches what was chosen.
func (w *work) bring(ctx context.Context, all []selection) error {
	dir := w.Target
	if len(all) == 1 && all[0].named && !isDir(w.Target) && !strings.HasSuffix(w.Target, "/") {
		dir = filepath.Dir(w.Target)
		all[0].items[0].To = w.pageAt(dir, all[0].from.conn).Read(filepath.Base(w.Target))
	}
	if w.foresee && !isDir(dir) {
		for _, c := range all {
			for _, it := range c.items {
				if it.Kind == remote.File {
					w.result(task.Result{Op: "get", Path: it.Path, To: it.To, Size: it.Size, Done: task.Planned})
				}
			}
		}
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	page := w.pageAt(dir, all[0].from.conn)
	into, err := task.Land(dir, w.mode, page)
	if err != nil {
		return fmt.Errorf("target %q: %w", w.Target, err)
	}
	into.Twins = w.twins(dir, page)
	for _, c := range all {
		get := task.Get{From: c.from.drive, Into: into, Overwrite: task.Overwrite(w.Overwrite), KeepTimes: w.KeepTimes,
			DeleteSource: w.DeleteSource, Dry: w.foresee, Report: w.report}
		get.Run(ctx, c.items)
	}
	return into.Close()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// getToPipe writes to standard output. It can be told to be wrong only
// afterwards: by the exit code.
func (w *work) getToPipe(ctx context.Context) error {
	if w.json || w.foresee || w.DeleteSource {
		return usage(errors.New("with - as the target there is no --json, --dry-run or --delete-source"), "")
	}
	all, err := w.selected(ctx, w.reach, w.items)
	if err != nil {
		return err
	}
	for _, c := range all {
		for _, it := range c.items {
			if err := it.Unfit(); err != nil {
				w.result(task.Result{Op: "get", Path: it.Path, Done: task.Failed, Why: err.Error(), Err: err})
				continue
			}
			if it.Kind != remote.File || it.Why != "" {
				continue
			}
			if err := c.from.drive.Stream(ctx, it.Item, w.out); err != nil {
				return fmt.Errorf("get %q: %w", it.Path, advise(err, c.from.conn))
			}
			w.result(task.Result{Op: "get", Path: it.Path, Size: it.Size, Done: task.Done})
		}
	}
	return nil
}
