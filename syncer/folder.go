package syncer

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
)

func (e *Engine) makeLocalDir(j job) outcome {
	entry, err := e.fs.Mkdir(j.to)
	if errors.Is(err, fs.ErrExist) || gone(err) {
		return outcome{err: errSuperseded, look: []string{j.to}}
	}
	if err != nil {
		return outcome{err: err}
	}
	b := state.Base{
		Parent: int64(j.parent), LocalName: j.To.Name, RemoteName: j.Remote.Name, Kind: uint8(plan.Dir), ETag: j.Remote.ETag,
	}
	setPrint(&b, printOfEntry(entry))
	out := e.bind(j, b, nil)
	out.sync = []string{dirOf(j.to)}
	agreed := out.then
	out.then = func() {
		e.local.forget(j.from) // it was missing; what is agreed upon in it would seem to be, too
		agreed()
		e.madeDirHere(e.local.key(j.Key), j.Remote.MTime)
		e.watch(j.to)
		e.lookAgain(j.to, false) // somebody may have put something in before it was watched
	}
	return out
}

func (e *Engine) makeRemoteDir(ctx context.Context, j job) outcome {
	var mtime time.Time
	if j.Local.Kind == plan.Dir {
		mtime = time.Unix(0, j.Local.Print.MTime)
	}
	it, err := e.drive.CreateFolder(ctx, e.cfg.Drive.ID, j.parentID, j.To.Name, mtime)
	if err != nil {
		return e.notAsPlanned(ctx, j, err)
	}
	b := state.Base{Parent: int64(j.parent), LocalName: j.localName(j.To.Name), Kind: uint8(plan.Dir)}
	setItem(&b, it)
	setPrint(&b, j.Local.Print)
	return e.bind(j, b, &it)
}

// moveLocal renames here. The name it goes to must be free: what stands there
// is not looked at, the rename itself refuses.
func (e *Engine) moveLocal(j job) outcome {
	entry, err := e.fs.Lstat(j.path)
	if gone(err) || err == nil && !j.stands(entry) {
		return outcome{err: errSuperseded, look: []string{j.path}}
	}
	if err != nil {
		return outcome{err: err}
	}
	if j.path == j.to {
		// stepped aside already, in a run that ended before it was recorded
	} else if err := e.fs.Rename(j.path, j.to); errors.Is(err, fs.ErrExist) || gone(err) {
		return outcome{err: errSuperseded, look: []string{j.path, j.to}}
	} else if err != nil {
		return outcome{err: err}
	}
	moved := func() {
		e.local.shift(j.Key, plan.Place{Parent: j.parent, Name: j.To.Name})
		if j.Local.Kind == plan.Dir && e.local.seeksLost() { // it may be in here, and its event names a path that is none now
			e.lookAgain(j.to, true)
		}
	}
	out := outcome{sync: []string{dirOf(j.path), dirOf(j.to)}, then: moved}
	after, err := e.fs.Lstat(j.to)
	aside := names.IsSwap(j.To.Name)
	if j.base.N == 0 || !j.follows && !aside || err != nil {
		return out // it had to make room: nothing is agreed yet
	}
	b := j.base
	b.Parent, b.LocalName, b.RemoteName = int64(j.parent), j.To.Name, j.To.Name
	if !aside {
		b.RemoteName = j.Remote.Name
	}
	switch {
	case plan.Kind(b.Kind) == plan.Dir:
		setPrint(&b, printOfEntry(after)) // it may have been made anew under its name
	case sameBytes(printOf(b), printOfEntry(after)):
		b.CTime = after.CTime // the rename changed it
	}
	agreed := e.bind(j, b, nil)
	out.tx, out.then = agreed.tx, func() {
		moved()
		agreed.then()
	}
	return out
}

// stands says that an entry is the item to be moved. A folder is known by its
// name: one that was deleted and made anew is the same.
func (j job) stands(entry watcher.Entry) bool {
	if j.Local.Kind == plan.Dir {
		return entry.Kind == watcher.Dir
	}
	return entry.Ino == j.Local.Print.Ino
}

// shift lets k stand at another place, as a rename of ours made it.
func (t *local) shift(k plan.Key, to plan.Place) {
	it, ok := t.diff[k]
	if !ok {
		l := t.Local(k)
		it = &item{kind: l.Kind, print: l.Print, hash: l.Hash}
	}
	t.lift(k)
	it.place = to
	t.put(k, it)
}

