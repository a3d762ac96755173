package syncer

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

// deleteRemote moves an item to the drive's recycle bin. A folder goes with all
// that is in it and the service offers no guard for that, so it is listed
// immediately before: what is not known, or not as known, is not deleted. An
// intent is left for the case that the answer is lost: who did it decides what
// becomes of what is here after all, and of what somebody puts into the folder
// just then. See [Engine.heard].
func (e *Engine) deleteRemote(ctx context.Context, j job) outcome {
	items := 1
	if j.Remote.Kind == plan.Dir && j.base.LocalName != plan.ByGit {
		below, err := e.db.CountBelow(e.cfg.Folder.N, int64(j.Key), plan.ByGit)
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

// unknownIn lists a folder online, with all below it, and returns what the base
// does not know just so.
func (e *Engine) unknownIn(ctx context.Context, key plan.Key, id string) ([]remote.Item, error) {
	var failed error
	type folder struct {
		key plan.Key
		id  string
	}
	var known []folder
	fresh, err := e.drive.Children(ctx, e.cfg.Drive.ID, id, func(it remote.Item) bool {
		row, same, err := e.justSo(key, it)
		failed = errors.Join(failed, err)
		if same && it.Kind == remote.Folder {
			known = append(known, folder{plan.Key(row.N), it.ID})
		}
		return !same
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	for _, f := range known {
		more, err := e.unknownIn(ctx, f.key, f.id)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, more...)
	}
	return fresh, nil
}

// justSo reports whether the base knows an item online as it is, in folder key.
func (e *Engine) justSo(key plan.Key, it remote.Item) (state.Item, bool, error) {
	row, ok, err := e.db.ItemByID(e.cfg.Drive.N, it.ID)
	if err != nil {
		return row, false, err
	}
	b, agreed, err := e.db.Base(e.cfg.Folder.N, row.N)
	return row, ok && agreed && b.Parent == int64(key) && (it.Kind != remote.File || sameVersion(b, itemRow(it))), err
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

// unasked is how many of so many items were deleted without a person's word, and by
// none that keeps house in its own folder: only they are held against what is deleted
// next.
func (j job) unasked(items int) int {
	if j.Approved || plan.InGit(j.path) {
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
