package task

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/syncer/names"
	"tandem/syncer/transfer"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// The part of the usual private area that is for tasks. What syncing keeps there is
// elsewhere, so an agent leaves this alone, and an agent's start-up too.
const private = watcher.Private + "/tasks"

// The folder in that part in which downloads lie that a later task can resume: nothing
// else ever does.
const partial = "partial"

func isPartial(name string) bool { return path.Base(path.Dir(name)) == partial }

// A Landing is a folder here that things come into. No name from online leads
// out of it, through a link or otherwise. It is safe for concurrent use.
type Landing struct {
	Synced bool // it lies in a folder that tandem keeps in sync
	Keep   bool // what is replaced or removed is kept; always so where it may be synced
	Twins  Twins

	disk    disk.Verbs
	root    string // where the disk's folder is
	prefix  string // where in it the landing is
	page    *codepage.Page
	bare    func(area string) error // removes a private area, if it is empty
	end     func() error
	shared  bool // other tasks are at work in its private area
	mode    uint32
	began   time.Time
	temps   atomic.Int64
	exposed bool                     // anybody may rename what is in the disk's folder
	find    func() ([]string, error) // the private areas; nil: there is the usual one only

	mu    sync.Mutex
	area  string          // the private area in use; "": none is yet
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
	return landAt(dir, mode, page)
}

// landAt is Land for a folder that is there.
func landAt(dir string, mode uint32, page *codepage.Page) (*Landing, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	root, synced := disk.Synced(dir)
	if !synced {
		root = dir
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	l := &Landing{Synced: synced, root: root, page: page, Keep: disk.MayBeSynced(dir), mode: mode, began: time.Now(), dirty: map[string]bool{}, durable: map[string]bool{}}
	if l.prefix = page.ReadPath(filepath.ToSlash(rel)); l.prefix == "." {
		l.prefix = ""
	}
	if watcher.IsOwn(l.prefix) {
		return nil, fmt.Errorf("%q belongs to tandem", dir)
	}
	d, err := disk.Open(root)
	if err != nil {
		return nil, err
	}
	d.SetPage(page)
	l.disk, l.bare, l.end, l.find = d, d.RmdirPrivate, d.Close, d.Areas
	l.exposed = !synced && d.Exposed()
	return l, nil
}

// Close ends the use of the folder. Its private area goes, unless something is
// kept there or other tasks share it.
func (l *Landing) Close() error {
	if !l.shared {
		l.tidy()
	}
	return l.end()
}

// at is where a path below the landing is on the disk.
func (l *Landing) at(rel string) string { return strings.Trim(l.prefix+"/"+rel, "/") }

// look tells what stands under a name; false when nothing does.
func (l *Landing) look(rel string) (watcher.Entry, bool, error) { return l.lookAt(l.at(rel)) }

func (l *Landing) lookAt(at string) (watcher.Entry, bool, error) {
	e, err := l.disk.Lstat(at)
	if absent(err) {
		return e, false, nil
	}
	if errors.Is(err, watcher.ErrAlias) {
		err = fmt.Errorf("%w: %w", ErrName, watcher.ErrAlias)
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
		if why := cmp.Or(l.page.Unspellable(name), names.LocalRefuses(name)); why != "" {
			return fmt.Errorf("%w: %s", ErrName, why)
		}
		parent = join(parent, name)
	}
	return nil
}

// makeDirs makes a folder with those above it. A link in the way is not followed.
func (l *Landing) makeDirs(rel string) error { return l.makeAt(l.at(rel), l.prefix) }

// makeAt is makeDirs by a path on the disk, up to a folder that is not made.
func (l *Landing) makeAt(at, top string) error {
	if at == top {
		return nil
	}
	e, there, err := l.lookAt(at)
	switch {
	case err != nil:
		return err
	case there && e.Kind == watcher.Dir:
		return nil
	case there:
		return fmt.Errorf("%w: %q is no folder", ErrInTheWay, at)
	}
	if err := l.makeAt(Parent(at), top); err != nil {
		return err
	}
	if _, err := l.disk.Mkdir(at); err != nil && !errors.Is(err, fs.ErrExist) {
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

// create makes a private file with a name of its own.
func (l *Landing) create() (transfer.Private, error) {
	name, err := l.fresh("part")
	if err != nil {
		return transfer.Private{}, err
	}
	return l.createAs(name)
}

// createPartial is create for a large download, which a later task can resume.
func (l *Landing) createPartial() (transfer.Private, error) {
	name, err := l.fresh("part")
	if err != nil {
		return transfer.Private{}, err
	}
	return l.createAs(path.Join(path.Dir(name), partial, path.Base(name)))
}

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

// keepSafe makes a file that stands here durable, with the names that lead to it.
func (l *Landing) keepSafe(rel string) error {
	f, err := l.disk.Open(l.at(rel))
	if err != nil {
		return err
	}
	err = f.Sync()
	f.Close()
	if errors.Is(err, fs.ErrPermission) {
		err = nil // Windows does it only for whoever may write
	}
	return errors.Join(err, l.syncAbove(l.at(rel)))
}

// fresh is a private name that no task has used, not even one that was cut short
// and had the same process number.
func (l *Landing) fresh(kind string) (string, error) {
	dir, err := l.own()
	return fmt.Sprintf("%s/%d-%d-%d.%s", dir, l.began.UnixNano(), os.Getpid(), l.temps.Add(1), kind), err
}

func (l *Landing) createAs(name string) (transfer.Private, error) {
	err := l.havePrivate(path.Dir(name))
	for try := 1; err == nil; try++ {
		f, failed := l.disk.Create(name)
		if !absent(failed) || try == 3 {
			return transfer.Private{File: f, Name: name}, failed
		}
		err = l.makePrivate(path.Dir(name)) // another task may have tidied up just now
	}
	return transfer.Private{}, err
}

// finish makes a private file what it is to be under rel: whole, durable, with its
// time, and else like the one that it replaces, or like any new one there.
func (l *Landing) finish(f disk.File, rel string, replaces bool, mtime time.Time) error {
	var err error
	if replaces {
		err = disk.TakeAfter(l.disk, l.at(rel), f, l.mode)
	} else {
		err = f.AsNewIn(l.at(Parent(rel)), l.mode)
	}
	if absent(err) {
		return transfer.ErrEdited
	}
	if err != nil {
		return err
	}
	if !mtime.IsZero() {
		if err := f.SetMTime(mtime); err != nil {
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
