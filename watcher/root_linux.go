package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"tandem/watcher/codepage"
)

// A Root is a directory below which everything is looked at. Paths are
// slash-separated and relative to it; "" is the root itself. No path leads out
// of it, through a symbolic link or onto another file system, even while
// somebody swaps directories for links: each is resolved by the kernel under
// these rules, or not at all. A Root serves any number of goroutines.
//
// It is opened by its path for each thing that is done, and only for that: so
// what is done is done to the directory that was meant, or not at all, see
// [ErrAway], and its disk can be unmounted whenever nothing is done.
type Root struct {
	path  string
	id    identity
	walk  bool // the kernel has no openat2 (before 5.6, or forbidden in a sandbox)
	whole bool // paths in the private area are served
	page  *codepage.Page
	lists sync.Pool

	away, closed atomic.Bool
}

// An identity tells a directory from all others that may come to its path. The
// top of a disk has the same numbers on many disks, and a new directory gets that
// of one that was deleted; the mount and the birth tell these apart, as far as the
// kernel and the file system know them.
type identity struct {
	dev, ino, mount uint64
	born            int64
}

// OpenRoot makes a Root of the directory at path, which may be reached through
// links.
func OpenRoot(path string) (*Root, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0) // it can be listed
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd := int(dir.Fd())
	r := &Root{path: path}
	if r.id, err = identify(fd); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) == nil && st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		r.id.born = 0 // a directory there is born again when it is first written to
	}
	r.walk = !hasOpenat2(fd)
	return r, nil
}

func identify(fd int) (identity, error) {
	var st unix.Statx_t
	// The second mask gives a mount a number of its own for ever (Linux 6.8), the
	// first one as long as it is there (5.8).
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, wanted|unix.STATX_MNT_ID|unix.STATX_MNT_ID_UNIQUE, &st); err != nil {
		return identity{}, err
	}
	id := identity{dev: device(&st), ino: st.Ino, mount: st.Mnt_id}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.born = nanos(st.Btime)
	}
	return id, nil
}

// top opens the folder by its path, afresh, and makes sure that it is the one
// that was opened first. The caller closes it.
func (r *Root) top() (int, error) {
	switch {
	case r.closed.Load():
		return -1, fs.ErrClosed
	case r.away.Load():
		return -1, r.gone(nil)
	}
	for {
		fd, err := unix.Open(r.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOMEM: // not its fault
			return -1, fmt.Errorf("folder %q: %w", r.path, err)
		case err != nil:
			return -1, r.gone(err)
		}
		now, err := identify(fd)
		if r.id.born == 0 {
			now.born = 0
		}
		if err != nil || now != r.id {
			unix.Close(fd)
			return -1, r.gone(err)
		}
		return fd, nil
	}
}

// Stands makes sure that the folder is still the one that was opened, and at its
// path. Its error is [ErrAway] from when it once was not.
func (r *Root) Stands() error {
	fd, err := r.top()
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// Is reports whether both were opened on one directory.
func (r *Root) Is(other *Root) bool { return r.id == other.id }

// OpenWhole is [OpenRoot] for the package that keeps the private area: paths in
// it are served. Listings leave it out all the same.
func OpenWhole(path string) (*Root, error) {
	r, err := OpenRoot(path)
	if err == nil {
		r.whole = true
	}
	return r, err
}

// Path is what the root was opened by.
func (r *Root) Path() string { return r.path }

// Close ends the use of the root.
func (r *Root) Close() error {
	r.closed.Store(true)
	return nil
}

// beneath is the whole safety of a path: it stays below the root, and no part of
// it is a link, a mount point or a door of /proc.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

func hasOpenat2(dir int) bool {
	fd, err := unix.Openat2(dir, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: beneath})
	if err != nil {
		return false
	}
	return unix.Close(fd) == nil
}

// open resolves rel and opens what stands there.
func (r *Root) open(rel string, flags int) (int, error) {
	if err := r.check(rel); err != nil {
		return -1, err
	}
	at, err := r.page.SpellPath(rel)
	if err != nil {
		return -1, fmt.Errorf("open %w", err)
	}
	top, err := r.top()
	if err != nil {
		return -1, err
	}
	defer unix.Close(top)
	if err := apart(top, at); err != nil {
		return -1, fmt.Errorf("open %q: %w", rel, err)
	}
	resolve := resolve
	if r.walk {
		resolve = r.walkTo
	}
	for {
		fd, err := resolve(top, at, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR: // a slow file system and a signal
			continue
		}
		return -1, fmt.Errorf("open %q: %w", rel, err)
	}
}

func resolve(top int, rel string, flags int) (int, error) {
	if rel == "" {
		rel = "."
	}
	return unix.Openat2(top, rel, &unix.OpenHow{Flags: uint64(flags), Resolve: beneath})
}

