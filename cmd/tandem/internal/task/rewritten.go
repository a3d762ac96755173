package task

import (
	"context"
	"time"

	"tandem/remote"
	"tandem/state"
)

// remember notes what a work drive has made of the file with that hash: without this
// memory the file would be downloaded again to see that it is the same. sent says that
// the item was made of what a task has sent, all that everything in the file was seen in
// it. What cannot be noted costs a look the next time.
func (d *Drive) remember(it remote.Item, sum string, sent, all bool) *state.Enriched {
	made := state.Enriched{Drive: d.ID, ID: it.ID, ETag: it.ETag, Hash: it.Hash, Sum: sum, Sent: sent, Whole: all, At: time.Now()}
	if db, err := d.Notes.open(); err == nil {
		_ = db.Update(func(tx *state.Tx) error { return tx.PutEnriched(made) })
	}
	return &made
}

// madeOf gives the file that an item is made of, as far as that is remembered and the
// item is still the same. A new eTag alone is no new content.
func (d *Drive) madeOf(it remote.Item) (was state.Enriched, known bool) {
	db, err := d.Notes.open()
	if err != nil {
		return was, false
	}
	was, known, err = db.Enriched(d.ID, it.ID)
	if err != nil || !known || was.ETag != it.ETag && (it.Hash == "" || was.Hash != it.Hash) {
		return was, false
	}
	if time.Since(was.At) > 24*time.Hour { // what is of use is not pruned
		was.At = time.Now()
		_ = db.Update(func(tx *state.Tx) error { return tx.PutEnriched(was) })
	}
	return was, true
}

// Same reports whether what is online is a file here, or what the service has made of it:
// that is remembered, or it has its time and is fetched once to be seen. What cannot be
// seen is not known to be the same.
func (d *Drive) Same(ctx context.Context, l Local, it remote.Item) (bool, error) {
	same, made, err := d.same(ctx, l, it)
	return same || made != nil, err
}

// same tells the two cases apart: in the second it gives what was made.
func (d *Drive) same(ctx context.Context, l Local, it remote.Item) (bool, *state.Enriched, error) {
	if same, err := l.SameFile(it); same || err != nil || d.personal() || it.Kind != remote.File {
		return same, nil, err
	}
	was, known := d.madeOf(it)
	timely := l.modified().Unix() == it.MTime.Unix()
	if !known && !timely {
		return false, nil, nil
	}
	f, err := l.open()
	if err != nil {
		return false, nil, err
	}
	defer f.Close()
	sum, err := hashOf(f)
	switch {
	case err != nil:
		return false, nil, err
	case known && was.Sum == sum:
		return false, &was, nil
	case known, !timely: // it was made of another
		return false, nil, nil
	}
	if like, _ := d.Client.Rewritten(ctx, it, f, l.Size); like != remote.Holds {
		return false, nil, nil
	}
	return false, d.remember(it, sum, false, true), nil
}
