package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// outdated is a store with a sign-in whose access token has ended.
func outdated() *memory { return &memory{data: []byte(`{"refresh_token":"refresh-0"}`)} }

func saved(t *testing.T, s TokenStore) savedSignIn {
	t.Helper()
	raw, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	var v savedSignIn
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheNewRefreshTokenIsKeptBeforeTheAccessTokenIsUsed(t *testing.T) {
	store := outdated()
	rec := record(nil)
	rec.next = graphAnd(answer(200, tokenBody), func(w http.ResponseWriter, r *http.Request) {
		if got := saved(t, store).Refresh; got != "refresh-1" {
			t.Errorf("the access token is in use while %q is kept", got)
		}
		answer(200, `{"id":"i"}`)(w, r)
	})
	c := newTestClient(t, rec, func(cfg *Config) { cfg.Tokens, cfg.ClientSecret = store, "s3cret" })
	if _, err := c.Item(t.Context(), "d", "i"); err != nil {
		t.Fatal(err)
	}
	want := "client_id=app&client_secret=s3cret&grant_type=refresh_token&refresh_token=refresh-0&scope=Files.ReadWrite.All+User.Read+offline_access"
	if rec.body[0] != want || rec.lines()[0] != "POST login.example/common/oauth2/v2.0/token" {
		t.Errorf("asked %s\n%s", rec.lines()[0], rec.body[0])
	}
	if got := rec.seen[1].Header.Get("Authorization"); got != "Bearer access-1" {
		t.Errorf("used %q", got)
	}
}

func TestATokenThatCannotBeKeptIsNotUsed(t *testing.T) {
	store := outdated()
	store.fail = errors.New("disk full")
	used := false
	c := newTestClient(t, graphAnd(answer(200, tokenBody), func(http.ResponseWriter, *http.Request) { used = true }),
		func(cfg *Config) { cfg.Tokens = store })
	for range 2 {
		if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, store.fail) || used {
			t.Errorf("%v, used %v", err, used)
		}
	}
}

func TestWithoutANewRefreshTokenTheOldOneGoesOn(t *testing.T) {
	store := outdated()
	c := newTestClient(t, graphAnd(answer(200, `{"access_token":"a","expires_in":3600}`), answer(200, `{"id":"i"}`)),
		func(cfg *Config) { cfg.Tokens = store })
	if _, err := c.Item(t.Context(), "d", "i"); err != nil || saved(t, store).Refresh != "refresh-0" {
		t.Errorf("%v, kept %+v", err, saved(t, store))
	}
}

func TestASavedSignInTellsWhenItWasUsedAndWhenItEnds(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		renewed    bool
	}{
		{"a new refresh token", tokenBody, true},
		{"the old one goes on", `{"access_token":"a","expires_in":3600}`, false},
	} {
		store, clock := outdated(), newStepClock()
		c := newTestClient(t, graphAnd(answer(200, tt.body), answer(200, `{"id":"i"}`)), func(cfg *Config) { cfg.Tokens, cfg.Clock = store, clock })
		if s, err := SavedSignIn(store); err != nil || !s.Used.IsZero() || !s.Expires().IsZero() {
			t.Errorf("%s: before there was a stamp: %+v, %v", tt.name, s, err)
		}
		if _, err := c.Item(t.Context(), "d", "i"); err != nil {
			t.Fatal(err)
		}
		now := clock.Now()
		s, err := SavedSignIn(store)
		if err != nil || s.Used.Equal(now) != tt.renewed || s.Expires().Equal(now.AddDate(0, 0, 90)) != tt.renewed {
			t.Errorf("%s: used %v, until %v, %v; want a stamp: %v", tt.name, s.Used, s.Expires(), err, tt.renewed)
		}
	}
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	for life, renewed := range map[int64]time.Duration{3600: 55 * time.Minute, 300: 4 * time.Minute} {
		clock := newStepClock()
		b, err := json.Marshal(map[string]any{"access_token": "a", "refresh_token": "r", "expires_in": life})
		if err != nil {
			t.Fatal(err)
		}
		c := newTestClient(t, graphAnd(answer(200, string(b)), answer(200, `{"id":"i"}`)),
			func(cfg *Config) { cfg.Tokens, cfg.Clock = outdated(), clock })
		for _, step := range []struct {
			after    time.Duration
			requests int64
		}{{0, 2}, {renewed - time.Second, 1}, {time.Second, 2}} {
			clock.Sleep(t.Context(), step.after)
			before := c.Requests()
			if _, err := c.Item(t.Context(), "d", "i"); err != nil || c.Requests()-before != step.requests {
				t.Errorf("life %d s, %v on: %v, %d requests, want %d", life, step.after, err, c.Requests()-before, step.requests)
			}
		}
	}
}

