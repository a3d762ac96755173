package sim

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// An exchange is one HTTP request and its answer, in the whole stack. Once it is
// sent it reaches the drive, also when nobody waits for the answer any more.
type exchange struct {
	s        *stackWorld
	m        *machine
	name     string // as the drive counts it: "PUT content"
	n        int    // of that name
	req      *http.Request
	body     []byte
	sent     time.Time
	reached  time.Time // the drive …
	answered time.Time // … and us again
	delay    *delay    // nil: the usual times
	gone     bool      // nobody waits for it any more
	arrived  bool
	resp     *http.Response
	err      error
	page     *page // of the feed, that is the answer
}

// exchange carries a request to the drive and waits for the answer.
func (s *stackWorld) exchange(m *machine, r *http.Request, body []byte) (*http.Response, error) {
	x := &exchange{s: s, m: m, name: nameOf(r), req: r, body: body, sent: s.now}
	s.times[x.name]++
	x.n = s.times[x.name]
	s.exchanges++
	m.called("request")
	m.guarded(r, body)
	x.delay = s.delayOf(x.name)
	s.say("  %s: %s %s%s", x, r.Method, strings.TrimPrefix(r.URL.Path, "/v1.0"), x.delay)
	s.flying++
	if x.delay != nil {
		s.rest.pending++
	}
	up := x.usual("up", 30*time.Millisecond)
	if d := x.delay; d != nil && d.kind == late {
		up += d.by
	}
	s.events.add(s.now.Add(up), x.reach)
	if s.cur == nil { // the test itself asks: see open
		s.flying--
		x.reach()
		x.answer()
		return x.resp, x.err
	}
	defer func() {
		s.flying--
		x.gone = true
		if x.delay != nil {
			s.rest.pending--
			s.stir(0)
		}
	}()
	m.pause(func() bool { return x.arrived || r.Context().Err() != nil }, time.Time{})
	if !x.arrived {
		s.say("  %s: given up", x)
		s.rest.roughen(s, 0)
		return nil, r.Context().Err()
	}
	return x.resp, x.err
}

func (x *exchange) String() string { return fmt.Sprintf("%s %d", x.name, x.n) }

// sweep notes the versions that somebody saved in a folder while our delete of that
// was on its way, or the listing immediately before it. The feed does not tell them
// from those that were meant; the old backend, whose folders have versions, refuses
// the delete.
func (x *exchange) sweep(before map[string]string) {
	after, from := x.s.onlineTree(), x.sent
	if l := x.m.listing; l != nil && l.answered.Add(time.Second).After(x.sent) {
		from = l.reached
	}
	for path, text := range before {
		v := x.s.ledger.all[text]
		if _, still := after[path]; !still && v != nil && v.saved.After(from) {
			v.swept = x.s.script.Drive != "personal-old"
		}
	}
}

// usual is how long a way takes that nothing delays.
func (x *exchange) usual(way string, most time.Duration) time.Duration {
	d := 5*time.Millisecond + time.Duration(x.s.chance(way+x.name, x.n)*float64(most))
	return d.Round(tick)
}

// reach lets the request come to the drive, which carries it out.
func (x *exchange) reach() {
	s := x.s
	if x.resp != nil || x.err != nil {
		return // the test itself has not waited
	}
	d := x.delay
	if d != nil && d.kind == hang && !d.done {
		s.say("  %s: is never answered", x)
		return
	}
	var before map[string]string
	if x.req.Method == http.MethodDelete {
		before = s.onlineTree()
	}
	if x.reached = s.now; x.name == "GET children" {
		x.m.listing = x
	}
	rec := httptest.NewRecorder()
	sent := x.req.Clone(x.req.Context())
	sent.Body, sent.ContentLength, sent.Host = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body)), x.req.URL.Host
	if n := s.opt.Page; n > 0 && x.name == "GET delta" {
		query := sent.URL.Query()
		query.Set("$top", strconv.Itoa(n))
		sent.URL.RawQuery = query.Encode()
	}
	dropped := serve(s.online, rec, sent)
	s.say("  %s: %d dropped=%t%s", x, rec.Code, dropped, after(x.gone))
	if wait, bad := trouble(rec); bad || dropped {
		s.rest.roughen(s, wait)
	}
	s.rest.odd.pass(s)
	if before != nil {
		x.m.deleted(before)
		if rec.Code < 300 {
			x.sweep(before)
		}
	}
	if x.req.Method != http.MethodGet && !strings.HasSuffix(x.name, "token") {
		s.changed = true
		s.rest.stirs++
		s.note(rec.Body.Bytes())
		if rec.Code < 300 && (x.name != "POST batch" || bytes.Contains(rec.Body.Bytes(), []byte(`"status":200`))) {
			s.notify()
		}
		if x.gone {
			s.stir(s.script.Lag)
		}
	}
	if d != nil && d.kind == hang {
		return
	}
	x.resp, x.err = answerOf(x.req, rec, dropped)
	if x.name == "GET delta" && rec.Code == http.StatusOK && !dropped {
		x.page = readPage(x.req, rec.Body.Bytes())
	}
	down := x.usual("down", 60*time.Millisecond)
	if d != nil && d.kind == hold {
		s.held++
		s.stir(d.by)
		if d.drip && x.err == nil && rec.Body.Len() > 1 {
			x.resp.Body = dripping(x, rec.Body.Len(), d.by)
		} else {
			down += d.by
		}
	}
	s.events.add(s.now.Add(down), x.answer)
}

