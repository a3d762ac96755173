package disk

import (
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// parent opens the directory of rel, which is a plain path.
func (d *Disk) parent(rel string) (*os.File, error) {
	if _, _, err := d.Within(rel); err != nil {
		return nil, err
	}
	return d.OpenDir(dirOf(rel))
}

func (d *Disk) renamex(from, to string, flags uint32) error {
	fromDir, err := d.parent(from)
	if err != nil {
		return err
	}
	defer fromDir.Close()
	toDir, err := d.parent(to)
	if err != nil {
		return err
	}
	defer toDir.Close()
	return unix.RenameatxNp(int(fromDir.Fd()), path.Base(from), int(toDir.Fd()), path.Base(to), flags)
}

func (d *Disk) renameNew(from, to string) error { return d.renamex(from, to, unix.RENAME_EXCL) }
func (d *Disk) exchange(a, b string) error      { return d.renamex(a, b, unix.RENAME_SWAP) }
