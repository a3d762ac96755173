package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
)

// change moves or copies.
func (w *work) change(ctx context.Context) error {
	to, err := w.needRemote(ctx, w.Target, w.ofTarget())
	if err != nil {
		return err
	}
	all, single, err := w.movables(ctx, to)
	if err != nil || len(all) == 0 {
		return err
	}
	there, err := to.drive.At(ctx, to.base, to.path)
	fresh := false
	switch {
	case err == nil && there.Kind == remote.Folder && !(single && there.ID == all[0].items[0].ID):
	case err != nil && !errors.Is(err, remote.ErrNotFound):
		return advise(err, to.conn)
	case single && !to.contents:
		all[0].items[0].To = lastOf(to.path)
		to = to.parent()
		there, fresh, err = w.folderAt(ctx, to, w.foresee)
	case err == nil:
		return usage(fmt.Errorf("%q is no folder", w.Target), "several things need a folder to go to")
	default:
		there, fresh, err = w.folderAt(ctx, to, w.foresee)
	}
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.from.drive.ID == to.drive.ID {
			w.within(ctx, m.items, to, there)
		} else if err := w.across(ctx, m, to, there, fresh); err != nil {
			return err
		}
	}
	return nil
}

// ofTarget is the errand as the target's place sees it: the drive is that of the
// sources, unless they are in another connection or it is said.
func (w *work) ofTarget() *errand {
	e := *w.errand
	from, _, named, _ := w.named(w.Source[0], w.Connection)
	to, _, _, _ := w.named(w.Target, w.Connection)
	if e.TargetDrive != "" || named && from != to {
		e.Drive = e.TargetDrive
	}
	return &e
}

// within lets the service change things in one drive.
func (w *work) within(ctx context.Context, items []task.Item, to *place, there remote.Item) {
	if there.ID == "" { // of a dry run: the folder would be made first
		for _, it := range items {
			w.result(task.Result{Op: w.Verb, Path: it.Path, To: it.To, Size: it.Size, Done: task.Planned})
		}
		return
	}
	change := task.Change{On: to.drive, Top: there, Overwrite: task.Overwrite(w.Overwrite), KeepTimes: w.KeepTimes, Dry: w.foresee, Report: w.report}
	if w.Verb == "cp" {
		change.Copy(ctx, items)
	} else {
		change.Move(ctx, items)
	}
}

// across carries things from drive to drive.
func (w *work) across(ctx context.Context, m selection, to *place, there remote.Item, fresh bool) error {
	carry := task.Carry{From: m.from.drive, To: to.drive, Top: there, Fresh: fresh, Overwrite: task.Overwrite(w.Overwrite), KeepTimes: w.KeepTimes,
		Move: w.Verb == "mv", Dry: w.foresee, Report: w.report}
	return advise(carry.Run(ctx, m.items), m.from.conn)
}

// movables finds what the sources mean: a folder as a whole, or with a filter
// the files in it. single says that they are one thing, named as such.
func (w *work) movables(ctx context.Context, to *place) (all []selection, single bool, err error) {
	all, err = w.selected(ctx, w.find, func(ctx context.Context, p *place, top task.Node) ([]task.Item, error) {
		return w.movable(ctx, p, top, p.drive.ID == to.drive.ID)
	})
	all = slices.DeleteFunc(all, func(s selection) bool { return len(s.items) == 0 })
	return all, len(w.Source) == 1 && len(all) == 1 && all[0].named, err
}

// movable gives what of one thing that was found is meant; within says that it
// stays in its drive.
func (w *work) movable(ctx context.Context, p *place, top task.Node, within bool) (items []task.Item, err error) {
	f := w.filter()
	whole := top.Kind != remote.Folder || f.All() && !p.contents
	switch {
	case top.Root && f.All() && (within || w.Verb == "mv"):
		return nil, usage(errors.New("the root of a drive stays where it is"), "all that is in it is: '"+p.conn.name+":/*'")
	case whole && top.Kind == remote.Folder && w.Verb == "cp" && !w.Recursive:
		return nil, usage(fmt.Errorf("%q is a folder", p.said), "add --recursive for all that is in it")
	case whole:
		return itself(f, p, top), nil
	}
	some, err := w.items(ctx, p, top)
	for _, it := range some {
		if it.Kind == remote.File {
			items = append(items, it)
		}
	}
	return items, err
}
