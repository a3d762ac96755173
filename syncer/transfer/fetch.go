package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"tandem/remote"
	"tandem/syncer/disk"
)

// A Fetch brings one version of an item into a private file.
type Fetch struct {
	Version
	From Downloader
	FS   disk.Verbs

	// Create makes an empty private file under a name that nothing else has had.
	Create func() (Private, error)
	// Resume remembers interrupted downloads.
	Resume Partials
	// Came hears of each byte that comes, also of those that are given up.
	Came func(n int64)
	// MakeRoom removes what can be spared until a file of that size fits; cause is the error
	// of a write, nil if the lack is only foreseen. nil = nothing can be spared.
	MakeRoom func(size int64, cause error) error
	// Again looks at the item before another try. It gives its new address, or the error that
	// it is another version by now.
	Again func(context.Context) (remote.Secret, error)
}

// A Private is an open file in the private area, and its name there.
type Private struct {
	disk.File
	Name string
}

// Discard closes and removes a private file, and gives err back.
func Discard(v disk.Verbs, p Private, err error) error {
	p.Close()
	if failed := v.Remove(p.Name); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
		return errors.Join(err, failed)
	}
	return err
}

// A Download is content in a private file.
type Download struct {
	Private
	Size   int64 // bytes
	Hash   string
	AsTold bool // it is what the service announces; where that tells no hash, by its size

	recorded bool // it can be resumed
}

// Proved reports whether the hash of the content is the announced one.
func (d *Download) Proved(v Version) bool { return d.AsTold && v.Item.Hash != "" }

// Run downloads the content. What comes is taken if it is what the service announces, or,
// where the service is known to serve something else, if the same comes twice in a row
// and it is no web page. The file is not durable yet.
//
// An error leaves no private file behind but a large one that is to be resumed.
func (f *Fetch) Run(ctx context.Context) (*Download, error) {
	if err := f.room(nil); err != nil {
		return nil, err
	}
	last := ""
	for try := 1; ; try++ {
		d, over, err := f.receive(ctx)
		if try == 1 && disk.Full(err) && f.MakeRoom != nil {
			if err = f.room(err); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		d.AsTold = !over && f.asTold(d.Size, d.Hash)
		if d.AsTold || try > 1 && !over && d.Hash == last && f.MayDiffer(d.Size) && !isPage(d.File, f.Item.Name) {
			return d, nil
		}
		if err := Discard(f.FS, d.Private, nil); err != nil {
			return nil, err
		}
		if f.Item.Address, err = f.Again(ctx); err != nil {
			return nil, err
		}
		if try > 2 {
			return nil, ErrDamaged
		}
		last = d.Hash
	}
}

// room makes sure that the content fits.
func (f *Fetch) room(cause error) error {
	switch {
	case cause == nil && disk.Lacks(f.FS, f.Item.Size) <= 0:
		return nil
	case f.MakeRoom == nil:
		return syscall.ENOSPC
	}
	return f.MakeRoom(f.Item.Size, cause)
}

// receive downloads the content once, after what an earlier try has left.
func (f *Fetch) receive(ctx context.Context) (_ *Download, over bool, err error) {
	d, sum, err := f.open()
	if err != nil {
		return nil, false, err
	}
	in := incoming{Version: f.Version, from: f.From, to: f.writer(d), size: d.Size, sum: sum}
	in.restart = func() (_ io.Writer, err error) {
		if err = Discard(f.FS, d.Private, nil); err == nil {
			d, err = f.start(f.resumable())
		}
		if err != nil {
			return nil, err
		}
		return f.writer(d), nil
	}
	err = in.receive(ctx)
	if d == nil {
		return nil, false, err
	}
	d.Size, d.Hash = in.size, string(in.sum.Sum(nil))
	switch {
	case err == nil:
		return d, in.over, nil
	case errors.Is(err, ErrSuperseded) || d.Size < ResumeAbove || !d.recorded:
		return nil, false, Discard(f.FS, d.Private, err)
	}
	return nil, false, errors.Join(err, d.Close())
}

func (f *Fetch) writer(d *Download) io.Writer {
	return io.MultiWriter(disk.Sparing(f.FS, d.File), counter(f.Came))
}

// A counter is told how many bytes were written to it; nil is told nothing.
type counter func(int64)

func (c counter) Write(b []byte) (int, error) {
	if c != nil {
		c(int64(len(b)))
	}
	return len(b), nil
}
