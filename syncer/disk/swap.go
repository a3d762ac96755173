package disk

import (
	"errors"
	"io/fs"
)

// Swap exchanges a private file with what stands under a name: afterwards the old file lies
// under the private name. Where the file system cannot exchange names, the old file is kept
// under the private name first, by a link or else by a rename, so that it survives a crash
// at any instant; but in one of those instants a save by rename could be overtaken.
//
// What an error leaves half done [Unswap] undoes.
func Swap(v Verbs, private, to string) error {
	err := v.Exchange(private, to)
	if errors.Is(err, errors.ErrUnsupported) {
		err = swapByLinks(v, private, to)
	}
	return err
}

func swapByLinks(v Verbs, private, to string) error {
	fresh := Beside(private)
	if err := v.Rename(private, fresh); err != nil {
		return err
	}
	err := v.Link(to, private)
	place := v.Replace
	if err != nil {
		err, place = v.Rename(to, private), v.Rename
	}
	if err == nil {
		err = v.SyncDir(dirOf(private)) // or a power loss may keep the new name and forget where the old file went
	}
	if err != nil {
		return err
	}
	return place(fresh, to)
}

// Beside is the private name under which a new file waits while Swap sets the old one aside.
func Beside(private string) string { return private + ".new" }

// Unswap undoes a Swap that was cut short, at whatever step: both files have the names that
// they had. Of one that was not begun or has come to its end it changes nothing. If by now
// something else stands under the name, it is an [fs.ErrExist], the old file lies under the
// private name, and the new one beside it.
func Unswap(v Verbs, private, to string) error {
	fresh := Beside(private)
	if _, err := v.Lstat(fresh); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	old, err := v.Lstat(private)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it was not set aside yet
	case err != nil:
		return err
	default:
		if err := restore(v, private, to, old.Ino); err != nil {
			return err
		}
	}
	return v.Rename(fresh, private)
}

// restore gives the old file its name alone.
func restore(v Verbs, private, to string, ino uint64) error {
	now, err := v.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return v.Rename(private, to)
	case err == nil && now.Ino == ino: // the private name is a second one
		return v.Remove(private)
	case err == nil:
		err = fs.ErrExist
	}
	return err
}
