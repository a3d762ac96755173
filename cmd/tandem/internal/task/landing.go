package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// The part of the private area that is for tasks. What syncing keeps there is
// elsewhere, so an agent leaves this alone, and an agent's start-up too.
const private = watcher.Private + "/tasks"

// reserve is disk space that is never used up.
const reserve = 64 << 20

// Twins gives the ids of what is online that syncing keeps the same as what
// stands at a path here. Of such two neither is the other's source: to delete one
// would be to delete both. nil: there are none.
type Twins func(ctx context.Context, rel string) ([]string, error)

// apart makes sure that a path here and an item online are not twins.
func (t Twins) apart(ctx context.Context, rel, id string) error {
	if t == nil {
		return nil
	}
	ids, err := t(ctx, rel)
	if err == nil && slices.Contains(ids, id) {
		err = ErrTwin
	}
	return err
}

// A Landing is a folder here that things come into. No name from online leads
// out of it, through a link or otherwise. It is safe for concurrent use.
type Landing struct {
	Synced bool // it lies in a folder that tandem keeps in sync
	Keep   bool // what is replaced or removed is kept; always so where Synced
	Twins  Twins

	disk   disk.Verbs
	root   string // where the disk's folder is
	prefix string // where in it the landing is
	page   *codepage.Page
	end    func() error
	shared bool // other tasks are at work in its private area
	mode   uint32
	began  time.Time
	temps  atomic.Int64

	mu    sync.Mutex
	dirty map[string]bool // folders whose new names are not durable yet

	durable map[string]bool // private folders that are
}

// Land opens a folder here, made if it is not there. Files that come get the
// mode, and names are spelled in the page. Half-done ones are kept in the private
// area of the synced folder that it lies in, or in one of its own.
func Land(dir string, mode uint32, page *codepage.Page) (*Landing, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	root, synced := SyncedRoot(dir)
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	l := &Landing{Synced: synced, root: root, page: page, Keep: synced, mode: mode, began: time.Now(), dirty: map[string]bool{}, durable: map[string]bool{}}
	if l.prefix = page.ReadPath(filepath.ToSlash(rel)); l.prefix == "." {
		l.prefix = ""
	}
	if watcher.IsPrivate(l.prefix) {
		return nil, fmt.Errorf("%q belongs to tandem", dir)
	}
	d, err := disk.Open(root)
	if err != nil {
		return nil, err
	}
	d.SetPage(page)
	l.disk, l.end = d, d.Close
	return l, nil
}

// SyncedRoot finds the synced folder that dir lies in. Without one it is dir.
func SyncedRoot(dir string) (root string, synced bool) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, watcher.Private, "folder-id")); err == nil {
			return at, true
		}
		if at == filepath.Dir(at) {
			return dir, false
		}
	}
}

// Close ends the use of the folder. Its private area goes, unless something is
// kept there or other tasks share it.
func (l *Landing) Close() error {
	var err error
	if !l.shared {
		err = l.tidy()
	}
	return errors.Join(err, l.end())
}

// tidy removes what is empty of the private area; that of a synced folder is
// syncing's own. What a person keeps under its name, as a file or a link, is none.
func (l *Landing) tidy() error {
	_ = l.disk.Rmdir(disk.Replaced)
	_ = l.disk.Rmdir(private)
	if l.Synced {
		return nil
	}
	root, err := os.OpenRoot(l.root)
	if err != nil {
		return err
	}
	if info, err := root.Lstat(watcher.Private); err == nil && info.IsDir() {
		_ = root.Remove(watcher.Private)
	}
	return root.Close()
}

// at is where a path below the landing is on the disk.
func (l *Landing) at(rel string) string { return strings.Trim(l.prefix+"/"+rel, "/") }

// look tells what stands under a name; false when nothing does.
func (l *Landing) look(rel string) (watcher.Entry, bool, error) {
	e, err := l.disk.Lstat(l.at(rel))
	if absent(err) {
		return e, false, nil
	}
	return e, err == nil, err
}

func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// allow refuses paths that nothing here can have.
func (l *Landing) allow(rel string) error {
	parent := l.prefix
	for name := range strings.SplitSeq(rel, "/") {
		if why := cmp.Or(l.page.Unspellable(name), plan.LocalRefuses(parent, name, plan.File)); why != "" || parent == "" && watcher.IsPrivate(name) {
			if why == "" {
				why = "tandem keeps its own files under this name"
			}
			return fmt.Errorf("%w: %s", ErrName, why)
		}
		parent = join(parent, name)
	}
	return nil
}

