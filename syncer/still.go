package syncer

import (
	"bytes"
	"context"
	"errors"
	"io"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// errRestless says that a file could not be sent because it changes all the time.
var errRestless = errors.New("it changes faster than it can be copied; it is sent once it is left alone")

// readings is how often a file that changes is read for one upload at most.
const readings = 4

// still gives u what stood in f, which is being written to, at one moment: in memory, or
// where that is too large in a private copy, which is to be removed. The entry tells its
// size, and the times that the file had when that began, so that what is written
// meanwhile is seen as an edit.
func (e *Engine) still(ctx context.Context, u *remote.Upload, j job, f disk.File) (watcher.Entry, temp, error) {
	entry, err := f.Stat()
	if err != nil {
		return entry, temp{}, err
	}
	var copied temp
	if entry.Size <= wholeBelow {
		var data []byte
		entry, data, err = stillWhole(f)
		u.Body = bytes.NewReader(data)
	} else {
		entry, copied, err = e.stillCopy(ctx, j, f)
		u.Body = copied.file
	}
	u.Size, u.MTime = entry.Size, wholeSecond(entry.MTime)
	return entry, copied, err
}

// stillWhole reads a small file until nothing was changed meanwhile, or two readings in
// a row are the same: as a log is that only grows.
func stillWhole(f disk.File) (watcher.Entry, []byte, error) {
	for range readings {
		before, err := f.Stat()
		if err != nil || before.Size > 2*wholeBelow {
			return before, nil, errors.Join(err, errRestless)
		}
		data := make([]byte, before.Size)
		if _, err := io.ReadFull(io.NewSectionReader(f, 0, before.Size), data); err != nil {
			continue // it has become shorter
		}
		if now, err := f.Stat(); err == nil && now == before {
			return before, data, nil
		}
		again := make([]byte, before.Size)
		if _, err := io.ReadFull(io.NewSectionReader(f, 0, before.Size), again); err == nil && bytes.Equal(data, again) {
			return before, data, nil
		}
	}
	return watcher.Entry{}, nil, errRestless
}

// stillCopy copies a file until the same holds of it; at once and for nothing, where
// the disk can share the bytes.
func (e *Engine) stillCopy(ctx context.Context, j job, f disk.File) (watcher.Entry, temp, error) {
	for range readings {
		before, err := f.Stat()
		if err != nil {
			return before, temp{}, err
		}
		tmp, err := e.newTemp(j)
		if err != nil {
			return before, tmp, err
		}
		if tmp.file.CloneFrom(f) == nil {
			shared, err := tmp.file.Stat()
			before.Size = shared.Size
			return before, tmp, err
		}
		same, err := e.copyStill(ctx, f, before, tmp)
		if same || err != nil {
			return before, tmp, err
		}
		if err := e.discard(tmp, nil); err != nil {
			return before, temp{}, err
		}
	}
	return watcher.Entry{}, temp{}, errRestless
}

// copyStill copies what before tells of f, and reports whether that stood there at one
// moment.
func (e *Engine) copyStill(ctx context.Context, f disk.File, before watcher.Entry, to temp) (bool, error) {
	if err := e.room(before.Size); err != nil {
		return false, err
	}
	sum := quickxor.New()
	n, err := io.Copy(io.MultiWriter(to.file, sum), stopping{ctx, io.NewSectionReader(f, 0, before.Size)})
	if err != nil || n < before.Size {
		return false, err
	}
	if now, err := f.Stat(); err == nil && now == before {
		return true, nil
	}
	again := quickxor.New()
	_, err = io.Copy(again, stopping{ctx, io.NewSectionReader(f, 0, before.Size)})
	return bytes.Equal(sum.Sum(nil), again.Sum(nil)), err
}

// stopping reads until ctx ends.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s stopping) Read(b []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(b)
}
