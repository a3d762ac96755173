package remote

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Graph gets one HTTP/2 connection. The ping finds a connection that died
// without a word, which would otherwise swallow every request.
func graphTransport(parallel int) *http.Transport {
	t := baseTransport(parallel)
	t.ForceAttemptHTTP2 = true
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return t
}

// Content goes over HTTP/1.1: half the CPU for a byte, and no transfer waits
// behind another on one connection. Bytes are taken as they are stored.
func contentTransport(parallel int) *http.Transport {
	t := baseTransport(parallel)
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.DisableCompression = true
	return t
}

// With fewer idle connections than workers, every fourth request would shake
// hands anew.
func baseTransport(parallel int) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: parallel,
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: 256 << 10,
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// counted wraps a transport so that every request is counted and says who we
// are. Requests go to a transport and not through an http.Client: the client
// would put addresses into errors and, on redirects, into Referer headers.
func (c *Client) counted(next http.RoundTripper) http.RoundTripper {
	agent := "NONISV|tandem|tandem/" + c.cfg.Version // the form the service asks for; others come last
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		c.requests.Add(1)
		r.Header.Set("User-Agent", agent)
		return next.RoundTrip(r)
	})
}

// unpacked asks for packed answers and unpacks them, so that what comes packed is bounded,
// too: gzip can bring nothing for ever.
func unpacked(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Accept-Encoding") != "" {
			return next.RoundTrip(r)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		resp, err := next.RoundTrip(r)
		if err == nil && strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
			resp.Header.Del("Content-Encoding")
			packed := &bounded{r: resp.Body, most: maxPage, left: maxPage, piece: maxPage}
			resp.ContentLength, resp.Body = -1, &unpacking{body: resp.Body, in: packed}
		}
		return resp, err
	})
}

// An unpacking is a packed answer as it is read.
type unpacking struct {
	body io.Closer
	in   *bounded
	z    *gzip.Reader
}

func (u *unpacking) Read(p []byte) (n int, err error) {
	if u.z == nil {
		if u.z, err = gzip.NewReader(u.in); err != nil {
			return 0, cmp.Or(u.in.err, err)
		}
	}
	if n, err = u.z.Read(p); err != nil {
		err = cmp.Or(u.in.err, err)
	}
	return n, err
}

func (u *unpacking) Close() error { return u.body.Close() }

var errSilent = errors.New("the connection fell silent")

// roundTrip sends one request and ends it when nothing moves for the timeout:
// neither a byte of the body up, nor the answer's head, nor a byte of its body.
// A reader that takes its time is not silence.
func (c *Client) roundTrip(rt http.RoundTripper, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	w := &watchdog{timeout: c.cfg.Timeout, cancel: cancel}
	w.timer = c.cfg.Clock.AfterFunc(w.timeout, func() { cancel(errSilent) })
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &watchedBody{ReadCloser: r.Body, dog: w}
	}
	resp, err := rt.RoundTrip(r)
	w.timer.Stop()
	if err != nil {
		err = w.reason(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, ctx: ctx, dog: w}
	return resp, nil
}

type watchdog struct {
	timeout time.Duration
	timer   Timer
	cancel  context.CancelCauseFunc
}

// reason prefers our own word for a request that we ended to what the
// transport made of it.
func (w *watchdog) reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watchedBody is a request's body; each read of it is a sign of life.
type watchedBody struct {
	io.ReadCloser
	dog *watchdog
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.dog.timer.Reset(b.dog.timeout)
	return n, err
}

// answerBody is an answer's body; the watchdog runs only while a read waits.
type answerBody struct {
	io.ReadCloser
	ctx  context.Context
	dog  *watchdog
	once sync.Once
}

func (b *answerBody) Read(p []byte) (int, error) {
	b.dog.timer.Reset(b.dog.timeout)
	n, err := b.ReadCloser.Read(p)
	b.dog.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.dog.reason(b.ctx, err)
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.dog.timer.Stop(); b.dog.cancel(nil) })
	return err
}