func TestOneGoroutineAndOneProcessRefreshes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign-in")
	if err := FileStore(path).Save(outdated().data); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	refreshes := 0
	h := graphAnd(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		refreshes++
		mu.Unlock()
		answer(200, tokenBody)(w, r)
	}, answer(200, `{"id":"i"}`))
	var wg sync.WaitGroup
	for range 3 { // processes
		c := newTestClient(t, h, func(cfg *Config) { cfg.Tokens = FileStore(path) })
		for range 10 {
			wg.Go(func() {
				if _, err := c.Item(t.Context(), "d", "i"); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if refreshes != 1 {
		t.Errorf("%d refreshes", refreshes)
	}
}

func TestWaitingForARefreshEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, nil, func(cfg *Config) {
			cfg.Tokens, cfg.Clock = outdated(), WallClock{}
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		background, stop := context.WithCancel(t.Context())
		go c.Me(background) // refreshes, and nobody answers
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Me(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		stop()
	})
}

func TestWhatTheTokenEndpointSaysIsToldInPlainWords(t *testing.T) {
	oauthError := func(status int, code, description string) http.HandlerFunc {
		return answer(status, `{"error":"`+code+`","error_description":"`+description+`","trace_id":"t"}`)
	}
	for _, tt := range []struct {
		name     string
		h        http.HandlerFunc
		want     error
		says     string
		requests int64
	}{
		{"expired", oauthError(400, "invalid_grant", `AADSTS700082: The refresh token has expired due to inactivity.\r\nTrace ID: 1\r\nTimestamp: 2`), ErrSignIn, "not used for too long: sign in again (AADSTS700082)", 1},
		{"inactive", oauthError(400, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2026-01-02T03:04:05.0Z and was inactive for 90.00:00:00."), ErrSignIn, "sign in again: issued on 2026-01-02 (AADSTS700082)", 1},
		{"expired secret", oauthError(401, "invalid_client", `AADSTS7000222: The provided client secret keys for app 'x' are expired.\r\nTrace ID: 1\r\nTimestamp: 2026-03-04 05:06:07Z`), ErrSignIn, "the client secret has expired: make a new one in the app's registration (AADSTS7000222)", 1},
		{"expired secret with its date", oauthError(401, "invalid_client", "AADSTS7000222: The provided client secret key expired on '2026-01-02T03:04:05Z'."), ErrSignIn, "registration: expired on 2026-01-02 (AADSTS7000222)", 1},
		{"wrong secret", oauthError(401, "invalid_client", "AADSTS7000215: Invalid client secret"), ErrSignIn, "the client secret is wrong", 1},
		{"secret from a public app", oauthError(401, "invalid_client", "AADSTS700025: Client is public"), ErrSignIn, "remove client_secret_file", 1},
		{"unknown number", oauthError(400, "invalid_grant", `AADSTS99999: Something new.\nTrace ID: 1`), ErrSignIn, "AADSTS99999: Something new.", 1},
		{"consumer server", oauthError(400, "server_error", "AADSTS70012: A server error occurred"), ErrThrottled, "", 4},
		{"loop detected", oauthError(400, "invalid_grant", "AADSTS50196: loop"), ErrThrottled, "too many sign-ins", 4},
		{"unavailable", oauthError(503, "temporarily_unavailable", ""), ErrThrottled, "", 4},
		{"HTML gateway", answer(502, "<html>"), ErrThrottled, "", 4},
		{"a proxy", answer(403, "<html>"), ErrMalformed, "", 1},
		{"a proxy that redirects", answer(302, "", "Location", "https://hotel.example/"), ErrMalformed, "", 1},
		{"captive portal", answer(200, "<html>"), ErrMalformed, "", 1},
		{"empty", answer(200, "{}"), ErrMalformed, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := outdated()
			c := newTestClient(t, graphAnd(tt.h, answer(200, `{"id":"i"}`)), func(cfg *Config) { cfg.Tokens = store })
			_, err := c.Item(t.Context(), "d", "i")
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "Trace") {
				t.Errorf("got %v", err)
			}
			if c.Requests() != tt.requests {
				t.Errorf("%d requests, want %d", c.Requests(), tt.requests)
			}
			if saved(t, store).Refresh != "refresh-0" {
				t.Error("the refresh token was not kept")
			}
		})
	}
}

func TestWithoutASignInNothingIsSent(t *testing.T) {
	for _, raw := range [][]byte{nil, []byte("rubbish"), []byte("{}")} {
		c := newTestClient(t, nil, func(cfg *Config) { cfg.Tokens = &memory{data: raw} })
		if _, err := c.Me(t.Context()); !errors.Is(err, ErrSignIn) || c.Requests() != 0 || c.SignedIn() {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestLogoutForgets(t *testing.T) {
	store := signedIn("access-0")
	c := newTestClient(t, answer(200, `{"id":"i"}`), func(cfg *Config) { cfg.Tokens = store })
	if _, err := c.Item(t.Context(), "d", "i"); err != nil || !c.SignedIn() {
		t.Fatal(err)
	}
	if err := c.Logout(); err != nil || c.SignedIn() {
		t.Errorf("%v, still signed in: %v", err, c.SignedIn())
	}
	if _, err := c.Item(t.Context(), "d", "i"); !errors.Is(err, ErrSignIn) {
		t.Error(err)
	}
	if _, err := store.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAnAppSignsInWithItsSecretAlone(t *testing.T) {
	store := &memory{data: []byte(`{"refresh_token":"a user's","access_token":"a user's","access_until":"2999-01-01T00:00:00Z"}`)}
	rec := record(graphAnd(answer(200, `{"access_token":"app-1","expires_in":3600}`), answer(200, `{"id":"d"}`)))
	asApp := func(cfg *Config) {
		cfg.Tokens, cfg.App, cfg.ClientSecret, cfg.Tenant, cfg.User = store, true, "s3cret", "contoso.example", "ann@contoso.example"
	}
	c := newTestClient(t, rec, asApp)
	if !c.SignedIn() {
		t.Error("an app with a secret needs a sign-in")
	}
	if _, err := c.Drive(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	want := "client_id=app&client_secret=s3cret&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.example%2F.default"
	if rec.body[0] != want || rec.lines()[0] != "POST login.example/contoso.example/oauth2/v2.0/token" {
		t.Errorf("asked %s\n%s", rec.lines()[0], rec.body[0])
	}
	if got := rec.lines()[1]; got != "GET graph.example/v1.0/users/ann%40contoso.example/drive" || rec.seen[1].Header.Get("Authorization") != "Bearer app-1" {
		t.Errorf("then %s as %s", got, rec.seen[1].Header.Get("Authorization"))
	}
	again := newTestClient(t, rec, asApp) // a later run: the token is still good
	if _, err := again.Drive(t.Context(), ""); err != nil || len(rec.seen) != 3 {
		t.Errorf("%v after %v", err, rec.lines())
	}
	if _, err := newTestClient(t, nil, asApp, func(cfg *Config) { cfg.User = "" }).Drive(t.Context(), ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("an app's own drive: %v", err)
	}
	if newTestClient(t, nil, func(cfg *Config) { cfg.Tokens = store }).SignedIn() {
		t.Error("a user is signed in by an app's token")
	}
	if s, err := SavedSignIn(store); err != nil || !s.App || s.Used.IsZero() || !s.Expires().IsZero() {
		t.Errorf("saved: %+v, %v", s, err)
	}
}

func TestASignInDoesNotEndUnused(t *testing.T) {
	clock := newStepClock()
	unused := func(d time.Duration) string {
		return `{"refresh_token":"refresh-0","renewed":"` + clock.Now().Add(-d).Format(time.RFC3339) + `"}`
	}
	for _, tt := range []struct {
		name, kept string
		renewed    bool
	}{
		{"used lately", unused(13 * 24 * time.Hour), false},
		{"unused for two weeks", unused(15 * 24 * time.Hour), true},
		{"it was never noted", `{"refresh_token":"refresh-0"}`, true},
		{"an app's", `{"app":"common/app","access_token":"a","renewed":"2001-01-01T00:00:00Z"}`, false},
		{"none", "", false},
	} {
		store := &memory{data: []byte(tt.kept)}
		if tt.kept == "" {
			store.data = nil
		}
		c := newTestClient(t, answer(200, tokenBody), func(cfg *Config) { cfg.Tokens, cfg.Clock = store, clock })
		if err := c.KeepAlive(t.Context()); err != nil || c.Requests() > 0 != tt.renewed || store.saves > 0 != tt.renewed {
			t.Errorf("%s: %v, %d requests, %d saves", tt.name, err, c.Requests(), store.saves)
		}
		before := c.Requests()
		if err := c.KeepAlive(t.Context()); err != nil || c.Requests() != before {
			t.Errorf("%s: asked again: %v", tt.name, err)
		}
	}
	c := newTestClient(t, answer(400, `{"error":"invalid_grant","error_description":"AADSTS700082: inactive"}`),
		func(cfg *Config) { cfg.Tokens, cfg.Clock = outdated(), clock })
	if err := c.KeepAlive(t.Context()); !errors.Is(err, ErrSignIn) {
		t.Errorf("one that has ended: %v", err)
	}
}
