package syncer

import (
	"errors"
	"fmt"

	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// onItsWay is the intent for content that is about to appear online: if the
// answer is lost, what appears is known to be this file's, whatever its name here
// is by then.
func (e *Engine) onItsWay(j job, entry watcher.Entry) state.Intent {
	in := state.Intent{
		Folder: e.cfg.Folder.N, Op: opCreate, Key: int64(j.Key), Path: j.path, Ino: entry.Ino, Size: entry.Size,
		ParentID: j.parentID, Name: j.To.Name, At: e.clock.Now(),
	}
	if j.Remote.Kind != plan.None {
		in.Op, in.ParentID, in.Name = opEdit, "", ""
	}
	return in
}

// announce makes an intent about an item online durable, in the place of the one
// that an earlier try has left. If that sent other bytes both stay: either may have
// been taken.
func (e *Engine) announce(in state.Intent) error {
	err := e.durably(func(tx *state.Tx) error {
		if err := tx.DropIntentsLike(in); err != nil {
			return err
		}
		if in.Op == opCreate {
			e.creating[plan.Key(in.Key)] = creation{e.creating[plan.Key(in.Key)].place, in.Want}
		}
		_, err := tx.PutIntent(in)
		return err
	})
	if err != nil {
		return fmt.Errorf("record what is about to be done online: %w", err)
	}
	return nil
}

// A creation is something that we are just creating online.
type creation struct {
	place plan.Place // by folded name
	hash  string     // of a file, once it is known
}

// mayBeOurs reports whether an item that the feed has told of may be one that we are
// just creating, where it was to be or, under whatever name it goes by now, with the
// content that we send: the answer will tell.
func (e *Engine) mayBeOurs(it state.Item) bool {
	if it.N == 0 || it.Gone || len(e.creating) == 0 || e.local.hasBase(plan.Key(it.N)) {
		return false
	}
	for _, c := range e.creating {
		if c.place == (plan.Place{Parent: plan.Key(it.Parent), Name: it.Fold}) || it.Hash != "" && c.hash == it.Hash {
			return true
		}
	}
	return false
}

// notUnderWay drops the intents of all tries for the same item, or, where in says
// what was sent, of those that sent just that.
func notUnderWay(in state.Intent) func(*state.Tx) error {
	return func(tx *state.Tx) error { return tx.DropIntentsLike(in) }
}

// stillDue says that what an intent announced, or what became of it here, is still
// to be sent.
func (e *Engine) stillDue(in state.Intent) bool {
	k := e.local.key(plan.Key(in.Key))
	if it := e.local.diff[k]; e.busy[k] > 0 || it != nil && (it.fresh || in.Op == opEdit) {
		return true
	}
	_, renamed := e.newFile(in.Ino)
	return renamed
}

// newFile finds what is new here by its inode; of several names the first that was
// seen.
func (e *Engine) newFile(ino uint64) (found plan.Key, ok bool) {
	for k, it := range e.local.diff {
		if it.fresh && it.kind == plan.File && it.print.Ino == ino && (!ok || k < found) {
			found, ok = k, true
		}
	}
	return found, ok
}

// claimSent finds what a lost answer, or a lost process, left online without a
// record here: the same place, or item, and bytes that an intent announced.
func (e *Engine) claimSent() {
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	for _, op := range []string{opEdit, opCreate} { // what is no version of an item that is known may be new
		for _, in := range intents {
			if in.Op != op {
				continue
			}
			if op == opEdit {
				e.claimEdit(in)
			} else {
				e.claimNew(in)
			}
			e.commit(report{tx: dropIntent(in.N)})
		}
	}
}

// claimNew takes an item that nobody has agreed upon for the file that was sent.
// That is known by its inode, whatever its name and its bytes are by now; or it is
// what was put in its place.
func (e *Engine) claimNew(in state.Intent) {
	k, here := e.newFile(in.Ino)
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
	items, err := e.db.ItemsAt(parent.N, names.Fold(in.Name))
	if err != nil {
		panic(stateError{err})
	}
	for _, it := range items {
		_, bound := e.local.base(plan.Key(it.N))
		_, parentBound := e.local.base(plan.Key(parent.N))
		if bound || !parentBound || it.Size != in.Size || it.Hash != in.Want {
			continue
		}
		b := state.Base{N: it.N, Parent: parent.N, LocalName: it.Name, RemoteName: it.Name, Fold: it.Fold, Kind: uint8(plan.File)}
		if e.claim(in, b, it, e.local.diff[k].print) {
			e.local.same(plan.Key(it.N), k)
		}
		return
	}
}

// claimEdit takes the version that an item has by now for the one that was sent.
// What became of the file since is an edit, a move or a delete of that.
func (e *Engine) claimEdit(in state.Intent) {
	n := plan.Key(in.Key)
	it, _, err := e.db.Item(in.Key)
	if err != nil {
		panic(stateError{err})
	}
	b, bound := e.local.base(n)
	here := e.local.diff[n]
	if !bound || it.Gone || it.ETag == b.ETag || it.Size != in.Size || it.Hash != in.Want || here == nil {
		return // or it stands here as it was agreed upon before
	}
	if e.local.elsewhere(n) && here.print.Ino != in.Ino { // the file that the one that was sent had replaced
		e.local.demote(n)
		e.local.miss(n)
		here = e.local.diff[n]
	}
	print := plan.Print{Ino: in.Ino}
	k, renamed := e.newFile(in.Ino)
	renamed = renamed && here.kind == plan.None
	switch {
	case renamed:
		print = e.local.diff[k].print
	case here.kind == plan.File:
		print = here.print
	case in.Ino == b.Ino:
		print.Born = b.Born
	}
	if !e.claim(in, b, it, print) {
		return
	}
	if renamed {
		e.local.same(n, k)
	}
	here.edit = here.kind == plan.File // it may be the version before
	e.local.touch(n)
}

// claim writes the agreement b on what was sent and item it has now. What has that
// print here may have other bytes by now: they are read.
func (e *Engine) claim(in state.Intent, b state.Base, it state.Item, print plan.Print) bool {
	setPrint(&b, plan.Print{Ino: print.Ino, Born: print.Born, Size: in.Size})
	b.Hash, b.RemoteSize, b.RemoteMTime, b.RemoteHash, b.ETag = in.Want, it.Size, it.MTime, it.Hash, it.ETag
	err := e.db.Update(func(tx *state.Tx) error {
		return errors.Join(tx.PutBase(e.cfg.Folder.N, b), tx.DropSession(e.cfg.Folder.N, -int64(in.Ino)))
	})
	e.local.written()
	return err == nil
}
