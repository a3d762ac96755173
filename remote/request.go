package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// A request is one thing asked of the service. It may be sent several times:
// everything we change is guarded (an If-Match, or a create that fails on a
// taken name), so a repeat of something that had in fact succeeded is refused,
// and whoever asked then looks whether the work is already done; see unsure.
type request struct {
	op      string // what is being done, for errors
	method  string
	url     string
	header  map[string]string
	json    any                         // the body, or
	body    func() *payload             // the body, afresh for each attempt
	about   string                      // the id it is about; a 404 is not believed while that was created a moment ago: see [Config.Patience]
	to      audience                    // whose token goes with it
	token   Secret                      // goes with it instead: of a sign-in that is not kept yet
	content bool                        // to a pre-authenticated address: the other lane, the other transport
	still   bool                        // hand redirects back instead of following them
	once    bool                        // after an unclear failure, leave the repeat to the caller
	look    func(context.Context) error // immediately before each attempt, in its place in the lane; its error is final

	last      *payload // what the latest attempt sent
	unsure    bool     // an earlier attempt got no clear answer: it may have been carried out
	refreshed bool     // a 401 has already cost us a new token
	hops      int
}

// Tries are bounded per request; what comes back after them is tried again
// when the caller's own turn comes.
const (
	maxTries        = 8
	maxOfflineTries = 4
	firstWait       = time.Second
	maxWait         = 5 * time.Minute
	maxHops         = 5
)

// send sends r until there is a clear answer, and returns it if it is a good
// one. The answer's body must be closed: it holds a place in the lane.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	for try := 1; ; try++ {
		token, err := c.bearer(ctx, r)
		if err != nil {
			return nil, err // the sign-in has its own patience
		}
		resp, err := c.attempt(ctx, r, token)
		if err == nil && isRedirect(resp) && !r.still {
			resp.Body.Close()
			if err = c.redirect(r, resp); err == nil {
				try--
				continue
			}
		}
		if err == nil {
			return resp, nil
		}
		if f, ok := errors.AsType[*final](err); ok {
			return nil, f.err
		}
		wait, again := c.again(ctx, r, err, try)
		if !again {
			return nil, err
		}
		c.cfg.Log.Debug("request repeated", slog.String("op", r.op), slog.Int("try", try), slog.Duration("wait", wait), slog.Any("err", err))
		if err := c.sleep(ctx, r.op, wait); err != nil {
			return nil, err
		}
	}
}

// again decides whether r is worth another attempt after err, and when.
func (c *Client) again(ctx context.Context, r *request, err error, try int) (time.Duration, bool) {
	var e *Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		return 0, false
	}
	switch {
	case e.Status == 401 && r.to != nobody && !r.refreshed && !e.challenged() && !e.passing():
		r.refreshed = true
		return 0, true
	case try >= maxTries, errors.Is(e, ErrOffline) && try >= maxOfflineTries:
		return 0, false
	case e.throttles():
		return 0, true // the lane waits
	case e.Status == 404 && r.about != "" && c.created.has(r.about):
		return c.backoff(try), true
	case !e.passing():
		return 0, false
	}
	c.sayAsked(e)
	r.unsure = r.unsure || r.method != http.MethodGet
	return max(c.backoff(try), e.RetryAfter), !r.once
}

// backoff grows by doubling; the full jitter keeps many clients apart.
func (c *Client) backoff(try int) time.Duration {
	d := min(firstWait<<min(try-1, 20), maxWait)
	return time.Duration(c.cfg.Clock.Jitter() * float64(d))
}

// attempt sends r once. An answer of 400 and above comes back as an *Error.
func (c *Client) attempt(ctx context.Context, r *request, token Secret) (*http.Response, error) {
	defer c.carried.take(token.Reveal())()
	l, rt := c.account, c.api
	if r.content {
		defer c.carried.take(secretsOf(r.url)...)()
		l, rt = c.transfers, c.content
		if err := c.account.calm(ctx); err != nil {
			return nil, unsent(ctx, r.op, err)
		}
	}
	if err := c.enter(ctx, l, r); err != nil {
		return nil, err
	}
	sent := c.cfg.Clock.Now()
	resp, err := c.deliver(ctx, rt, r, token)
	if err != nil {
		leave(ctx, l)
		return nil, err
	}
	resp.Body = &placeHolder{ReadCloser: resp.Body, leave: func() { leave(ctx, l) }}
	if resp.StatusCode < 400 {
		l.served(sent)
		return resp, nil
	}
	defer resp.Body.Close()
	e := c.refusal(r.op, resp)
	if e.throttles() {
		c.throttled(l, sent, e.RetryAfter)
	}
	if e.Status == 401 && !e.passing() {
		c.tokens.reject(r.to, token)
	}
	return nil, e
}

// enter takes r's place in the lane, and looks once more where r wants that. What
// is asked for that look goes in the same place, so that nothing is waited for
// between it and the request: when the service has asked for a pause meanwhile, it
// is looked again after it.
func (c *Client) enter(ctx context.Context, l *lane, r *request) error {
	for {
		wait := l.enter
		if ridesAlong(ctx) {
			wait = l.calm
		}
		if err := wait(ctx); err != nil {
			return unsent(ctx, r.op, err)
		}
		if r.look == nil {
			return nil
		}
		if err := r.look(context.WithValue(ctx, ridingAlong{}, true)); err != nil {
			leave(ctx, l)
			return &final{err}
		}
		if l.pause() <= 0 {
			return nil
		}
		leave(ctx, l)
	}
}

