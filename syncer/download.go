package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

const (
	tmpDir   = watcher.Private + "/tmp"   // half-done downloads
	stashDir = watcher.Private + "/stash" // what a replacement brought out, until it is known to be safe
	trashDir = watcher.Private + "/trash" // what was deleted here because it was deleted online

	coarsest    = 2 * time.Second       // tick of FAT's clock
	racyWindow  = 20 * time.Millisecond // an mtime younger than this does not prove that the bytes are still the same
	resumeAbove = 8 << 20               // downloads above this size are worth resuming
)

// download brings content here. The new file is complete and durable under a
// private name before it takes the place of another; the exchange is atomic,
// and what comes out of it is looked at, not what was there before: so a
// version that somebody saved in the last instant is found and kept.
func (e *Engine) download(ctx context.Context, j job) outcome {
	d, err := e.fetch(ctx, j)
	if err != nil {
		return e.notFetched(ctx, j, err)
	}
	defer d.Close()
	if j.Local.Kind == plan.None {
		return e.placeNew(j, d)
	}
	if j.Keep != "" && j.Local.Hash == "" && d.Size == j.Local.Size { // only the bytes can tell whether there are two versions
		if j.Local.Hash, err = e.hashIf(j.to, j.Local.Print); err != nil {
			return outcome{err: e.discard(d.Private, err), look: []string{j.to}}
		}
	}
	if plan.Hash(d.Hash) == j.Local.Hash && d.Size == j.Local.Size && plan.Hash(d.Hash) != "" {
		return e.alreadyHere(j, d, contentOf(d))
	}
	if j.Keep != "" && j.base.N == 0 && e.cfg.Drive.Kind != "personal" && plan.SameSecond(j.Local.MTime, j.Remote.MTime) {
		if mine, err := e.madeHere(j, d); err != nil {
			return outcome{err: e.discard(d.Private, err), look: []string{j.to}}
		} else if mine != "" {
			return e.adopt(j, d, mine)
		}
	}
	return e.replace(j, d)
}

// madeHere gives the hash of the file here if the download is what a work drive has made
// of it. That is no second version, but what a lost state has forgotten. Of what was
// agreed upon and edited on both sides, in one second, it proves nothing.
func (e *Engine) madeHere(j job, d *transfer.Download) (plan.Hash, error) {
	if !remote.MayBeRewriting(j.Remote.Name, d.Size, j.Local.Size) {
		return "", nil
	}
	f, err := e.fs.Open(j.to)
	if err != nil {
		return "", errSuperseded
	}
	defer f.Close()
	like, err := remote.Compare(j.Remote.Name, d.File, d.Size, f, j.Local.Size)
	if like != remote.Holds || err != nil {
		return "", err
	}
	return e.hashIf(j.to, j.Local.Print)
}

// adopt agrees that what stands here is what the item was made of.
func (e *Engine) adopt(j job, d *transfer.Download, mine plan.Hash) outcome {
	if j.Remote.Hash == "" && d.Size == j.Remote.Size {
		j.Remote.Hash = plan.Hash(d.Hash)
	}
	return e.alreadyHere(j, d, content{j.Local.Size, mine})
}

// A content is what both sides have agreed upon.
type content struct {
	size int64
	hash plan.Hash
}

func contentOf(d *transfer.Download) content { return content{d.Size, plan.Hash(d.Hash)} }

// placeNew gives the download its name, which must be free.
func (e *Engine) placeNew(j job, d *transfer.Download) outcome {
	if err := d.File.AsNewIn(dirOf(j.to), e.cfg.FileMode); gone(err) {
		return outcome{err: e.discard(d.Private, errSuperseded), look: []string{j.to}}
	} else if err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	ours, err := e.named(d)
	if err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	if err := e.fs.Rename(d.Name, j.to); errors.Is(err, fs.ErrExist) || gone(err) {
		return outcome{err: e.discard(d.Private, errSuperseded), look: []string{j.to}}
	} else if err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	out := e.downloaded(j, shown(ours, d.File), contentOf(d))
	out.sync = []string{dirOf(j.to)}
	return out
}

// named gives the entry of a download, and makes sure that its name stands for it.
func (e *Engine) named(d *transfer.Download) (watcher.Entry, error) {
	ours, err := d.File.Stat()
	if err == nil {
		err = disk.Named(e.fs, d.Name, ours)
	}
	return ours, err
}

// shown gives the entry of a file of ours that has just become visible: all but
// the ctime, which that has changed, as it was before anybody else could write
// to it.
func shown(ours watcher.Entry, f disk.File) watcher.Entry {
	now, err := f.Stat()
	if err != nil || now.Size != ours.Size || now.MTime != ours.MTime {
		return ours // somebody has saved over it already, which is seen as an edit
	}
	ours.CTime = now.CTime
	return ours
}

