//go:build !linux

package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"tandem/watcher/codepage"
)

// A Root is an open directory below which everything is looked at. Paths are
// slash-separated and relative to it; "" is the root itself. It rests on
// [os.Root]: no path leads out of it, but a link that stays inside it is
// followed, and a mount is seen only where a listing shows it. A Root serves any
// number of goroutines. Before each thing that is done it is made sure that the
// directory is still at its path, see [ErrAway].
type Root struct {
	path  string
	root  *os.Root
	is    fs.FileInfo // the directory
	away  atomic.Bool
	dev   uint64
	whole bool // paths in the private area are served
	page  *codepage.Page
}

// OpenRoot opens the directory at path, which may be reached through links.
func OpenRoot(path string) (*Root, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	r := &Root{path: path, root: root}
	if r.is, err = os.Stat(path); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	os.SameFile(r.is, r.is) // Windows looks up only now which file it is
	e, err := r.Lstat("")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	r.dev = e.Dev
	return r, nil
}

// Stands makes sure that the folder is still the one that was opened, and at its
// path. Its error is [ErrAway] from when it once was not.
func (r *Root) Stands() error {
	if r.away.Load() {
		return r.gone(nil)
	}
	now, err := os.Stat(r.path)
	if err != nil || !os.SameFile(r.is, now) {
		return r.gone(err)
	}
	return nil
}

// Is reports whether both were opened on one directory.
func (r *Root) Is(other *Root) bool { return os.SameFile(r.is, other.is) }

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
func (r *Root) Close() error { return r.root.Close() }

// Within gives what [os.Root] needs to act on rel.
func (r *Root) Within(rel string) (*os.Root, string, error) {
	if err := r.check(rel); err != nil {
		return nil, "", err
	}
	if err := r.Stands(); err != nil {
		return nil, "", err
	}
	if rel == "" {
		return r.root, ".", nil
	}
	spelled, err := r.page.SpellPath(rel)
	if err != nil {
		return nil, "", err
	}
	local := filepath.FromSlash(spelled)
	if !filepath.IsLocal(local) { // a reserved name, a colon, a backslash
		return nil, "", fmt.Errorf("%q: %w", rel, errName)
	}
	if err := r.apart(local); err != nil {
		return nil, "", fmt.Errorf("%q: %w", rel, err)
	}
	return r.root, local, nil
}

// apart makes sure that a path does not begin or end in a private area by another
// name than that has.
func (r *Root) apart(local string) error {
	rel := filepath.ToSlash(local)
	first, _, _ := strings.Cut(rel, "/")
	dir, _ := split(rel)
	return errors.Join(r.apartIn("", first), r.apartIn(dir, rel))
}

func (r *Root) apartIn(dir, rel string) error {
	own := path.Join(dir, Private)
	if rel == own {
		return nil
	}
	area, noArea := r.root.Lstat(filepath.FromSlash(own))
	named, nothing := r.root.Lstat(filepath.FromSlash(rel))
	if noArea == nil && nothing == nil && os.SameFile(area, named) {
		return ErrAlias
	}
	return nil
}

// OpenDir opens a directory.
func (r *Root) OpenDir(rel string) (*os.File, error) {
	root, at, err := r.Within(rel)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(at)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", rel, cause(err))
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return nil, errors.Join(fmt.Errorf("open %q: not a directory", rel), err, f.Close())
	}
	return f, nil
}

// ReadDir appends the entries of a directory to buf[:0], in no order. It gives
// the whole directory or an error, never a part: what is missing in a listing
// counts as gone. An entry that goes away while the directory is read is left
// out.
func (r *Root) ReadDir(rel string, buf []Entry) ([]Entry, error) {
	buf = buf[:0]
	dir, err := r.OpenDir(rel)
	if err != nil {
		return buf, err
	}
	defer dir.Close()
	names, err := dir.ReadDir(-1)
	if err != nil {
		return buf, fmt.Errorf("list %q: %w", rel, cause(err))
	}
	for _, d := range names {
		if rel == "" && IsPrivate(d.Name()) {
			continue
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return buf[:0], fmt.Errorf("stat %q in %q: %w", d.Name(), rel, cause(err))
		}
		buf = append(buf, r.entry(r.page.Read(d.Name()), info))
	}
	return buf, nil
}

// Lstat tells what stands at rel, following no link. Its error is
// [fs.ErrNotExist] when there is nothing.
func (r *Root) Lstat(rel string) (Entry, error) {
	root, at, err := r.Within(rel)
	if err != nil {
		return Entry{}, err
	}
	info, err := root.Lstat(at)
	if err != nil {
		return Entry{}, fmt.Errorf("stat %q: %w", rel, cause(err))
	}
	_, name := split(rel)
	return r.entry(name, info), nil
}

// Fstat tells what an open file is, wherever it stands by now.
func (r *Root) Fstat(f *os.File) (Entry, error) {
	info, err := f.Stat()
	if err != nil {
		return Entry{}, err
	}
	return r.entry(r.page.Read(info.Name()), info), nil
}

// OpenFile opens a regular file for reading and tells what was opened. It does
// not wait for the writer of a FIFO: what is no file is not opened.
func (r *Root) OpenFile(rel string) (*os.File, Entry, error) {
	e, err := r.Lstat(rel)
	if err != nil || e.Kind != File {
		return nil, e, cannotOpen(rel, err)
	}
	root, at, err := r.Within(rel)
	if err != nil {
		return nil, Entry{}, err
	}
	f, err := root.OpenFile(at, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, Entry{}, fmt.Errorf("open %q: %w", rel, cause(err))
	}
	e, err = r.Fstat(f)
	if err != nil || e.Kind != File {
		return nil, e, errors.Join(cannotOpen(rel, err), f.Close())
	}
	return f, e, nil
}

// entry puts in our words what lstat said.
func (r *Root) entry(name string, info fs.FileInfo) Entry {
	e := Entry{Name: name, Mode: uint32(info.Mode().Perm()), NLink: 1, MTime: unixNano(info.ModTime())}
	fill(&e, info)
	e.Kind, e.Why = kind(info.Mode())
	switch {
	case e.Kind == File:
		e.Size = info.Size()
	case e.Kind == Dir && name != "" && e.Dev != r.dev:
		e.Kind = Mount
	}
	return e
}

func kind(mode fs.FileMode) (Kind, string) {
	switch {
	case mode.IsRegular():
		return File, ""
	case mode.IsDir():
		return Dir, ""
	case mode&fs.ModeSymlink != 0:
		return Other, "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return Other, "FIFO"
	case mode&fs.ModeSocket != 0:
		return Other, "socket"
	}
	return Other, "device"
}

// cause takes the path off an error that is wrapped with it anyway.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
