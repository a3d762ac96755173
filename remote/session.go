package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tandem/remote/quickxor"
)

// A Session is an upload that is under way in fragments. It survives us: who
// keeps it can go on with it after a restart. Address is as good as a key.
type Session struct {
	Address Secret
	Expires time.Time
	Target  string // what it was opened for: see [Upload.Target]
}

// A fragment has to be a multiple of 320 KiB and smaller than 60 MiB.
const fragmentSize = 10 << 20

// maxSessions bounds how many sessions one Upload opens, one after the other.
const maxSessions = 3

// errGone is a session that the service no longer knows: it ran out, or it was
// completed by a request whose answer we did not hear.
var errGone = errors.New("the upload session is gone")

type wireSession struct {
	Address string    `json:"uploadUrl"`
	Expires moment    `json:"expirationDateTime"`
	Next    firstText `json:"nextExpectedRanges"`
}

// A firstText is the first of a list of texts; the others are not held.
type firstText string

func (f *firstText) UnmarshalJSON(b []byte) error {
	var first [1]string
	err := json.Unmarshal(b, &first)
	*f = firstText(first[0])
	return err
}

// next is the first byte the service wants; false when it does not say.
func (w *wireSession) next() (int64, bool) {
	start, _, _ := strings.Cut(string(w.Next), "-")
	n, err := strconv.ParseInt(start, 10, 64)
	return n, err == nil && n >= 0
}

// A sending is one Upload in fragments. It lives as long as the call.
type sending struct {
	c       *Client
	u       Upload
	session Session
	at      int64     // the next byte to send
	sum     hash.Hash // of the bytes before at
	asked   bool      // Before was called
	unsure  bool      // the completing request was sent and not clearly answered
}

func (c *Client) uploadInSession(ctx context.Context, u Upload) (Uploaded, error) {
	s := &sending{c: c, u: u}
	if it, ok, err := s.resume(ctx); err != nil || ok {
		return s.done(it, err)
	}
	for n := 1; ; n++ {
		it, err := s.run(ctx)
		if errors.Is(err, errGone) && n == maxSessions {
			err = &Error{Op: "upload", kind: ErrThrottled, Message: "the service loses one upload session after the other"}
		}
		if !errors.Is(err, errGone) {
			return s.done(it, err)
		}
		s.session, s.unsure, s.asked = Session{}, false, false
	}
}

func (s *sending) done(it Item, err error) (Uploaded, error) {
	if err != nil {
		return Uploaded{}, err
	}
	return s.c.uploaded(s.u, it, string(s.sum.Sum(nil)), true)
}

// run sends everything from at on, opening a session if there is none. A
// session that will not be resumed is discarded, for it would be in the way:
// work drives allow one at a time for a target.
func (s *sending) run(ctx context.Context) (Item, error) {
	if s.session.Address == "" {
		if err := s.open(ctx); err != nil {
			return Item{}, err
		}
	}
	it, err := s.fragments(ctx)
	if err != nil && given(ctx, err) && !errors.Is(err, errGone) {
		s.discard(ctx)
	}
	return it, err
}

func (s *sending) discard(ctx context.Context) {
	ctx, cancel := s.c.within(context.WithoutCancel(ctx), s.c.cfg.Timeout)
	defer cancel()
	if err := s.c.CancelSession(ctx, s.session); err != nil {
		s.c.cfg.Log.Debug("upload session not discarded", "error", err)
	}
}

