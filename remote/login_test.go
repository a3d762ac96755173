package remote

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// get asks the waiting listener as a browser would, with another Host header if
// wanted.
func get(t *testing.T, address, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestSigningInThroughTheBrowser(t *testing.T) {
	rec := record(answer(200, tokenBody))
	store := &memory{}
	c := newTestClient(t, rec, func(cfg *Config) { cfg.Tokens, cfg.Tenant = store, "contoso.example" })
	var asked url.Values
	err := c.LoginBrowser(t.Context(), func(page string) {
		u, err := url.Parse(page)
		if err != nil || u.Host != "login.example" || u.Path != "/contoso.example/oauth2/v2.0/authorize" {
			t.Fatalf("shown %s, %v", page, err)
		}
		asked = u.Query()
		back := asked.Get("redirect_uri")
		if u, err := url.Parse(back); err != nil || u.Hostname() != "localhost" || u.Port() == "" || u.Path != "" {
			t.Fatalf("redirect %s", back)
		}
		state := url.QueryEscape(asked.Get("state"))
		_, port, _ := strings.Cut(strings.TrimPrefix(back, "http://"), ":")
		// Knocks that change nothing.
		for _, bad := range []struct {
			path, host string
			status     int
		}{
			{"/?code=evil&state=" + state, "evil.example:" + port, 404},
			{"/?code=evil&state=" + state, "localhost", 404},
			{"/favicon.ico", "", 404},
			{"/?code=evil&state=guess", "", 400},
			{"/?code=evil", "", 400},
		} {
			if got, _ := get(t, "http://127.0.0.1:"+port+bad.path, bad.host); got != bad.status {
				t.Errorf("%s as %q: %d, want %d", bad.path, bad.host, got, bad.status)
			}
		}
		if got, page := get(t, back+"/?code=c0de&state="+state, ""); got != 200 || !strings.Contains(page, "close this page") {
			t.Errorf("%d %s", got, page)
		}
		if got, _ := get(t, back+"/?code=second&state="+state, ""); got != http.StatusGone {
			t.Errorf("a second answer: %d", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(rec.body[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	for what, pair := range map[string][2]string{
		"code":         {form.Get("code"), "c0de"},
		"redirect_uri": {form.Get("redirect_uri"), asked.Get("redirect_uri")},
		"challenge":    {asked.Get("code_challenge"), base64.RawURLEncoding.EncodeToString(sum[:])},
		"method":       {asked.Get("code_challenge_method"), "S256"},
		"scope":        {asked.Get("scope"), "Files.ReadWrite.All User.Read offline_access"},
		"kept":         {saved(t, store).Refresh, "refresh-1"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", what, pair[0], pair[1])
		}
	}
	if len(rec.seen) != 1 {
		t.Errorf("asked %v", rec.lines())
	}
}

func TestAFixedPortAndPathAreKept(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	redirect := fmt.Sprintf("http://localhost:%d/back", port)
	c := newTestClient(t, answer(200, tokenBody), func(cfg *Config) { cfg.RedirectURL = redirect })
	err = c.LoginBrowser(t.Context(), func(page string) {
		u, err := url.Parse(page)
		if err != nil || u.Query().Get("redirect_uri") != redirect {
			t.Fatalf("shown %s, %v", page, err)
		}
		get(t, redirect+"?code=c&state="+u.Query().Get("state"), "")
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASignInThatIsRefused(t *testing.T) {
	c := newTestClient(t, nil)
	err := c.LoginBrowser(t.Context(), func(page string) {
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		_, body := get(t, u.Query().Get("redirect_uri")+"/?error=access_denied%3Cscript%3E&error_description=AADSTS65004:+no&state="+u.Query().Get("state"), "")
		if strings.Contains(body, "<script>") {
			t.Error("the page repeats what it was given")
		}
	})
	if !errors.Is(err, ErrSignIn) || c.Requests() != 0 {
		t.Errorf("%v after %d requests", err, c.Requests())
	}
}

func TestASignInThatNobodyFinishesEndsWithTheContext(t *testing.T) {
	c := newTestClient(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.LoginBrowser(ctx, func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheBrowserComesBackToThisMachineOnly(t *testing.T) {
	for _, redirect := range []string{"http://evil.example", "https://localhost", "http://localhost?x=1", "http://10.0.0.1:80", "::"} {
		c := newTestClient(t, nil, func(cfg *Config) { cfg.RedirectURL = redirect })
		if err := c.LoginBrowser(t.Context(), func(string) { t.Errorf("%s: a page is shown", redirect) }); err == nil {
			t.Errorf("%s: accepted", redirect)
		}
	}
}

func TestSigningInWithADeviceCode(t *testing.T) {
	const device = `{"device_code":"dc","user_code":"ABCD","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":5,"message":"Go there"}`
	says := func(code string) http.HandlerFunc { return answer(400, `{"error":"`+code+`"}`) }
	for _, tt := range []struct {
		name  string
		polls []http.HandlerFunc
		want  error
		took  time.Duration
	}{
		{"at once", []http.HandlerFunc{answer(200, tokenBody)}, nil, 5 * time.Second},
		{"after a while", []http.HandlerFunc{says("authorization_pending"), says("authorization_pending"), answer(200, tokenBody)}, nil, 15 * time.Second},
		{"slower", []http.HandlerFunc{says("slow_down"), answer(200, tokenBody)}, nil, 15 * time.Second},
		{"trouble on the way", []http.HandlerFunc{answer(503, "<html>"), answer(200, tokenBody)}, nil, 15 * time.Second},
		{"declined", []http.HandlerFunc{says("authorization_declined")}, ErrSignIn, 5 * time.Second},
		{"denied", []http.HandlerFunc{says("access_denied")}, ErrSignIn, 5 * time.Second},
		{"wrong code", []http.HandlerFunc{says("bad_verification_code")}, ErrSignIn, 5 * time.Second},
		{"expired", []http.HandlerFunc{says("expired_token")}, ErrSignIn, 5 * time.Second},
		{"never", []http.HandlerFunc{says("authorization_pending")}, ErrSignIn, 905 * time.Second},
		{"no public client", []http.HandlerFunc{answer(401, `{"error":"invalid_client","error_codes":[7000218]}`)}, ErrSignIn, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock, store := newStepClock(), &memory{}
			polls := script(tt.polls...)
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/devicecode") {
					answer(200, device)(w, r)
					return
				}
				polls(w, r)
			}), func(cfg *Config) { cfg.Tokens, cfg.Clock = store, clock })
			shown := ""
			err := c.LoginDevice(t.Context(), func(uri, code, message string) { shown = uri + " " + code + " " + message })
			if !errors.Is(err, tt.want) || clock.total() != tt.took {
				t.Errorf("%v after %v, want %v after %v", err, clock.total(), tt.want, tt.took)
			}
			if shown != "https://microsoft.com/devicelogin ABCD Go there" {
				t.Errorf("shown %q", shown)
			}
			if c.SignedIn() != (tt.want == nil) {
				t.Errorf("signed in: %v", c.SignedIn())
			}
		})
	}
}
