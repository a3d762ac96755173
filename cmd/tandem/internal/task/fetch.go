package task

import (
	"context"
	"io"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/transfer"
)

// fetch downloads the content of an item into a private file of the landing.
func (d *Drive) fetch(ctx context.Context, l *Landing, it remote.Item, came func(int64)) (*transfer.Download, error) {
	f := transfer.Fetch{
		Version: d.version(it), From: d.Client, FS: l.disk, Came: came, Create: l.create,
		Again: func(ctx context.Context) (remote.Secret, error) { return d.again(ctx, it) },
	}
	if !transfer.Resumable(it.Size, it.Hash) {
		return f.Run(ctx)
	}
	if db, err := d.Notes.open(); err == nil { // without notes it comes as well, but in one go
		f.Create = l.createPartial
		f.Resume = d.partials(db, l, it)
	}
	return f.Run(ctx)
}

// partials is where a download into a landing is noted.
func (d *Drive) partials(db *state.DB, l *Landing, it remote.Item) transfer.Partials {
	return transfer.Partials{DB: db, Folder: keyOf(l.root), Key: keyOf(d.ID, it.ID), Update: db.Update, Shared: true, Optional: true}
}

// arrived drops the note of a download that has its final name. One that stays is harmless.
func (d *Drive) arrived(l *Landing, it remote.Item) {
	if !transfer.Resumable(it.Size, it.Hash) {
		return
	}
	if db, err := d.Notes.open(); err == nil {
		_ = d.partials(db, l, it).Forget()
	}
}

func (d *Drive) version(it remote.Item) transfer.Version {
	return transfer.Version{Drive: d.ID, Kind: d.Kind, Item: it}
}

// again looks at an item that did not come as announced.
func (d *Drive) again(ctx context.Context, it remote.Item) (remote.Secret, error) {
	now, err := d.Client.Item(ctx, d.ID, it.ID)
	if err == nil && (now.Kind != it.Kind || now.Size != it.Size || now.Hash != it.Hash || it.Hash == "" && now.ETag != it.ETag) {
		err = transfer.ErrSuperseded
	}
	return now.Address, err
}

// Stream writes the content of an item to w, and says afterwards whether it was
// what the service says it has: what is written cannot be taken back.
func (d *Drive) Stream(ctx context.Context, it remote.Item, w io.Writer) error {
	it.Address = ""
	return transfer.Stream(ctx, d.Client, d.version(it), w)
}