// trouble reports whether an answer, or a part of it, says that something failed that
// is worth another try, and when.
func trouble(rec *httptest.ResponseRecorder) (wait time.Duration, bad bool) {
	seconds := []string{rec.Header().Get("Retry-After")}
	for _, part := range partTrouble.FindAllSubmatch(rec.Body.Bytes(), -1) {
		bad = true
		seconds = append(seconds, string(part[1]))
	}
	for _, n := range seconds {
		if n, err := strconv.Atoi(n); err == nil {
			wait = max(wait, time.Duration(n)*time.Second)
		}
	}
	return wait, bad || rec.Code >= http.StatusTooManyRequests
}

// partTrouble is in the answer to a batch.
var partTrouble = regexp.MustCompile(`"status":(?:429|5..),"headers":{(?:[^{}]*"Retry-After":"(\d+)")?`)

func after(gone bool) string {
	if gone {
		return ", for nobody"
	}
	return ""
}

// answer lets the answer come.
func (x *exchange) answer() {
	x.arrived, x.answered = true, x.s.now
	if !x.gone && x.page != nil {
		x.m.reads(x.page)
	}
}

// answerOf makes an answer of what the drive has written.
func answerOf(r *http.Request, rec *httptest.ResponseRecorder, dropped bool) (*http.Response, error) {
	resp := rec.Result()
	whole := resp.ContentLength < 0 || int64(rec.Body.Len()) == resp.ContentLength || r.Method == http.MethodHead
	switch {
	case dropped && rec.Body.Len() == 0:
		return nil, io.ErrUnexpectedEOF
	case dropped || !whole:
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), broken{}))
	}
	resp.Request = r
	return resp, nil
}

// note remembers which items an engine has just changed: people like to go for them.
func (s *stackWorld) note(answer []byte) {
	for _, id := range idField.FindAllSubmatch(answer, 3) {
		s.latest = append(s.latest, string(id[1]))
	}
	if n := len(s.latest); n > 6 {
		s.latest = s.latest[n-6:]
	}
}

var idField = regexp.MustCompile(`"eTag":"[^"]*".*?"id":"([^"]+)"`)

// nameOf is what the drive calls a request.
func nameOf(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/v1.0")
	route := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case strings.HasPrefix(path, "/upload/"):
		route = "upload"
	case strings.HasPrefix(path, "/download/"):
		route = "download"
	case route == "$batch":
		route = "batch"
	case route == "root":
		route = "item"
	case path == "/drives/"+route:
		route = "drive"
	case strings.Contains(path, "/items/") && !strings.Contains(path[strings.Index(path, "/items/")+7:], "/"),
		strings.Contains(path, ":/") && !strings.Contains(path, ":/content") && !strings.HasSuffix(path, "/createUploadSession"):
		route = "item"
	}
	return r.Method + " " + route
}

// A delay is about when requests and answers come:
//
//	online late "match=PUT content" for=20s      the request reaches the drive late
//	online hold "match=POST batch" for=90s       the answer is held back; with drip, its head comes at once and its end so late
//	online hang "match=PATCH item" done          there is no answer, ever; with done, the request is carried out
//
// Match, after and times are as with other faults. What was not met is over with the
// life of people.
type delay struct {
	kind  kind
	match string
	after int
	times int
	by    time.Duration
	drip  bool
	done  bool
}

type kind string

const (
	late kind = "late"
	hold kind = "hold"
	hang kind = "hang"
)

// readDelay gives nil for a line that is about something else.
func readDelay(word []string) (d *delay, err error) {
	for _, one := range word {
		switch k := kind(one); k {
		case late, hold, hang:
			d = &delay{kind: k, match: "*", times: 1}
		}
	}
	if d == nil {
		return nil, nil
	}
	for _, one := range word {
		key, value, _ := strings.Cut(one, "=")
		switch key {
		case string(d.kind):
		case "match":
			d.match = value
		case "after":
			d.after, err = strconv.Atoi(value)
		case "times":
			d.times, err = strconv.Atoi(value)
		case "for":
			d.by, err = time.ParseDuration(value)
		case "drip":
			d.drip = true
		case "done":
			d.done = true
		default:
			err = fmt.Errorf("no such word: %q", key)
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

func (s *stackWorld) arrange(d *delay, err error) error {
	if s == nil || err != nil {
		return cmp.Or(err, errors.New("only in the whole stack"))
	}
	s.delays = append(s.delays, d)
	return nil
}

// delayOf is what an exchange of that name meets.
func (s *stackWorld) delayOf(name string) *delay {
	for _, d := range s.delays {
		if d.times == 0 || d.match != "*" && d.match != name {
			continue
		}
		if d.after > 0 {
			d.after--
			continue
		}
		d.times--
		return d
	}
	return nil
}

func (d *delay) String() string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf(" (%s %v)", d.kind, d.by)
}

// A drip is a body that comes in pieces, none of them so late that it passes for
// silence.
type drip struct {
	io.ReadCloser
	x    *exchange
	size int // bytes that are still to come, …
	most int // … in pieces of so many …
	gap  time.Duration
	left int // … and of this one
}

func dripping(x *exchange, size int, over time.Duration) io.ReadCloser {
	pieces := min(int(over/(40*time.Second))+1, size)
	return &drip{ReadCloser: x.resp.Body, x: x, size: size, most: (size + pieces - 1) / pieces, gap: (over / time.Duration(pieces)).Round(tick)}
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 && d.size > 0 {
		m, ctx := d.x.m, d.x.req.Context()
		d.x.s.flying++
		defer func() { d.x.s.flying-- }()
		m.pause(func() bool { return ctx.Err() != nil }, m.now.Add(d.gap))
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		d.left = min(d.most, d.size)
	}
	n, err := d.ReadCloser.Read(p[:min(len(p), max(d.left, 1))])
	d.left, d.size = max(0, d.left-n), d.size-n
	return n, err
}
