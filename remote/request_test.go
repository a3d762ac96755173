package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const tokenBody = `{"token_type":"Bearer","expires_in":3600,"access_token":"access-1","refresh_token":"refresh-1"}`

// graphAnd sends sign-in requests to one handler and all others to another.
func graphAnd(login, rest http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "login.example" {
			login(w, r)
			return
		}
		rest(w, r)
	})
}

func TestTroubleThatPassesIsWaitedOut(t *testing.T) {
	ok := answer(200, `{"id":"i"}`)
	for _, tt := range []struct {
		name     string
		first    http.HandlerFunc
		requests int64
	}{
		{"500", coded(500, "generalException", ""), 2},
		{"502 with HTML", answer(502, "<html>"), 2},
		{"503 without a time", coded(503, "serviceNotAvailable", ""), 2},
		{"504", answer(504, ""), 2},
		{"408", answer(408, ""), 2},
		{"429", coded(429, "TooManyRequests", ""), 2},
		{"RPS", coded(401, "unauthenticated", "Unable to initialize RPS"), 2},
		{"a redirect on the same host", answer(307, "", "Location", graphURL+"/elsewhere"), 2},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestClient(t, script(tt.first, ok), breakable)
			it, err := c.Item(t.Context(), "d", "i")
			if err != nil || it.ID != "i" {
				t.Errorf("got %v, %v", it, err)
			}
			if c.Requests() != tt.requests {
				t.Errorf("%d requests, want %d", c.Requests(), tt.requests)
			}
		})
	}
}

// breakable lets a handler that panics be a connection that breaks.
func breakable(cfg *Config) {
	next := cfg.Transport
	cfg.Transport = roundTripper(func(r *http.Request) (resp *http.Response, err error) {
		defer func() {
			if recover() != nil {
				err = io.ErrUnexpectedEOF
			}
		}()
		return next.RoundTrip(r)
	})
}

func TestARefusalIsNotRepeated(t *testing.T) {
	for _, h := range []struct {
		status int
		body   string
		want   error
	}{
		{507, `{"error":{"code":"quotaLimitReached"}}`, ErrQuota},
		{500, `{"error":{"code":"generalException","message":"quota limit"}}`, ErrQuota},
		{404, "", ErrNotFound}, {403, "", ErrDenied}, {412, "", ErrChanged}, {423, "", ErrLocked}, {501, "", ErrUnsupported},
		{200, "<html>Please sign in to the hotel's network</html>", ErrMalformed},
		{200, `{}`, ErrMalformed}, {200, `[]`, ErrMalformed}, {200, ``, ErrMalformed},
	} {
		c := newTestClient(t, answer(h.status, h.body))
		_, err := c.Item(t.Context(), "d", "i")
		if !errors.Is(err, h.want) || c.Requests() != 1 {
			t.Errorf("%d %s: %v after %d requests", h.status, h.body, err, c.Requests())
		}
	}
}

func TestRepeatsAreBoundedAndJittered(t *testing.T) {
	clock := newStepClock()
	c := newTestClient(t, answer(500, ""), func(cfg *Config) { cfg.Clock = clock })
	_, err := c.Item(t.Context(), "d", "i")
	if status(err) != 500 || c.Requests() != maxTries {
		t.Errorf("%v after %d requests", err, c.Requests())
	}
	if want := 127 * time.Second; clock.total() != want { // 1+2+4+…+64
		t.Errorf("waited %v, want %v", clock.total(), want)
	}
	clock.jitter, clock.slept = 0, nil
	c.Item(t.Context(), "d", "i")
	if clock.total() != 0 {
		t.Errorf("with the least jitter: waited %v", clock.total())
	}
}

func TestNoConnectionIsToldSoon(t *testing.T) {
	c := newTestClient(t, nil, func(cfg *Config) {
		cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	})
	_, err := c.Item(t.Context(), "d", "i")
	if !errors.Is(err, ErrOffline) || !errors.Is(err, io.ErrUnexpectedEOF) || c.Requests() != maxOfflineTries {
		t.Errorf("%v after %d requests", err, c.Requests())
	}
}

func TestA401CostsOneNewTokenAndNoMore(t *testing.T) {
	refused := coded(401, "InvalidAuthenticationToken", "")
	refreshes := 0
	login := func(w http.ResponseWriter, r *http.Request) { refreshes++; answer(200, tokenBody)(w, r) }
	c := newTestClient(t, graphAnd(login, script(refused, answer(200, `{"id":"i"}`))))
	if _, err := c.Item(t.Context(), "d", "i"); err != nil || refreshes != 1 {
		t.Errorf("%v after %d refreshes", err, refreshes)
	}
	refreshes = 0
	c = newTestClient(t, graphAnd(login, refused))
	if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, ErrSignIn) || refreshes != 1 {
		t.Errorf("%v after %d refreshes", err, refreshes)
	}
}

