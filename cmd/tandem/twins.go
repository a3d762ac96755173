package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/syncer/plan"
)

// twins knows what syncing keeps the same as files below dir, if a task that
// deletes its sources could be about both: what bears the same name online, and
// what the state has as agreed upon, whatever it is called there by now.
func (w *work) twins(ctx context.Context, dir string) task.Twins {
	if !w.DeleteSource {
		return nil
	}
	find := sync.OnceValues(func() (*place, error) { return w.placeOfPath(ctx, dir, w.errand) })
	return func(ctx context.Context, rel string) ([]string, error) {
		top, err := find()
		if top == nil || err != nil {
			return nil, err
		}
		at := beneath(top.path, rel)
		ids := w.agreed(top.base, at)
		it, err := top.drive.At(ctx, top.base, at)
		if errors.Is(err, remote.ErrNotFound) {
			return ids, nil
		}
		return append(ids, it.ID), err
	}
}

// agreed follows a path below a synced folder, which is known by its id online,
// through what was agreed upon.
func (w *work) agreed(root, p string) []string {
	if !w.readState() {
		return nil
	}
	for name := range w.cfg.Folder {
		f, found, err := w.db.Folder(name)
		if err != nil || !found {
			continue
		}
		if top, _, err := w.db.Item(f.Root); err != nil || top.ID != root {
			continue
		}
		key := f.Root
		for step := range strings.SplitSeq(p, "/") {
			b, found, err := w.db.BaseAt(f.N, key, plan.Fold(step))
			if err != nil || !found {
				return nil
			}
			key = b.N
		}
		if it, found, err := w.db.Item(key); err == nil && found {
			return []string{it.ID}
		}
	}
	return nil
}
