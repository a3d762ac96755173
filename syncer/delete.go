package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"syscall"
	"time"

	"tandem/remote"
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

// deleteRemote moves an item to the drive's recycle bin. A folder goes with all
// that is in it and the service offers no guard for that, so it is listed
// immediately before: what is not known, or not as known, is not deleted. An
// intent is left for the case that the answer is lost: who did it decides what
// becomes of what is here after all, and of what somebody puts into the folder
// just then. See [Engine.heard].
func (e *Engine) deleteRemote(ctx context.Context, j job) outcome {
	items := 1
	if j.Remote.Kind == plan.Dir {
		below, err := e.db.CountBelow(e.cfg.Folder.N, int64(j.Key))
		if err != nil {
			return outcome{err: err}
		}
		items += below
	}
	in := state.Intent{Folder: e.cfg.Folder.N, Op: opRemove, Key: int64(j.Key), Path: j.path, Size: int64(j.unasked(items)), At: e.clock.Now()}
	if err := e.announce(in); err != nil {
		return outcome{err: err}
	}
	remove := e.deleteFile
	if j.Remote.Kind == plan.Dir {
		remove = e.deleteFolder
	}
	if err := remove(ctx, &j); err != nil {
		out := e.notAsPlanned(ctx, j, err)
		if !unheard(err) {
			out.tx = notUnderWay(in)
		}
		return out
	}
	tx, then := e.deletedOnline(in, j, e.topOf(j.base))
	return outcome{tx: tx, then: then, items: items}
}

// deleteFile deletes j's file unless it has changed. That its eTag alone has is no
// reason.
func (e *Engine) deleteFile(ctx context.Context, j *job) error {
	err := e.drive.Delete(ctx, e.cfg.Drive.ID, j.id, j.etag)
	if !errors.Is(err, remote.ErrChanged) {
		return err
	}
	now, err := e.drifted(ctx, j)
	if err != nil {
		return err
	}
	return e.drive.Delete(ctx, e.cfg.Drive.ID, j.id, now.ETag)
}

// deleteFolder deletes j's folder with what is known to be in it, which is looked
// at immediately before each attempt. Where the folders of a drive have a cTag, which
// changes with whatever is in them, that is what the delete depends on; a service
// that does not take it gets the eTag.
func (e *Engine) deleteFolder(ctx context.Context, j *job) (err error) {
	version, refused := "", ""
	look := func(ctx context.Context) (string, error) {
		version = j.etag
		if e.cfg.Drive.Kind == "personal" {
			now, err := e.drifted(ctx, j)
			if err != nil {
				return "", err
			}
			if version = now.ETag; now.CTag != "" && (now.CTag != refused || e.takesCTags.Load()) {
				version = now.CTag
			}
		}
		j.since = e.db.Moment() // what is told of it from now on was not seen
		fresh, err := e.unknownIn(ctx, j.Key, j.id)
		if err == nil && len(fresh) > 0 {
			err = &unknownInside{fresh, j.since}
		}
		return version, err
	}
	for range driftMost {
		err = e.drive.DeleteFolder(ctx, e.cfg.Drive.ID, j.id, look)
		if err == nil && version != j.etag && !slices.Contains(j.over, version) {
			e.takesCTags.Store(true)
		}
		if !errors.Is(err, remote.ErrChanged) || errors.Is(err, errSuperseded) {
			return err
		}
		if e.cfg.Drive.Kind != "personal" {
			now, err := e.drifted(ctx, j)
			if err != nil {
				return err
			}
			j.etag = now.ETag
		}
		refused = version // if it is still the same when looked at again, it is not taken
	}
	return err
}

// unknownInside says that a folder that was to be deleted has something in it that
// was not agreed upon, or not so.
type unknownInside struct {
	fresh []remote.Item
	since int64
}

func (u *unknownInside) Error() string        { return "something new is in it" }
func (u *unknownInside) Is(target error) bool { return target == errSuperseded }

// unheard says that a delete that failed may have been made, by an attempt whose
// answer was lost: what is not found when it is tried again may be so because of that.
func unheard(err error) bool {
	var e *remote.Error
	return errors.Is(err, remote.ErrNotFound) || !errors.Is(err, errSuperseded) && !refused(err) ||
		errors.As(err, &e) && e.Status == http.StatusTooManyRequests
}