func TestAChallengeForClaimsNeedsAPerson(t *testing.T) {
	refreshes := 0
	login := func(w http.ResponseWriter, r *http.Request) { refreshes++; answer(200, tokenBody)(w, r) }
	c := newTestClient(t, graphAnd(login, coded(401, "InvalidAuthenticationToken", "",
		"WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJ…"`)))
	if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, ErrSignIn) || refreshes != 0 {
		t.Errorf("%v after %d refreshes", err, refreshes)
	}
}

func TestATokenIsLeftBehindWhenTheHostChanges(t *testing.T) {
	rec := record(script(
		answer(302, "", "Location", "https://other.example/a"),
		answer(302, "", "Location", graphURL+"/back"),
		answer(200, `{"id":"i"}`),
	))
	c := newTestClient(t, rec)
	if _, err := c.Item(t.Context(), "d", "i"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"Bearer access-0", "", ""} {
		if got := rec.seen[i].Header.Get("Authorization"); got != want {
			t.Errorf("%s: Authorization %q, want %q", rec.lines()[i], got, want)
		}
		if got := rec.seen[i].Header.Get("Referer"); got != "" {
			t.Errorf("%s: Referer %q", rec.lines()[i], got)
		}
	}
}

func TestRedirectsThatLeadNowhereGood(t *testing.T) {
	for _, to := range []string{"", "http://other.example/", "https://10.0.0.1/", "https://localhost/", "https://%zz/", graphURL + "/drives/d/items/i"} {
		c := newTestClient(t, answer(302, "", "Location", to))
		if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, ErrMalformed) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func TestSilenceEndsARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := newTestClient(t, nil, func(cfg *Config) {
			cfg.Clock, cfg.Timeout = WallClock{}, 30*time.Second
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		_, err := c.Item(t.Context(), "d", "i")
		if !errors.Is(err, ErrOffline) || !errors.Is(err, errSilent) {
			t.Error(err)
		}
		if d := time.Since(start); d < 2*time.Minute || d > 2*time.Minute+8*time.Second { // four tries and the waits between
			t.Errorf("took %v", d)
		}
	})
}

// silentClock lets the time of every timer be up at once.
type silentClock struct{ WallClock }

func (silentClock) Sleep(ctx context.Context, d time.Duration) error { return ctx.Err() }

func (silentClock) AfterFunc(d time.Duration, f func()) Timer {
	f()
	return time.NewTimer(d)
}

func TestSilenceIsMeasuredByTheClientsClock(t *testing.T) {
	c := newTestClient(t, nil, func(cfg *Config) {
		cfg.Clock = silentClock{}
		cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
	})
	if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, errSilent) {
		t.Error(err)
	}
	before := c.Requests()
	s := &sending{c: c, session: Session{Address: "https://content.example/upload"}}
	if s.discard(t.Context()); c.Requests() != before {
		t.Error("a session is discarded for longer than a request may be silent")
	}
}

// drip is a body of n bytes that come one at a time, then silence.
type drip struct {
	n     int
	every time.Duration
	ctx   context.Context
}

func (d *drip) Read(p []byte) (int, error) {
	if d.n == 0 {
		<-d.ctx.Done()
		return 0, d.ctx.Err()
	}
	d.n--
	time.Sleep(d.every)
	return copy(p, "x"), nil
}

// A slow body is fine, one that stops is not, and a slow reader is no reason.
func TestABodyMayBeSlowButNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := newTestClient(t, nil, func(cfg *Config) {
			cfg.Clock, cfg.Timeout = WallClock{}, 30*time.Second
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: 200, Header: http.Header{}, ContentLength: 100,
					Body: io.NopCloser(&drip{n: 10, every: 20 * time.Second, ctx: r.Context()}),
				}, nil
			})
		})
		b, err := c.Download(t.Context(), "d", "i", "https://content.example/x", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		one := make([]byte, 1)
		if _, err := b.Read(one); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the reader has other things to do
		n, err := io.Copy(io.Discard, b)
		if n != 9 || !errors.Is(err, errSilent) || !errors.Is(err, ErrOffline) {
			t.Errorf("%d bytes, %v", n, err)
		}
		if d := time.Since(start); d != time.Hour+200*time.Second+30*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestTheContextBoundsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, coded(429, "", "", "Retry-After", "3600"), func(cfg *Config) { cfg.Clock = WallClock{} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := c.Item(ctx, "d", "i")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestAnAnswerMayNotFillTheMemory(t *testing.T) {
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"value":[`)
		blank := strings.Repeat(" ", 1<<20)
		for range 65 {
			io.WriteString(w, blank)
		}
	}))
	if _, err := c.Delta(t.Context(), "d", ""); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestANewFolderIsBelievedInForAWhile(t *testing.T) {
	missing := coded(404, "itemNotFound", "")
	c := newTestClient(t, script(answer(201, `{"id":"new","name":"n","folder":{}}`), missing, missing, answer(201, `{"id":"child","name":"c","folder":{}}`), missing))
	if _, err := c.CreateFolder(t.Context(), "d", "p", "n", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateFolder(t.Context(), "d", "new", "c", time.Time{}); err != nil {
		t.Errorf("in the new folder: %v", err)
	}
	before := c.Requests()
	if _, err := c.Children(t.Context(), "d", "old", nil); !errors.Is(err, ErrNotFound) || c.Requests() != before+1 {
		t.Errorf("in an old one: %v after %d requests", err, c.Requests()-before)
	}
}
