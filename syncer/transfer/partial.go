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

	// Shared says that other processes may download the same item: who writes to a file
	// locks it.
	Shared bool
	// Optional says that what cannot be remembered is no failure: it comes in one go.
	Optional bool
}

// Forget drops the record, once the download has its final name.
func (p Partials) Forget() error {
	if p.DB == nil {
		return nil
	}
	return p.Update(func(tx *state.Tx) error { return tx.DropPartial(p.Folder, p.Key) })
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
	record := f.resumable()
	if f.Resume.DB != nil {
		d, sum, err := f.resume()
		switch {
		case d != nil:
			return d, sum, nil
		case errors.Is(err, errOther) || err != nil && f.Resume.Optional && !errors.Is(err, ErrOccupied):
			record = false
		case err != nil:
			return nil, nil, err
		}
	}
	d, err := f.start(record)
	return d, quickxor.New(), err
}

// errOther says that another process downloads another version: that is on record.
var errOther = errors.New("another version is being downloaded")

// resume opens what an earlier download of the same version has left. Of another version
// that is removed, with its record. It gives nothing where nothing can be resumed.
func (f *Fetch) resume() (*Download, hash.Hash, error) {
	p, ok, err := f.Resume.DB.Partial(f.Resume.Folder, f.Resume.Key)
	if err != nil || !ok {
		return nil, nil, err
	}
	if p.Hash == f.Item.Hash && p.ETag == f.Item.ETag && p.Size == f.Item.Size {
		if d, sum, err := f.reopen(p); d != nil || err != nil {
			return d, sum, err
		}
	}
	switch err := f.drop(p.Temp); {
	case errors.Is(err, ErrOccupied):
		return nil, nil, errOther
	case err != nil:
		return nil, nil, err
	}
	return nil, nil, f.Resume.Forget()
}

// reopen opens a private file to write on at its end.
func (f *Fetch) reopen(p state.Partial) (*Download, hash.Hash, error) {
	file, err := f.FS.Append(p.Temp)
	if err != nil {
		return nil, nil, nil
	}
	d := &Download{Private: Private{file, p.Temp}, recorded: true}
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
	return nil, nil, nil
}

// drop removes what is left of an interrupted download that is not resumed.
func (f *Fetch) drop(name string) error {
	if f.Resume.Shared {
		return DropPartial(f.FS, name)
	}
	if err := f.FS.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DropPartial removes what is left of an interrupted download, unless another process is
// at work on it: [ErrOccupied]. What is no file of ours stays.
func DropPartial(v disk.Verbs, name string) error {
	file, err := v.Append(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	if held, err := file.TryLock(); err == nil && !held { // where there are no locks, nothing is resumed either
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
func (f *Fetch) start(record bool) (*Download, error) {
	file, err := f.Create()
	if err != nil {
		return nil, err
	}
	d := &Download{Private: file}
	if !record {
		return d, nil
	}
	err = f.own(d)
	if errors.Is(err, errNoLocks) {
		return d, nil
	}
	if err == nil {
		err = f.record(d)
		d.recorded = err == nil
	}
	if err != nil && !f.Resume.Optional {
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
