package disk

import (
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// in opens the directory of rel and lets act do something to the name in it.
func (d *Disk) in(rel string, act func(dir int, name string) error) error {
	dir, name, err := d.Parent(rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := d.ownIn(rel, dir); err != nil {
		return err
	}
	return act(int(dir.Fd()), name)
}

// between is in for a verb that takes two names.
func (d *Disk) between(from, to string, act func(fromDir int, from string, toDir int, to string) error) error {
	return d.in(from, func(fromDir int, from string) error {
		return d.in(to, func(toDir int, to string) error { return act(fromDir, from, toDir, to) })
	})
}

func (d *Disk) rename(from, to string, flags uint) error {
	err := d.between(from, to, func(fromDir int, from string, toDir int, to string) error {
		return unix.Renameat2(fromDir, from, toDir, to, flags)
	})
	if flags != 0 && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)) {
		return errors.ErrUnsupported // EINVAL: not by this file system
	}
	return err
}

func (d *Disk) renameNew(from, to string) error  { return d.rename(from, to, unix.RENAME_NOREPLACE) }
func (d *Disk) renameOver(from, to string) error { return d.rename(from, to, 0) }
func (d *Disk) exchange(a, b string) error       { return d.rename(a, b, unix.RENAME_EXCHANGE) }

func (d *Disk) link(from, to string) error {
	return d.between(from, to, func(fromDir int, from string, toDir int, to string) error {
		return unix.Linkat(fromDir, from, toDir, to, 0)
	})
}

func (d *Disk) mkdir(rel string, mode uint32) error {
	return d.in(rel, func(dir int, name string) error { return unix.Mkdirat(dir, name, mode) })
}

func (d *Disk) rmdir(rel string) error {
	return d.in(rel, func(dir int, name string) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
}

func (d *Disk) unlink(rel string) error {
	return d.in(rel, func(dir int, name string) error { return unix.Unlinkat(dir, name, 0) })
}

// SyncDir makes the names in a directory durable.
func (d *Disk) SyncDir(rel string) error {
	dir, err := d.OpenDir(rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Fsync(int(dir.Fd())); err != nil && err != unix.EINVAL { // EINVAL: needs none
		return fmt.Errorf("sync directory %q: %w", rel, err)
	}
	return nil
}

// DateDir sets a directory's modification time and leaves its access time.
func (d *Disk) DateDir(rel string, t time.Time) error {
	dir, err := d.OpenDir(rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	return setMTime(dir, t)
}

// Free tells how much can still be written. A file system that counts no inodes
// has as many as one likes.
func (d *Disk) Free() (bytes, inodes uint64, err error) {
	st, err := statfs(d.Root)
	if err != nil {
		return 0, 0, err
	}
	bytes, inodes = st.Bavail*uint64(st.Frsize), st.Ffree
	if st.Files == 0 {
		inodes = math.MaxUint64
	}
	return bytes, inodes, nil
}
