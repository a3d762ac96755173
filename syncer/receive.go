package syncer

import (
	"context"
	"errors"
	"hash"
	"io"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
)

// mostBreaks is how many connections in a row may break without bringing a byte.
const mostBreaks = 5

// incoming is content on its way into a private file.
type incoming struct {
	temp
	size int64 // that is there
	over bool  // more came than it may have; that is not there
	sum  hash.Hash
}

// receive streams the content into a private file, going on where an earlier
// try of the same version stopped. A connection that breaks in the middle says
// nothing of the next one: that goes on at once, for as long as something comes.
// Without a hash nobody could tell that all of it was of one version.
func (e *Engine) receive(ctx context.Context, j job, address remote.Secret) (temp, content, error) {
	tmp, offset, sum, err := e.openTemp(j)
	if err != nil {
		return temp{}, content{}, err
	}
	in := &incoming{temp: tmp, size: offset, sum: sum}
	most := offset
	for breaks := 1; ; breaks++ {
		before := in.size
		broke, err := e.stream(ctx, j, in, address)
		if err == nil {
			return in.temp, content{in.size, plan.Hash(in.sum.Sum(nil)), in.over}, nil
		}
		if errors.Is(err, remote.ErrRange) && before > 0 {
			return temp{}, content{}, e.discard(in.temp, errSuperseded)
		}
		if in.size > most { // what begins anew each time comes no further
			breaks, most = 0, in.size
		}
		if !broke || breaks == mostBreaks || j.Remote.Hash == "" || ctx.Err() != nil {
			return temp{}, content{}, e.keepPartial(j, in.temp, in.size, err)
		}
		address = "" // it may be what is wrong
	}
}

// stream brings what is missing, over one connection, and says whether that broke.
func (e *Engine) stream(ctx context.Context, j job, in *incoming, address remote.Secret) (broke bool, err error) {
	if in.size > 0 && in.size == j.Remote.Size {
		return false, nil // only the end of it broke
	}
	body, err := e.drive.Download(ctx, e.cfg.Drive.ID, j.id, address, in.size)
	if err != nil {
		return false, err
	}
	defer body.Close()
	if body.Offset != in.size { // the server ignored the range
		if err := e.discard(in.temp, nil); err != nil {
			return false, err
		}
		if in.temp, err = e.startTemp(j); err != nil {
			return false, err
		}
		in.size, in.sum = 0, quickxor.New()
	}
	n, over, err := body.Pour(io.MultiWriter(disk.Sparing(e.fs, in.file), in.sum, &e.progress.down), e.mostOf(j))
	in.size, in.over = in.size+n, over
	return errors.Is(err, remote.ErrOffline), err
}

// mostOf is how many bytes j's content may have: as many as the service tells, or, of what
// is known to come otherwise than told, somewhat more.
func (e *Engine) mostOf(j job) int64 {
	if told := max(j.Remote.Size, 0); !e.mayDiffer(j, content{size: told + 1}) {
		return told
	}
	return remote.MostOf(j.Remote.Size)
}
