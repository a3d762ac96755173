package task

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"tandem/syncer/disk"
	"tandem/syncer/names"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// place gives a private file with that hash, which is ours, its name. was is what was
// seen there, nil if nothing. If something else stands there by now, or somebody
// writes to it, that stays, and the private file goes: [transfer.ErrEdited].
func (l *Landing) place(name, hash string, ours watcher.Entry, rel string, was *watcher.Entry) error {
	err := disk.Named(l.disk, name, ours)
	if err != nil {
		return err
	}
	if was == nil {
		err = l.disk.Rename(name, l.at(rel))
	} else {
		name, err = l.swap(name, rel, ours, was.Ino)
	}
	switch {
	case errors.Is(err, errLeft):
		return err
	case errors.Is(err, fs.ErrExist) || absent(err):
		return errors.Join(transfer.ErrEdited, l.removeOurs(name, ours))
	case err != nil && !isPartial(name):
		return errors.Join(err, l.removeOurs(name, ours))
	case err != nil || was == nil:
		return err
	}
	if err = l.expected(name, *was, ""); err == nil {
		err = l.discard(name, rel)
	}
	if err != nil {
		err = errors.Join(err, l.undo(name, rel, ours, hash))
	}
	return err
}

// removeOurs removes a private file, if that is the one which came.
func (l *Landing) removeOurs(name string, ours watcher.Entry) error {
	if err := disk.Named(l.disk, name, ours); err != nil {
		return err
	}
	return l.disk.Remove(name)
}

// expected says whether a file that was given a private name is the one that was
// looked at before, with nobody writing to it. It must have a hash, unless that is
// empty: where the disk keeps time coarsely, another content may look the same.
func (l *Landing) expected(name string, was watcher.Entry, hash string) error {
	quiet := l.disk.Quiet(name) // first: who has it open may write between two looks
	now, err := l.disk.Lstat(name)
	if err == nil && !(quiet && now.Kind == was.Kind && now.Ino == was.Ino && now.Size == was.Size && now.MTime == was.MTime) {
		err = transfer.ErrEdited
	}
	if err != nil || hash == "" {
		return err
	}
	sum, err := l.hash(name)
	if err == nil && sum != hash {
		err = transfer.ErrEdited
	}
	return err
}

// swap is exchange for a download. A large one gets another name first: under that of a
// partial download nothing else may ever lie.
func (l *Landing) swap(name, rel string, ours watcher.Entry, was uint64) (string, error) {
	if !isPartial(name) {
		return l.exchange(name, rel, ours, was)
	}
	own, err := l.fresh("part")
	if err == nil {
		err = l.disk.Rename(name, own)
	}
	if err != nil {
		return name, err
	}
	at, err := l.exchange(own, rel, ours, was)
	if err == nil || errors.Is(err, errLeft) {
		return at, err
	}
	if failed := l.disk.Rename(at, name); failed != nil {
		return at, errors.Join(err, failed)
	}
	return name, err
}

// exchange swaps a private file of which ours is the entry, or that came out in exchange
// for it, with what stands under a name, and has that inode; 0 = it is not known. It tells
// where the private file lies after an error, and what stood there else. After an error
// nothing has changed, unless that is an errLeft. Where somebody has saved under the name
// in an instant in which the file system left it free, what was set aside gets another name.
func (l *Landing) exchange(name, rel string, ours watcher.Entry, was uint64) (at string, err error) {
	to := l.at(rel)
	if err = disk.Swap(l.disk, name, to); err == nil {
		return name, nil
	}
	undone := disk.Unswap(l.disk, name, to)
	switch {
	case undone == nil:
	case errors.Is(undone, fs.ErrExist) || absent(undone):
		if undone = l.giveBack(name, rel); undone == nil {
			undone = l.disk.Rename(disk.Beside(name), name)
		}
		err = errors.Join(err, undone)
	default:
		if now, failed := l.disk.Lstat(to); failed != nil || now.Ino != was {
			return name, errors.Join(err, l.isLeft(name, rel, undone))
		}
		err = errors.Join(err, undone) // what stands there is untouched: a program has it open, as on Windows
		if fresh := disk.Beside(name); disk.Named(l.disk, fresh, ours) == nil {
			name = fresh
		}
	}
	return name, err
}

