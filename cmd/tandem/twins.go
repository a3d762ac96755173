package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
	"tandem/watcher/codepage"
)

// twins knows what syncing keeps the same as files below dir, whose names are
// spelled in the page, if a task that deletes its sources could be about both:
// what bears the same name online, and what the state has as agreed upon, whatever
// it is called there by now.
func (w *work) twins(dir string, page *codepage.Page) task.Twins {
	if !w.DeleteSource {
		return nil
	}
	return func(ctx context.Context, rel string) ([]string, error) {
		spelled, err := page.SpellPath(rel)
		if err != nil {
			return nil, err
		}
		folder, name := filepath.Split(filepath.Join(dir, filepath.FromSlash(spelled)))
		in, err := w.placeOfFolder(ctx, folder)
		if in == nil || err != nil {
			return nil, err
		}
		at := beneath(in.path, in.conn.page().Read(name))
		ids, err := w.agreed(in.base, at)
		if err != nil {
			return nil, err
		}
		it, err := in.drive.At(ctx, in.base, at)
		if errors.Is(err, remote.ErrNotFound) {
			return ids, nil
		}
		return append(ids, it.ID), err
	}
}

// placeOfFolder is placeOfPath, asked once for each folder. A synced one may begin
// at any depth below what the task is about, so each is asked about by itself.
func (w *work) placeOfFolder(ctx context.Context, folder string) (*place, error) {
	w.synced.Lock()
	defer w.synced.Unlock()
	p, known := w.synced.places[folder]
	if known {
		return p, nil
	}
	p, err := w.placeOfPath(ctx, folder, w.errand)
	if err == nil {
		w.synced.places[folder] = p
	}
	return p, err
}

// agreed follows a path below a synced folder, which is known by its id online,
// through what was agreed upon. What cannot be read is an error: it may be a twin.
func (w *work) agreed(root, p string) ([]string, error) {
	f, found, err := w.syncedFrom(root)
	if !found || err != nil {
		return nil, err
	}
	key := f.Root
	for step := range strings.SplitSeq(p, "/") {
		b, found, err := w.db.BaseAt(f.N, key, plan.Fold(step))
		if err != nil || !found {
			return nil, err
		}
		key = b.N
	}
	it, found, err := w.db.Item(key)
	if err != nil || !found {
		return nil, err
	}
	return []string{it.ID}, nil
}

// syncedFrom finds what the state has of the folder that is synced with the one
// of that id online.
func (w *work) syncedFrom(root string) (f state.Folder, found bool, err error) {
	w.synced.Lock()
	defer w.synced.Unlock()
	if !w.readState() {
		if w.hasState() {
			err = errors.New("what was agreed upon with syncing cannot be read")
		}
		return f, false, err
	}
	for name := range w.cfg.Folder {
		f, found, err := w.db.Folder(name)
		if err != nil {
			return f, false, err
		}
		if !found {
			continue
		}
		if top, _, err := w.db.Item(f.Root); err != nil || top.ID == root {
			return f, err == nil, err
		}
	}
	return f, false, nil
}
