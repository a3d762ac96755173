package syncer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
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
	tmp, got, err := e.fetch(ctx, j)
	if err != nil {
		return e.notFetched(ctx, j, err)
	}
	defer tmp.file.Close()
	if j.Local.Kind == plan.None {
		return e.placeNew(j, tmp, got)
	}
	if j.Keep != "" && j.Local.Hash == "" && got.size == j.Local.Size { // only the bytes can tell whether there are two versions
		if j.Local.Hash, err = e.hashIf(j.to, j.Local.Print); err != nil {
			return outcome{err: e.discard(tmp, err), look: []string{j.to}}
		}
	}
	if got.hash == j.Local.Hash && got.size == j.Local.Size && got.hash != "" {
		return e.alreadyHere(j, tmp, got)
	}
	if j.Keep != "" && j.base.N == 0 && e.cfg.Drive.Kind != "personal" && plan.SameSecond(j.Local.MTime, j.Remote.MTime) {
		if mine, err := e.madeHere(j, tmp, got); err != nil {
			return outcome{err: e.discard(tmp, err), look: []string{j.to}}
		} else if mine != "" {
			return e.adopt(j, tmp, got, mine)
		}
	}
	return e.replace(j, tmp, got)
}

// madeHere gives the hash of the file here if the download is what a work drive has made
// of it. That is no second version, but what a lost state has forgotten. Of what was
// agreed upon and edited on both sides, in one second, it proves nothing.
func (e *Engine) madeHere(j job, tmp temp, got content) (plan.Hash, error) {
	if !remote.MayBeRewriting(j.Remote.Name, got.size, j.Local.Size) {
		return "", nil
	}
	f, err := e.fs.Open(j.to)
	if err != nil {
		return "", errSuperseded
	}
	defer f.Close()
	like, err := remote.Compare(j.Remote.Name, tmp.file, got.size, f, j.Local.Size)
	if like != remote.Holds || err != nil {
		return "", err
	}
	return e.hashIf(j.to, j.Local.Print)
}

// adopt agrees that what stands here is what the item was made of.
func (e *Engine) adopt(j job, tmp temp, got content, mine plan.Hash) outcome {
	if j.Remote.Hash == "" && got.size == j.Remote.Size {
		j.Remote.Hash = got.hash
	}
	return e.alreadyHere(j, tmp, content{size: j.Local.Size, hash: mine})
}

// A temp is a complete, durable download under its private name.
type temp struct {
	name string
	file disk.File
}

// A content is what was really received.
type content struct {
	size int64
	hash plan.Hash
	over bool // more came than may, and was not kept: it is no content
}

// placeNew gives the download its name, which must be free.
func (e *Engine) placeNew(j job, tmp temp, got content) outcome {
	if err := tmp.file.AsNewIn(dirOf(j.to), e.cfg.FileMode); gone(err) {
		return outcome{err: e.discard(tmp, errSuperseded), look: []string{j.to}}
	} else if err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	ours, err := e.named(tmp)
	if err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	if err := e.fs.Rename(tmp.name, j.to); errors.Is(err, fs.ErrExist) || gone(err) {
		return outcome{err: e.discard(tmp, errSuperseded), look: []string{j.to}}
	} else if err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	out := e.downloaded(j, shown(ours, tmp.file), got)
	out.sync = []string{dirOf(j.to)}
	return out
}