// theirs is the name under which somebody's file lies after an exchange for ours that
// stopped half way.
func (l *Landing) theirs(name, rel string, ours watcher.Entry) (string, error) {
	fresh := disk.Beside(name)
	aside, err := l.disk.Lstat(fresh)
	switch {
	case absent(err) || err == nil && aside.Ino == ours.Ino:
		return name, nil
	case err != nil:
		return "", l.isLeft(name, rel, fmt.Errorf("or in %q: %w", fresh, err))
	}
	return fresh, nil
}

// isLeft says that what stood under a name is, or may be, in the private area.
func (l *Landing) isLeft(name, rel string, err error) error {
	return fmt.Errorf("%w: what stood at %q is in %q: %w", errLeft, rel, name, err)
}

// undo gives back what came out and was not what had been looked at. If somebody
// has written to what stood in its place for an instant, that is kept, too. It is
// durable in the end: the power may fail long after the task, and the exchange
// alone may have become so.
func (l *Landing) undo(old, rel string, ours watcher.Entry, hash string) error {
	if at, err := l.exchange(old, rel, ours, 0); err != nil {
		if errors.Is(err, errLeft) {
			if at, err = l.theirs(old, rel, ours); err != nil {
				return err
			}
		}
		return l.giveBack(at, rel)
	}
	if l.expected(old, ours, hash) != nil {
		return l.giveBack(old, rel)
	}
	err := l.disk.SyncDir(l.at(Parent(rel)))
	if absent(err) { // the folder went, with what was given back
		return l.giveBack(old, rel)
	}
	if err != nil {
		return err // it stays: after a loss of power that may be the name of what was given back
	}
	return l.disk.Remove(old)
}

// errLeft says that a file of a person's is in the private area, and no error of
// what was tried is to hide that.
var errLeft = errors.New("it could not be put back")

// giveBack gives a private file the name that it had, or if that is taken by now
// another one, and makes that durable. Where its folder takes it under no name, as
// when a file stands in the folder's place by now, the next one above does.
func (l *Landing) giveBack(name, rel string) error {
	at := l.at(rel)
	base := path.Base(at)
	for dir := Parent(at); ; dir = Parent(dir) {
		err := l.giveInto(dir, name, base)
		if err == nil {
			return l.disk.SyncDir(dir)
		}
		if dir == "" {
			return l.isLeft(name, rel, err)
		}
		base = names.Conflict(path.Base(at), "task", l.began, 1)
	}
}

// giveInto gives a private file a name in a folder, made anew if it went. It does not
// give up at once: the folder may go at any time.
func (l *Landing) giveInto(dir, name, base string) (err error) {
	to := join(dir, base)
	for taken, failed := 0, 0; taken < 100 && failed < 3; {
		err = l.disk.Rename(name, to)
		if absent(err) {
			if err = errors.Join(l.makeAt(dir, ""), l.syncAbove(to)); err == nil {
				err = l.disk.Rename(name, to)
			}
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			taken++
			to = join(dir, names.Conflict(base, "task", l.began, taken))
		default:
			failed++
		}
	}
	return err
}

// discard lets go of what was replaced or removed, by its private name.
func (l *Landing) discard(old, rel string) error {
	if !l.Keep {
		return l.disk.Remove(old)
	}
	area, _, _ := strings.Cut(old, "/")
	stamp := l.began.Format(disk.ReplacedAt)
	for n := 0; ; n++ {
		kept := join(disk.ReplacedIn(area)+"/"+stamp, l.at(rel))
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
	name, err := l.fresh("gone")
	if err == nil {
		err = l.makePrivate(path.Dir(name))
	}
	if err != nil {
		return err
	}
	if err := l.disk.Rename(l.at(rel), name); absent(err) {
		return nil
	} else if err != nil {
		return err
	}
	err = l.expected(name, was, hash)
	if err == nil {
		err = l.discard(name, rel)
	}
	if err != nil {
		err = errors.Join(err, l.giveBack(name, rel))
	}
	return err
}
