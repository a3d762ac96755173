package syncer

import (
	"errors"
	"fmt"

	"tandem/state"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// onItsWay is the intent for content that is about to appear online: if the
// answer is lost, what appears is known to be this file's, whatever its name here
// is by then.
func (e *Engine) onItsWay(j job, entry watcher.Entry) state.Intent {
	return state.Intent{
		Folder: e.cfg.Folder.N, Op: opCreate, Key: int64(j.Key), Path: j.path, Ino: entry.Ino, Size: entry.Size,
		ParentID: j.parentID, Name: j.To.Name, At: e.clock.Now(),
	}
}

// announce makes such an intent durable, in the place of the one that an earlier
// try has left. If that sent other bytes both stay: either may have been taken.
func (e *Engine) announce(in state.Intent) error {
	err := e.durably(func(tx *state.Tx) error {
		if err := tx.DropIntentsLike(in); err != nil {
			return err
		}
		_, err := tx.PutIntent(in)
		return err
	})
	if err != nil {
		return fmt.Errorf("record what is about to be sent: %w", err)
	}
	return nil
}

// notUnderWay drops the intents of all tries for the same item, or of those alone
// that sent what in says.
func notUnderWay(in state.Intent) func(*state.Tx) error {
	return func(tx *state.Tx) error { return tx.DropIntentsLike(in) }
}

// stillNew says that the file of an intent is here, and was not agreed upon since.
func (e *Engine) stillNew(in state.Intent) bool {
	k := e.local.key(plan.Key(in.Key))
	if it := e.local.diff[k]; e.busy[k] > 0 || it != nil && it.fresh {
		return true
	}
	_, renamed := e.newFiles()[in.Ino]
	return renamed
}

// newFiles are those that are new here, by their inode.
func (e *Engine) newFiles() map[uint64]plan.Key {
	byIno := map[uint64]plan.Key{}
	for k, it := range e.local.diff {
		if it.fresh && it.kind == plan.File {
			byIno[it.print.Ino] = k
		}
	}
	return byIno
}

// claimCreated finds files that a lost answer, or a lost process, left online
// without a record here: the same place and bytes that an intent announced. The
// local file is known by its inode, whatever its name and its bytes are by now; or
// it is what was put in its place.
func (e *Engine) claimCreated() {
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	byIno := e.newFiles()
	for _, in := range intents {
		if in.Op == opCreate {
			e.claim(in, byIno)
			e.commit(report{tx: dropIntent(in.N)})
		}
	}
}

func (e *Engine) claim(in state.Intent, byIno map[uint64]plan.Key) {
	k, here := byIno[in.Ino]
	if !here {
		k, here = e.local.find(in.Path)
		it := e.local.diff[k]
		here = here && it != nil && it.fresh && it.kind == plan.File
	}
	parent, ok, err := e.db.ItemByID(e.cfg.Drive.N, in.ParentID)
	if err != nil {
		panic(stateError{err})
	}
	if !here || !ok || parent.Gone {
		return
	}
	items, err := e.db.ItemsAt(parent.N, plan.Fold(in.Name))
	if err != nil {
		panic(stateError{err})
	}
	for _, it := range items {
		_, bound := e.local.base(plan.Key(it.N))
		_, parentBound := e.local.base(plan.Key(parent.N))
		if bound || !parentBound || it.Size != in.Size || it.Hash != in.Want {
			continue
		}
		b := state.Base{
			N: it.N, Parent: parent.N, LocalName: it.Name, RemoteName: it.Name, Fold: it.Fold, Kind: uint8(plan.File),
			Hash: in.Want, RemoteSize: it.Size, RemoteMTime: it.MTime, RemoteHash: it.Hash, ETag: it.ETag,
		}
		print := e.local.diff[k].print
		b.Ino, b.Born, b.Size = print.Ino, print.Born, in.Size // its bytes may be others by now: they are read
		err := e.db.Update(func(tx *state.Tx) error {
			return errors.Join(tx.PutBase(e.cfg.Folder.N, b), tx.DropSession(e.cfg.Folder.N, -int64(in.Ino)))
		})
		e.local.written()
		if err == nil {
			e.local.moved(plan.Key(it.N), k)
		}
		return
	}
}
