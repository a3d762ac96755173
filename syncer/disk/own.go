package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"tandem/watcher"
)

// Others who use this machine are neither to read nor to exchange what passes
// through the private area. So it counts only while each of its directories is the
// user's own and closed to others, which is looked at through the descriptor that
// a verb works by: nobody else can give another meaning to a name in it then.

var (
	errOthers   = errors.New("belongs to another user, who could read and exchange what passes through it")
	errWritable = errors.New("may be written to by others, who could exchange what passes through it; if all in it is yours: chmod -R go=")
)

// keep makes sure that a private directory is the user's own. One that others may
// only read is closed to them.
func (d *Disk) keep(rel string) error {
	dir, err := d.OpenDir(rel)
	if errors.Is(err, fs.ErrPermission) {
		return refusal(d.Root, rel, errOthers)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	open, err := whose(dir)
	if err == nil && open {
		err = dir.Chmod(0o700)
	}
	return refusal(d.Root, rel, err)
}

// refusal says what to do about a private directory that is not the user's own. It is
// never to be removed: what was deleted and replaced may lie in it, and the marker.
func refusal(root *watcher.Root, rel string, err error) error {
	at := filepath.Join(root.Path(), filepath.FromSlash(rel))
	switch {
	case errors.Is(err, errOthers):
		return fmt.Errorf("%q %w; if you made it as another user, as with sudo: sudo chown -R %d %[1]q; else move it aside and do not delete it: files of yours may be in it", at, err, os.Geteuid())
	case errors.Is(err, errWritable):
		return fmt.Errorf("%q %w %[1]q", at, err)
	case err != nil:
		return fmt.Errorf("%q %w", at, err)
	}
	return nil
}

// ownIn makes sure that rel, if it is in the private area, is in a directory of it
// that is the user's own.
func (d *Disk) ownIn(rel string, dir *os.File) error {
	if !inside(rel) {
		return nil
	}
	return refusal(d.Root, dirOf(rel), own(dir))
}

// Synced finds the folder that the user keeps in sync and dir is, or lies in. A
// marker that somebody else may have put there is none.
func Synced(dir string) (folder string, found bool) {
	for at := range upFrom(dir) {
		if _, err := os.Lstat(filepath.Join(at, filepath.FromSlash(marker))); err == nil && marked(at) && reached(at) {
			return at, true
		}
	}
	return "", false
}

// MayBeSynced reports whether there is a marker at dir, or above it, of whoever it may
// be. It says nothing about where something may pass by; but the folder may be one
// that is kept in sync, so what is promised of those holds.
func MayBeSynced(dir string) bool {
	for at := range upFrom(dir) {
		_, err := os.Lstat(filepath.Join(at, filepath.FromSlash(marker)))
		if err == nil || errors.Is(err, fs.ErrPermission) { // it may be in there
			return true
		}
	}
	return false
}

// marked reports whether a folder has a marker in a private area of the user's own.
func marked(folder string) bool {
	root, err := watcher.OpenWhole(folder)
	if err != nil {
		return false
	}
	defer root.Close()
	dir, err := root.OpenDir(watcher.Private)
	if err != nil {
		return false
	}
	defer dir.Close()
	e, err := root.Lstat(marker)
	return err == nil && e.Kind == watcher.File && own(dir) == nil
}

// reached reports whether nobody else can have put a folder where it is.
func reached(folder string) bool {
	for at := range upFrom(folder) {
		if !trusts(at, at == folder) {
			return false
		}
	}
	return true
}

// upFrom lists a directory and those that it is in.
func upFrom(dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for last := ""; dir != last && yield(dir); dir = filepath.Dir(dir) {
			last = dir
		}
	}
}
