package syncer

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// agree records that both sides have the same, or both nothing.
func (e *Engine) agree(j job) outcome {
	if j.Op == plan.Forget || j.base.N != 0 && e.contradicts(j) {
		return e.unbind(j)
	}
	b := state.Base{
		Parent: int64(j.parent), LocalName: j.Local.Name, RemoteName: j.Remote.Name, Kind: uint8(j.Remote.Kind),
		Hash: string(j.Local.Hash), RemoteSize: j.Remote.Size, RemoteMTime: j.Remote.MTime,
		RemoteHash: string(j.Remote.Hash), ETag: j.Remote.ETag, TimesDue: j.base.TimesDue,
	}
	setPrint(&b, j.Local.Print)
	out := e.bind(j, b, nil)
	if j.from != j.Key && j.Remote.Kind == plan.File { // it may be here for an earlier try of ours
		bound := out.tx
		in := state.Intent{Folder: e.cfg.Folder.N, Op: opCreate, Key: int64(j.from), ParentID: j.parentID, Name: j.Remote.Name}
		out.tx = func(tx *state.Tx) error { return errors.Join(bound(tx), tx.DropIntentsLike(in)) }
	}
	return out
}

// contradicts reports whether both sides are known to have different bytes, on a
// drive that keeps those that it is given. That is nothing to agree upon: they are
// compared, and both kept.
func (e *Engine) contradicts(j job) bool {
	l, r := j.Local, j.Remote
	return r.Kind == plan.File && l.Kind == plan.File && l.Hash != "" && r.Hash != "" && l.Hash != r.Hash && !e.version(j).MayDiffer(l.Size)
}

// sameVersion reports whether the item online has the content that both sides
// agreed on. Hashes tell, and where one is missing the eTag, or the time.
func sameVersion(b state.Base, row state.Item) bool {
	switch {
	case b.RemoteSize != row.Size:
		return false
	case b.RemoteHash != "" && row.Hash != "":
		return b.RemoteHash == row.Hash
	case row.Size == 0 || b.ETag == row.ETag && row.ETag != "":
		return true
	}
	return b.RemoteMTime/int64(time.Second) == row.MTime/int64(time.Second)
}

// otherContent reports whether the answer to a change that left the content alone
// shows that it is another one by now. A hash that is missing shows nothing.
func otherContent(b state.Base, row state.Item) bool {
	return b.RemoteSize != row.Size || b.RemoteHash != "" && row.Hash != "" && b.RemoteHash != row.Hash
}

// unbind drops the agreement on an item. What is left of it on one side is a
// new item there from then on, also for the run after this one.
func (e *Engine) unbind(j job) outcome {
	return outcome{
		tx: func(tx *state.Tx) error {
			if err := tx.DropBase(e.cfg.Folder.N, int64(j.Key)); err != nil || j.Remote.Kind == plan.None {
				return err
			}
			return tx.MarkDirty(e.cfg.Folder.N, int64(j.Key))
		},
		then: func() {
			if j.Local.Kind != plan.None {
				e.local.renew(j.Key, j.Local)
				return
			}
			e.local.forget(j.Key)
		},
	}
}

// setPrint lets b remember the state of the inode that the agreement is about.
func setPrint(b *state.Base, p plan.Print) {
	b.Ino, b.Born, b.Size, b.MTime, b.CTime = p.Ino, p.Born, p.Size, p.MTime, p.CTime
}

// setItem lets b remember what the server says it has now.
func setItem(b *state.Base, it remote.Item) {
	row := itemRow(it)
	b.RemoteName, b.RemoteSize, b.RemoteMTime, b.RemoteHash, b.ETag = row.Name, row.Size, row.MTime, row.Hash, row.ETag
}