// deletedOnline takes note of what we deleted online.
func (e *Engine) deletedOnline(in state.Intent, j job, top int64) (tx func(*state.Tx) error, then func()) {
	now := e.clock.Now()
	disown, disowned := e.disown(plan.Key(in.Key))
	then = func() {
		disowned()
		if j.Remote.Kind != plan.File { // it is heard what went with it, before anything is decided about that
			e.unheard[plan.Key(in.Key)] = struct{}{}
		}
	}
	return func(tx *state.Tx) error {
		v, err := tx.HearGone(in.Key, state.Telling{Source: state.Answer, Since: j.since, At: now, Over: j.over})
		e.inDoubt = e.inDoubt || v == state.Unclear || j.Remote.Kind == plan.Dir
		return errors.Join(
			err,
			disown(tx),
			tx.Journal(e.cfg.Folder.N, state.Entry{At: now, Op: "delete online", Path: in.Path, Why: j.Why, Key: in.Key, Top: top, Items: int(in.Size)}),
			notUnderWay(in)(tx),
		)
	}, then
}

// disown drops what was agreed on an item and all below it. That some of it is
// here after all, as the other half of a move may be seen only now, makes it
// something new.
func (e *Engine) disown(k plan.Key) (tx func(*state.Tx) error, then func()) {
	var keys []plan.Key
	var here []string
	tx = func(tx *state.Tx) (err error) {
		keys, here = nil, nil
		if keys, err = e.dropBelow(tx, int64(k)); err != nil {
			return err
		}
		for _, c := range keys {
			if it, differs := e.local.diff[c]; differs && it.kind != plan.None || !differs && c == k {
				here = append(here, e.local.path(c))
			}
		}
		return nil
	}
	then = func() {
		for _, c := range keys {
			e.local.forget(c)
		}
		for _, rel := range here {
			e.local.deep[rel] = struct{}{}
		}
	}
	return tx, then
}

// heard takes note of what the feed has told of deletes of ours: of those whose
// answer was lost, with this process or on its way, and of what somebody moved into
// a folder in the moment that it was deleted. What is still there for longer than
// the feed may lag was not deleted.
func (e *Engine) heard() {
	clear(e.unheard)
	if e.dry {
		return
	}
	intents, err := e.db.Intents(e.cfg.Folder.N)
	if err != nil {
		panic(stateError{err})
	}
	for _, in := range intents {
		if in.Op != opRemove && in.Op != opSwept {
			continue
		}
		k := plan.Key(in.Key)
		row, known, err := e.db.Item(in.Key)
		if err != nil {
			panic(stateError{err})
		}
		switch b, bound := e.local.base(k); {
		case !row.Gone && e.busy[k] > 0: // it is under way
		case row.Gone && e.worksIn(k):
			e.unheard[k] = struct{}{}
		case row.Gone && in.Op == opRemove:
			heard := job{Action: plan.Action{Why: "deleted here"}, since: e.db.Moment()}
			tx, then := e.deletedOnline(in, heard, e.topOf(b))
			e.commit(report{tx: tx, then: ifWritten(then)})
		case row.Gone && bound:
			here := e.local.path(k)
			disown, then := e.disown(k)
			e.commit(report{
				tx:   func(tx *state.Tx) error { return errors.Join(disown(tx), tx.DropIntent(in.N)) },
				then: ifWritten(then),
			})
			e.log.Warn("kept here", "path", here, "why", sweptWhy)
		case !known || in.Op == opSwept || e.feed.readAt().Sub(in.At) > infancy:
			e.commit(report{tx: dropIntent(in.N)})
		}
	}
}

// ifWritten leaves all as it is known where the rows could not be written: it is
// heard again.
func ifWritten(then func()) func(error) {
	return func(err error) {
		if err == nil {
			then()
		}
	}
}

// worksIn says that an action is at work on an item or on something that is in it
// by the base.
func (e *Engine) worksIn(k plan.Key) bool {
	for c := range e.busy {
		for c != k && c != 0 {
			b, _ := e.local.base(c)
			c = plan.Key(b.Parent)
		}
		if c == k {
			return true
		}
	}
	return false
}

const sweptWhy = "somebody put it into a folder in the moment that this was deleted"

// bringBack restores what somebody put into a folder in the moment that we
// deleted it, as near to that folder as there still is one. Where the drive does
// not restore, it is said where the thing is.
func (e *Engine) bringBack(ctx context.Context, d state.Doubt) (remote.Item, error) {
	if e.dry {
		return remote.Item{}, nil
	}
	was, _, err := e.db.Item(d.Folder)
	near := was
	for err == nil && near.Gone {
		near, _, err = e.db.Item(near.Parent)
	}
	if err == nil && near.ID == "" { // it is forgotten by now
		near, _, err = e.db.Item(int64(e.root))
	}
	if err != nil {
		return remote.Item{}, err
	}
	it, err := e.restore(ctx, d, near.ID)
	switch {
	case err == nil:
		e.log.Warn("restored online", "path", it.Name, "why", sweptWhy)
	case errors.Is(err, remote.ErrUnsupported), errors.Is(err, remote.ErrExists), errors.Is(err, remote.ErrNotFound):
		e.log.Warn("it is in the drive's recycle bin", "path", was.Name, "item", d.ID, "why", sweptWhy, "err", err)
		return remote.Item{}, nil
	}
	return it, err
}

