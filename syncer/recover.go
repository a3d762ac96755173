package syncer

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
)

// stashFor is how long a replaced version stays in the stash before it is looked
// at once more: a program that held the file open may still write to it.
const stashFor = 10 * time.Second

// recover puts in order what an earlier run, ended at whatever instant, has left
// in the private area. Nothing there is removed that is not known, by its hash,
// to be online; what is not known becomes a conflict copy.
func (e *Engine) recover(ctx context.Context) error {
	for _, dir := range []string{tmpDir, stashDir, trashDir} {
		if err := e.fs.MkdirPrivate(dir); err != nil {
			return e.folderError(err)
		}
	}
	if err := e.loadNotes(ctx); err != nil {
		return err
	}
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		return err
	}
	indexed := map[string]bool{}
	for _, in := range intents {
		indexed[in.Private], indexed[disk.Beside(in.Private)] = true, true
		if err := e.resume(in); err != nil {
			return err
		}
	}
	if err := e.restoreUnknown(indexed); err != nil {
		return err
	}
	e.sweep()
	e.cancelSessions(ctx)
	return e.cleanTemps()
}

// loadNotes takes over what earlier runs wrote down for this one.
func (e *Engine) loadNotes(context.Context) error {
	waiting, err := e.db.Waitings(e.cfg.Folder.N)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		e.waiting[plan.Key(w.Key)] = w
		e.dirty[plan.Key(w.Key)] = struct{}{} // what it waited for may have come
	}
	e.readVerdicts()
	e.loadDirty()
	return nil
}

// readVerdicts takes over what a person has said about held deletes.
func (e *Engine) readVerdicts() {
	held, err := e.db.Held(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	clear(e.verdicts)
	for _, h := range held {
		k := plan.Key(h.Key)
		if _, known := e.held[k]; !known || h.Verdict != 0 {
			e.held[k] = h
			e.dirty[k] = struct{}{}
		}
		e.verdicts[k] = plan.Verdict(h.Verdict)
	}
}

// resume ends what an intent began. What cannot be put in order now stays on
// record, and where it is, for the next start; everything else goes on.
func (e *Engine) resume(in state.Intent) error {
	if in.Op != opReplace && in.Op != opDelete {
		return nil // what was sent is settled when the change feed was read, a stashed version by sweep
	}
	rows, copied, err := e.settle(in)
	if err != nil {
		e.log.Warn("not recovered yet", "path", in.Path, "err", err)
		e.failed = errors.Join(e.failed, oneOf(e.failed, &ItemError{in.Path, err.Error(), err}))
		return nil
	}
	if copied != "" {
		e.keptTwice(copied)
		defer e.lookAt(copied, false)
	}
	return e.db.Update(rows)
}

// resumeLate does the same in a run that goes on, for what could not be put in
// order at first.
func (e *Engine) resumeLate(in state.Intent) {
	if !e.listed || e.busy[e.local.key(plan.Key(in.Key))] > 0 {
		return // the start has just tried, or the step is under way
	}
	if err := e.resume(in); err != nil {
		panic(stateError{err})
	}
	e.lookAt(in.Path, false)
}

// settle puts in order what a replacement or a delete has left that was begun
// and not seen to its end. It gives the rows that say so, and the conflict copy
// that it made, if it did. It may run beside the loop.
func (e *Engine) settle(in state.Intent) (rows func(*state.Tx) error, copied string, err error) {
	if in.Op == opReplace {
		if err := e.retreat(in); err != nil {
			return nil, "", err
		}
	}
	entry, err := e.fs.Lstat(in.Private)
	if gone(err) {
		return dropIntent(in.N), "", nil // it had not begun, or was all done but for this note
	}
	if err != nil {
		return nil, "", err
	}
	quiet := e.fs.Quiet(in.Private) // first: who has it open may write between two looks
	hash, err := e.hashOf(in.Private)
	if err != nil {
		return nil, "", err
	}
	switch {
	case in.Op == opDelete && hash == plan.Hash(in.Hash) && quiet:
	case in.Op == opDelete && hash == plan.Hash(in.Hash):
		return sweepLater(in, opTrashed), "", nil
	case in.Op == opDelete: // not what was to be deleted
		_, err = e.putBack(in)
	case hash == plan.Hash(in.Want) && entry.Ino != in.Ino: // the exchange had not happened; the bytes are online
		err = e.fs.Remove(in.Private)
	case hash == plan.Hash(in.Hash) && in.Keep == "":
		return sweepLater(in, opStashed), "", nil
	default:
		copied, err = e.putBeside(in.Private, in.Path, in.Keep)
	}
	if err != nil {
		return nil, "", err
	}
	return func(tx *state.Tx) error {
		if copied != "" {
			if err := e.noteConflict(tx, in.Path, copied); err != nil {
				return err
			}
		}
		return tx.DropIntent(in.N)
	}, copied, nil
}

// retreat undoes a replacement that stopped half way. Where the old file cannot get its
// name back, it stays aside; the new one, which is online, is given up.
func (e *Engine) retreat(in state.Intent) error {
	err := disk.Unswap(e.fs, in.Private, in.Path)
	if !gone(err) && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err = e.fs.Remove(disk.Beside(in.Private)); gone(err) {
		err = nil
	}
	return err
}

// later is the record of a version set aside that sweep has still to look at.
func later(in state.Intent, op string, since time.Time) state.Intent {
	in.N, in.Op, in.At = 0, op, since
	return in
}

// sweepLater leaves the rest of what an intent began to sweep.
func sweepLater(in state.Intent, op string) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		_, err := tx.PutIntent(later(in, op, in.At))
		return errors.Join(err, tx.DropIntent(in.N))
	}
}