// bind writes base row b for j's item: b tells what both sides agree on. own is
// the service's answer when the agreement came about by a change of ours
// online; its echo in the feed is then still to come. The item may turn out to
// go by another key: the feed was faster, or the item online is a new one.
func (e *Engine) bind(j job, b state.Base, own *remote.Item) outcome {
	had := j.base.N != 0
	if own != nil && own.Met {
		if other, err := e.anothers(j, own.ID); err != nil || other {
			none := func(*state.Tx) error { return err }
			return outcome{err: errSuperseded, since: j.since, fresh: []remote.Item{*own}, tx: none}
		}
	}
	b.Fold = names.Fold(b.RemoteName)
	b.Racy = plan.Kind(b.Kind) == plan.File && (b.Racy || e.racy(b))
	key := j.Key
	return outcome{
		tx: func(tx *state.Tx) error {
			in := e.local.key(plan.Key(b.Parent))
			if own != nil && in != plan.Key(b.Parent) {
				return errSuperseded // another folder was made in the place of the one that it went to
			}
			b.Parent = int64(in)
			if own != nil {
				n, err := e.hear(tx, j, *own)
				if err != nil {
					return err
				}
				key = plan.Key(n)
			}
			if had && j.from != key {
				if err := tx.Rekey(e.cfg.Folder.N, int64(j.from), int64(key)); err != nil {
					return err
				}
			}
			b.N = int64(key)
			if err := tx.PutBase(e.cfg.Folder.N, b); errors.Is(err, state.ErrNoFolder) {
				return errSuperseded
			} else if err != nil {
				return err
			}
			if b.TimesDue {
				return tx.MarkDirty(e.cfg.Folder.N, b.N)
			}
			return nil
		},
		then: func() {
			e.local.rekey(j.from, key, had)
			e.revive(j.from)
			if j.Op == plan.MoveRemote {
				e.local.stays(key, j.base, b)
			}
			e.local.agreed(key, b)
			if (!had || j.from != key) && plan.Kind(b.Kind) == plan.Dir {
				e.unfold(key)
			}
		},
	}
}

// anothers reports whether the item with that id is agreed upon as another than j's: what
// was met at j's name was moved there by somebody, while our own first try failed.
func (e *Engine) anothers(j job, id string) (bool, error) {
	it, known, err := e.db.ItemByID(e.cfg.Drive.N, id)
	if err != nil || !known || it.N == int64(j.Key) || it.N == int64(j.from) {
		return false, err
	}
	_, agreed, err := e.db.Base(e.cfg.Folder.N, it.N)
	return agreed, err
}

// revive lets an item that another was made for in its place go by its own key again,
// if somebody has brought it back. What was planned to be done in it goes to the other,
// for it is that which stands here; what is being done has to end before.
func (e *Engine) revive(k plan.Key) {
	delete(e.brought, k)
	to := e.local.key(k)
	if to == k {
		return
	}
	it, known, err := e.db.Item(int64(k))
	if err != nil {
		panic(stateError{err})
	}
	if !known || it.Gone {
		return
	}
	for s := range e.inFlight {
		if s.begun && s.parent == k {
			e.brought[k] = struct{}{}
			return
		}
	}
	for s := range maps.Clone(e.inFlight) {
		e.readdress(s, to)
	}
	delete(e.local.bind, k)
	e.dirty[k] = struct{}{}
}

// readdress lets a step that has not begun be about key to itself, where it was planned
// for one that an item gave up for it.
func (e *Engine) readdress(s *step, to plan.Key) {
	keys := []*plan.Key{&s.Key, &s.Pair, &s.To.Parent, &s.Local.Parent, &s.Remote.Parent}
	old := func(k *plan.Key) bool { return *k != to && e.local.key(*k) == to } // by whatever way
	if s.begun || !slices.ContainsFunc(keys, old) {
		return
	}
	e.release(s)
	for _, k := range keys {
		if old(k) {
			*k = to
		}
	}
	e.hold(s)
}

// racy says that b's mtime is too young to prove that the bytes are still the
// same: a second change within one tick of the disk's clock leaves no trace.
func (e *Engine) racy(b state.Base) bool {
	return e.clock.Now().Sub(time.Unix(0, b.MTime)) < racyWindow+tick(b.MTime, b.CTime)
}

