// Package disk holds the verbs with which a synced folder is changed.
//
// It promises that nothing outside the folder is touched, and that no verb
// destroys what a person put into it: outside the private area .tandem/ the only
// changes are renames and links that never replace, atomic exchanges, making a
// directory and removing an empty one. What is to be deleted is renamed into the
// private area, looked at there, and only there unlinked. [Disk.Replace] is the
// one exception, for file systems that can do no better.
//
// Each verb opens the directory it acts in by the rules of [watcher.Root] and
// then acts on one name relative to that descriptor, so a directory that is
// swapped for a link in between leads nowhere. Once the folder itself was moved,
// unmounted or replaced no verb does anything any more, see [watcher.ErrAway].
package disk

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"tandem/watcher"
)

// Verbs are what syncing and cloud tasks do to a folder. [*Disk] has the real ones;
// a simulator has its own, between which anything may happen. Paths are
// slash-separated and relative to the folder; no verb follows a link, crosses a
// mount or replaces what stands under a name.
type Verbs interface {
	ReadDir(rel string, buf []watcher.Entry) ([]watcher.Entry, error)
	Lstat(rel string) (watcher.Entry, error)
	Open(rel string) (File, error)
	Create(rel string) (File, error)
	Append(rel string) (File, error)
	Rename(from, to string) error
	Exchange(a, b string) error
	Link(from, to string) error
	Replace(from, to string) error
	Mkdir(rel string) (watcher.Entry, error)
	Rmdir(rel string) error
	Remove(rel string) error
	MkdirPrivate(rel string) error
	SyncDir(rel string) error
	DateDir(rel string, t time.Time) error // as near as the file system can
	Free() (bytes, inodes uint64, err error)
	Quiet(rel string) bool
	Stands() error // [watcher.ErrAway] once the folder is not what was opened
}

// A Disk is a synced folder. Paths are slash-separated and relative to it. It
// serves any number of goroutines.
type Disk struct {
	*watcher.Root
	caps func() (Caps, error)
}

const (
	tmpDir   = watcher.Private + "/tmp"
	stashDir = watcher.Private + "/stash"
	trashDir = watcher.Private + "/trash"
)

var (
	errPrivate = errors.New("belongs to tandem")
	errForeign = errors.New("is not in the private area")
)

// inside says that rel lies in a private area at the top, by the very name of that.
func inside(rel string) bool {
	area, _, below := strings.Cut(rel, "/")
	return below && watcher.IsPrivate(area) && area == strings.ToLower(area)
}

// private refuses what is not in the private area.
func private(rel string) error {
	if !inside(rel) {
		return fmt.Errorf("%q %w", rel, errForeign)
	}
	return movable(rel)
}

// movable refuses the private area itself, the marker in it, and other spellings of
// its name, which lead there where case does not count.
func movable(rels ...string) error {
	for _, rel := range rels {
		if watcher.IsOwn(rel) && !inside(rel) || strings.EqualFold(rel, marker) {
			return fmt.Errorf("%q %w", rel, errPrivate)
		}
	}
	return nil
}

// MkdirPrivate makes a directory in the private area, with those above it. One that
// is there must be the user's own.
func (d *Disk) MkdirPrivate(rel string) error {
	if err := private(rel); err != nil {
		return err
	}
	for at := range prefixes(rel) {
		if err := d.mkdir(at, 0o700); err != nil && !isDir(d, at) {
			return fmt.Errorf("make directory %q: %w", at, err)
		}
		if err := d.keep(at); err != nil {
			return err
		}
	}
	return nil
}

// RmdirPrivate removes a private area, if it is empty. What a person keeps under its
// name, as a file or a link, is none.
func (d *Disk) RmdirPrivate(area string) error {
	if !watcher.IsPrivate(area) || !isDir(d, area) {
		return nil
	}
	return d.rmdir(area)
}

// prefixes gives "a", "a/b", "a/b/c" for "a/b/c".
func prefixes(rel string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range len(rel) + 1 {
			if (i == len(rel) || rel[i] == '/') && !yield(rel[:i]) {
				return
			}
		}
	}
}

func isDir(d *Disk, rel string) bool {
	e, err := d.Lstat(rel)
	return err == nil && e.Kind == watcher.Dir
}

// PrivateDir lists a directory in the private area.
func (d *Disk) PrivateDir(rel string) ([]watcher.Entry, error) {
	if err := private(rel); err != nil {
		return nil, err
	}
	return d.ReadDir(rel, nil)
}

// dirOf is the directory of rel, "" for the folder itself.
func dirOf(rel string) string {
	if dir := path.Dir(rel); dir != "." {
		return dir
	}
	return ""
}
