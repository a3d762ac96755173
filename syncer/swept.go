package syncer

import (
	"cmp"
	"context"
	"errors"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
)

// disown drops what was agreed on an item and all below it. That some of it is
// here after all, as the other half of a move may be seen only now, makes it
// something new.
func (e *Engine) disown(k plan.Key) (tx func(*state.Tx) error, then func()) {
	var keys []plan.Key
	var here []string
	tx = func(tx *state.Tx) (err error) {
		keys, here = nil, nil
		if keys, err = e.dropBelow(tx, int64(k)); err != nil {
			return err
		}
		for _, c := range keys {
			if it, differs := e.local.diff[c]; differs && it.kind != plan.None || !differs && c == k {
				here = append(here, e.local.path(c))
			}
		}
		return nil
	}
	then = func() {
		for _, c := range keys {
			e.local.forget(c)
		}
		for _, rel := range here {
			e.local.deep[rel] = struct{}{}
		}
	}
	return tx, then
}

// heard takes note of what the feed has told of deletes of ours: of those whose
// answer was lost, with this process or on its way, and of what somebody moved into
// a folder in the moment that it was deleted. What is still there for longer than
// the feed may lag was not deleted.
func (e *Engine) heard() {
	clear(e.unheard)
	if e.dry {
		return
	}
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	for _, in := range intents {
		if in.Op != opRemove && in.Op != opSwept {
			continue
		}
		k := plan.Key(in.Key)
		row, known, err := e.db.Item(in.Key)
		if err != nil {
			panic(stateError{err})
		}
		switch b, bound := e.local.base(k); {
		case !row.Gone && e.busy[k] > 0: // it is under way
		case row.Gone && e.worksIn(k):
			e.unheard[k] = struct{}{}
		case row.Gone && in.Op == opRemove:
			heard := job{Action: plan.Action{Why: "deleted here"}, since: e.db.Moment()}
			tx, then := e.deletedOnline(in, heard, e.topOf(b))
			e.commit(report{tx: tx, then: ifWritten(then)})
		case row.Gone && bound:
			here := e.local.path(k)
			disown, then := e.disown(k)
			e.commit(report{
				tx:   func(tx *state.Tx) error { return errors.Join(disown(tx), tx.DropIntent(in.N)) },
				then: ifWritten(then),
			})
			e.log.Warn("kept here", "path", here, "why", sweptWhy)
		case !known || in.Op == opSwept || e.feed.readAt().Sub(in.At) > state.FeedLag:
			e.commit(report{tx: dropIntent(in.N)})
		}
	}
}

// ifWritten leaves all as it is known where the rows could not be written: it is
// heard again.
func ifWritten(then func()) func(error) {
	return func(err error) {
		if err == nil {
			then()
		}
	}
}

// worksIn says that an action is at work on an item or on something that is in it
// by the base.
func (e *Engine) worksIn(k plan.Key) bool {
	for c := range e.busy {
		for c != k && c != 0 {
			b, _ := e.local.base(c)
			c = plan.Key(b.Parent)
		}
		if c == k {
			return true
		}
	}
	return false
}

const sweptWhy = "somebody put it into a folder in the moment that this was deleted"

// bringBack restores what somebody put into a folder in the moment that we
// deleted it, as near to that folder as there still is one. Where the drive does
// not restore, it is said where the thing is.
func (e *Engine) bringBack(ctx context.Context, d state.Doubt) (remote.Item, error) {
	if e.dry {
		return remote.Item{}, nil
	}
	was, _, err := e.db.Item(d.Folder)
	near := was
	for err == nil && near.Gone {
		near, _, err = e.db.Item(near.Parent)
	}
	if err == nil && near.ID == "" { // it is forgotten by now
		near, _, err = e.db.Item(int64(e.root))
	}
	if err != nil {
		return remote.Item{}, err
	}
	it, err := e.restore(ctx, d, near.ID)
	switch {
	case err == nil:
		e.log.Warn("restored online", "path", it.Name, "why", sweptWhy)
	case errors.Is(err, remote.ErrUnsupported), errors.Is(err, remote.ErrExists), errors.Is(err, remote.ErrNotFound):
		e.log.Warn("it is in the drive's recycle bin", "path", was.Name, "item", d.ID, "why", sweptWhy, "err", err)
		return remote.Item{}, nil
	}
	return it, err
}

// restore gives the item another name where its own is taken.
func (e *Engine) restore(ctx context.Context, d state.Doubt, parentID string) (remote.Item, error) {
	it, err := e.drive.Restore(ctx, e.cfg.Drive.ID, d.ID, parentID, "")
	if !errors.Is(err, remote.ErrExists) {
		return it, err
	}
	old, _, look := e.db.ItemByID(e.cfg.Drive.N, d.ID)
	if look != nil {
		return it, look
	}
	for n := 1; errors.Is(err, remote.ErrExists) && n < 10; n++ {
		name := names.Conflict(cmp.Or(old.Name, "restored"), e.cfg.Host, e.clock.Now(), n)
		it, err = e.drive.Restore(ctx, e.cfg.Drive.ID, d.ID, parentID, name)
	}
	return it, err
}
