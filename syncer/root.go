package syncer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// A RootError says that the synced folder, on one of the two sides, is not what
// it was. Nothing is done then, on either side, until a person has looked.
type RootError struct {
	Path string
	Why  string
	Away bool // the one here; when it is back, it goes on by itself
}

func (e *RootError) Error() string { return fmt.Sprintf("folder %q: %s", e.Path, e.Why) }

// Misplaced says why what stands at the path of a synced folder, of which id or
// err was told, is not that folder; "" when it is, or when nobody can tell.
func Misplaced(f state.Folder, id disk.Identity, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is missing; is its disk mounted?"
	case errors.Is(err, syscall.ENOTDIR):
		return "a file stands in its place"
	case err != nil:
		return ""
	case id.UUID == "":
		return "it is not the folder that was synced before (its marker .tandem/folder-id is missing); is its disk mounted?"
	case id.UUID != f.UUID:
		return "it is another synced folder, by its marker .tandem/folder-id"
	}
	return ""
}

// checkRoot makes sure that the folder is the one that was synced before, and
// not the empty mount point of a disk that is not there. It looks by path,
// afresh, before anything else, before every batch of deletes, and now and then.
func (e *Engine) checkRoot() error {
	if err := e.checkRecords(); err != nil {
		return err
	}
	id, err := e.fs.Identity()
	why := Misplaced(e.cfg.Folder, id, err)
	switch {
	case errors.Is(err, watcher.ErrAway): // while it was looked at
		return e.wentAway()
	case why == "" && err != nil:
		return e.folderError(err)
	case why == "":
		return e.inPlace()
	}
	if err := HoldRoot(e.db, e.cfg.Folder, why, e.clock.Now()); err != nil {
		return err
	}
	return &RootError{Path: e.cfg.Folder.Path, Why: why, Away: true}
}

// HoldRoot notes that everything is kept as it is while the folder is away.
func HoldRoot(db *state.DB, f state.Folder, why string, now time.Time) error {
	n, err := db.CountBelow(f.N, f.Root, "")
	if err != nil {
		return err
	}
	held := []state.Held{{Key: f.Root, Side: "remote", Items: n, Why: why, At: now}}
	return db.Update(func(tx *state.Tx) error { return tx.SetHeld(f.N, held) })
}

// inPlace makes sure that all that is known of the folder was told of the one that
// is at its path. It costs little, and is asked before each plan and each action.
func (e *Engine) inPlace() error {
	err := e.fs.Stands()
	if errors.Is(err, watcher.ErrAway) {
		return e.wentAway()
	}
	return err
}

// wentAway is for a folder that may well be the right one again, by now.
func (e *Engine) wentAway() error {
	return &RootError{Path: e.cfg.Folder.Path, Why: watcher.ErrAway.Error() + "; what stands there now is looked at as a whole", Away: true}
}

// away ends the run when the folder is not what it was: all is looked at anew
// once it is back.
func (e *Engine) away() {
	if e.fatal == nil && e.inPlace() != nil {
		e.fatal = e.checkRoot() // which says why
	}
}

// rootTrouble gives the error of a run in which the folder went away its reason.
func (e *Engine) rootTrouble(err error) error {
	if !errors.Is(err, watcher.ErrAway) {
		return err
	}
	return cmp.Or(e.checkRoot(), err)
}

// An OverlapError says that two pairs have the same items online. What is known of
// an item, above all which of its changes are our own and need not be heard or
// respected, is known of the drive and not of a pair: one of them would never hear
// what the other does, and would replace its edits as if they were its own. There
// may have been no overlap when they were bound: a folder was moved online since.
type OverlapError struct {
	Folder, Other string // the names of both pairs
	Same          bool   // they have the same folder; else that of Folder is in that of Other
}

func (e *OverlapError) Error() string {
	if e.Same {
		return fmt.Sprintf("folder %q has the same folder online as folder %q", e.Folder, e.Other)
	}
	return fmt.Sprintf("folder %q lies online in what folder %q syncs", e.Folder, e.Other)
}

// overlap finds another pair that has item n for its root. Of two that have the
// same one the older may go on.
func (e *Engine) overlap(n int64) error {
	if len(e.cfg.Beside) == 0 {
		return nil
	}
	others, err := e.db.FoldersOf(n)
	if err != nil {
		return err
	}
	same := n == int64(e.root)
	for _, f := range others {
		if slices.Contains(e.cfg.Beside, f.Name) && (!same || f.N < e.cfg.Folder.N) {
			return &OverlapError{Folder: e.cfg.Name, Other: f.Name, Same: same}
		}
	}
	return nil
}

// checkRecords makes sure that what is written down can be read again.
func (e *Engine) checkRecords() error {
	if !e.db.Present() {
		return errRecordsGone
	}
	return nil
}

var errRecordsGone = errors.New("tandem's database was deleted or replaced while in use, and what is done now would be forgotten; start tandem again")

// checkEmptied holds every delete when the folder, which held more than one
// thing, is there but empty.
func (e *Engine) checkEmptied() error {
	if len(e.local.baseChildren(e.root)) < 2 {
		return nil
	}
	for _, k := range e.local.children(e.root) {
		if kind := e.local.Local(k).Kind; kind != plan.None {
			return nil
		}
	}
	e.holdAll = "the folder was emptied since the last run"
	return nil
}

func (e *Engine) folderError(err error) error {
	return fmt.Errorf("folder %q: %w", e.cfg.Folder.Path, err)
}
