package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// A savedSignIn is what the TokenStore keeps: enough to go on without a person,
// and the current token, so that a short run need not ask for one.
type savedSignIn struct {
	Refresh string    `json:"refresh_token"`
	Access  string    `json:"access_token,omitempty"`
	Until   time.Time `json:"access_until,omitzero"`
	Renewed time.Time `json:"renewed,omitzero"` // when the refresh token came
	App     string    `json:"app,omitempty"`    // the application that signed in for itself; it has no refresh token
}

// An accessToken opens one audience until a while before its real end.
type accessToken struct {
	value Secret
	until time.Time
}

// renewAhead is how long before its end a token is no longer used, so that no
// request outlives its token by bad luck.
const renewAhead = 5 * time.Minute

// tokens gives out access tokens.
type tokens struct {
	c    *Client
	turn *lane // with a single place, for the one goroutine that refreshes

	mu      sync.Mutex
	refresh Secret
	renewed time.Time
	granted string // the permissions of the latest answer
	access  map[audience]accessToken
}

func newTokens(c *Client) *tokens {
	return &tokens{c: c, turn: newLane(1, c.cfg.Clock, 0), access: map[audience]accessToken{}}
}

// bearer is a token for the audience, refreshed if need be.
func (t *tokens) bearer(ctx context.Context, to audience) (Secret, error) {
	if a, ok := t.valid(to); ok {
		return a, nil
	}
	done, err := t.alone(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	if err := t.load(); err != nil { // somebody else may have refreshed while we waited
		return "", err
	}
	if a, ok := t.valid(to); ok {
		return a, nil
	}
	return t.renew(ctx, to)
}

// alone waits until no other goroutine and no other process refreshes: the
// service takes a storm of refreshes for an attack (AADSTS50196).
func (t *tokens) alone(ctx context.Context) (done func(), err error) {
	if err := t.turn.take(ctx); err != nil {
		return nil, ended(ctx, "wait for the sign-in")
	}
	unlock, err := lockStore(ctx, t.c.cfg.Tokens)
	if err != nil {
		t.turn.leave()
		return nil, err
	}
	return func() { unlock(); t.turn.leave() }, nil
}

func (t *tokens) valid(to audience) (Secret, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.access[to]
	return a.value, ok && t.c.cfg.Clock.Now().Before(a.until)
}

// reject forgets a token that was answered with 401, unless a newer one has
// taken its place.
func (t *tokens) reject(to audience, value Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok := t.access[to]; ok && a.value == value {
		a.until = time.Time{} // kept, so that load does not bring the same one back
		t.access[to] = a
	}
}

func (t *tokens) load() error {
	s, err := readSignIn(t.c.cfg.Tokens)
	switch {
	case t.c.cfg.App && (errors.Is(err, ErrSignIn) || s.App != t.c.cfg.application()):
		return nil // the secret is all it takes
	case err == nil && s.App != t.c.cfg.application():
		err = &Error{Op: "sign in", kind: ErrSignIn, Message: "not signed in"}
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh, t.renewed = Secret(s.Refresh), s.Renewed
	if s.Access != "" && t.access[forGraph].value.Reveal() != s.Access {
		t.access[forGraph] = accessToken{Secret(s.Access), s.Until}
	}
	return nil
}

// renew trades the refresh token for an access token. The refresh token that
// comes with it is stored before the access token is used.
func (t *tokens) renew(ctx context.Context, to audience) (Secret, error) {
	if t.c.cfg.App {
		return t.renewApp(ctx, to)
	}
	answer, err := t.c.tokenRequest(ctx, "refresh the sign-in", true, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {t.current().Reveal()},
		"scope":         {t.c.scope(to)},
	})
	if err != nil {
		return "", err
	}
	return t.accept(to, answer)
}

func (t *tokens) current() Secret {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refresh
}

// accept keeps what came, and only then lets it be used.
func (t *tokens) accept(to audience, answer tokenAnswer) (Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	life := lifeOf(answer.ExpiresIn, time.Hour)
	a := accessToken{Secret(answer.Access), t.c.cfg.Clock.Now().Add(life - min(renewAhead, life/5))}
	refresh, renewed, graph := t.refresh, t.renewed, t.access[forGraph]
	if answer.Refresh != "" { // none came: the old one goes on
		refresh = Secret(answer.Refresh)
	}
	if answer.Refresh != "" || t.c.cfg.App {
		renewed = t.c.cfg.Clock.Now()
	}
	if to == forGraph {
		graph = a
	}
	raw, err := json.Marshal(savedSignIn{Refresh: refresh.Reveal(), Access: graph.value.Reveal(), Until: graph.until, Renewed: renewed, App: t.c.cfg.application()})
	if err != nil {
		return "", err
	}
	if err := t.c.cfg.Tokens.Save(raw); err != nil {
		return "", err
	}
	t.refresh, t.renewed, t.access[to] = refresh, renewed, a
	if to == forGraph {
		t.granted = answer.Scope
	}
	return a.value, nil
}

// lifeOf is how long something lives that the service says to live so many seconds, and
// usual where it does not say. Nothing is asked for anew all the time, whatever it says,
// and nothing is believed in for more than a day.
func lifeOf(seconds int64, usual time.Duration) time.Duration {
	if seconds <= 0 {
		return usual
	}
	return time.Duration(max(60, min(seconds, 24*60*60))) * time.Second
}

// signedIn takes the answer that ends a sign-in by a person.
func (t *tokens) signedIn(ctx context.Context, answer tokenAnswer) error {
	if answer.Refresh == "" {
		return malformed("sign in", "no refresh token came")
	}
	if admit := t.c.cfg.Admit; admit != nil {
		who, err := t.meet(ctx, answer)
		if err != nil {
			return err
		}
		if err := admit(ctx, who); err != nil {
			return err
		}
	}
	done, err := t.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	t.forget()
	_, err = t.accept(forGraph, answer)
	return err
}

// meetFor is how long whoever has signed in is asked for.
const meetFor = 10 * time.Minute

// meet tells who has signed in. What the person typed or agreed to is spent by then, so
// a service in trouble is given time, and they need not do it once more. What was granted
// is in memory only, for it is not agreed to yet.
func (t *tokens) meet(ctx context.Context, answer tokenAnswer) (User, error) {
	clock := t.c.cfg.Clock
	end := clock.Now().Add(min(meetFor, lifeOf(answer.ExpiresIn, time.Hour)))
	for try := 1; ; try++ {
		who, err := t.c.whose(ctx, Secret(answer.Access))
		if err == nil || ctx.Err() != nil || !mayPass(err) {
			return who, err
		}
		wait := max(firstWait, t.c.backoff(try))
		if p, ok := errors.AsType[*Paused](err); ok {
			wait = p.Until.Sub(clock.Now())
		}
		if clock.Now().Add(wait).After(end) {
			return who, fmt.Errorf("the sign-in worked, but nothing was kept, for the service does not say whose it is; sign in again later: %w", err)
		}
		if try == 1 {
			t.c.cfg.Log.Warn("signed in; waiting for the service to say as whom", "err", err)
		}
		if clock.Sleep(ctx, wait) != nil {
			return who, ended(ctx, "sign in")
		}
	}
}

// mayPass reports whether an error may be over by itself in some minutes.
func mayPass(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.passing() || errors.Is(err, ErrThrottled) || errors.Is(err, ErrMalformed)
}

// fresh renews the sign-in, whatever is still valid of it.
func (t *tokens) fresh(ctx context.Context) error {
	done, err := t.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := t.load(); err != nil {
		return err
	}
	_, err = t.renew(ctx, forGraph)
	return err
}

func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh, t.renewed = "", time.Time{}
	clear(t.access)
}

