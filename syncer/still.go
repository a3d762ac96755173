package syncer

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// errRestless says that a file could not be sent because it changes all the time.
var errRestless = errors.New("it changes faster than it can be copied; it is sent once it is left alone")

const (
	readings      = 4        // of a file that changes, for one upload at most …
	largeReadings = 2        // … and of one that is so large that it costs a while, for that and its copies
	largeFile     = 64 << 20 // bytes
)

// still gives u what stood in f, which is being written to, at one moment: in memory, or
// where that is too large in a private copy, which is to be removed. The entry tells its
// size, and the times that the file had when that began, so that what is written
// meanwhile is seen as an edit.
//
// It is read until nothing was changed for a while, or until all that the reading before
// found is there unchanged: as in a log, which only grows. What a disk can share without
// copying it, it shares.
func (e *Engine) still(ctx context.Context, u *remote.Upload, j job, f disk.File) (watcher.Entry, transfer.Private, error) {
	var last *copying
	for n := range readings {
		before, err := f.Stat()
		if err != nil || before.Size > largeFile && n >= largeReadings {
			return before, transfer.Private{}, errors.Join(err, errRestless)
		}
		var copied transfer.Private
		var data bytes.Buffer
		var to io.Writer = &data
		if before.Size > transfer.WholeBelow {
			if copied, err = e.newTemp(j); err != nil {
				return before, transfer.Private{}, err
			}
			if to = copied.File; copied.File.CloneFrom(f) == nil {
				shared, err := copied.File.Stat()
				before.Size = shared.Size
				u.Body, u.Size, u.MTime = copied.File, before.Size, wholeSecond(before.MTime)
				return before, copied, err
			}
			if disk.Lacks(e.fs, before.Size) > 0 {
				if err := e.makeRoom(before.Size, nil); err != nil {
					return before, copied, err
				}
			}
		}
		now, same, err := read(ctx, f, before.Size, to, last)
		if err != nil {
			return before, copied, err
		}
		after, err := f.Stat()
		var b state.Base
		setPrint(&b, printOfEntry(before))
		unchanged := err == nil && after == before && !e.racy(b)
		if now.n == before.Size && (unchanged || same) {
			if u.Body = copied.File; copied.File == nil {
				u.Body = bytes.NewReader(data.Bytes())
			}
			u.Size, u.MTime = before.Size, wholeSecond(before.MTime)
			return before, copied, nil
		}
		last = &now
		if copied.File != nil {
			if err := e.discard(copied, nil); err != nil {
				return before, transfer.Private{}, err
			}
		}
	}
	return watcher.Entry{}, transfer.Private{}, errRestless
}

// A copying is what was copied of a file from its start.
type copying struct {
	n   int64
	sum uint64
}

var seed = maphash.MakeSeed()

// read copies what f has up to size, or less where it has become shorter, and reports
// whether it begins with all that was read last.
func read(ctx context.Context, f disk.File, size int64, to io.Writer, last *copying) (now copying, same bool, err error) {
	var sum maphash.Hash
	sum.SetSeed(seed)
	from := stopping{ctx, io.NewSectionReader(f, 0, size)}
	to = io.MultiWriter(to, &sum)
	if last != nil {
		now.n, err = io.Copy(to, io.LimitReader(from, last.n))
		if same = now.n == last.n && sum.Sum64() == last.sum; err != nil {
			return now, false, err
		}
	}
	more, err := io.Copy(to, from)
	return copying{now.n + more, sum.Sum64()}, same, err
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
