package remotetest

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

const (
	fragmentUnit    = 320 << 10
	largestFragment = 60 << 20 // and not even that
)

// A session is an upload in fragments.
type session struct {
	key       string
	to        destination
	etag      int // of the item to replace, when it was checked; 0 = was not
	behaviour string
	info      *wishTimes
	total     int64 // -1 = not said yet
	data      []byte
	opened    time.Time
	expires   time.Time
}

type sessionJSON struct {
	URL     string   `json:"uploadUrl,omitempty"`
	Expires string   `json:"expirationDateTime"`
	Next    []string `json:"nextExpectedRanges,omitempty"`
}

func (d *Drive) postSession(c *call) (*reply, error) {
	var w struct {
		Item  wish `json:"item"`
		Defer bool `json:"deferCommit"`
	}
	if len(c.body) > 0 {
		if err := c.json(&w); err != nil {
			return nil, err
		}
	}
	if w.Defer {
		return nil, refuse(http.StatusNotImplemented, "notSupported", "Deferred commits are not supported here.")
	}
	// The documents say fail; what is seen is replace, and clients rely on it.
	behaviour, err := conflict(w.Item.Conflict, "replace")
	if err := cmp.Or(err, w.Item.Info.check(), w.Item.Info.checkFraction()); err != nil {
		return nil, err
	}
	to, err := d.destination(c)
	if err != nil {
		return nil, err
	}
	if w.Item.Name != nil && *w.Item.Name != to.name {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "The name in the body is not that in the address.")
	}
	if err := d.checkMatch(c, to.there); err != nil {
		return nil, err
	}
	if to.there != nil && (to.there.isDir || behaviour == "fail" && !to.byID) {
		return nil, d.taken(to.there, to.name)
	}
	if w.Item.Size != nil && *w.Item.Size <= 0 {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "An empty file cannot go up in a session.")
	}
	s := &session{key: d.random(16), to: to, behaviour: behaviour, info: w.Item.Info, total: -1, opened: d.clock}
	if w.Item.Size != nil {
		s.total = *w.Item.Size
	}
	if s.total > 0 && d.used()+s.total > d.quota {
		return nil, errQuota()
	}
	if d.opt.Kind.work() && d.rival(to) {
		return nil, refuse(http.StatusConflict, "nameAlreadyExists", "An upload session already exists for this file.")
	}
	if c.header.Get("If-Match") != "" {
		s.etag = to.there.etag
	}
	if to.there != nil && d.twists.has(SessionDrift) {
		d.change(to.there, func() { d.bump(to.there, false) })
	}
	d.extend(s)
	d.uploads[s.key] = s
	r := answer(http.StatusOK, d.sessionJSON(c, s))
	r.json.(*sessionJSON).URL = d.contentBase(c) + "/upload/" + s.key + d.signature(s.key)
	return r, nil
}

// checkFraction refuses times finer than milliseconds, as sessions do.
func (t *wishTimes) checkFraction() error {
	if t == nil {
		return nil
	}
	for _, at := range []*time.Time{t.Born, t.Modified} {
		if at != nil && at.Nanosecond()%int(time.Millisecond) != 0 {
			return refuse(http.StatusBadRequest, "invalidRequest", "The date has too many digits.", "invalidParameterFormat")
		}
	}
	return nil
}

// rival reports whether another live session has the same target.
func (d *Drive) rival(to destination) bool {
	for _, s := range d.uploads {
		same := s.to.parent == to.parent && d.fold(s.to.name) == d.fold(to.name)
		if same && d.alive(s) == nil {
			return true
		}
	}
	return false
}

// extend moves a session's end on. Work drives promise a week, but stop after
// a day whatever they said.
func (d *Drive) extend(s *session) {
	if d.opt.Kind.work() {
		s.expires = s.opened.Add(7 * 24 * time.Hour)
	} else {
		s.expires = d.clock.Add(15 * time.Minute)
	}
}

func (d *Drive) alive(s *session) error {
	switch {
	case s == nil, !d.clock.Before(s.expires):
		return refuse(http.StatusNotFound, "itemNotFound", "The upload session was not found.", "uploadSessionNotFound")
	case d.opt.Kind.work() && !d.clock.Before(s.opened.Add(24*time.Hour)):
		return refuse(http.StatusUnauthorized, "unauthenticated", "The upload session's token has expired.", "expiredToken")
	}
	return nil
}