// restore gives the item another name where its own is taken.
func (e *Engine) restore(ctx context.Context, d state.Doubt, parentID string) (remote.Item, error) {
	it, err := e.drive.Restore(ctx, e.cfg.Drive.ID, d.ID, parentID, "")
	if !errors.Is(err, remote.ErrExists) {
		return it, err
	}
	old, _, look := e.db.ItemByID(e.cfg.Drive.N, d.ID)
	if look != nil {
		return it, look
	}
	for n := 1; errors.Is(err, remote.ErrExists) && n < 10; n++ {
		name := plan.ConflictName(cmp.Or(old.Name, "restored"), e.cfg.Host, e.clock.Now(), n)
		it, err = e.drive.Restore(ctx, e.cfg.Drive.ID, d.ID, parentID, name)
	}
	return it, err
}

// unknownIn lists a folder online, with all below it, and returns what the base
// does not know just so.
func (e *Engine) unknownIn(ctx context.Context, key plan.Key, id string) ([]remote.Item, error) {
	items, err := e.drive.Children(ctx, e.cfg.Drive.ID, id)
	if err != nil {
		return nil, err
	}
	var fresh []remote.Item
	for _, it := range items {
		row, ok, err := e.db.ItemByID(e.cfg.Drive.N, it.ID)
		if err != nil {
			return nil, err
		}
		b, agreed, err := e.db.Base(e.cfg.Folder.N, row.N)
		if err != nil {
			return nil, err
		}
		if !ok || !agreed || b.Parent != int64(key) || it.Kind == remote.File && !sameVersion(b, itemRow(it)) {
			fresh = append(fresh, it)
			continue
		}
		if it.Kind == remote.Folder {
			more, err := e.unknownIn(ctx, plan.Key(row.N), it.ID)
			if err != nil {
				return nil, err
			}
			fresh = append(fresh, more...)
		}
	}
	return fresh, nil
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

// dropBelow drops the base of an item and of all below it, deepest first, and
// says which those were.
func (e *Engine) dropBelow(tx *state.Tx, n int64) (dropped []plan.Key, err error) {
	rows, err := e.db.BaseChildren(e.cfg.Folder.N, n)
	if err != nil {
		return nil, err
	}
	for _, b := range rows {
		below, err := e.dropBelow(tx, b.N)
		if err != nil {
			return nil, err
		}
		dropped = append(dropped, below...)
	}
	return append(dropped, plan.Key(n)), tx.DropBase(e.cfg.Folder.N, n)
}

func (t *local) hasBase(k plan.Key) bool {
	_, ok := t.base(k)
	return ok
}

// journalTrash notes also where a file went, so that it can be removed from there
// in time: only what was proved to be what was deleted has such a note.
func (e *Engine) journalTrash(tx *state.Tx, j job, private string) error {
	return tx.Journal(e.cfg.Folder.N, state.Entry{
		At: e.clock.Now(), Op: "delete here", Path: j.path, Why: j.Why, Detail: private, Key: int64(j.Key), Top: e.topOf(j.base), Items: j.unasked(1),
	})
}

// unasked is how many of so many items were deleted without a person's word: only
// they are held against what is deleted next.
func (j job) unasked(items int) int {
	if j.Approved {
		return 0
	}
	return items
}

// topOf is the child of the synced folder below which b is.
func (e *Engine) topOf(b state.Base) int64 {
	for b.Parent != int64(e.root) && b.Parent != 0 {
		up, ok, err := e.db.Base(e.cfg.Folder.N, b.Parent)
		if err != nil || !ok {
			break
		}
		b = up
	}
	return b.N
}

const (
	opReplace = "replace"      // Private holds the new content, or after the exchange the old
	opDelete  = "delete"       // Private is where the file goes
	opRemove  = state.Removing // Key is being deleted online, Size items in all that no person was asked about
	opSwept   = state.Swept    // Key went with a folder that we deleted
	opCreate  = "create"       // the content Want is on its way to (ParentID, Name)
	opEdit    = "edit"         // the content Want is on its way to the item Key
	opTrashed = "trashed"      // Private holds a deleted version that somebody was writing to
	opStashed = "stashed"      // Private holds a replaced version, to be removed once nobody writes to it
)

// intend makes an intent durable.
func (e *Engine) intend(in state.Intent) (n int64, err error) {
	err = e.durably(func(tx *state.Tx) error {
		n, err = tx.PutIntent(in)
		return err
	})
	if err != nil {
		err = fmt.Errorf("record what is about to be done: %w", err)
	}
	return n, err
}

func dropIntent(n int64) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		if n == 0 {
			return nil
		}
		return tx.DropIntent(n)
	}
}
