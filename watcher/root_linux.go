package watcher

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tandem/watcher/codepage"
)

// A Root is an open directory below which everything is looked at. Paths are
// slash-separated and relative to it; "" is the root itself. No path leads out
// of it, through a symbolic link or onto another file system, even while
// somebody swaps directories for links: each is resolved by the kernel under
// these rules, or not at all. A Root serves any number of goroutines.
type Root struct {
	path  string
	dir   *os.File
	dev   uint64
	walk  bool // the kernel has no openat2 (before 5.6, or forbidden in a sandbox)
	whole bool // paths in the private area are served
	page  *codepage.Page
	lists sync.Pool
}

// OpenRoot opens the directory at path, which may be reached through links.
func OpenRoot(path string) (*Root, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	r := &Root{path: path, dir: dir}
	e, err := r.Fstat(dir)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	r.dev = e.Dev
	r.walk = !r.hasOpenat2()
	return r, nil
}

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

// Close releases the root's descriptor.
func (r *Root) Close() error { return r.dir.Close() }

func (r *Root) fd() int { return int(r.dir.Fd()) }

// beneath is the whole safety of a path: it stays below the root, and no part of
// it is a link, a mount point or a door of /proc.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

func (r *Root) hasOpenat2() bool {
	fd, err := unix.Openat2(r.fd(), ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: beneath})
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
	resolve := r.resolve
	if r.walk {
		resolve = r.walkTo
	}
	for {
		fd, err := resolve(at, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR: // a slow file system and a signal
			continue
		}
		return -1, fmt.Errorf("open %q: %w", rel, err)
	}
}

func (r *Root) resolve(rel string, flags int) (int, error) {
	if rel == "" {
		rel = "."
	}
	return unix.Openat2(r.fd(), rel, &unix.OpenHow{Flags: uint64(flags), Resolve: beneath})
}

// walkTo does what openat2 does on a kernel that has none: one name at a time,
// refusing links and mount points.
func (r *Root) walkTo(rel string, flags int) (int, error) {
	const step = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	at, err := unix.Openat(r.fd(), ".", step, 0)
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
	if err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, wanted, &st); err == nil && mounted(&st, r.dev) {
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
	dir, err = r.openDir(up, unix.O_PATH)
	return dir, name, err
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
	if rel == "" {
		e, err := r.Fstat(r.dir)
		e.Name, e.Kind = "", Dir // also where the root itself is a mount
		return e, err
	}
	dir, name, err := r.Parent(rel)
	if err != nil {
		return Entry{}, err
	}
	defer dir.Close()
	var st unix.Statx_t
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