// alreadyHere finds that the bytes which came are the ones that stand here.
func (e *Engine) alreadyHere(j job, d *transfer.Download, got content) outcome {
	if err := e.discard(d.Private, nil); err != nil {
		return outcome{err: err}
	}
	entry, err := e.fs.Lstat(j.to)
	if err != nil || printOfEntry(entry) != j.Local.Print {
		return outcome{err: errSuperseded, look: []string{j.to}}
	}
	if j.base.N != 0 && j.Keep == "" {
		j.Remote.MTime = j.base.RemoteMTime // the other time may be all that is new: it is still to come
	}
	return e.downloaded(j, entry, got)
}

// downloaded is the agreement after content came here. The print is that of our
// own file: what stands under the name by now may be somebody's newer version,
// and is then seen as an edit.
func (e *Engine) downloaded(j job, entry watcher.Entry, got content) outcome {
	b := state.Base{
		Parent: int64(j.parent), LocalName: j.To.Name, RemoteName: j.Remote.Name, Kind: uint8(plan.File),
		Hash: string(got.hash), RemoteSize: j.Remote.Size, RemoteMTime: j.Remote.MTime,
		RemoteHash: string(j.Remote.Hash), ETag: j.Remote.ETag,
	}
	if b.RemoteHash == "" && got.size == j.Remote.Size {
		b.RemoteHash = string(got.hash)
	}
	setPrint(&b, printOfEntry(entry))
	out := e.bind(j, b, nil)
	bound, agreed := out.tx, out.then
	out.tx = func(tx *state.Tx) error {
		if err := bound(tx); err != nil || !transfer.Resumable(j.Remote.Size, string(j.Remote.Hash)) {
			return err
		}
		return tx.DropPartial(e.cfg.Folder.N, int64(j.Key))
	}
	out.then = func() {
		e.local.forget(j.from) // what stood here is no longer the item
		agreed()
		if j.path != j.to {
			e.lookOnce(func() { e.lookAt(j.path, false) }) // and is a new one if it still stands
		}
	}
	out.bytes = got.size
	return out
}

// replace exchanges the download with what stands under the name. An intent
// tells a later start what the private file is, should this one not live to.
func (e *Engine) replace(j job, d *transfer.Download) outcome {
	entry, err := e.fs.Lstat(j.to)
	if err != nil || printOfEntry(entry) != j.Local.Print {
		return outcome{err: e.discard(d.Private, errSuperseded), look: []string{j.to}}
	}
	if err := disk.TakeAfter(e.fs, j.to, d.File, e.cfg.FileMode); err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	if _, err := e.named(d); err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	agreed := j.Local.Hash
	if j.Keep != "" {
		agreed = "" // somebody's edit
	}
	stash := stashName(d.Name, j.to, agreed)
	in := state.Intent{
		Folder: e.cfg.Folder.N, Op: opReplace, Key: int64(j.Key), Path: j.to, Private: stash, Keep: j.Keep,
		Ino: entry.Ino, Size: entry.Size, Hash: string(j.Local.Hash), Want: d.Hash, At: e.clock.Now(),
	}
	if in.N, err = e.intend(in); err != nil {
		return outcome{err: e.discard(d.Private, err)}
	}
	if err := e.fs.Rename(d.Name, stash); err != nil {
		return outcome{err: e.discard(d.Private, err), tx: dropIntent(in.N)}
	}
	ours, err := d.File.Stat()
	if err == nil {
		err = disk.Swap(e.fs, stash, j.to)
	}
	if err != nil {
		return e.notReplaced(in, err)
	}
	return e.replaced(j, in, shown(ours, d.File), contentOf(d))
}

// notReplaced leaves the file as it was after an exchange that did not come to
// its end; what had come out by then is kept.
func (e *Engine) notReplaced(in state.Intent, err error) outcome {
	if gone(err) || errors.Is(err, fs.ErrExist) {
		err = errSuperseded
	}
	rows, copied, settled := e.settle(in)
	return outcome{err: errors.Join(err, settled), tx: rows, look: []string{in.Path}, kept: copied}
}

// replaced deals with what the exchange brought out.
func (e *Engine) replaced(j job, in state.Intent, ours watcher.Entry, got content) outcome {
	out := e.downloaded(j, ours, got)
	out.sync = []string{dirOf(j.to), stashDir}
	agreed := out.tx
	copied, err := e.settleStash(in, j.Local.Print)
	if err != nil {
		return outcome{err: err, look: []string{j.to}} // the intent stays: the next start settles it
	}
	out.kept = copied
	out.tx = func(tx *state.Tx) error {
		if err := errors.Join(agreed(tx), tx.DropIntent(in.N)); err != nil {
			return err
		}
		if copied != "" {
			return e.noteConflict(tx, in.Path, copied)
		}
		_, err := tx.PutIntent(later(in, opStashed, e.clock.Now())) // nobody's version but the old one: kept until it is sure that nobody still writes to it
		return err
	}
	return out
}

