package remote

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"tandem/remote/quickxor"
)

// An Upload says what to send and where. Either a new item, which fails with
// [ErrExists] on a taken name, or the next version of one, which fails with
// [ErrChanged] when it no longer has that eTag.
type Upload struct {
	Drive          string
	ParentID, Name string // a new item; or
	ID, ETag       string // the item to replace

	Size  int64
	MTime time.Time
	Body  io.ReaderAt

	Session  *Session                // go on with this one; nil = none
	Opened   func(Session) error     // called when a session exists or has got another address, before any byte: keep it
	Announce func(hash string) error // called with what the file will be, before the request that completes it; an error cancels that
	Before   func() error            // called right before that request; an error cancels it
	Sent     func(n int64)           // progress: n more bytes; those of repeated attempts count again

	KeepTimes bool // work drives: send the times along even with small files, for setting them later makes another version
	Rewrites  bool // the drive writes properties into documents, as work drives do: they are then not what was sent, and fetched once
	Whole     bool // one request whatever the size (the service takes 250 MB): for where sessions keep failing on the eTag
}

// Uploaded is a file that is up.
type Uploaded struct {
	Item      Item
	TimesSent bool     // else they are still to be set
	Hash      string   // quickXorHash of the bytes that were really sent
	Rewritten Likeness // of what the service has made of it, where it has written into it
}

// LargestWhole is the most that the service takes in a single request.
const LargestWhole = 250 << 20

// small is up to what size a file goes up in a single request.
const small = 4 << 20

// sendMost is how often a file is sent of which something else is kept than was sent.
const sendMost = 3

// Upload sends a file. When it fails with [ErrOffline] or [ErrThrottled], or is
// cancelled, a session stays open for resuming; after any other error it has
// been discarded. What the service says that it has is compared with what was sent. What
// is damaged is sent again, over that; when it stays so it fails with [ErrDamaged], and
// what is online is told all the same.
func (c *Client) Upload(ctx context.Context, u Upload) (Uploaded, error) {
	if u.ID != "" && u.ETag == "" {
		return Uploaded{}, &Error{Op: "upload", kind: ErrChanged, Message: "which version is replaced is not known"}
	}
	var bad Uploaded
	for n := 1; ; n++ {
		up, err := c.uploadOnce(ctx, u)
		switch {
		case err == nil && c.proved(ctx, u, &up), err != nil && n == 1:
			return up, err
		case err == nil:
			bad, u.ETag = up, up.Item.ETag
		case errors.Is(err, ErrChanged):
			now, look := c.Item(ctx, u.Drive, u.ID)
			if look != nil || !sameBytes(now, bad.Item) {
				return up, err // somebody has saved another since
			}
			u.ETag = now.ETag // it has only drifted
		}
		if n == sendMost || u.ETag == "" || err != nil && !errors.Is(err, ErrChanged) {
			return bad, &Error{Op: "upload", kind: ErrDamaged, Message: kept(bad.Item, u)} // also when it cannot be sent again now: it must be known whose it is
		}
		u.ID, u.Session = bad.Item.ID, nil
	}
}

// proved reports whether the service has what was sent: by its hash, or where none is told
// by its size. Work drives write properties into some kinds of files; what they have made
// of it and cannot be looked at now counts as damaged.
func (c *Client) proved(ctx context.Context, u Upload, up *Uploaded) bool {
	it := up.Item
	switch {
	case it.Pending, it.Hash != "" && it.Hash == up.Hash, it.Hash == "" && it.Size == u.Size:
		return true
	case !u.Rewrites:
		return false
	}
	up.Rewritten, _ = c.Rewritten(ctx, it, u.Body, u.Size)
	return up.Rewritten != Unlike
}

// sameBytes reports whether two states of a file are known to have the same content: a
// size alone shows that only of an empty one.
func sameBytes(a, b Item) bool {
	return a.Size == b.Size && (a.Size == 0 || a.Hash != "" && a.Hash == b.Hash)
}

