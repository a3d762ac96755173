package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

func (w *work) mkdir(ctx context.Context) error {
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err == nil {
			err = w.makeFolder(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) makeFolder(ctx context.Context, p *place) error {
	if filter.IsMask(p.path) {
		return usage(fmt.Errorf("%q: a name online has no * and no ?", p.said), "")
	}
	res := task.Result{Op: "mkdir", Path: p.path, Done: task.Done}
	if w.foresee {
		it, err := p.drive.At(ctx, p.base, p.path)
		switch {
		case err == nil && it.Kind == remote.Folder:
			res.Done = task.Same
		case errors.Is(err, remote.ErrNotFound):
			res.Done = task.Planned
		case err == nil:
			err = usage(fmt.Errorf("%q is no folder", p.said), "")
			fallthrough
		default:
			return advise(err, p.conn)
		}
	} else {
		_, made, err := p.drive.MakeFolder(ctx, p.base, p.path)
		if errors.Is(err, remote.ErrExists) || errors.Is(err, task.ErrName) {
			err = usage(fmt.Errorf("%q: %w", strings.TrimSuffix(p.said, "/"), err), "take another name; what there is: tandem ls "+p.conn.name+":/"+task.Parent(p.path))
		}
		if err != nil {
			return advise(err, p.conn)
		}
		if made == 0 {
			res.Done = task.Same
		}
	}
	w.result(res)
	return nil
}