// CancelSession discards a session and what was sent in it.
func (c *Client) CancelSession(ctx context.Context, s Session) error {
	resp, err := c.sendTo(ctx, s.Address, &request{op: "cancel an upload", method: http.MethodDelete})
	if stale(err) {
		return nil // gone already
	}
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// Target names what a session for u is opened for.
func (u *Upload) Target() string {
	if u.ID != "" {
		return u.Drive + "/" + u.ID
	}
	return u.Drive + "/" + u.ParentID + "/" + u.Name
}

// open starts a session. The times go along, whole and final.
func (s *sending) open(ctx context.Context) error {
	u := &s.u
	item := map[string]any{conflictBehavior: "replace", "fileSystemInfo": fileTimes(u.MTime), "fileSize": u.Size}
	r := &request{op: "open an upload", method: http.MethodPost, to: forGraph, json: map[string]any{"item": item}}
	if u.ID != "" {
		r.url, r.about, r.header = s.c.itemURL(u.Drive, u.ID)+"/createUploadSession", u.ID, ifMatch(u.ETag)
	} else {
		item[conflictBehavior], item["name"] = "fail", u.Name
		r.url, r.about = s.c.childURL(u.Drive, u.ParentID, u.Name, "createUploadSession"), u.ParentID
	}
	var w wireSession
	if _, err := s.c.ask(ctx, r, &w); err != nil {
		return err
	}
	if w.Address == "" {
		return malformed(r.op, "no address came")
	}
	s.at, s.sum = 0, quickxor.New()
	return s.adopt(ctx, &w)
}

// adopt takes over what the service says of the session. A new address is
// handed to the caller to keep before anything else happens.
func (s *sending) adopt(ctx context.Context, w *wireSession) error {
	if !w.Expires.IsZero() {
		s.session.Expires = w.Expires.Time
	}
	if w.Address == "" || w.Address == s.session.Address.Reveal() {
		return nil
	}
	s.session.Address, s.session.Target = Secret(w.Address), s.u.Target()
	if s.u.Opened == nil {
		return nil
	}
	if err := s.u.Opened(s.session); err != nil {
		s.discard(ctx)
		return err
	}
	return nil
}

// resume takes up the session of an earlier run, if it is for the same target
// and the service still has it. It is also how we learn that the earlier run
// had in fact completed it: then the item is returned.
func (s *sending) resume(ctx context.Context) (Item, bool, error) {
	if s.u.Session == nil {
		return Item{}, false, nil
	}
	s.session = *s.u.Session
	if s.session.Target != s.u.Target() {
		s.discard(ctx)
		s.session = Session{}
		return Item{}, false, nil
	}
	err := s.reposition(ctx)
	if !errors.Is(err, errGone) {
		return Item{}, false, err
	}
	s.session = Session{}
	if err := s.rehash(s.u.Size); err != nil {
		return Item{}, false, err
	}
	it, ok := s.c.landed(ctx, s.u, string(s.sum.Sum(nil)))
	return it, ok, nil
}

// reposition asks the service how far it got and goes there.
func (s *sending) reposition(ctx context.Context) error {
	var w wireSession
	resp, err := s.c.sendTo(ctx, s.session.Address, &request{op: "see how far an upload got", method: http.MethodGet})
	if stale(err) {
		return errGone
	}
	if err != nil {
		return err
	}
	if err := s.c.readSession(resp, &w); err != nil {
		return err
	}
	next, ok := w.next()
	if !ok || next >= s.u.Size { // it wants nothing more: completed, or of no use
		s.discard(ctx)
		return errGone
	}
	if err := s.adopt(ctx, &w); err != nil {
		return err
	}
	return s.rehash(next)
}

// readSession reads what an upload address answers; nothing is an answer, too.
func (c *Client) readSession(resp *http.Response, v any) error {
	defer resp.Body.Close()
	err := read(resp.Body, maxErrorBody, func(r *response) error { return r.whole(v) })
	switch {
	case err == nil, err == errNoBody:
		return nil
	case unusable(err):
		return malformed("upload", "%v", err)
	}
	return c.offline("upload", err)
}

// rehash sets at, with the hash of all before it read anew.
func (s *sending) rehash(at int64) error {
	s.at, s.sum = at, quickxor.New()
	if n, err := io.Copy(s.sum, io.NewSectionReader(s.u.Body, 0, at)); err != nil {
		return fmt.Errorf("upload: %w", err)
	} else if n < at {
		return fmt.Errorf("upload: the file is shorter than it was: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// fragments sends one fragment after the other. A fragment that makes no
// headway, for whatever reason, is tried a bounded number of times; one that only makes
// good for what the service has lost does not count.
func (s *sending) fragments(ctx context.Context) (Item, error) {
	furthest := s.at
	for stalls := 0; ; {
		before := s.at
		it, complete, err := s.fragment(ctx)
		if complete || err != nil && !s.recoverable(err) {
			return it, err
		}
		switch {
		case s.at > furthest:
			furthest, stalls = s.at, 0
		case s.at <= before:
			stalls++
		}
		if stalls >= maxTries {
			return Item{}, cmp.Or(err, error(malformed("upload", "the service takes the same bytes again and again")))
		}
		if err == nil {
			continue
		}
		if err := s.c.cfg.Clock.Sleep(ctx, s.c.backoff(max(stalls, 1))); err != nil {
			return Item{}, ended(ctx, "upload")
		}
		if err := s.reposition(ctx); errors.Is(err, errGone) {
			return s.perhapsLanded(ctx, errGone)
		} else if err != nil {
			return Item{}, err
		}
	}
}

// recoverable reports whether the session's own account of how far it got will
// put things right.
func (s *sending) recoverable(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.passing() || e.Status == http.StatusRequestedRangeNotSatisfiable)
}

// fragment sends the next fragment.
func (s *sending) fragment(ctx context.Context) (Item, bool, error) {
	n := min(fragmentSize, s.u.Size-s.at)
	last := s.at+n == s.u.Size
	if err := s.beforeLast(ctx, last); err != nil {
		return Item{}, false, err
	}
	r := &request{
		op: "upload", method: http.MethodPut, once: true,
		header: map[string]string{"Content-Range": fmt.Sprintf("bytes %d-%d/%d", s.at, s.at+n-1, s.u.Size)},
		body: func() *payload {
			return newPayload(io.NewSectionReader(s.u.Body, s.at, n), n, clone(s.sum), s.u.Sent)
		},
	}
	resp, err := s.c.sendTo(ctx, s.session.Address, r)
	s.unsure = s.unsure || last && r.unsure
	if err != nil {
		it, err := s.refused(ctx, err)
		return it, err == nil, err
	}
	s.sum, _ = r.last.taken()
	s.at += n
	if resp.StatusCode == http.StatusAccepted {
		return Item{}, false, s.accepted(ctx, resp)
	}
	var w wireItem
	if err := s.c.readSession(resp, &w); err == nil && w.ID != "" {
		return w.item(s.u.Drive), true, nil
	}
	it, err := s.c.target(ctx, s.u) // complete, but the answer was cut or empty
	if err == nil && !s.ours(it) {
		err = &Error{Op: "upload", kind: ErrChanged, Message: "somebody has saved another version since"}
	}
	return it, err == nil, err
}

// ours reports whether an item that was looked at has what was sent: the same
// bytes, or, where the service may have rewritten them, the time that went along.
func (s *sending) ours(it Item) bool {
	return it.Size == s.u.Size && it.Hash == string(s.sum.Sum(nil)) || s.u.KeepTimes && it.MTime.Unix() == s.u.MTime.Unix()
}

func clone(h hash.Hash) hash.Hash {
	c, err := h.(hash.Cloner).Clone()
	if err != nil { // ours cannot fail
		panic(err)
	}
	return c
}

// beforeLast tells the caller what becomes visible now, and asks it once more. A
// pause that is in force is waited out first: the answer should not be stale.
func (s *sending) beforeLast(ctx context.Context, last bool) error {
	if !last || s.asked {
		return nil
	}
	if err := s.u.announce(clone(s.sum), s.at); err != nil {
		return err
	}
	if s.u.Before == nil {
		s.asked = true
		return nil
	}
	for _, l := range []*lane{s.c.account, s.c.transfers} {
		if err := l.calm(ctx); err != nil {
			return ended(ctx, "upload")
		}
	}
	s.asked = true
	return s.u.Before()
}

// accepted reads where the service wants us to go on; mostly right behind what
// we sent, sometimes it does not say.
func (s *sending) accepted(ctx context.Context, resp *http.Response) error {
	var w wireSession
	if err := s.c.readSession(resp, &w); err != nil {
		return err
	}
	if err := s.adopt(ctx, &w); err != nil {
		return err
	}
	switch next, ok := w.next(); {
	case !ok:
		return s.reposition(ctx)
	case next != s.at:
		return s.rehash(min(next, s.u.Size))
	}
	return nil
}

// refused sorts a refusal of a fragment: some mean that the session is gone,
// and some that an earlier, unheard attempt had completed the file.
func (s *sending) refused(ctx context.Context, err error) (Item, error) {
	switch {
	case stale(err):
		return s.perhapsLanded(ctx, errGone)
	case errors.Is(err, ErrExists), errors.Is(err, ErrChanged):
		return s.perhapsLanded(ctx, err)
	}
	return Item{}, err
}

// perhapsLanded looks whether the file is up already when that can be; if not,
// err stands.
func (s *sending) perhapsLanded(ctx context.Context, err error) (Item, error) {
	if !s.unsure {
		return Item{}, err
	}
	if err := s.rehash(s.u.Size); err != nil {
		return Item{}, err
	}
	if it, ok := s.c.landed(ctx, s.u, string(s.sum.Sum(nil))); ok {
		return it, nil
	}
	return Item{}, err
}
