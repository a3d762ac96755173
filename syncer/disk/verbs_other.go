//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"syscall"
)

// in lets act do something to rel within an [os.Root].
func (d *Disk) in(rel string, act func(root *os.Root, at string) error) error {
	root, at, err := d.Within(rel)
	if err == nil && inside(rel) {
		err = d.ownAt(rel)
	}
	if err != nil {
		return err
	}
	return act(root, at)
}

// ownAt is ownIn by the path.
func (d *Disk) ownAt(rel string) error {
	dir, err := d.OpenDir(dirOf(rel))
	if err != nil {
		return err
	}
	defer dir.Close()
	return d.ownIn(rel, dir)
}

func (d *Disk) between(from, to string, act func(root *os.Root, from, to string) error) error {
	return d.in(from, func(root *os.Root, from string) error {
		return d.in(to, func(_ *os.Root, to string) error { return act(root, from, to) })
	})
}

func (d *Disk) renameOver(from, to string) error { return d.between(from, to, (*os.Root).Rename) }
func (d *Disk) link(from, to string) error       { return d.between(from, to, (*os.Root).Link) }

func (d *Disk) mkdir(rel string, mode fs.FileMode) error {
	return d.in(rel, func(root *os.Root, at string) error { return root.Mkdir(at, mode) })
}

func (d *Disk) rmdir(rel string) error {
	if !isDir(d, rel) {
		return syscall.ENOTDIR
	}
	err := d.unlink(rel)
	if errors.Is(err, fs.ErrExist) { // what Windows' "directory not empty" is taken for
		return syscall.ENOTEMPTY
	}
	return err
}

func (d *Disk) unlink(rel string) error { return d.in(rel, (*os.Root).Remove) }

// SyncDir makes the names in a directory durable. Windows does so by itself.
func (d *Disk) SyncDir(rel string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := d.OpenDir(rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync directory %q: %w", rel, err)
	}
	return nil
}

// Free is not known on this system: a full disk is met when it is written to.
func (d *Disk) Free() (bytes, inodes uint64, err error) {
	return math.MaxUint64, math.MaxUint64, errors.ErrUnsupported
}