func (d *Drive) sessionJSON(c *call, s *session) *sessionJSON {
	w := &sessionJSON{Expires: s.expires.Format("2006-01-02T15:04:05.000Z")}
	if !d.twists.has(NoRanges) {
		w.Next = []string{fmt.Sprintf("%d-", len(s.data))}
	}
	return w
}

func (d *Drive) getSession(c *call) (*reply, error) {
	s := d.uploads[c.id]
	if err := d.alive(s); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d.sessionJSON(c, s)), nil
}

func (d *Drive) deleteSession(c *call) (*reply, error) {
	if err := d.alive(d.uploads[c.id]); err != nil {
		return nil, err
	}
	delete(d.uploads, c.id)
	return answer(http.StatusNoContent, nil), nil
}

func (d *Drive) putFragment(c *call) (*reply, error) {
	s := d.uploads[c.id]
	if err := d.alive(s); err != nil {
		return nil, err
	}
	first, total, err := s.check(c)
	if err != nil {
		return nil, err
	}
	s.total = total
	s.data = append(s.data[:first], c.body...)
	d.extend(s)
	if int64(len(s.data)) < total {
		return answer(http.StatusAccepted, d.sessionJSON(c, s)), nil
	}
	it, status, err := d.commit(s)
	if err != nil {
		s.data = s.data[:first] // it stays open, and the last fragment may be tried again
		return nil, err
	}
	delete(d.uploads, s.key)
	return d.show(c, status, it), nil
}

// check holds a fragment against the rules. It is stricter than the service,
// which finds out only at the end that a length was wrong.
func (s *session) check(c *call) (first, total int64, err error) {
	var last int64
	bad := func(status int, text, inner string) (int64, int64, error) {
		code := "invalidRequest"
		if status == http.StatusRequestedRangeNotSatisfiable {
			code = "invalidRange"
		}
		return 0, 0, refuse(status, code, text, inner)
	}
	n, err := fmt.Sscanf(c.header.Get("Content-Range")+"\n", "bytes %d-%d/%d\n", &first, &last, &total)
	have := int64(len(s.data))
	switch {
	case err != nil || n != 3 || first < 0 || last < first || total <= last:
		return bad(http.StatusBadRequest, "The Content-Range header is missing or malformed.", "invalidParameterFormat")
	case int64(len(c.body)) != last-first+1:
		return bad(http.StatusBadRequest, "The fragment is not as long as its range.", "fragmentLengthMismatch")
	case s.total >= 0 && s.total != total:
		return bad(http.StatusBadRequest, "The total differs from what was declared.", "fragmentLengthMismatch")
	case len(c.body) >= largestFragment:
		return bad(http.StatusRequestEntityTooLarge, "The fragment is too large.", "maxFragmentLengthExceeded")
	case last+1 < total && len(c.body)%fragmentUnit != 0:
		return bad(http.StatusBadRequest, "The fragment is not a multiple of 320 KiB.", "fragmentLengthMismatch")
	case first < have:
		return bad(http.StatusRequestedRangeNotSatisfiable, "The fragment was received already.", "fragmentOverlap")
	case first > have:
		return bad(http.StatusRequestedRangeNotSatisfiable, "The fragment is out of order.", "fragmentOutOfOrder")
	}
	return first, total, nil
}

// commit makes the file, if what the session was opened for still holds.
func (d *Drive) commit(s *session) (*item, int, error) {
	to := s.to
	if to.parent.deleted || to.byID && to.there.deleted {
		return nil, 0, errNotFound()
	}
	if !to.byID {
		to.there = d.child(to.parent, to.name)
	}
	if s.etag != 0 && (to.there == nil || to.there.etag != s.etag) {
		return nil, 0, refuse(http.StatusPreconditionFailed, "resourceModified", "ETag does not match current item's value.", "entityTagDoesNotMatch")
	}
	it, status, err := d.store(to, s.behaviour, newBlob(s.data))
	if err != nil {
		return nil, 0, err
	}
	d.date(it, s.info)
	return it, status, nil
}