// kept says what the service has in the place of what was sent.
func kept(it Item, u Upload) string {
	if it.Size != u.Size {
		return fmt.Sprintf("the service keeps %d of %d bytes", it.Size, u.Size)
	}
	return "the service keeps other bytes than were sent"
}

func (c *Client) uploadOnce(ctx context.Context, u Upload) (Uploaded, error) {
	if u.Session == nil && (u.Size == 0 || u.Whole || u.Size <= small && !u.KeepTimes) {
		return c.put(ctx, u)
	}
	up, err := c.uploadInSession(ctx, u)
	if errors.Is(err, ErrBusySession) && u.Size <= LargestWhole {
		return c.put(ctx, u) // a session whose address was lost is in the way until it runs out
	}
	return up, err
}

// put sends a file in one request.
func (c *Client) put(ctx context.Context, u Upload) (Uploaded, error) {
	r := &request{
		op: "upload", method: http.MethodPut, to: forGraph, about: u.ID,
		header: map[string]string{"Content-Type": "application/octet-stream"},
		body: func() *payload {
			return newPayload(io.NewSectionReader(u.Body, 0, u.Size), u.Size, quickxor.New(), u.Sent)
		},
	}
	if u.ID != "" {
		r.url = c.itemURL(u.Drive, u.ID) + "/content"
		r.header["If-Match"] = u.ETag
	} else {
		r.url = c.childURL(u.Drive, u.ParentID, u.Name, "content") + "?" + conflictBehavior + "=fail"
		r.about = u.ParentID
	}
	if err := u.announce(quickxor.New(), 0); err != nil {
		return Uploaded{}, err
	}
	if u.Before != nil {
		if err := c.account.calm(ctx); err != nil { // a pause between the last look and the request would make the look worthless
			return Uploaded{}, ended(ctx, r.op)
		}
		if err := u.Before(); err != nil {
			return Uploaded{}, err
		}
	}
	it, err := c.change(ctx, u.Drive, r, func() (Item, bool) {
		sum, whole := r.last.taken()
		it, ok := c.landed(ctx, u, string(sum.Sum(nil)))
		return it, ok && whole
	})
	if err != nil {
		return Uploaded{}, err
	}
	sum, _ := r.last.taken()
	return c.uploaded(u, it, string(sum.Sum(nil)), false)
}

// announce tells the hash of the whole file; sum is that of the bytes before at.
func (u *Upload) announce(sum hash.Hash, at int64) error {
	if u.Announce == nil {
		return nil
	}
	if n, err := io.Copy(sum, io.NewSectionReader(u.Body, at, u.Size-at)); err != nil {
		return fmt.Errorf("upload: %w", err)
	} else if n < u.Size-at {
		return fmt.Errorf("upload: the file is shorter than it was: %w", io.ErrUnexpectedEOF)
	}
	return u.Announce(string(sum.Sum(nil)))
}

// landed looks whether the target online has the content that we sent.
func (c *Client) landed(ctx context.Context, u Upload, sum string) (Item, bool) {
	it, err := c.target(ctx, u)
	it.Met = true
	return it, err == nil && it.Kind == File && it.Size == u.Size && it.Hash == sum
}

func (c *Client) target(ctx context.Context, u Upload) (Item, error) {
	if u.ID != "" {
		return c.Item(ctx, u.Drive, u.ID)
	}
	return c.ItemIn(ctx, u.Drive, u.ParentID, u.Name)
}

// uploaded checks that the answer is about the item that was meant.
func (c *Client) uploaded(u Upload, it Item, sum string, times bool) (Uploaded, error) {
	if u.ID != "" && it.ID != NormItem(u.ID) || u.ID == "" && !sameName(it.Name, u.Name) {
		return Uploaded{}, malformed("upload", "the file went to another item than it should")
	}
	if u.ID == "" {
		c.created.add(it.ID)
	}
	return Uploaded{Item: it, TimesSent: times, Hash: sum}, nil
}

// given reports whether a failed upload is to be given up, rather than resumed.
func given(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !errors.Is(err, ErrOffline) && !errors.Is(err, ErrThrottled) && !errors.Is(err, ErrSignIn)
}
