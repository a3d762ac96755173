package main

import (
	"fmt"
	"os"

	"github.com/gofrs/flock"

	"tandem/syncer/disk"
)

// lockFolder locks the directory that was opened, by whatever name it is reached.
// Where a file system has no locks on directories, the lock on the state has to do.
func (s *session) lockFolder(d *disk.Disk) (unlock func() error, err error) {
	lock := flock.New(realPath(d.Path()), flock.SetFlag(os.O_RDONLY))
	if held, err := acquire(lock); held || err != nil {
		return lock.Close, d.Stands() // else another may be locked
	}
	return nil, &failure{occupied, fmt.Errorf("another tandem works on %q", d.Path()), "stop that one first, or wait until it has finished"}
}

// ownLock has nothing to do: who may write to a directory may open what is in it.
func ownLock(string) error { return nil }

// occupied tells whether another process works on the folder.
func (s *session) occupied(f *folder) bool {
	lock := flock.New(realPath(f.Local), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	lock.Close()
	return !free && err == nil
}
