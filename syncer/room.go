package syncer

import (
	"cmp"
	"syscall"

	"github.com/dustin/go-humanize"

	"tandem/state"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// noRoom says that the disk is full, and what lies in the trash all the same.
type noRoom struct {
	trash int64
	err   error
}

func (n *noRoom) Error() string { return n.err.Error() }
func (n *noRoom) Unwrap() error { return n.err }

// words is what a person can do about it; nil knows nothing of the trash.
func (n *noRoom) words() string {
	if n == nil || n.trash == 0 {
		return "this disk is full; free space here"
	}
	return "this disk is full; free space here, also in .tandem/trash, where " + humanize.Bytes(uint64(n.trash)) + " are kept"
}

// makeRoom lets the trash give way to a file of that size. cause is the error of a write
// that found no room; nil if it is only seen coming, and may be made by now. It is an
// error if that does not help.
func (e *Engine) makeRoom(size int64, cause error) error {
	e.cfg.Await(func() bool { return len(e.emptying) == 0 })
	select {
	case e.emptying <- struct{}{}: // one after another, so that no more goes than must
	case <-e.over: // whoever is at it may hang
		return errOver
	}
	defer func() { <-e.emptying }()
	need := disk.Lacks(e.fs, size)
	switch {
	case need == 0 && cause == nil:
		return nil
	case need == 0:
		need = max(size, 1)
	}
	freed, kept, err := e.giveWay(need)
	if err == nil && freed < need {
		err = &noRoom{kept, cmp.Or(cause, error(syscall.ENOSPC))}
	}
	return err
}

// giveWay removes from the trash, the oldest first, files that hold that many bytes,
// and tells how much is left in it. Only what was online goes, for it is in the
// drive's recycle bin; and none goes where all of them would not be enough.
func (e *Engine) giveWay(need int64) (freed, kept int64, err error) {
	old, kept, err := e.givesWay()
	held := int64(0)
	for _, t := range old {
		held += t.holds
	}
	if err != nil || held < need {
		return 0, kept, err
	}
	var went []state.Trashed
	before, _, cannotTell := e.fs.Free()
	for _, t := range old {
		now, _, _ := e.fs.Free()
		if freed >= need || cannotTell == nil && freed > 0 && now < before+uint64(freed)/2 {
			break // a snapshot has it, too, or it takes less than it holds: no more is to go for nothing
		}
		if hash, err := e.hashOf(t.Private); err != nil || string(hash) != t.Hash || e.fs.Remove(t.Private) != nil {
			continue
		}
		went, freed = append(went, t.Trashed), freed+t.holds
	}
	if len(went) > 0 {
		e.freed.Add(freed)
		e.log.Info("removed from the trash", "files", len(went), "bytes", freed, "why", "the disk has no room for what comes; it is in the drive's recycle bin")
		err = e.durably(e.emptied(went))
	}
	return freed, kept - freed, err
}

// A giving is a file in the trash that may go when its room is needed.
type giving struct {
	state.Trashed
	holds int64
}

// givesWay lists what may go from the trash, the oldest first, and tells how much
// is in it. What somebody still writes to, or has under another name, stays.
func (e *Engine) givesWay() (old []giving, all int64, err error) {
	in, err := e.db.Trashed(e.cfg.Folder.N, e.clock.Now(), trashMost)
	if err != nil {
		return nil, 0, err
	}
	wanted, err := e.wanted()
	if err != nil {
		return nil, 0, err
	}
	for _, t := range in {
		entry, err := e.fs.Lstat(t.Private)
		if err != nil || entry.Kind != watcher.File {
			continue
		}
		all += entry.Size
		if t.Hash != "" && !wanted[t.Private] && entry.NLink == 1 && e.fs.Quiet(t.Private) {
			old = append(old, giving{t, max(entry.Size, 1)}) // one byte is an inode
		}
	}
	return old, all, nil
}

const trashMost = 100_000 // files that are looked at for room