// makeDirs makes a folder with those above it. A link in the way is not followed.
func (l *Landing) makeDirs(rel string) error {
	if rel == "" {
		return nil
	}
	e, there, err := l.look(rel)
	switch {
	case err != nil:
		return err
	case there && e.Kind == watcher.Dir:
		return nil
	case there:
		return fmt.Errorf("%w: %q is no folder", ErrInTheWay, rel)
	}
	if err := l.makeDirs(Parent(rel)); err != nil {
		return err
	}
	if _, err := l.disk.Mkdir(l.at(rel)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// hash gives the hash of a file by its path on the disk.
func (l *Landing) hash(at string) (string, error) {
	f, err := l.disk.Open(at)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return hashOf(f)
}

func hashOf(f io.Reader) (string, error) {
	sum := quickxor.New()
	_, err := io.Copy(sum, struct{ io.Reader }{f})
	return string(sum.Sum(nil)), err
}

// room refuses a file that would fill the disk.
func (l *Landing) room(size int64) error {
	free, inodes, err := l.disk.Free()
	if err != nil {
		return nil // not every file system can tell; the write will
	}
	if free < uint64(max(size, 0)) || free-uint64(max(size, 0)) < min(reserve, free/20) || inodes == 0 {
		return syscall.ENOSPC
	}
	return nil
}

// create makes a private file with a name of its own.
func (l *Landing) create() (string, disk.File, error) { return l.createAs(l.fresh("part")) }

// havePrivate makes a private folder, unless it has done so before.
func (l *Landing) havePrivate(dir string) error {
	l.mu.Lock()
	known := l.durable[dir]
	l.mu.Unlock()
	if known {
		return nil
	}
	return l.makePrivate(dir)
}

// makePrivate makes a private folder durable, for what a person has written may
// come to lie in it.
func (l *Landing) makePrivate(dir string) error {
	if err := l.disk.MkdirPrivate(dir); err != nil {
		return err
	}
	if err := l.syncAbove(dir); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.durable[dir] = true
	return nil
}

// syncAbove makes a name on the disk durable, with those of the folders above it.
func (l *Landing) syncAbove(at string) error {
	for at != "" {
		at = Parent(at)
		if err := l.disk.SyncDir(at); err != nil {
			return err
		}
	}
	return nil
}

// fresh is a private name that no task has used, not even one that was cut short
// and had the same process number.
func (l *Landing) fresh(kind string) string {
	return fmt.Sprintf("%s/%d-%d-%d.%s", private, l.began.UnixNano(), os.Getpid(), l.temps.Add(1), kind)
}

func (l *Landing) createAs(name string) (string, disk.File, error) {
	err := l.havePrivate(path.Dir(name))
	for try := 1; err == nil; try++ {
		f, failed := l.disk.Create(name)
		if !absent(failed) || try == 3 {
			return name, f, failed
		}
		err = l.makePrivate(path.Dir(name)) // another task may have tidied up just now
	}
	return "", nil, err
}

// finish makes a private file what it is to be: whole, durable, with its time.
func (l *Landing) finish(f disk.File, mtime time.Time) error {
	if err := f.Chmod(l.mode); err != nil {
		return err
	}
	if !mtime.IsZero() {
		if err := f.SetMTime(mtime.UnixNano()); err != nil {
			return err
		}
	}
	return f.Sync()
}

// later notes that the names in a folder are to be made durable; settle does it
// for all of them at once.
func (l *Landing) later(rel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty[rel] = true
}

func (l *Landing) settle() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for rel := range l.dirty {
		if err := l.disk.SyncDir(l.at(rel)); err != nil && !absent(err) {
			errs = append(errs, err)
		}
	}
	clear(l.dirty)
	return errors.Join(errs...)
}

// place gives a private file with that hash its name. was is what was seen there, nil if
// nothing. If something else stands there by now, or somebody writes to it, that
// stays, and the private file goes: [ErrMeanwhile].
func (l *Landing) place(name, hash, rel string, was *watcher.Entry) error {
	ours, err := l.disk.Lstat(name)
	if err != nil {
		return err
	}
	old := ""
	if was == nil {
		err = l.disk.Rename(name, l.at(rel))
	} else {
		old, err = l.swap(name, rel, ours.Size)
	}
	switch {
	case errors.Is(err, fs.ErrExist) || absent(err):
		return errors.Join(ErrMeanwhile, l.disk.Remove(name))
	case err != nil && ours.Size < resumeAbove:
		return errors.Join(err, l.disk.Remove(name))
	case err != nil || was == nil:
		return err
	}
	if err = l.expected(old, *was, ""); err == nil {
		err = l.discard(old, rel)
	}
	if err != nil {
		err = errors.Join(err, l.undo(old, rel, ours, hash))
	}
	return err
}

// expected says whether a file that was given a private name is the one that was
// looked at before, with nobody writing to it. It must have a hash, unless that is
// empty: where the disk keeps time coarsely, another content may look the same.
func (l *Landing) expected(name string, was watcher.Entry, hash string) error {
	quiet := l.disk.Quiet(name) // first: who has it open may write between two looks
	now, err := l.disk.Lstat(name)
	if err == nil && !(quiet && now.Kind == was.Kind && now.Ino == was.Ino && now.Size == was.Size && now.MTime == was.MTime) {
		err = ErrMeanwhile
	}
	if err != nil || hash == "" {
		return err
	}
	sum, err := l.hash(name)
	if err == nil && sum != hash {
		err = ErrMeanwhile
	}
	return err
}

// swap is exchange for a file that came. The name of a large one is where its
// download would go on, so there what stood here must not lie for an instant.
func (l *Landing) swap(name, rel string, size int64) (string, error) {
	if size < resumeAbove {
		return l.exchange(name, rel)
	}
	own := l.fresh("part")
	if err := l.disk.Rename(name, own); err != nil {
		return "", err
	}
	old, err := l.exchange(own, rel)
	if err != nil {
		err = errors.Join(err, l.disk.Rename(own, name))
	}
	return old, err
}

// exchange puts a private file under a name, and what stood there under a
// private one, which is returned. Where the file system cannot do that in one
// step, an instant remains in which a save by rename could be overtaken. After
// an error nothing has changed.
func (l *Landing) exchange(name, rel string) (string, error) {
	to := l.at(rel)
	err := l.disk.Exchange(name, to)
	if !errors.Is(err, errors.ErrUnsupported) {
		return name, err
	}
	old := name + ".old"
	if err := l.disk.Link(to, old); err == nil {
		if err = l.disk.Replace(name, to); err != nil {
			return "", errors.Join(err, l.disk.Remove(old))
		}
		return old, nil
	}
	if err := l.disk.Rename(to, old); err != nil {
		return "", err
	}
	if err = l.disk.Rename(name, to); err != nil {
		return "", errors.Join(err, l.giveBack(old, rel))
	}
	return old, nil
}

// undo gives back what came out and was not what had been looked at. If somebody
// has written to what stood in its place for an instant, that is kept, too.
func (l *Landing) undo(old, rel string, ours watcher.Entry, hash string) error {
	back, err := l.exchange(old, rel)
	if err != nil {
		return l.giveBack(old, rel)
	}
	if l.expected(back, ours, hash) != nil {
		return l.giveBack(back, rel)
	}
	return l.disk.Remove(back)
}

// giveBack gives a private file the name that it had, or if that is taken by now
// another one. It does not give up at once.
func (l *Landing) giveBack(name, rel string) error {
	to := rel
	for n := 1; ; n++ {
		err := l.disk.Rename(name, l.at(to))
		if absent(err) && n == 1 { // the folder went
			err = l.makeDirs(Parent(rel))
			if err == nil {
				err = l.syncAbove(l.at(rel))
			}
			if err == nil {
				err = l.disk.Rename(name, l.at(to))
			}
		}
		taken := errors.Is(err, fs.ErrExist)
		if err == nil || n == 100 || n == 3 && !taken {
			return err
		}
		if taken {
			to = join(Parent(rel), plan.ConflictName(path.Base(rel), "task", l.began, n))
		}
	}
}

// discard lets go of what was replaced or removed, by its private name.
func (l *Landing) discard(old, rel string) error {
	if !l.Keep {
		return l.disk.Remove(old)
	}
	stamp := l.began.Format(disk.ReplacedAt)
	for n := 0; ; n++ {
		kept := join(disk.Replaced+"/"+stamp, l.at(rel))
		if n > 0 {
			kept += fmt.Sprintf(".%d", n)
		}
		if err := l.havePrivate(path.Dir(kept)); err != nil {
			return err
		}
		if err := l.disk.Rename(old, kept); err == nil || !errors.Is(err, fs.ErrExist) || n == 1000 {
			return err
		}
	}
}

// Remove takes a file, or a folder that is empty, away from its place. If it is
// not what was looked at it stays.
func (l *Landing) Remove(was Local) error {
	if was.Kind == watcher.Dir {
		return l.disk.Rmdir(l.at(was.Path))
	}
	return l.remove(was.Path, was.Entry, "")
}

// remove takes a file away, of which more may have to be the same than how it
// looks: see expected.
func (l *Landing) remove(rel string, was watcher.Entry, hash string) error {
	name := l.fresh("gone")
	if err := l.makePrivate(private); err != nil {
		return err
	}
	if err := l.disk.Rename(l.at(rel), name); absent(err) {
		return nil
	} else if err != nil {
		return err
	}
	err := l.expected(name, was, hash)
	if err == nil {
		err = l.discard(name, rel)
	}
	if err != nil {
		err = errors.Join(err, l.giveBack(name, rel))
	}
	return err
}
