package remote

import (
	"context"
	"errors"
	"iter"
)

// A DeltaPage is one page of the change feed. Items may name a parent that only
// a later page brings, and one item may come several times, the last time
// counting: a reader applies the feed once the last page is in.
type DeltaPage struct {
	Items  []Item
	Left   int    // entries that were left out, for they mean nothing to this drive
	Next   string // where the following page is; empty on the last
	Cursor string // where the next poll starts; set on the last page only
	Resync string // with [ErrResync]: where the service wants the fresh run to start; "" = at the beginning
}

// Entries is how many there were on the page, those that mean nothing included.
func (p DeltaPage) Entries() int { return len(p.Items) + p.Left }

// Delta fetches the page of the drive's change feed at link: a Next, a Cursor
// or a Resync of before. link "" starts a full enumeration, which lists what is
// alive and never what is gone.
//
// [ErrResync] means that the feed must be read from its start, and nothing more:
// what is missing from the fresh run is not thereby deleted.
func (c *Client) Delta(ctx context.Context, drive, link string) (DeltaPage, error) {
	const op = "read the change feed"
	first := link == ""
	if first {
		link = c.at("drives", escape(drive), "root", "delta?$top=1000")
	} else if err := c.ownLink(op, link); err != nil {
		return DeltaPage{}, err
	}
	p, err := c.page(ctx, op, drive, "", link, func(w *wireItem) bool { return w.ghost(drive) })
	if err != nil {
		return c.lostThread(ctx, drive, first, err)
	}
	if (p.Next == "") == (p.Delta == "") {
		return DeltaPage{}, malformed(op, "a page has to say either where the next one is or that it is the last")
	}
	return DeltaPage{Items: p.Items, Left: p.Left, Next: p.Next, Cursor: p.Delta}, nil
}

// ghost tells the entries that come without a name from somebody else's drive,
// and mean nothing to this one.
func (w *wireItem) ghost(drive string) bool {
	foreign := w.Parent.DriveID != "" && NormDrive(w.Parent.DriveID) != NormDrive(drive)
	return w.ID == "" || foreign && w.Name == "" && !bool(w.Deleted)
}

// lostThread sorts out a refused page. A 404 in the middle of the feed means
// that the thread is lost, as long as the drive itself is still there.
func (c *Client) lostThread(ctx context.Context, drive string, first bool, err error) (DeltaPage, error) {
	var e *Error
	if !errors.As(err, &e) {
		return DeltaPage{}, err
	}
	if !first && errors.Is(e, ErrNotFound) {
		if _, rootErr := c.Root(ctx, drive); rootErr == nil {
			e.kind = ErrResync
		}
	}
	if e.Location != "" && c.ownLink(e.Op, e.Location) != nil {
		e.Location = ""
	}
	return DeltaPage{Resync: e.Location}, e
}

// DeltaRun reads the feed from link to its end, page by page. It ends with an
// error when the pages never end; then, as after every error, what was
// read is no complete run and proves no absence.
func (c *Client) DeltaRun(ctx context.Context, drive, link string) iter.Seq2[DeltaPage, error] {
	return func(yield func(DeltaPage, error) bool) {
		var trail Trail
		for {
			page, err := c.Delta(ctx, drive, link)
			if err == nil {
				err = trail.Follow("read the change feed", page.Next, page.Entries())
			}
			if err != nil {
				page = DeltaPage{}
			}
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			link = page.Next
		}
	}
}

// DeltaBelow lists what is in one folder through its own change feed, from the
// start. Only personal drives have such feeds: [ErrUnsupported] elsewhere.
func (c *Client) DeltaBelow(ctx context.Context, drive, id string) iter.Seq2[DeltaPage, error] {
	return c.DeltaRun(ctx, drive, c.itemURL(drive, id)+"/delta?$top=1000")
}
