package syncer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"tandem/state"
	"tandem/syncer/plan"
)

// deleteLocal moves a file to tandem's trash, or removes a folder that is empty.
// What was moved is looked at afterwards: if it is not what was meant, it goes
// back.
func (e *Engine) deleteLocal(j job) outcome {
	entry, err := e.fs.Lstat(j.path)
	if gone(err) || err == nil && j.Local.Kind == plan.File && printOfEntry(entry) != j.Local.Print {
		return outcome{err: errSuperseded, look: []string{j.path}}
	}
	if err != nil {
		return outcome{err: err}
	}
	if j.Local.Kind == plan.Dir {
		return e.removeDir(j)
	}
	trash, err := e.trashFor(j.path)
	if err != nil {
		return outcome{err: err}
	}
	in := state.Intent{
		Folder: e.cfg.Folder.N, Op: opDelete, Key: int64(j.Key), Path: j.path, Private: trash,
		Ino: entry.Ino, Size: entry.Size, Hash: j.base.Hash, At: e.clock.Now(),
	}
	if in.N, err = e.intend(in); err != nil {
		return outcome{err: err}
	}
	if err := e.fs.Rename(j.path, trash); err != nil {
		for dir := dirOf(trash); dir != trashDir && e.fs.Rmdir(dir) == nil; { // nothing is to be in them
			dir = dirOf(dir)
		}
		out := outcome{err: err, tx: dropIntent(in.N), look: []string{j.path}}
		if gone(err) || errors.Is(err, fs.ErrExist) {
			out.err = errSuperseded
		}
		return out
	}
	return e.trashed(j, in)
}

// trashFor finds a place in the trash for what stands at rel: the same path in a
// folder of this run's, or in a further one when something of the same name was
// deleted before.
func (e *Engine) trashFor(rel string) (string, error) {
	for n := 1; n < 1000; n++ {
		of := e.born
		if n > 1 {
			of = fmt.Sprintf("%s-%d", of, n)
		}
		to := path.Join(trashDir, of, rel)
		err := e.fs.MkdirPrivate(dirOf(to))
		if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // below what was a file then
		}
		if err == nil {
			_, err = e.fs.Lstat(to)
		}
		if gone(err) {
			return to, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("no room in the trash for %q", rel)
}

// trashed checks what went to the trash: a version that is not the one that was
// deleted online is an edit, and an edit beats a delete.
func (e *Engine) trashed(j job, in state.Intent) outcome {
	written := !e.fs.Quiet(in.Private) // first: who has it open may write between two looks
	entry, err := e.fs.Lstat(in.Private)
	if err != nil {
		return outcome{err: err}
	}
	hash, err := e.hashOf(in.Private)
	known := err == nil && sameBytes(printOfEntry(entry), j.Local.Print) && (in.Hash == "" || hash == plan.Hash(in.Hash))
	if !known {
		back, err := e.putBack(in)
		if err != nil {
			return outcome{err: err}
		}
		return outcome{err: errSuperseded, tx: dropIntent(in.N), look: []string{back}}
	}
	return outcome{
		sync: []string{dirOf(in.Path), dirOf(in.Private)},
		tx: func(tx *state.Tx) error {
			err := errors.Join(tx.DropBase(e.cfg.Folder.N, int64(j.Key)), tx.DropIntent(in.N), e.journalTrash(tx, j, in.Private))
			if written && err == nil {
				_, err = tx.PutIntent(later(in, opTrashed, e.clock.Now()))
			}
			return err
		},
		then:  func() { e.local.forget(j.Key) },
		items: 1,
	}
}

// putBack returns a private file to where it stood.
func (e *Engine) putBack(in state.Intent) (string, error) {
	if err := e.fs.Rename(in.Private, in.Path); err == nil {
		return in.Path, e.fs.SyncDir(dirOf(in.Path))
	}
	return e.putBeside(in.Private, in.Path, "")
}

func (e *Engine) removeDir(j job) outcome {
	err := e.fs.Rmdir(j.path)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return outcome{err: errSuperseded, look: e.inside(j.path)}
	}
	if gone(err) {
		return outcome{err: errSuperseded, look: []string{j.path}}
	}
	if err != nil {
		return outcome{err: err}
	}
	return outcome{
		sync: []string{dirOf(j.path)},
		tx: func(tx *state.Tx) error {
			return errors.Join(tx.DropBase(e.cfg.Folder.N, int64(j.Key)), e.journalTrash(tx, j, ""))
		},
		then: func() {
			e.local.forget(j.Key)
			if e.cfg.Watch != nil {
				e.cfg.Watch.Forget(j.path)
			}
		},
		items: 1,
	}
}

// inside lists what stands in a folder that was thought to be empty.
func (e *Engine) inside(rel string) []string {
	entries, err := e.fs.ReadDir(rel, nil)
	if err != nil {
		return []string{rel}
	}
	var all []string
	for _, c := range entries {
		all = append(all, path.Join(rel, c.Name))
	}
	return all
}

// journalTrash notes also where a file went, so that it can be removed from there
// in time: only what was proved to be what was deleted has such a note. With the hash
// of what was online it may go before that time.
func (e *Engine) journalTrash(tx *state.Tx, j job, private string) error {
	hash := ""
	if private != "" && j.base.Hash == j.base.RemoteHash {
		hash = j.base.Hash
	}
	return tx.Journal(e.cfg.Folder.N, state.Entry{
		At: e.clock.Now(), Op: "delete here", Path: j.path, Why: j.Why, Detail: private, Key: int64(j.Key), Top: e.topOf(j.base), Items: j.unasked(1), Hash: hash,
	})
}
