//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"os"
	"time"
)

func (d *Disk) openToWrite(rel string, flags int) (f *os.File, err error) {
	err = d.in(rel, func(root *os.Root, at string) error {
		f, err = root.OpenFile(at, flags|os.O_RDWR, 0o600)
		return err
	})
	return f, err
}

// SetMTime sets the modification time by the name the file was opened under.
func (f *file) SetMTime(t time.Time) error { return f.disk.date(f.rel, t) }

// DateDir sets the modification time of a directory.
func (d *Disk) DateDir(rel string, t time.Time) error { return d.date(rel, t) }

func (d *Disk) date(rel string, t time.Time) error {
	err := d.in(rel, func(root *os.Root, at string) error {
		return root.Chtimes(at, time.Time{}, t)
	})
	if err != nil {
		return fmt.Errorf("set time of %q: %w", rel, err)
	}
	return nil
}

// copyAttrs takes over nothing beyond the mode on this system.
func copyAttrs(_, _ *os.File, mode uint32) uint32 { return mode }

// inherit leaves the group and ACL as they are: where this system has them, they
// come with the private area, which lies in the same folder.
func inherit(_, _ *os.File, mode uint32) (left uint32, set bool) { return mode, false }

// Quiet cannot be told on this system.
func (d *Disk) Quiet(string) bool { return true }

// clone is not known on this system: a file is copied.
func clone(_, _ *os.File) error { return errors.ErrUnsupported }
