package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"tandem/watcher"
)

// A File is an open regular file. What is done to it is done to the file that
// was opened, whatever stands under its name by then.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	Stat() (watcher.Entry, error)
	Sync() error
	SetMTime(t time.Time) error            // as near as the file system can
	CopyAttrs(from File) error             // mode, ACL and extended attributes
	CloneFrom(from File) error             // shares all its bytes at once, into an empty file; an error where the disk cannot
	AsNewIn(dir string, mode uint32) error // group, mode and ACL of any program's new file in that directory
	Chmod(mode uint32) error
	TryLock() (bool, error) // for this open file alone, until it is closed
	Close() error
}

type file struct {
	*os.File
	disk *Disk
	rel  string
}

// Open opens a regular file for reading. It waits for nobody.
func (d *Disk) Open(rel string) (File, error) {
	f, _, err := d.OpenFile(rel)
	if err != nil {
		return nil, err
	}
	return &file{f, d, rel}, nil
}

// Create makes a file in the private area that must not be there yet. Only we
// may read it, until it gets its mode.
func (d *Disk) Create(rel string) (File, error) {
	f, err := d.write(rel, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err // and no file that is none
	}
	return f, nil
}

// Append opens a file that Create has made, to write on at its end. What has another
// name, too, or belongs to somebody else, was not made so: that may be a file outside.
func (d *Disk) Append(rel string) (File, error) {
	f, err := d.write(rel, 0)
	if err != nil {
		return nil, err
	}
	if e, err := f.Stat(); err != nil || e.NLink != 1 || !d.made(f) {
		return nil, errors.Join(fmt.Errorf("append to %q: %w", rel, cmp.Or(err, ErrForeignFile)), f.Close())
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(fmt.Errorf("append to %q: %w", rel, err), f.Close())
	}
	return f, nil
}

// made reports whether a private file is one that we can have made.
func (d *Disk) made(f *file) bool {
	dir, err := d.OpenDir(dirOf(f.rel))
	if err != nil {
		return false
	}
	defer dir.Close()
	return mine(f.File, dir)
}

func (d *Disk) write(rel string, flags int) (*file, error) {
	if err := private(rel); err != nil {
		return nil, err
	}
	opened, err := d.openToWrite(rel, flags)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", rel, err)
	}
	f := &file{opened, d, rel}
	e, err := f.Stat()
	if err == nil && e.Kind != watcher.File {
		err = fmt.Errorf("write %q: not a regular file", rel)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Read, ReadAt and Write go no further in a folder that is away: where it is now
// it is nobody's business, and what a person does there is not meant for us.

func (f *file) Read(b []byte) (int, error) {
	if err := f.disk.Stands(); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

// ReadAt is Read at an offset.
func (f *file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.disk.Stands(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f *file) Write(b []byte) (int, error) {
	if err := f.disk.Stands(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

// Stat tells what the open file is.
func (f *file) Stat() (watcher.Entry, error) { return f.disk.Fstat(f.File) }

// Chmod sets the permission bits. The set-id bits are never set: what comes from
// the drive must not run as somebody else.
func (f *file) Chmod(mode uint32) error { return f.File.Chmod(os.FileMode(mode & 0o777)) }

// CloneFrom makes f, which is empty, hold what from does, without copying it.
func (f *file) CloneFrom(from File) error {
	other, ok := from.(*file)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := f.disk.Stands(); err != nil {
		return err
	}
	return clone(f.File, other.File)
}

// AsNewIn makes f what any program's new file in a directory would be, for it was
// made elsewhere: mode is what the umask leaves where the directory says nothing.
func (f *file) AsNewIn(rel string, mode uint32) error {
	dir, err := f.disk.OpenDir(rel)
	if errors.Is(err, fs.ErrPermission) { // it may be written to, and not read
		return f.Chmod(mode)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	mode, set := inherit(f.File, dir, mode)
	if set {
		return nil
	}
	return f.Chmod(mode)
}

// CopyAttrs makes f look like the file that it is going to replace. The mode
// must be taken over; owner, ACL and extended attributes where that is allowed.
func (f *file) CopyAttrs(from File) error {
	e, err := from.Stat()
	if err != nil {
		return err
	}
	mode := e.Mode
	if old, ok := from.(*file); ok {
		mode = copyAttrs(f.File, old.File, mode)
	}
	return f.Chmod(mode) // last: the mode's group bits are the mask of an ACL
}

// TakeAfter gives a private file what the file that it is going to replace has
// besides its bytes, durably. A file of another user's where anybody may put one grants
// nothing: who put it there would read what comes. There the file is as any new one.
func TakeAfter(v Verbs, rel string, to File, newMode uint32) error {
	old, err := v.Open(rel)
	if errors.Is(err, fs.ErrPermission) {
		return to.Chmod(0o600)
	}
	if err != nil {
		return err
	}
	defer old.Close()
	if f, real := old.(*file); real && f.planted() {
		err = to.AsNewIn(dirOf(rel), newMode)
	} else {
		err = to.CopyAttrs(old)
	}
	if err != nil {
		return err
	}
	return to.Sync()
}

// ErrForeignFile says that a private file is not one that was made there.
var ErrForeignFile = errors.New("it has another name or another owner: it is not what was begun")

// ErrExchanged says that a private name stands for another file than the one that
// was written and looked at.
var ErrExchanged = errors.New("something else was put in the place of what came")

// Named makes sure that a private name stands for a file of ours that is open, before
// that gets another name by it. In a directory of the user's own it stays so.
func Named(v Verbs, rel string, ours watcher.Entry) error {
	there, err := v.Lstat(rel)
	if err == nil && (there.Ino != ours.Ino || there.Dev != ours.Dev) {
		err = fmt.Errorf("%q: %w", rel, ErrExchanged)
	}
	return err
}
