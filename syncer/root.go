package syncer

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"tandem/state"
	"tandem/syncer/plan"
)

// A RootError says that the synced folder, on one of the two sides, is not what
// it was. Nothing is done then, on either side, until a person has looked.
type RootError struct {
	Path string
	Why  string
}

func (e *RootError) Error() string { return fmt.Sprintf("folder %q: %s", e.Path, e.Why) }

// checkRoot makes sure that the folder is the one that was synced before, and
// not the empty mount point of a disk that is not there. It looks by path,
// afresh, before anything else and before every batch of deletes.
func (e *Engine) checkRoot() error {
	if err := e.checkRecords(); err != nil {
		return err
	}
	id, err := e.fs.Identity()
	why := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "it is missing; is its disk mounted?"
	case errors.Is(err, syscall.ENOTDIR):
		why = "a file stands in its place"
	case err != nil:
		return e.folderError(err)
	case id.UUID == "":
		why = "it is not the folder that was synced before (its marker .tandem/folder-id is missing); is its disk mounted?"
	case id.UUID != e.cfg.Folder.UUID:
		why = "it is another synced folder, by its marker .tandem/folder-id"
	default:
		return nil
	}
	n, err := e.db.CountBelow(e.cfg.Folder.N, e.cfg.Folder.Root, "")
	if err != nil {
		return err
	}
	held := []state.Held{{Key: int64(e.root), Path: "", Side: "remote", Items: n, Why: why, At: e.clock.Now()}}
	if err := e.db.Update(func(tx *state.Tx) error { return tx.SetHeld(e.cfg.Folder.N, held) }); err != nil {
		return err
	}
	return &RootError{Path: e.cfg.Folder.Path, Why: why}
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
