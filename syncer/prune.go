package syncer

import (
	"maps"
	"path"
	"slices"
	"time"

	"tandem/state"
	"tandem/syncer/disk"
	"tandem/watcher"
)

const (
	pruneEvery = time.Hour
	pruneMost  = 1000 // files at a time, for the loop does nothing else meanwhile
)

// prune removes from the trash, when nothing else is to be done, what was deleted
// long ago, and what cloud tasks replaced then. The trash is not searched: what no
// note says to have been deleted may be the only copy of something.
func (e *Engine) prune() {
	now := e.clock.Now()
	if now.Sub(e.pruned) < pruneEvery || e.dry || !e.idles() {
		return
	}
	old, err := e.db.Trashed(e.cfg.Folder.N, now.Add(-disk.KeptFor), pruneMost)
	if err != nil {
		panic(stateError{err})
	}
	wanted, err := e.wanted()
	if err != nil {
		panic(stateError{err})
	}
	var went []state.Trashed
	for _, t := range old {
		if !wanted[t.Private] && e.discarded(t.Private, now) {
			went = append(went, t)
		}
	}
	if len(went) > 0 {
		e.commit(report{tx: e.emptied(went)})
		e.log.Info("removed from the trash", "files", len(went))
	}
	if e.forgetReplaced(now) && (len(old) < pruneMost || len(went) == 0) {
		e.pruned = now
	}
}

// wanted tells which private files an intent still speaks of.
func (e *Engine) wanted() (map[string]bool, error) {
	intents, err := e.db.Intents(e.cfg.Folder.N)
	wanted := map[string]bool{}
	for _, in := range intents {
		wanted[in.Private] = true
	}
	return wanted, err
}

// emptied removes the folders of what is in the trash no more, and notes that.
func (e *Engine) emptied(went []state.Trashed) func(*state.Tx) error {
	dirs := map[string]bool{}
	var notes []int64
	for _, t := range went {
		notes = append(notes, t.N)
		for dir := dirOf(t.Private); dir != trashDir && dir != ""; dir = dirOf(dir) {
			dirs[dir] = true
		}
	}
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(dirs))) { // what is in a folder before the folder
		e.fs.Rmdir(dir) // one that is not empty stays
	}
	return func(tx *state.Tx) error { return tx.Emptied(notes) }
}

// forgetReplaced removes what tasks replaced long ago, and says that no more is
// to be removed now.
func (e *Engine) forgetReplaced(now time.Time) bool {
	n, err := disk.ForgetReplaced(e.fs, watcher.Private, now.Add(-disk.KeptFor), pruneMost)
	if n > 0 {
		e.log.Info("removed what tasks had replaced", "files", n)
	}
	if err != nil {
		e.log.Warn("not all removed that tasks had replaced", "err", err)
	}
	return n < pruneMost
}

// discarded removes a file from the trash, unless something has happened to it
// there. What is not there any more needs no removal.
func (e *Engine) discarded(rel string, now time.Time) bool {
	entry, err := e.fs.Lstat(rel)
	if err == nil && now.Sub(time.Unix(0, entry.CTime)) < disk.KeptFor {
		return false
	}
	if err == nil {
		err = e.fs.Remove(rel)
	}
	if err != nil && !gone(err) {
		e.log.Warn("not removed from the trash", "path", path.Base(rel), "err", err)
		return false
	}
	return true
}