// cleanTemps removes half-done downloads that cannot be gone on with, and the
// records of those that are no longer there.
func (e *Engine) cleanTemps() error {
	partials, err := e.db.Partials(e.cfg.Folder.N)
	if err != nil {
		return err
	}
	entries, err := e.fs.PrivateDir(tmpDir)
	if err != nil {
		return e.folderError(err)
	}
	known := map[string]state.Partial{}
	for _, p := range partials {
		known[p.Temp] = p
	}
	for _, c := range entries {
		rel := path.Join(tmpDir, c.Name)
		if _, ok := known[rel]; ok {
			delete(known, rel)
		} else if err := e.fs.Remove(rel); err != nil && !gone(err) {
			return e.folderError(err)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return e.db.Update(func(tx *state.Tx) error {
		for _, p := range known {
			if err := tx.DropPartial(p.Folder, p.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweep looks at replaced and at deleted versions once more that somebody may
// have been writing to. When nobody does any longer, one that was written to
// goes back; the others are removed from the stash, or stay in the trash.
func (e *Engine) sweep() {
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	for _, in := range intents {
		if e.clock.Now().Sub(in.At) < stashFor {
			continue
		}
		if in.Op == opCreate || in.Op == opEdit {
			if e.listed && !e.stillDue(in) {
				e.commit(report{tx: dropIntent(in.N)})
			}
			continue
		}
		if in.Op != opStashed && in.Op != opTrashed {
			e.resumeLate(in)
			continue
		}
		if !e.fs.Quiet(in.Private) { // first: who has it open may write between two looks
			continue
		}
		hash, err := e.hashOf(in.Private)
		switch {
		case gone(err):
		case err != nil:
			continue
		case hash != plan.Hash(in.Hash):
			if !e.lateSave(in) {
				continue
			}
		case in.Op == opStashed:
			if err := e.fs.Remove(in.Private); err != nil {
				continue
			}
		}
		e.commit(report{tx: dropIntent(in.N)})
	}
}

// lateSave brings a version back that was written while it was set aside.
func (e *Engine) lateSave(in state.Intent) bool {
	back := e.putBack
	if in.Op == opStashed {
		back = func(in state.Intent) (string, error) { return e.putBeside(in.Private, in.Path, "") }
	}
	to, err := back(in)
	if err != nil {
		e.log.Warn("late save not kept yet", "path", in.Path, "err", err)
		return false
	}
	if to != in.Path {
		e.keptTwice(to)
	}
	e.lookAt(to, false)
	return true
}

// cancelSessions gives up upload sessions that nothing will go on with: some
// drives allow one session a file, and count its bytes.
func (e *Engine) cancelSessions(ctx context.Context) {
	sessions, err := e.db.Sessions(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	for _, s := range sessions {
		entry, err := e.fs.Lstat(s.Path)
		same := err == nil && entry.Ino == s.Ino && entry.Size == s.Size && entry.MTime == s.MTime
		if same && s.Expires.After(e.clock.Now()) {
			e.keepSession(s)
			continue
		}
		e.spawn(func() report {
			err := e.drive.CancelSession(ctx, remote.Session{Address: remote.Secret(s.Address), Expires: s.Expires})
			if err != nil && !errors.Is(err, remote.ErrNotFound) {
				e.log.Warn("upload session not cancelled", "path", s.Path, "err", err)
			}
			return report{tx: func(tx *state.Tx) error { return tx.DropSession(s.Folder, s.Key) }}
		})
	}
}

// keepSession files a session of an earlier run by the inode it is for: the key
// of a new file is not the same in this run.
func (e *Engine) keepSession(s state.Session) {
	was := s.Key
	s.Key = -int64(s.Ino)
	if was == s.Key {
		return
	}
	e.commit(report{tx: func(tx *state.Tx) error {
		return errors.Join(tx.DropSession(s.Folder, was), tx.PutSession(s))
	}})
}
