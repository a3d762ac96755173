package transfer

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"tandem/remote/quickxor"
	"tandem/state"
	"tandem/syncer/disk"
)

// ResumeAbove is the size in bytes above which an interrupted download is worth keeping.
const ResumeAbove = 8 << 20

// Partials remembers which private file holds the beginning of which version.
type Partials struct {
	DB          *state.DB // nil = nothing is remembered
	Folder, Key int64     // under which the one partial download of the item is recorded
	Update      func(func(*state.Tx) error) error
	Shared      bool // other processes may download the same item: who writes to a file locks it
}

// resumable reports whether the content is worth, and its hash makes it safe, to be
// downloaded in several goes.
func (f *Fetch) resumable() bool {
	return f.Resume.DB != nil && Resumable(f.Item.Size, f.Item.Hash)
}

// Resumable reports whether an interrupted download of such content is kept.
func Resumable(size int64, hash string) bool { return size >= ResumeAbove && hash != "" }

// open opens the private file: one that holds the beginning of the same version, with the
// hash of that, or a new one.
func (f *Fetch) open() (*Download, hash.Hash, error) {
	if f.Resume.DB != nil {
		p, ok, err := f.Resume.DB.Partial(f.Resume.Folder, f.Resume.Key)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			d, sum, err := f.reopen(p)
			if d != nil || err != nil {
				return d, sum, err
			}
		}
	}
	d, err := f.start()
	return d, quickxor.New(), err
}

// reopen resumes an earlier download, if it is of the same version; another is removed.
// It gives nothing where nothing can be resumed.
func (f *Fetch) reopen(p state.Partial) (*Download, hash.Hash, error) {
	if p.Hash != f.Item.Hash || p.ETag != f.Item.ETag || p.Size != f.Item.Size {
		return nil, nil, DropPartial(f.FS, p.Temp)
	}
	file, err := f.FS.Append(p.Temp)
	if err != nil {
		return nil, nil, DropPartial(f.FS, p.Temp)
	}
	d := &Download{Private: Private{file, p.Temp}}
	if err := f.own(d); err != nil {
		d.Close()
		if errors.Is(err, errNoLocks) {
			err = nil
		}
		return nil, nil, err
	}
	ours, err := d.Stat()
	sum := quickxor.New()
	if err == nil && ours.Ino == p.Ino && ours.Size <= p.Size {
		if d.Size, err = io.Copy(sum, io.NewSectionReader(d.File, 0, ours.Size)); err == nil {
			return d, sum, nil
		}
	}
	d.Close()
	return nil, nil, DropPartial(f.FS, p.Temp)
}

// DropPartial removes what is left of an interrupted download, unless another process is
// at work on it: [ErrOccupied]. What is no file of ours, or cannot be locked, stays.
func DropPartial(v disk.Verbs, name string) error {
	file, err := v.Append(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	held, err := file.TryLock()
	switch {
	case err != nil:
		return nil
	case !held:
		return ErrOccupied
	}
	return v.Remove(name)
}

// own makes sure that no other process writes to the file, and that its name still stands
// for it: whoever had it may just have given it its final name.
func (f *Fetch) own(d *Download) error {
	if !f.Resume.Shared {
		return nil
	}
	held, err := d.TryLock()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoLocks, err)
	}
	ours, err := d.Stat()
	if err == nil {
		err = disk.Named(f.FS, d.Name, ours)
	}
	if !held || errors.Is(err, fs.ErrNotExist) || errors.Is(err, disk.ErrExchanged) {
		return ErrOccupied
	}
	return err
}

// errNoLocks says that the file system cannot lock files. Nothing is resumed there.
var errNoLocks = errors.New("the file system has no locks")

// start opens a new private file. One that is worth resuming is recorded from the start,
// for a process that is killed cannot do so.
func (f *Fetch) start() (*Download, error) {
	file, err := f.Create()
	if err != nil {
		return nil, err
	}
	d := &Download{Private: file}
	if !f.resumable() {
		return d, nil
	}
	err = f.own(d)
	if errors.Is(err, errNoLocks) {
		return d, nil
	}
	if err == nil {
		err = f.record(d)
	}
	if err != nil {
		return nil, Discard(f.FS, d.Private, err)
	}
	return d, nil
}

func (f *Fetch) record(d *Download) error {
	ours, err := d.Stat()
	if err != nil {
		return err
	}
	p := state.Partial{
		Folder: f.Resume.Folder, Key: f.Resume.Key, Temp: d.Name, Ino: ours.Ino,
		Size: f.Item.Size, Hash: f.Item.Hash, ETag: f.Item.ETag,
	}
	return f.Resume.Update(func(tx *state.Tx) error { return tx.PutPartial(p) })
}
