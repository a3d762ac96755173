package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The handlers here answer single oddities of the wire; whole conversations are
// held with the emulator, in emulator_test.go.

const (
	graphURL = "https://graph.example/v1.0"
	loginURL = "https://login.example"
)

// inMemory is a transport whose other end is a handler in this process. No
// network is involved, so it works inside a synctest bubble.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	h.ServeHTTP(w, in)
	if _, err := io.Copy(io.Discard, in.Body); err != nil {
		return nil, err
	}
	in.Body.Close()
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// memory is a TokenStore that counts.
type memory struct {
	mu    sync.Mutex
	data  []byte
	saves int
	fail  error
}

func (m *memory) Load() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return nil, fs.ErrNotExist
	}
	return m.data, nil
}

func (m *memory) Save(b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.data, m.saves = b, m.saves+1
	return nil
}

func (m *memory) Delete() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = nil
	return nil
}

// signedIn is a store with a sign-in whose access token is good for long.
func signedIn(access string) *memory {
	b, err := json.Marshal(savedSignIn{Refresh: "refresh-0", Access: access, Until: time.Now().Add(1000 * time.Hour)})
	if err != nil {
		panic(err)
	}
	return &memory{data: b}
}

// stepClock makes waiting instant and remembers how long it would have taken.
type stepClock struct {
	WallClock
	mu     sync.Mutex
	now    time.Time
	slept  []time.Duration
	jitter float64
}

func newStepClock() *stepClock { return &stepClock{now: time.Now(), jitter: 1} }

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepClock) Jitter() float64 { return c.jitter }

func (c *stepClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return nil
}

func (c *stepClock) total() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum time.Duration
	for _, d := range c.slept {
		sum += d
	}
	return sum
}

// newTestClient makes a signed-in client whose every request goes to h.
func newTestClient(t *testing.T, h http.Handler, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		ClientID: "app", GraphEndpoint: graphURL, LoginEndpoint: loginURL, Tokens: signedIn("access-0"),
		Transport: inMemory{h}, Clock: newStepClock(), Log: slog.New(slog.DiscardHandler), Version: "1.2",
		Patience: 2 * time.Minute,
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// script answers the n-th request with the n-th handler, and the rest with the
// last one.
func script(steps ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := steps[min(n, len(steps)-1)]
		n++
		mu.Unlock()
		h(w, r)
	}
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func coded(status int, code, message string, headers ...string) http.HandlerFunc {
	b, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil {
		panic(err)
	}
	return answer(status, string(b), headers...)
}

// a recorder keeps the requests that pass through it.
type recorder struct {
	mu   sync.Mutex
	seen []*http.Request
	body []string
	next http.Handler
}

func record(next http.Handler) *recorder { return &recorder{next: next} }

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	rec.mu.Lock()
	rec.seen, rec.body = append(rec.seen, r), append(rec.body, string(b))
	rec.mu.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	rec.next.ServeHTTP(w, r)
}

// lines gives the requests as "METHOD address", without the scheme.
func (rec *recorder) lines() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	var out []string
	for _, r := range rec.seen {
		out = append(out, r.Method+" "+r.Host+r.URL.RequestURI())
	}
	return out
}

func TestEveryRequestSaysWhoWeAre(t *testing.T) {
	rec := record(answer(200, `{"id":"u","displayName":"Ann","userPrincipalName":"ann@example.org"}`))
	c := newTestClient(t, rec)
	me, err := c.Me(t.Context())
	if want := (User{"u", "Ann", "ann@example.org"}); err != nil || me != want {
		t.Fatalf("got %v, %v; want %v", me, err, want)
	}
	h := rec.seen[0].Header
	if got, want := h.Get("User-Agent"), "NONISV|tandem|tandem/1.2"; got != want {
		t.Errorf("User-Agent %q, want %q", got, want)
	}
	if got, want := h.Get("Authorization"), "Bearer access-0"; got != want {
		t.Errorf("Authorization %q, want %q", got, want)
	}
	if c.Requests() != 1 {
		t.Errorf("%d requests counted, want 1", c.Requests())
	}
}

func TestPlainHTTPIsForThisMachineOnly(t *testing.T) {
	for _, tt := range []struct {
		graph, login string
		ok           bool
	}{
		{"https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com", true},
		{"http://127.0.0.1:8080/v1.0", "http://localhost:8080", true},
		{"http://[::1]:8080/v1.0", "http://[::1]:8080", true},
		{"http://graph.microsoft.com/v1.0", "https://login.microsoftonline.com", false},
		{"https://graph.microsoft.com/v1.0", "http://10.0.0.1", false},
		{"https://user@graph.example/v1.0", "https://login.example", false},
		{"", "https://login.example", false},
		{"ftp://127.0.0.1/v1.0", "https://login.example", false},
	} {
		_, err := New(Config{GraphEndpoint: tt.graph, LoginEndpoint: tt.login, Tokens: &memory{}})
		if (err == nil) != tt.ok {
			t.Errorf("graph %q, login %q: %v", tt.graph, tt.login, err)
		}
	}
}

// TestACertificateThatIsNotGoodEndsTheTalk before a token is shown, and nothing is
// tried without one.
func TestACertificateThatIsNotGoodEndsTheTalk(t *testing.T) {
	var asked atomic.Int64
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	srv := httptest.NewUnstartedServer(count)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	c := newTestClient(t, nil, func(cfg *Config) { cfg.Transport, cfg.GraphEndpoint = nil, srv.URL+"/v1.0" })
	_, err := c.Drive(t.Context(), "")
	if !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the error is %v", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests were heard by somebody whose certificate nobody knows", n)
	}
}