// noteConflict writes down that both versions of a file were kept.
func (e *Engine) noteConflict(tx *state.Tx, rel, copied string) error {
	return tx.PutConflict(e.cfg.Folder.N, state.Conflict{Path: rel, Copy: copied, At: e.clock.Now()})
}

// settleStash looks at what came out of an exchange. The version that was
// planned to be replaced stays in the stash; any other, and one that was to be
// kept, goes back beside the file under the name of a conflict copy, which is
// returned.
func (e *Engine) settleStash(in state.Intent, expect plan.Print) (string, error) {
	entry, err := e.fs.Lstat(in.Private)
	if err != nil {
		return "", err
	}
	hash, err := e.hashOf(in.Private)
	if err != nil {
		return "", err
	}
	known := in.Hash != "" && hash == plan.Hash(in.Hash)
	if in.Keep == "" && known && sameBytes(printOfEntry(entry), expect) {
		return "", nil
	}
	return e.putBeside(in.Private, in.Path, in.Keep)
}

// putBeside gives a private file the name of a conflict copy of rel.
func (e *Engine) putBeside(private, rel, name string) (string, error) {
	for n := 1; n < 1000; n++ {
		if name == "" || n > 1 {
			name = names.Conflict(path.Base(rel), e.cfg.Host, e.clock.Now(), n)
		}
		to := path.Join(dirOf(rel), name)
		err := e.fs.Rename(private, to)
		if noPlace(err) && dirOf(rel) != "" { // its folder went away: as near as can be
			rel = path.Join(dirOf(dirOf(rel)), path.Base(rel))
			continue
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("keep your version of %q: %w", rel, err)
		}
		return to, e.fs.SyncDir(dirOf(to))
	}
	return "", fmt.Errorf("keep your version of %q: no free name", rel)
}

// noPlace says that a name cannot be had because of the folder it is in: that is
// gone, or no folder any more, or one where nothing may be put.
func noPlace(err error) bool {
	return gone(err) || slices.ContainsFunc([]error{syscall.ENOTDIR, syscall.ELOOP, syscall.EXDEV, fs.ErrPermission}, func(e error) bool {
		return errors.Is(err, e)
	})
}

// fetch downloads into a private file: complete, verified, durable.
func (e *Engine) fetch(ctx context.Context, j job) (*transfer.Download, error) {
	f := transfer.Fetch{
		Version: e.version(j), From: e.drive, FS: e.fs, Came: e.progress.came, MakeRoom: e.makeRoom,
		Resume: transfer.Partials{DB: e.db, Folder: e.cfg.Folder.N, Key: int64(j.Key), Update: e.durably},
		Create: func() (transfer.Private, error) { return e.newTemp(j) },
		Again: func(ctx context.Context) (remote.Secret, error) {
			now, err := e.asPlanned(ctx, j)
			return now.Address, err
		},
	}
	d, err := f.Run(ctx)
	if errors.Is(err, transfer.ErrSuperseded) {
		err = errSuperseded
	}
	if err != nil {
		return nil, err
	}
	if at := state.When(j.Remote.MTime); !at.IsZero() {
		err = d.SetMTime(at)
	}
	if err == nil {
		err = d.Sync()
	}
	if err != nil {
		return nil, e.discard(d.Private, err)
	}
	return d, nil
}

// version is the content that j is to download.
func (e *Engine) version(j job) transfer.Version {
	return transfer.Version{Drive: e.cfg.Drive.ID, Kind: e.cfg.Drive.Kind, Item: remote.Item{
		ID: j.id, Name: j.Remote.Name, Size: j.Remote.Size, Hash: string(j.Remote.Hash), ETag: j.Remote.ETag, Address: j.address,
	}}
}

// newTemp makes a private file for j.
func (e *Engine) newTemp(j job) (transfer.Private, error) {
	name := path.Join(tmpDir, fmt.Sprintf("%d-%s-%d", j.Key, e.born, e.temps.Add(1)))
	f, err := e.fs.Create(name)
	return transfer.Private{File: f, Name: name}, err
}

// asPlanned fetches j's item, and reports as an error that it is no longer what was
// to be downloaded.
func (e *Engine) asPlanned(ctx context.Context, j job) (remote.Item, error) {
	since := e.db.Moment()
	now, err := e.drive.Item(ctx, e.cfg.Drive.ID, j.id)
	if row := itemRow(now); err == nil && !(j.stillThere(row) && j.asPlanned(row)) {
		err = &movedOn{now, since}
	}
	return now, err
}

func (e *Engine) notFetched(ctx context.Context, j job, err error) outcome {
	if errors.Is(err, remote.ErrNotFound) || errors.Is(err, errSuperseded) {
		return e.notAsPlanned(ctx, j, err)
	}
	return outcome{err: err}
}

// discard removes a private file and gives err back.
func (e *Engine) discard(p transfer.Private, err error) error { return transfer.Discard(e.fs, p, err) }