// sleep waits before op is tried again, unless that is longer than anybody will wait.
func (c *Client) sleep(ctx context.Context, op string, wait time.Duration) error {
	if c.cfg.LongestPause > 0 && wait > c.cfg.LongestPause {
		return &Paused{c.cfg.Clock.Now().Add(wait)}
	}
	if c.cfg.Clock.Sleep(ctx, wait) != nil {
		return ended(ctx, op)
	}
	return nil
}

// unsent says why r is not sent: nobody wants it any more, or not before a long pause.
func unsent(ctx context.Context, op string, err error) error {
	if _, ok := errors.AsType[*Paused](err); ok {
		return err
	}
	return ended(ctx, op)
}

// ridingAlong marks the context of requests that go in the place of another.
type ridingAlong struct{}

func ridesAlong(ctx context.Context) bool { return ctx.Value(ridingAlong{}) != nil }

func leave(ctx context.Context, l *lane) {
	if !ridesAlong(ctx) {
		l.leave()
	}
}

// A final error is not this request's, and no reason to repeat it.
type final struct{ err error }

func (f *final) Error() string { return f.err.Error() }

func (c *Client) bearer(ctx context.Context, r *request) (Secret, error) {
	switch {
	case r.token != "":
		return r.token, nil
	case r.to == nobody:
		return "", nil
	}
	return c.tokens.bearer(ctx, r.to)
}

// deliver makes the HTTP request of r and sends it. Errors in reading our own
// body are told apart from those of the connection.
func (c *Client) deliver(ctx context.Context, rt http.RoundTripper, r *request, token Secret) (*http.Response, error) {
	req, err := r.build(ctx)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := c.roundTrip(rt, req)
	switch {
	case err == nil:
		return resp, nil
	case r.last.trouble() != nil:
		return nil, fmt.Errorf("%s: %w", r.op, r.last.trouble())
	case ctx.Err() != nil:
		return nil, ended(ctx, r.op)
	}
	return nil, c.offline(r.op, err)
}

func (r *request) build(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, nil)
	if err != nil {
		return nil, malformed(r.op, "not an address") // err would quote it
	}
	r.last = nil
	switch {
	case r.json != nil:
		b, err := json.Marshal(r.json)
		if err != nil {
			return nil, err
		}
		r.last = text(string(b))
		req.Header.Set("Content-Type", "application/json")
	case r.body != nil:
		r.last = r.body()
	}
	r.last.attach(req)
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	return req, nil
}

// placeHolder gives the place in the lane back once the answer is read.
type placeHolder struct {
	io.ReadCloser
	leave func()
}

func (p *placeHolder) Close() error {
	err := p.ReadCloser.Close()
	if p.leave != nil {
		p.leave()
		p.leave = nil
	}
	return err
}

func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// redirect points r to where the answer sends it. A token stays with the host
// it was meant for, and once left behind it is not taken up again.
func (c *Client) redirect(r *request, resp *http.Response) error {
	here, err := url.Parse(r.url)
	if err != nil {
		return malformed(r.op, "not an address")
	}
	there, err := here.Parse(resp.Header.Get("Location"))
	r.hops++
	if err != nil || resp.Header.Get("Location") == "" || r.hops > maxHops {
		return malformed(r.op, "a redirect that leads nowhere")
	}
	if r.method != http.MethodGet && resp.StatusCode < 307 {
		return malformed(r.op, "a redirect that would lose the request's body")
	}
	if !sameHost(here, there) {
		if _, _, err := c.foreign(there.String()); err != nil {
			return malformed(r.op, "%v", err)
		}
		r.to = nobody
	}
	r.url = there.String()
	return nil
}

// ask sends r and decodes the JSON answer into v. It reports false when the
// answer had no body, which the service sometimes does to a change it made.
func (c *Client) ask(ctx context.Context, r *request, v any) (bool, error) {
	return c.askFor(ctx, r, maxAnswer, func(a *response) error { return a.whole(v) })
}

// askFor sends r and has the answer read by how, anew when it broke off.
func (c *Client) askFor(ctx context.Context, r *request, most int64, how func(*response) error) (bool, error) {
	for try := 1; ; try++ {
		resp, err := c.send(ctx, r)
		if err != nil {
			return false, err
		}
		err = read(resp.Body, most, how)
		resp.Body.Close()
		switch {
		case err == nil:
			return true, nil
		case err == errNoBody:
			return false, nil
		case ctx.Err() != nil:
			return false, ended(ctx, r.op)
		case unusable(err):
			return false, malformed(r.op, "%v", err)
		}
		// The answer broke off: with a change, it has been carried out.
		err = c.offline(r.op, err)
		wait, again := c.again(ctx, r, err, try)
		if !again {
			return false, err
		}
		if err := c.cfg.Clock.Sleep(ctx, wait); err != nil {
			return false, ended(ctx, r.op)
		}
	}
}
