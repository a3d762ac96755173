package state

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/gofrs/flock"
)

// A use says that this process works with the file. Several may: a second
// tandem that shows the status reads what the agent writes. Whoever comes while
// nobody else is there and finds the mark of an earlier use knows that it did
// not end in order.
type use struct {
	lock    *flock.Flock
	path    string // of the mark
	alone   bool   // nobody else had the file open when it was opened
	unclean bool   // and its last use ended in a crash, or with a damaged file
	damaged atomic.Bool
}

func enter(path string) (*use, error) {
	u := &use{lock: flock.New(path + "-lock"), path: path + "-open"}
	var err error
	if u.alone, err = u.lock.TryLock(); err != nil {
		return nil, err
	}
	if !u.alone {
		return u, u.lock.RLock() // waits for whoever is alone to finish looking
	}
	_, err = os.Stat(u.path)
	u.unclean = err == nil
	return u, nil
}

// mark lets the next use see how this one ended.
func (u *use) mark() error {
	f, err := os.OpenFile(u.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// settle lets others in. Unlike a conversion of the lock, which Windows does
// not know, this lets one of them slip in first: it then looks once too often.
func (u *use) settle() error {
	if !u.alone {
		return nil
	}
	return errors.Join(u.lock.Unlock(), u.lock.RLock())
}

// leave takes the mark off, unless others still use the file, or a check is due
// at the next use.
func (u *use) leave(unclean bool) error {
	if err := u.lock.Unlock(); err != nil || unclean || u.damaged.Load() {
		return err
	}
	last, err := u.lock.TryLock()
	if err != nil || !last {
		return err
	}
	if err = os.Remove(u.path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, u.lock.Unlock())
}

// sawDamage notes that SQLite has stumbled: the next use begins with a check.
func (u *use) sawDamage(err error) error {
	if damaged(err) {
		u.damaged.Store(true)
	}
	return err
}
