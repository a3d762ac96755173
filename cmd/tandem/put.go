package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
	"tandem/watcher"
)

func (w *work) put(ctx context.Context) error {
	to, err := w.needRemote(ctx, w.Target, w.errand)
	if err != nil {
		return err
	}
	return w.send(ctx, to)
}

// send puts what the sources mean where to is.
func (w *work) send(ctx context.Context, to *place) error {
	locals, single, end, err := w.gather(ctx, to)
	defer end()
	if err != nil || len(locals) == 0 {
		return err
	}
	put := task.Put{To: to.drive, Overwrite: task.Overwrite(w.Overwrite), KeepTimes: w.KeepTimes, DeleteSource: w.DeleteSource, Dry: w.foresee, Report: w.report}
	if single && !to.contents {
		if there, err := to.drive.At(ctx, to.base, to.path); err == nil && there.Kind == remote.Folder {
			put.Top = there
		} else if err == nil || errors.Is(err, remote.ErrNotFound) {
			locals[0].To = lastOf(to.path)
			to = to.parent()
		} else {
			return advise(err, to.conn)
		}
	}
	if put.Top.ID == "" {
		if put.Top, put.Fresh, err = w.folderAt(ctx, to, w.foresee); err != nil {
			return err
		}
	}
	if put.Top.ID != "" && put.Top.Kind != remote.Folder {
		return usage(fmt.Errorf("%q is no folder", w.Target), "several files need a folder to go to")
	}
	put.Run(ctx, locals)
	return nil
}

func lastOf(p string) string { return p[strings.LastIndex(p, "/")+1:] }

// gather finds what the sources here mean. single says that they came to one
// file, named as such.
func (w *work) gather(ctx context.Context, to *place) (all []task.Local, single bool, end func(), err error) {
	var open []func()
	end = func() {
		for _, f := range open {
			f()
		}
	}
	for _, arg := range w.Source {
		if arg == "-" {
			if len(w.Source) > 1 || w.DeleteSource {
				return nil, false, end, usage(errors.New("- goes with no other source, and not with --delete-source"), "")
			}
			if to.contents {
				return nil, false, end, usage(errors.New("what comes from standard input has no name"), "name it: tandem put - "+w.Target+"NAME")
			}
			l, remove, err := to.drive.Spool(ctx, os.Stdin)
			if err != nil {
				return nil, false, end, err
			}
			open = append(open, remove)
			l.To = lastOf(to.path)
			w.KeepTimes = false
			return []task.Local{l}, true, end, nil
		}
		some, isFile, closing, err := w.sources(ctx, arg, to.conn)
		open = append(open, closing)
		if err != nil {
			return nil, false, end, err
		}
		single = isFile && len(w.Source) == 1
		all = append(all, some...)
	}
	return all, single && len(all) == 1, end, nil
}

// sources gives what one source here means.
func (w *work) sources(ctx context.Context, arg string, conn *connection) (all []task.Local, isFile bool, end func(), err error) {
	end = func() {}
	if _, lost := os.Lstat(arg); errors.Is(lost, fs.ErrNotExist) && filter.IsMask(arg) {
		matches, err := filepath.Glob(arg)
		if err != nil {
			return nil, false, end, usage(fmt.Errorf("%q: %w", arg, err), "")
		}
		return w.several(ctx, matches, conn)
	}
	info, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, end, usage(fmt.Errorf("nothing is at %q", arg), "look with: ls "+filepath.Dir(arg))
	}
	if err != nil {
		return nil, false, end, err
	}
	real, err := filepath.EvalSymlinks(arg)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, false, end, err
	}
	if !info.IsDir() {
		return w.oneFile(ctx, real, arg, conn)
	}
	contents := strings.HasSuffix(arg, string(filepath.Separator)) || filepath.Base(arg) == "."
	return w.folderHere(ctx, real, arg, conn, contents)
}

func (w *work) several(ctx context.Context, matches []string, conn *connection) (all []task.Local, _ bool, end func(), err error) {
	var ends []func()
	end = func() {
		for _, f := range ends {
			f()
		}
	}
	for _, m := range matches {
		if isDir(m) && !w.Recursive && w.filter().All() {
			continue // a mask is about files, unless more is said
		}
		some, _, closing, err := w.sources(ctx, m, conn)
		ends = append(ends, closing)
		if err != nil {
			return nil, false, end, err
		}
		all = append(all, some...)
	}
	return all, false, end, nil
}

func (w *work) oneFile(ctx context.Context, real, arg string, conn *connection) ([]task.Local, bool, func(), error) {
	page := w.pageAt(filepath.Dir(real), conn)
	from, err := task.OpenOrigin(filepath.Dir(real), page)
	if err != nil {
		return nil, false, func() {}, err
	}
	from.Twins = w.twins(filepath.Dir(real), page)
	end := func() { from.Close() }
	l, err := from.Look(page.Read(filepath.Base(real)))
	if err != nil {
		return nil, false, end, err
	}
	if l.Kind != watcher.File {
		return nil, false, end, usage(fmt.Errorf("%q is no file but a %s", arg, l.Why), "")
	}
	name := page.Read(filepath.Base(filepath.Clean(arg)))
	l.Path, l.Name = name, arg
	some := picked(w.filter(), []task.Local{l}, task.Local.Filterable)
	for i := range some {
		some[i].To = name
	}
	return some, true, end, nil
}

func (w *work) folderHere(ctx context.Context, real, arg string, conn *connection, contents bool) ([]task.Local, bool, func(), error) {
	f := w.filter()
	if !w.Recursive && f.All() && !contents {
		return nil, false, func() {}, usage(fmt.Errorf("%q is a folder", arg), "add --recursive for all that is in it, or a filter")
	}
	page := w.pageAt(real, conn)
	from, err := task.OpenOrigin(real, page)
	if err != nil {
		return nil, false, func() {}, err
	}
	from.Twins = w.twins(real, page)
	end := func() { from.Close() }
	all, err := from.Inside(ctx, "", w.Recursive, func(rel string, err error) {
		w.result(task.Result{Op: "put", Path: filepath.Join(arg, rel), Done: task.Failed, Why: err.Error(), Err: err})
	})
	if err != nil {
		return nil, false, end, err
	}
	if !w.Recursive {
		all = slices.DeleteFunc(all, func(l task.Local) bool { return l.Kind == watcher.Dir })
	}
	some := picked(f, all, task.Local.Filterable)
	for i := range some {
		some[i].Name = filepath.Join(arg, filepath.FromSlash(some[i].Path))
		some[i].To = some[i].Path
		if !contents {
			some[i].To = beneath(page.Read(filepath.Base(real)), some[i].Path)
		}
	}
	return some, false, end, nil
}
