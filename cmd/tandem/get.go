package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

// A chosen is what one source came to.
type chosen struct {
	from  *place
	items []task.Item
	whole bool // a single file, so that the target may be its name
}

// choose finds what the sources mean, and where each goes below the target.
func (w *work) choose(ctx context.Context, target string) ([]chosen, error) {
	var all []chosen
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return nil, err
		}
		tops, err := w.reach(ctx, p)
		if err != nil {
			return nil, err
		}
		c := chosen{from: p, whole: len(tops) == 1 && tops[0].Kind != remote.Folder && !filter.IsMask(p.path)}
		for _, top := range tops {
			items, err := w.items(ctx, p, top, target)
			if err != nil {
				return nil, err
			}
			c.items = append(c.items, items...)
		}
		all = append(all, c)
	}
	return all, nil
}

// items gives what of one item that was found is meant.
func (w *work) items(ctx context.Context, p *place, top task.Node, target string) ([]task.Item, error) {
	f := w.filter()
	if top.Kind != remote.Folder {
		var some []task.Item
		for _, n := range picked(f, []task.Node{{Item: top.Item, Path: top.Name}}, task.Node.Entry) {
			some = append(some, task.Item{Node: task.Node{Item: n.Item, Path: top.Path}, To: beneath(target, top.Name), Named: !filter.IsMask(p.path)})
		}
		return some, nil
	}
	nodes, err := w.nodes(ctx, p, top, f)
	if err != nil {
		return nil, err
	}
	var some []task.Item
	if !w.Recursive { // a folder alone, without what is in it, is of no use to anybody
		nodes = slices.DeleteFunc(nodes, func(n task.Node) bool { return n.Kind == remote.Folder })
	}
	for _, n := range picked(f, nodes, task.Node.Entry) {
		to := task.Under(target, top, n, p.contents)
		some = append(some, task.Item{Node: task.Node{Item: n.Item, Path: beneath(top.Path, n.Path)}, To: to})
	}
	return some, nil
}

// nodes lists what is in a folder, as deep as is asked for.
func (w *work) nodes(ctx context.Context, p *place, top task.Node, f *filter.Filter) ([]task.Node, error) {
	if !w.Recursive {
		if f.All() && !p.contents {
			return nil, usage(fmt.Errorf("%q is a folder", p.said), "add --recursive for all that is in it, or a filter")
		}
		nodes, err := p.drive.Inside(ctx, top.Item)
		return nodes, advise(err, p.conn)
	}
	var nodes []task.Node
	for n, err := range p.drive.Below(ctx, top.Item, f.NeedsCreated()) {
		if err != nil {
			return nil, advise(err, p.conn)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// beneath is a path of a folder and a name, either of which may be empty.
func beneath(dir, name string) string { return strings.Trim(dir+"/"+name, "/") }

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
	all, err := w.choose(ctx, "")
	if err != nil {
		return err
	}
	return w.bring(ctx, all)
}

// bring fetches what was chosen.
func (w *work) bring(ctx context.Context, all []chosen) error {
	dir := w.Target
	if len(all) == 1 && all[0].whole && len(all[0].items) == 1 && !isDir(w.Target) && !strings.HasSuffix(w.Target, "/") {
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
	all, err := w.choose(ctx, "")
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