// named gives the entry of a download, and makes sure that its name stands for it.
func (e *Engine) named(tmp temp) (watcher.Entry, error) {
	ours, err := tmp.file.Stat()
	if err == nil {
		err = disk.Named(e.fs, tmp.name, ours)
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
func (e *Engine) alreadyHere(j job, tmp temp, got content) outcome {
	if err := e.discard(tmp, nil); err != nil {
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
		if err := bound(tx); err != nil || !resumable(j) {
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
func (e *Engine) replace(j job, tmp temp, got content) outcome {
	entry, err := e.fs.Lstat(j.to)
	if err != nil || printOfEntry(entry) != j.Local.Print {
		return outcome{err: e.discard(tmp, errSuperseded), look: []string{j.to}}
	}
	if err := disk.TakeAfter(e.fs, j.to, tmp.file); err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	if _, err := e.named(tmp); err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	agreed := j.Local.Hash
	if j.Keep != "" {
		agreed = "" // somebody's edit
	}
	stash := stashName(tmp.name, j.to, agreed)
	in := state.Intent{
		Folder: e.cfg.Folder.N, Op: opReplace, Key: int64(j.Key), Path: j.to, Private: stash, Keep: j.Keep,
		Ino: entry.Ino, Size: entry.Size, Hash: string(j.Local.Hash), Want: string(got.hash), At: e.clock.Now(),
	}
	if in.N, err = e.intend(in); err != nil {
		return outcome{err: e.discard(tmp, err)}
	}
	if err := e.fs.Rename(tmp.name, stash); err != nil {
		return outcome{err: e.discard(tmp, err), tx: dropIntent(in.N)}
	}
	ours, err := tmp.file.Stat()
	if err == nil {
		err = e.exchange(stash, j.to)
	}
	if err != nil {
		return e.notReplaced(in, err)
	}
	return e.replaced(j, in, shown(ours, tmp.file), got)
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
			name = plan.ConflictName(path.Base(rel), e.cfg.Host, e.clock.Now(), n)
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

// exchange swaps the two names. Where the file system cannot swap, the old file
// keeps a second name first, so it survives all the same; the ladder's lower
// rungs leave an instant in which somebody's save by rename could be overtaken.
// What an error leaves half done is for settle to put in order.
func (e *Engine) exchange(stash, to string) error {
	err := e.fs.Exchange(stash, to)
	if errors.Is(err, errors.ErrUnsupported) {
		err = e.exchangeByLinks(stash, to)
	}
	return err
}

func (e *Engine) exchangeByLinks(stash, to string) error {
	fresh := besides(stash)
	if err := e.fs.Rename(stash, fresh); err != nil {
		return err
	}
	err := e.fs.Link(to, stash)
	place := e.fs.Replace
	if err != nil {
		err, place = e.fs.Rename(to, stash), e.fs.Rename
	}
	if err == nil {
		err = e.fs.SyncDir(stashDir) // or a power loss may keep the new name and forget where the old file went
	}
	if err != nil {
		return err
	}
	return place(fresh, to)
}

// besides is where the new content waits while the ladder sets the old one aside.
func besides(stash string) string { return stash + ".new" }

// fetch downloads into a private file: complete, verified, durable.
func (e *Engine) fetch(ctx context.Context, j job) (temp, content, error) {
	if err := e.room(j.Remote.Size); err != nil {
		return temp{}, content{}, err
	}
	address := j.address
	var last plan.Hash
	for try := 1; ; try++ {
		tmp, got, err := e.receive(ctx, j, address)
		if full(err) && try == 1 {
			if err = e.makeRoom(j.Remote.Size, err); err == nil {
				continue
			}
		}
		if err != nil {
			return temp{}, content{}, err
		}
		if e.asTold(j, got) || try > 1 && !got.over && got.hash == last && e.mayDiffer(j, got) && !aPage(tmp.file, j.Remote.Name) {
			if err := e.finishTemp(tmp, j); err != nil {
				return temp{}, content{}, e.discard(tmp, err)
			}
			return tmp, got, nil
		}
		if err := e.discard(tmp, nil); err != nil {
			return temp{}, content{}, err
		}
		if now, err := e.asPlanned(ctx, j); err != nil {
			return temp{}, content{}, err
		} else if address = now.Address; try > 2 {
			return temp{}, content{}, errDamaged
		}
		last = got.hash
	}
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

var errDamaged = errors.New("what the service sends is not what it says it has; it is tried again later")

// asTold compares what came with what the service said; without a hash only the
// size can be compared.
func (e *Engine) asTold(j job, got content) bool {
	return !got.over && got.size == j.Remote.Size && (j.Remote.Hash == "" || j.Remote.Hash == got.hash)
}

// mayDiffer says that the service is known to serve, each time, other bytes
// than its metadata tells: SharePoint rewrites and labels files, phones' photos
// are converted.
func (e *Engine) mayDiffer(j job, got content) bool {
	photo := slices.Contains([]string{".heic", ".heif", ".jpg", ".jpeg", ".mov"}, strings.ToLower(path.Ext(j.Remote.Name)))
	return e.cfg.Drive.Kind != "personal" || photo && got.size != j.Remote.Size && got.size > 0
}

// aPage says that a web page came, such as a proxy puts in the place of
// everything, for a file that is none.
func aPage(f io.ReaderAt, name string) bool {
	if ext := strings.ToLower(path.Ext(name)); strings.Contains(ext, "htm") || strings.Contains(ext, "asp") {
		return false
	}
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0) // the end comes early in a short one
	start := strings.ToLower(strings.TrimLeft(string(head[:n]), "\ufeff\t\r\n "))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

func (e *Engine) finishTemp(tmp temp, j job) error {
	if at := state.When(j.Remote.MTime); !at.IsZero() {
		if err := tmp.file.SetMTime(at); err != nil {
			return err
		}
	}
	return tmp.file.Sync()
}

func (e *Engine) notFetched(ctx context.Context, j job, err error) outcome {
	if errors.Is(err, remote.ErrNotFound) || errors.Is(err, errSuperseded) {
		return e.notAsPlanned(ctx, j, err)
	}
	return outcome{err: err}
}

// discard removes a private file and gives err back.
func (e *Engine) discard(tmp temp, err error) error {
	if tmp.file != nil {
		tmp.file.Close()
	}
	if rm := e.fs.Remove(tmp.name); rm != nil && !gone(rm) {
		return errors.Join(err, rm)
	}
	return err
}