// walkTo does what openat2 does on a kernel that has none: one name at a time,
// refusing links and mount points.
func (r *Root) walkTo(top int, rel string, flags int) (int, error) {
	const step = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	at, err := unix.Openat(top, ".", step, 0)
	if err != nil {
		return -1, err
	}
	dir, name := split(rel)
	for dir != "" && err == nil {
		var next string
		next, dir, _ = strings.Cut(dir, "/")
		at, err = r.stepTo(at, next, step)
	}
	if err != nil {
		return -1, err
	}
	if name == "" {
		defer unix.Close(at)
		return unix.Openat(at, ".", flags, 0)
	}
	return r.stepTo(at, name, flags)
}

// stepTo opens name in the directory at, which it closes.
func (r *Root) stepTo(at int, name string, flags int) (int, error) {
	defer unix.Close(at)
	fd, err := unix.Openat(at, name, flags, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Statx_t
	if err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, wanted, &st); err == nil && mounted(&st, r.id.dev) {
		err = unix.EXDEV
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Parent opens the directory that rel is in, for a verb that acts on the name
// within it.
func (r *Root) Parent(rel string) (dir *os.File, name string, err error) {
	if err := r.check(rel); err != nil {
		return nil, "", err
	}
	up, name := split(rel)
	if name == "" {
		return nil, "", fmt.Errorf("%q: %w", rel, errName)
	}
	if name, err = r.page.SpellPath(name); err != nil {
		return nil, "", err
	}
	if dir, err = r.openDir(up, unix.O_PATH); err == nil {
		if err = apart(int(dir.Fd()), name); err != nil {
			dir.Close()
			return nil, "", fmt.Errorf("%q: %w", rel, err)
		}
	}
	return dir, name, err
}

// apart makes sure that a path, from the directory on, does not begin in a private
// area there by another name than that has.
func apart(top int, rel string) error {
	first, _, _ := strings.Cut(rel, "/")
	if first == Private || first == "" {
		return nil
	}
	var area, named unix.Statx_t
	if unix.Statx(top, Private, lstat, unix.STATX_INO, &area) != nil || unix.Statx(top, first, lstat, unix.STATX_INO, &named) != nil {
		return nil // one of the two is not there
	}
	if area.Ino == named.Ino && device(&area) == device(&named) {
		return ErrAlias
	}
	return nil
}

// OpenDir opens a directory.
func (r *Root) OpenDir(rel string) (*os.File, error) { return r.openDir(rel, unix.O_RDONLY) }

func (r *Root) openDir(rel string, flags int) (*os.File, error) {
	fd, err := r.open(rel, flags|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rel), nil
}

// Lstat tells what stands at rel, following no link. Its error is
// [fs.ErrNotExist] when there is nothing.
func (r *Root) Lstat(rel string) (Entry, error) {
	var st unix.Statx_t
	if rel == "" {
		top, err := r.top()
		if err != nil {
			return Entry{}, err
		}
		defer unix.Close(top)
		if err := unix.Statx(top, "", unix.AT_EMPTY_PATH, wanted, &st); err != nil {
			return Entry{}, fmt.Errorf("stat %q: %w", r.path, err)
		}
		e := r.entry("", &st)
		e.Kind = Dir // also where the root itself is a mount
		return e, nil
	}
	dir, name, err := r.Parent(rel)
	if err != nil {
		return Entry{}, err
	}
	defer dir.Close()
	if err := unix.Statx(int(dir.Fd()), name, lstat, wanted, &st); err != nil {
		return Entry{}, fmt.Errorf("stat %q: %w", rel, err)
	}
	_, name = split(rel)
	return r.entry(name, &st), nil
}

// Fstat tells what an open file is, wherever it stands by now.
func (r *Root) Fstat(f *os.File) (Entry, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, wanted, &st); err != nil {
		return Entry{}, fmt.Errorf("stat %q: %w", f.Name(), err)
	}
	_, name := split(f.Name())
	return r.entry(name, &st), nil
}

// OpenFile opens a regular file for reading and tells what was opened. It does
// not wait: neither for the writer of a FIFO, nor for a lease to be given up.
func (r *Root) OpenFile(rel string) (*os.File, Entry, error) {
	// Opening a device can have effects already, so the name is looked at before;
	// what was opened in the end is looked at after.
	if e, err := r.Lstat(rel); err != nil || e.Kind != File {
		return nil, e, cannotOpen(rel, err)
	}
	fd, err := r.open(rel, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, Entry{}, err
	}
	f := os.NewFile(uintptr(fd), rel)
	e, err := r.Fstat(f)
	if err != nil || e.Kind != File {
		return nil, e, errors.Join(cannotOpen(rel, err), f.Close())
	}
	return f, e, nil
}