// SignedIn reports whether there is a saved sign-in; whether it still works
// only a request can tell.
func (c *Client) SignedIn() bool { return c.tokens.load() == nil }

// Logout forgets the sign-in.
func (c *Client) Logout() error {
	c.tokens.forget()
	if err := c.cfg.Tokens.Delete(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// scope is what to ask for: Graph's permissions, or all that the user granted
// on one SharePoint host.
func (c *Client) scope(to audience) string {
	if to == forGraph && c.cfg.App {
		return c.graph.Scheme + "://" + c.graph.Host + "/.default"
	}
	if to == forGraph {
		return strings.Join(append(c.cfg.Scopes[:len(c.cfg.Scopes):len(c.cfg.Scopes)], "offline_access"), " ")
	}
	return c.graph.Scheme + "://" + string(to) + "/.default"
}

func (c *Client) oauth(redirect string) *oauth2.Config {
	base := c.cfg.LoginEndpoint + "/" + url.PathEscape(c.cfg.Tenant) + "/oauth2/v2.0/"
	return &oauth2.Config{
		ClientID:    c.cfg.ClientID,
		RedirectURL: redirect,
		Scopes:      strings.Fields(c.scope(forGraph)),
		Endpoint: oauth2.Endpoint{
			AuthURL: base + "authorize", TokenURL: base + "token", DeviceAuthURL: base + "devicecode",
		},
	}
}

type tokenAnswer struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	Scope     string `json:"scope"`
	ExpiresIn int64  `json:"expires_in"`
}

// tokenRequest asks the token endpoint. Passing trouble is waited out when a
// repeat is harmless; a refresh token outlives its use, a code does not.
func (c *Client) tokenRequest(ctx context.Context, op string, repeat bool, form url.Values) (tokenAnswer, error) {
	var a tokenAnswer
	if err := c.postForm(ctx, op, repeat, c.oauth("").Endpoint.TokenURL, form, &a); err != nil {
		return a, err
	}
	if a.Access == "" {
		return a, malformed(op, "no access token came")
	}
	return a, nil
}

// postForm posts to the sign-in service. It has its own small retry: the lanes
// are Graph's, and a refusal here is OAuth's and not Graph's.
func (c *Client) postForm(ctx context.Context, op string, repeat bool, to string, form url.Values, v any) error {
	form.Set("client_id", c.cfg.ClientID)
	if c.cfg.ClientSecret != "" {
		form.Set("client_secret", c.cfg.ClientSecret)
	}
	for _, name := range []string{"refresh_token", "code", "code_verifier", "device_code"} {
		defer c.carried.take(form.Get(name))()
	}
	r := &request{
		op: op, method: http.MethodPost, url: to,
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
		body:   func() *payload { return text(form.Encode()) },
	}
	for try := 1; ; try++ {
		err := c.postOnce(ctx, r, v)
		var e *Error
		if err == nil || !repeat || !errors.As(err, &e) || !e.passing() && !errors.Is(e, ErrThrottled) || try >= maxOfflineTries || ctx.Err() != nil {
			return err
		}
		c.sayAsked(e)
		if err := c.sleep(ctx, op, max(c.backoff(try), e.RetryAfter)); err != nil {
			return err
		}
	}
}

func (c *Client) postOnce(ctx context.Context, r *request, v any) error {
	resp, err := c.deliver(ctx, c.api, r, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.signInRefusal(r.op, resp)
	}
	err = read(resp.Body, maxErrorBody, func(a *response) error { return a.whole(v) })
	switch {
	case err != nil && unusable(err):
		return malformed(r.op, "%v", err)
	case err != nil:
		return c.offline(r.op, err)
	}
	return nil
}