func (e *Engine) moveRemote(ctx context.Context, j job) outcome {
	parent, name := j.parentID, j.To.Name
	var mtime time.Time
	if j.Remote.Kind == plan.File {
		mtime = state.When(j.Remote.MTime) // a move may reset it
	}
	it, err := e.drive.Move(ctx, e.cfg.Drive.ID, j.id, j.etag, parent, name, mtime)
	if errors.Is(err, remote.ErrChanged) {
		it, err = e.moveAgain(ctx, &j, parent, name, mtime)
	}
	if err != nil {
		return e.notAsPlanned(ctx, j, err)
	}
	b := j.base
	b.Parent, b.LocalName, b.RemoteName = int64(j.parent), j.localName(name), it.Name
	if row := itemRow(it); plan.Kind(b.Kind) == plan.Dir || row.Size == b.RemoteSize && row.Hash == b.RemoteHash {
		b.ETag = row.ETag // only the agreed content's: another one is still to come
		if plan.SameSecond(j.Remote.MTime, j.base.RemoteMTime) {
			b.RemoteMTime = row.MTime // else somebody has set it, and it is still to come, too
		}
	}
	if !j.Local.Edited && j.Local.Kind != plan.None {
		setPrint(&b, j.Local.Print)
	}
	if plan.Kind(b.Kind) == plan.File && otherContent(j.base, itemRow(it)) { // it was looked at, and somebody has saved another version since
		out := e.bind(j, b, nil)
		out.since, out.fresh = j.since, []remote.Item{it}
		return out
	}
	return e.bind(j, b, &it)
}

// moveAgain answers a 412: when the item is still as agreed upon and only its eTag
// has drifted, the move is sent once more with the fresh one.
func (e *Engine) moveAgain(ctx context.Context, j *job, parent, name string, mtime time.Time) (remote.Item, error) {
	now, err := e.drifted(ctx, j)
	if err != nil {
		return now, err
	}
	return e.drive.Move(ctx, e.cfg.Drive.ID, j.id, now.ETag, parent, name, mtime)
}

// drifted fetches j's item after a 412. When it is still what both sides agreed
// upon, where it was planned to be, its eTag alone has drifted, and j may go on with
// the fresh one; else somebody was faster. What was planned upon would be no measure:
// it may be what somebody has saved since.
func (e *Engine) drifted(ctx context.Context, j *job) (remote.Item, error) {
	since := e.db.Moment()
	now, err := e.drive.Item(ctx, e.cfg.Drive.ID, j.id)
	if err != nil {
		return now, err
	}
	row := itemRow(now)
	same := j.stillThere(row)
	switch {
	case row.Kind != uint8(plan.File) || !same:
	case j.base.N != 0:
		same = sameVersion(j.base, row)
	default:
		same = j.asPlanned(row)
	}
	if !same {
		return now, &movedOn{now, since}
	}
	j.over = append(j.over, now.ETag)
	return now, nil
}

// stillThere reports whether the item online has the kind, the name and the folder
// that was planned upon.
func (j *job) stillThere(row state.Item) bool {
	return row.Kind == uint8(j.Remote.Kind) && row.Name == j.Remote.Name && (j.inID == "" || row.ParentID == j.inID)
}

// asPlanned reports whether a file online has the content that was planned upon.
func (j *job) asPlanned(row state.Item) bool {
	return sameVersion(state.Base{RemoteSize: j.Remote.Size, RemoteHash: string(j.Remote.Hash), RemoteMTime: j.Remote.MTime}, row)
}

// movedOn says that the item online is no longer what was expected.
type movedOn struct {
	now   remote.Item
	since int64 // when it was asked for, by the state's clock
}

func (m *movedOn) Error() string        { return "changed online meanwhile" }
func (m *movedOn) Is(target error) bool { return target == errSuperseded }

// notAsPlanned turns the service's refusals that mean "look again" into a
// superseded outcome that carries what stands there now, and, should that be as
// planned after all, the refusal.
func (e *Engine) notAsPlanned(ctx context.Context, j job, err error) outcome {
	var m *movedOn
	var inside *unknownInside
	since := e.db.Moment()
	switch {
	case errors.As(err, &m):
		return outcome{err: errSuperseded, since: m.since, fresh: []remote.Item{m.now}}
	case errors.As(err, &inside):
		return outcome{err: errSuperseded, since: inside.since, fresh: inside.fresh}
	case errors.Is(err, remote.ErrExists) && j.To.Name != "":
		it, getErr := e.drive.ItemIn(ctx, e.cfg.Drive.ID, j.parentID, j.To.Name)
		if getErr != nil {
			return outcome{err: err}
		}
		return outcome{err: errSuperseded, refusal: err, since: since, fresh: []remote.Item{it}}
	case errors.Is(err, remote.ErrChanged), errors.Is(err, remote.ErrNotFound):
		out := outcome{err: errSuperseded, since: since}
		for _, id := range []string{j.id, j.parentID} {
			if id == "" {
				continue
			}
			it, getErr := e.drive.Item(ctx, e.cfg.Drive.ID, id)
			switch {
			case errors.Is(getErr, remote.ErrNotFound):
				out.err, out.unfound = errNotFound, append(out.unfound, id)
			case getErr == nil && id == j.id:
				out.fresh = append(out.fresh, it)
				if it.ETag == j.etag || slices.Contains(j.over, it.ETag) {
					out.refusal = err
				}
			case getErr == nil && j.id == "":
				out.refusal = err
			case getErr != nil:
				return outcome{err: err}
			}
		}
		return out
	}
	return outcome{err: err}
}