// tick is how long the disk's clock may stand still that gave a file these times,
// beyond what every clock does.
func tick(mtime, ctime int64) time.Duration {
	if mtime%int64(time.Second) == 0 && ctime%int64(time.Second) == 0 {
		return coarsest // it keeps time in whole seconds, it seems
	}
	return 0
}

// hear takes note of the service's answer to our own change, as far as it is news.
// A new item keeps the key it had as a new local one, unless the feed has already
// brought it under another.
func (e *Engine) hear(tx *state.Tx, j job, it remote.Item) (int64, error) {
	row := itemRow(it)
	row.Drive, row.Parent = e.cfg.Drive.N, int64(j.parent)
	if j.id == "" && j.base.N == 0 {
		row.N = int64(j.Key)
	}
	n, v, err := tx.Hear(row, state.Telling{Source: state.Answer, Since: j.since, At: e.clock.Now(), Over: j.over})
	e.inDoubt = e.inDoubt || v == state.Unclear
	return n, err
}

// agreed lets k stand by its base again, but for what was seen to differ since:
// its bytes, or its place.
func (t *local) agreed(k plan.Key, b state.Base) {
	it, ok := t.diff[k]
	if !ok {
		return
	}
	place := plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}
	same := it.kind != plan.File || it.print == printOf(b) || sameBytes(it.print, printOf(b))
	elsewhere := it.kind != plan.None && t.standing(it.place) == k && it.place != place
	if it.kind != plan.None && same && !elsewhere {
		t.forget(k)
		return
	}
	if same {
		it.edit = false
	}
	it.fresh = false
	if !elsewhere && it.kind != plan.None {
		t.lift(k)
		it.place = place
	}
	t.touch(k)
}

// An Agreement is what was agreed upon of a file in a synced folder, by ids online.
type Agreement struct {
	Near  [][2]string // the deepest items on its path that are known, at least the folder itself, each with the rest of the path from there
	Moved []string    // what had the file's inode: it may have come here since
}

// AgreedOn finds what was agreed upon of the file with that path below f, and that
// inode. lstat looks at a path below f: a folder may have been moved here, and then
// not its name tells which one it is online, but its inode.
func AgreedOn(db *state.DB, f state.Folder, rel string, ino uint64, lstat func(rel string) (watcher.Entry, error)) (a Agreement, err error) {
	if err := a.near(db, f, f.Root, rel); err != nil {
		return a, err
	}
	for i := range rel {
		if rel[i] != '/' {
			continue
		}
		dir, err := lstat(rel[:i])
		if errors.Is(err, fs.ErrNotExist) {
			break // and so is what is below it
		}
		if err != nil {
			return a, err
		}
		had, err := db.BaseByIno(f.N, dir.Ino)
		if err != nil {
			return a, err
		}
		for _, b := range had {
			if plan.Kind(b.Kind) != plan.Dir || b.Born != dir.Born && b.Born != 0 && dir.Born != 0 {
				continue
			}
			if err := a.near(db, f, b.N, rel[i+1:]); err != nil {
				return a, err
			}
		}
	}
	had, err := db.BaseByIno(f.N, ino)
	for _, b := range had {
		it, _, err := db.Item(b.N)
		if err != nil {
			return a, err
		}
		a.Moved = append(a.Moved, it.ID)
	}
	return a, err
}

// near adds the deepest item that is known on a path below the folder with that key.
func (a *Agreement) near(db *state.DB, f state.Folder, key int64, rest string) error {
	for rest != "" {
		name, below, _ := strings.Cut(rest, "/")
		b, ok, err := db.BaseAt(f.N, key, names.Fold(name))
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		key, rest = b.N, below
	}
	it, _, err := db.Item(key)
	a.Near = append(a.Near, [2]string{it.ID, rest})
	return err
}
