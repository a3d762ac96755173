package transfer

import (
	"context"
	"errors"
	"hash"
	"io"

	"tandem/remote"
	"tandem/remote/quickxor"
)

// MostBreaks is how many connections in a row may break without bringing a byte.
const MostBreaks = 5

// incoming is content on its way.
type incoming struct {
	Version
	from    Downloader
	to      io.Writer
	restart func() (io.Writer, error) // takes back what was written; nil = that cannot be done
	size    int64                     // of what was written …
	sum     hash.Hash                 // … and its hash
	over    bool                      // more came than the content may have; it was not written
}

// receive reads the content to its end. A connection that breaks says nothing about the
// next one: that resumes at once, for as long as something comes and it is certain to be
// the same version, which only a hash can tell. err is nil for content of any kind.
func (in *incoming) receive(ctx context.Context) error {
	address, most := in.Item.Address, in.size
	for breaks := 1; ; breaks++ {
		broke, err := in.stream(ctx, address)
		if err == nil {
			return nil
		}
		if in.size > most { // what begins anew each time comes no further
			breaks, most = 0, in.size
		}
		if !broke || breaks == MostBreaks || in.Item.Hash == "" && in.size > 0 || ctx.Err() != nil {
			return err
		}
		address = "" // the address may be what is wrong
	}
}

// stream reads what is missing over one connection, and reports whether that broke.
func (in *incoming) stream(ctx context.Context, address remote.Secret) (broke bool, err error) {
	if in.size > 0 && in.size == in.Item.Size {
		return false, nil // only the end of the connection broke
	}
	body, err := in.from.Download(ctx, in.Drive, in.Item.ID, address, in.size)
	if errors.Is(err, remote.ErrRange) && in.size > 0 {
		return false, ErrSuperseded
	}
	if err != nil {
		return false, err
	}
	defer body.Close()
	if body.Offset != in.size { // the server ignored the range
		if in.restart == nil {
			return false, ErrDamaged
		}
		if in.to, err = in.restart(); err != nil {
			return false, err
		}
		in.size, in.sum = 0, quickxor.New()
	}
	n, over, err := body.Pour(io.MultiWriter(in.to, in.sum), in.most())
	in.size, in.over = in.size+n, over
	return errors.Is(err, remote.ErrOffline), err
}

// Stream writes the content to w, which cannot take it back: [ErrDamaged] says afterwards
// that it was not what the service announces.
func Stream(ctx context.Context, from Downloader, v Version, w io.Writer) error {
	in := incoming{Version: v, from: from, to: w, sum: quickxor.New()}
	err := in.receive(ctx)
	if err == nil && (in.over || !v.asTold(in.size, string(in.sum.Sum(nil)))) {
		err = ErrDamaged
	}
	return err
}
