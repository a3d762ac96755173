package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"tandem/remote"
)

// drive is OneDrive as the engine sees it: the real client, whose requests go
// to the emulated drive without a socket. But in the whole stack, one verb is
// under way at a time, and its answers come at once; between a verb's requests,
// and before an answer is heard, all else goes on.
type drive struct{ m *machine }

// call runs one verb.
func call[T any](d drive, verb, what string, f func(*remote.Client) (T, error)) (T, error) {
	m := d.m
	if m.stack == nil {
		m.pause(func() bool { return !m.busy }, time.Time{})
		m.busy = true
	}
	m.say("%-8s %s", verb, what)
	v, err := f(m.client)
	m.busy = false
	m.say("%-8s %s done%s", verb, what, colon(err))
	m.pause(nil, time.Time{})
	return v, err
}

func (d drive) Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error) {
	d.m.inner = ctx
	return call(d, "delta", "", func(c *remote.Client) (remote.DeltaPage, error) { return c.Delta(ctx, drive, link) })
}

func (d drive) Item(ctx context.Context, drive, id string) (remote.Item, error) {
	return call(d, "item", id, func(c *remote.Client) (remote.Item, error) { return c.Item(ctx, drive, id) })
}

func (d drive) ItemIn(ctx context.Context, drive, parentID, name string) (remote.Item, error) {
	return call(d, "itemin", name, func(c *remote.Client) (remote.Item, error) { return c.ItemIn(ctx, drive, parentID, name) })
}

func (d drive) Children(ctx context.Context, drive, id string, wanted func(remote.Item) bool) ([]remote.Item, error) {
	return call(d, "children", id, func(c *remote.Client) ([]remote.Item, error) { return c.Children(ctx, drive, id, wanted) })
}

func (d drive) CreateFolder(ctx context.Context, drive, parentID, name string, mtime time.Time) (remote.Item, error) {
	return call(d, "folder", name, func(c *remote.Client) (remote.Item, error) { return c.CreateFolder(ctx, drive, parentID, name, mtime) })
}

func (d drive) Move(ctx context.Context, drive, id, etag, parentID, name string, mtime time.Time) (remote.Item, error) {
	return call(d, "move", id+" to "+name, func(c *remote.Client) (remote.Item, error) {
		return c.Move(ctx, drive, id, etag, parentID, name, mtime)
	})
}

func (d drive) Delete(ctx context.Context, drive, id, etag string) error {
	_, err := call(d, "delete", id, func(c *remote.Client) (bool, error) { return true, c.Delete(ctx, drive, id, etag) })
	return err
}

// DeleteFolder lets the requests of the look, which go in the place of the delete,
// be verbs of their own.
func (d drive) DeleteFolder(ctx context.Context, drive, id string, look func(context.Context) (string, error)) error {
	_, err := call(d, "delete", id, func(c *remote.Client) (bool, error) {
		return true, c.DeleteFolder(ctx, drive, id, func(ctx context.Context) (string, error) {
			d.m.busy = false
			version, err := look(ctx)
			d.m.pause(func() bool { return !d.m.busy }, time.Time{})
			d.m.busy = true
			return version, err
		})
	})
	return err
}

func (d drive) Restore(ctx context.Context, drive, id, parentID, name string) (remote.Item, error) {
	d.m.restored = true
	return call(d, "restore", id, func(c *remote.Client) (remote.Item, error) { return c.Restore(ctx, drive, id, parentID, name) })
}

func (d drive) TrySetTimes(ctx context.Context, drive string, stamps []remote.Stamp) ([]remote.StampResult, error) {
	return call(d, "stamp", fmt.Sprint(len(stamps)), func(c *remote.Client) ([]remote.StampResult, error) {
		return c.TrySetTimes(ctx, drive, stamps)
	})
}

func (d drive) Upload(ctx context.Context, u remote.Upload) (remote.Uploaded, error) {
	return call(d, "upload", u.Name+u.ID, func(c *remote.Client) (remote.Uploaded, error) { return c.Upload(ctx, u) })
}

