// Package remote speaks to OneDrive and SharePoint through Microsoft Graph: it
// signs in, reads items and the change feed, changes things, and moves content.
//
// It promises that requests are as few and as polite as the service asks for:
// throttling, retries and the number of requests at once are its business and
// nobody else's. It promises never to overwrite blindly: what is created fails
// on a taken name, what is replaced carries the eTag the caller has seen. And
// it keeps secrets: tokens and pre-authenticated addresses appear in no error
// and no log line, and go to no host that has no business with them.
//
// It does not decide anything about files, and it does not remember them: a
// refusal comes back as an [*Error] that matches one of the sentinels (such as
// [ErrChanged]), and the caller looks again. Reads may lag behind writes by
// minutes; the answer to a change is the truth about it.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Config says which account to speak for, where, and how hard.
type Config struct {
	ClientID     string   // the app registration
	ClientSecret string   // only where the registration is a confidential one
	Tenant       string   // empty = "common"
	Scopes       []string // empty = all files the user can reach
	App          bool     // the application signs in for itself, with its secret and no user
	User         string   // with App: whose drive is meant when none is named; id or principal name

	LoginEndpoint string // no trailing slash, as https://login.microsoftonline.com
	GraphEndpoint string // no trailing slash, with the version
	RedirectURL   string // empty = "http://localhost"; a port or path may be fixed here

	Timeout      time.Duration // how long a request may stay silent; 0 = a minute
	Tokens       TokenStore
	Admit        func(context.Context, User) error // asked about whoever has signed in before anything of that is kept; an error ends the sign-in; nil = anybody will do
	Parallel     int                               // most requests at once to Graph, and as many transfers; 0 = 16
	Transport    http.RoundTripper                 // nil = HTTP/2 to Graph, HTTP/1.1 to content hosts
	Clock        Clock                             // nil = the real one
	Patience     time.Duration                     // how long a 404 about what this client has just created is not believed; 0 = for who reads the change feed, which tells
	LongestPause time.Duration                     // how long a pause that the service asks for is waited for; above that it is a [Paused]; 0 = any
	Throttled    func(until time.Time)             // called, from anywhere, when the service asks for a pause of ten seconds or more; nil = nobody wants to know
	Log          *slog.Logger                      // nil = silence
	Version      string
}

// A Client speaks for one account. It is safe for concurrent use.
type Client struct {
	cfg   Config
	graph *url.URL // the Graph endpoint
	local bool     // both endpoints are on this machine: an emulator

	api      http.RoundTripper
	content  http.RoundTripper
	requests atomic.Int64

	account   *lane // requests to Graph
	transfers *lane // requests to pre-authenticated addresses; waits for account's pauses too
	tokens    *tokens
	created   created
	carried   load
}

// New checks the configuration and makes a Client. Nothing is sent.
func New(cfg Config) (*Client, error) {
	if cfg.Tokens == nil {
		return nil, errors.New("no place to keep the sign-in")
	}
	graph, err := endpoint("graph", cfg.GraphEndpoint)
	if err != nil {
		return nil, err
	}
	login, err := endpoint("login", cfg.LoginEndpoint)
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Client{cfg: cfg, graph: graph, local: loopback(graph) && loopback(login)}
	c.api, c.content = c.counted(cfg.Transport), c.counted(cfg.Transport)
	if cfg.Transport == nil {
		c.api, c.content = c.counted(graphTransport(cfg.Parallel)), c.counted(contentTransport(cfg.Parallel))
	}
	c.api = unpacked(c.api)
	c.account = newLane(cfg.Parallel, cfg.Clock, cfg.LongestPause)
	c.transfers = newLane(cfg.Parallel, cfg.Clock, cfg.LongestPause)
	c.tokens = newTokens(c)
	c.created = created{now: cfg.Clock.Now, life: cfg.Patience}
	return c, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Tenant == "" {
		cfg.Tenant = "common"
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"Files.ReadWrite.All", "User.Read"}
	}
	if cfg.RedirectURL == "" {
		cfg.RedirectURL = "http://localhost"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 16
	}
	if cfg.Clock == nil {
		cfg.Clock = WallClock{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	return cfg
}

// endpoint parses one of the two configured endpoints. They are the only
// addresses where plain http may be asked for, and only on this machine.
func endpoint(name, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%s endpoint %q is not an address", name, s)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u)) {
		return nil, fmt.Errorf("%s endpoint %q is not https", name, s)
	}
	return u, nil
}

// Requests tells how many HTTP requests were sent so far, sign-in included.
func (c *Client) Requests() int64 { return c.requests.Load() }

// at is the address of a Graph resource; the segments are escaped already.
func (c *Client) at(segments ...string) string {
	return c.cfg.GraphEndpoint + "/" + strings.Join(segments, "/")
}

// created remembers what was created a moment ago. For up to two minutes the
// service may answer 404 for such a thing; who has no change feed to ask does not
// believe that answer.
type created struct {
	mu     sync.Mutex
	young  map[string]time.Time // since turned …
	elder  map[string]time.Time // … and before it: these go all at once
	turned time.Time
	now    func() time.Time
	life   time.Duration
}

func (c *created) add(id string) {
	if c.life == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.young == nil || now.Sub(c.turned) > c.life {
		c.young, c.elder, c.turned = map[string]time.Time{}, c.young, now
	}
	c.young[id] = now
}

// remove is for what was deleted: that it is not found is to be believed.
func (c *created) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, id)
	delete(c.elder, id)
}

func (c *created) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.young[id]
	if !ok {
		t, ok = c.elder[id]
	}
	return ok && c.now().Sub(t) <= c.life
}
