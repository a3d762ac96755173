package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"tandem/watcher"
)

// Rename gives a file or directory another name. It never replaces: what stands
// under the new name already is an [fs.ErrExist].
func (d *Disk) Rename(from, to string) error {
	if err := movable(from, to); err != nil {
		return err
	}
	err := d.renameNew(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		err = d.renameCarefully(from, to)
	}
	if errors.Is(err, fs.ErrExist) && d.respells(from, to) {
		err = d.renameOver(from, to)
	}
	return moved("rename", from, to, err)
}

// respells says that from and to are one file on a file system that folds case:
// what stands under the new name already is the file that is to get it.
func (d *Disk) respells(from, to string) bool {
	if from == to || !strings.EqualFold(from, to) {
		return false
	}
	a, errA := d.Lstat(from)
	b, errB := d.Lstat(to)
	return errA == nil && errB == nil && oneName(a, b)
}

// oneName says that two looks met the same entry, and not two names of a file.
func oneName(a, b watcher.Entry) bool {
	a.Name, b.Name = "", ""
	return a == b && (a.Kind == watcher.Dir || a.NLink == 1)
}

// renameCarefully is Rename on a file system that cannot refuse to replace (FAT,
// some network ones; see [Caps]). A second name can be refused by all, but then
// the first must be unlinked, which is safe only where nobody else writes. So
// between two names that a person can see, and for directories, an instant
// remains in which what somebody puts under the new name would be replaced.
func (d *Disk) renameCarefully(from, to string) error {
	if inside(from) {
		err := d.link(from, to)
		if err == nil {
			return d.unlink(from)
		}
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := d.Lstat(to); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.renameOver(from, to)
}

// Exchange swaps what stands under two names, in one step that nobody can get
// in between. Where there is no such step it is an [errors.ErrUnsupported].
func (d *Disk) Exchange(a, b string) error {
	if err := movable(a, b); err != nil {
		return err
	}
	return moved("exchange", a, b, d.exchange(a, b))
}

// Link gives a file a second name. It never replaces.
func (d *Disk) Link(from, to string) error {
	if err := movable(from, to); err != nil {
		return err
	}
	return moved("link", from, to, d.link(from, to))
}

// Replace puts a private file under a name, whatever stands there: that must
// have a second name in the private area, so that it is not lost. It is for file
// systems without Exchange only.
func (d *Disk) Replace(from, to string) error {
	if err := errors.Join(private(from), movable(to)); err != nil {
		return err
	}
	return moved("replace", from, to, d.renameOver(from, to))
}

// Mkdir makes a directory that a person will see.
func (d *Disk) Mkdir(rel string) (watcher.Entry, error) {
	if watcher.IsOwn(rel) {
		return watcher.Entry{}, fmt.Errorf("%q %w", rel, errPrivate)
	}
	if err := d.mkdir(rel, 0o777); err != nil {
		return watcher.Entry{}, fmt.Errorf("make directory %q: %w", rel, err)
	}
	return d.Lstat(rel)
}

// Rmdir removes an empty directory. One that is not empty, be it through a file
// that was put there a moment ago, stays: [syscall.ENOTEMPTY].
func (d *Disk) Rmdir(rel string) error {
	if err := movable(rel); err != nil {
		return err
	}
	if err := d.rmdir(rel); err != nil {
		return fmt.Errorf("remove directory %q: %w", rel, err)
	}
	return nil
}

// Remove unlinks a file in the private area, and nowhere else.
func (d *Disk) Remove(rel string) error {
	if err := private(rel); err != nil {
		return err
	}
	if err := d.unlink(rel); err != nil {
		return fmt.Errorf("remove %q: %w", rel, err)
	}
	return nil
}

// moved says which two names a verb was about that did not succeed.
func moved(verb, from, to string, err error) error {
	if err != nil {
		return fmt.Errorf("%s %q, %q: %w", verb, from, to, err)
	}
	return nil
}