func (d drive) CancelSession(ctx context.Context, s remote.Session) error {
	_, err := call(d, "cancel", "", func(c *remote.Client) (bool, error) { return true, c.CancelSession(ctx, s) })
	return err
}

// Download takes the whole content in, or as much as comes: an open body would
// hold a place in the client's queue.
func (d drive) Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error) {
	if d.m.stack != nil {
		return call(d, "download", id, func(c *remote.Client) (*remote.Body, error) { return c.Download(ctx, drive, id, address, offset) })
	}
	return call(d, "download", id, func(c *remote.Client) (*remote.Body, error) {
		body, err := c.Download(ctx, drive, id, address, offset)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		data, err := io.ReadAll(body)
		return &remote.Body{ReadCloser: &received{bytes.NewReader(data), err}, Offset: body.Offset, Total: body.Total}, nil
	})
}

func (d drive) Requests() int64 { return d.m.client.Requests() }

// received is what came of a body, and how it ended.
type received struct {
	*bytes.Reader
	err error
}

func (r *received) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF && r.err != nil {
		err = r.err
	}
	return n, err
}

func (r *received) WriteTo(to io.Writer) (int64, error) {
	return io.Copy(to, struct{ io.Reader }{r})
}

func (r *received) Close() error { return nil }

// transport carries requests to the emulated drive.
type transport struct{ m *machine }

var errKilled = errors.New("the process has ended")

func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	m := t.m
	defer func() { // the client's locks must be left in order also when the process ends
		if p := recover(); p != nil {
			if p != (killed{}) {
				panic(p)
			}
			resp, err = nil, errKilled
		}
	}()
	var body []byte
	if r.Body != nil {
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if m.stack != nil {
		return m.stack.exchange(m, r, body)
	}
	m.pause(nil, time.Time{})
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	m.called("request")
	m.guarded(r, body)
	rec := httptest.NewRecorder()
	sent := r.Clone(r.Context())
	sent.Body, sent.ContentLength, sent.Host = io.NopCloser(bytes.NewReader(body)), int64(len(body)), r.URL.Host
	var dropped bool
	m.witness(r.Method == http.MethodGet, func() { dropped = serve(m.online, rec, sent) })
	changes := r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/token")
	m.say("  %s %s: %d dropped=%t", r.Method, strings.TrimPrefix(r.URL.Path, "/v1.0"), rec.Code, dropped)
	if changes {
		m.changed = true
		m.effect()
	}
	m.pause(nil, time.Time{})
	return answerOf(r, rec, dropped)
}

// broken is a connection that ends too soon.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// serve answers; the emulator breaks a connection by a panic.
func serve(h http.Handler, rec *httptest.ResponseRecorder, r *http.Request) (dropped bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			dropped = true
		}
	}()
	h.ServeHTTP(rec, r)
	return false
}

// guarded holds the engine to its word that it overwrites and deletes nothing
// online that it has not seen.
func (m *machine) guarded(r *http.Request, body []byte) {
	path := r.URL.Path
	if !strings.HasPrefix(path, "/v1.0/") {
		return // pre-authenticated, or the sign-in
	}
	if strings.HasSuffix(path, "/$batch") {
		var batch struct {
			Requests []struct {
				Method, URL string
				Headers     map[string]string
			}
		}
		if err := json.Unmarshal(body, &batch); err != nil {
			m.fail("a batch that cannot be read: %v", err)
		}
		for _, part := range batch.Requests {
			if part.Method != "GET" && part.Headers["If-Match"] == "" {
				m.fail("I3: %s %s without If-Match", part.Method, part.URL)
			}
		}
		return
	}
	fails := strings.Contains(r.URL.RawQuery, "conflictBehavior=fail") || bytes.Contains(body, []byte(`conflictBehavior":"fail"`))
	byName := strings.Contains(path, ":/") || strings.HasSuffix(path, "/children")
	switch {
	case r.Method == http.MethodGet:
	case strings.HasSuffix(path, "/restore"): // fails on a taken name
	case byName && !fails:
		m.fail("I3: %s %s may replace", r.Method, path)
	case !byName && r.Header.Get("If-Match") == "":
		m.fail("I3: %s %s without If-Match", r.Method, path)
	}
}
