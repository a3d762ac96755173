package main

import (
	"context"
	"errors"
	"path/filepath"

	"tandem/cmd/tandem/internal/task"
	"tandem/state"
	"tandem/syncer"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// twins knows what syncing keeps the same as files below dir, whose names are
// spelled in the page, if a task that deletes its sources could be about both.
func (w *work) twins(dir string, page *codepage.Page) task.Twins {
	if !w.DeleteSource {
		return nil
	}
	return func(ctx context.Context, rel string, ino uint64) ([]string, error) {
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
		known, err := w.agreed(in, at, ino)
		if err != nil {
			return nil, err
		}
		return in.drive.Twins(ctx, in.base, at, known.Near, known.Moved)
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

// agreed tells what was agreed upon of a file at a path below the synced folder that
// a place is in. What cannot be read is an error: it may be a twin.
func (w *work) agreed(in *place, p string, ino uint64) (a syncer.Agreement, err error) {
	f, found, err := w.syncedFrom(in.base)
	if !found || err != nil {
		return a, err
	}
	root, err := watcher.OpenRoot(f.Path)
	if err != nil {
		return a, err
	}
	defer root.Close()
	root.SetPage(in.conn.page())
	return syncer.AgreedOn(w.db, f, p, ino, root.Lstat)
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
