package remote

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTheAddressDecidesWhichTokenGoesWithIt(t *testing.T) {
	remoteEnds := newTestClient(t, nil)
	localEnds := newTestClient(t, nil, func(cfg *Config) {
		cfg.GraphEndpoint, cfg.LoginEndpoint = "http://127.0.0.1:8080/v1.0", "http://127.0.0.1:8080"
	})
	const refuse = audience("refuse")
	for _, tt := range []struct {
		address       string
		remote, local audience
	}{
		{"https://contoso.sharepoint.com/download.aspx?UniqueId=1&tempauth=x", nobody, nobody},
		{"https://contoso.sharepoint.com/download.aspx?UniqueId=1", "contoso.sharepoint.com", "contoso.sharepoint.com"},
		{"https://Contoso-My.SharePoint.us/x", "contoso-my.sharepoint.us", "contoso-my.sharepoint.us"},
		{"https://contoso.sharepoint-mil.us/x", "contoso.sharepoint-mil.us", "contoso.sharepoint-mil.us"},
		{"https://contoso.sharepoint.cn/x", "contoso.sharepoint.cn", "contoso.sharepoint.cn"},
		{"https://contoso.sharepoint.de/x", "contoso.sharepoint.de", "contoso.sharepoint.de"},
		{"https://contoso.sharepoint.com.evil.example/x", nobody, nobody},
		{"https://evilsharepoint.com/x", nobody, nobody},
		{"https://my.microsoftpersonalcontent.com/personal/x?download=1", nobody, nobody},
		{"https://abc.up.1drv.com/x", nobody, nobody},
		{graphURL + "/drives/d/items/i/content", forGraph, nobody},
		{graphURL + "/x?tempauth=1", nobody, nobody},
		{"http://contoso.sharepoint.com/x?tempauth=x", refuse, refuse},
		{"http://127.0.0.1:8080/x", refuse, nobody},
		{"http://localhost:9/x", refuse, nobody},
		{"https://localhost/x", refuse, nobody},
		{"https://127.0.0.1/x", refuse, nobody},
		{"https://[::1]:8443/x", refuse, nobody},
		{"https://10.0.0.1/x", refuse, refuse},
		{"https://[fe80::1]/x", refuse, refuse},
		{"https://169.254.169.254/latest", refuse, refuse},
		{"https://user:pass@contoso.example/x", refuse, refuse},
		{"file:///etc/passwd", refuse, refuse},
		{"/drives/d", refuse, refuse},
		{"https:///x", refuse, refuse},
		{"ftp://127.0.0.1/x", refuse, refuse},
		{"", refuse, refuse},
	} {
		for c, want := range map[*Client]audience{remoteEnds: tt.remote, localEnds: tt.local} {
			_, got, err := c.foreign(tt.address)
			if err != nil {
				got = refuse
			}
			if got != want {
				t.Errorf("%s (endpoints local: %v): got %q, want %q", tt.address, c.local, got, want)
			}
		}
	}
}

// A work drive that has retired pre-authenticated addresses: its content wants
// a token for its own host, which the same sign-in can get.
func TestASharePointHostGetsATokenOfItsOwn(t *testing.T) {
	rec := record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "login.example":
			answer(200, `{"access_token":"sp-token","expires_in":3600,"refresh_token":"refresh-2"}`)(w, r)
		case "contoso.sharepoint.com":
			if r.Header.Get("Authorization") != "Bearer sp-token" {
				answer(401, "")(w, r)
				return
			}
			answer(200, "content")(w, r)
		default:
			answer(302, "", "Location", "https://contoso.sharepoint.com/file")(w, r)
		}
	}))
	store := signedIn("access-0")
	c := newTestClient(t, rec, func(cfg *Config) { cfg.Tokens = store })
	for range 2 {
		b, err := c.Download(t.Context(), "d", "i", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); err != nil || string(got) != "content" {
			t.Errorf("got %q, %v", got, err)
		}
		b.Close()
	}
	if got := strings.Join(rec.lines(), "\n"); strings.Count(got, "login.example") != 1 {
		t.Errorf("the token is not kept:\n%s", got)
	}
	if !strings.Contains(rec.body[1], "scope=https%3A%2F%2Fcontoso.sharepoint.com%2F.default") {
		t.Errorf("asked with %s", rec.body[1])
	}
	if s := saved(t, store); s.Refresh != "refresh-2" || s.Access != "access-0" {
		t.Errorf("kept %+v", s)
	}
}

func TestASharePointTokenFollowsNoRedirect(t *testing.T) {
	rec := record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "login.example":
			answer(200, `{"access_token":"sp-token","expires_in":3600}`)(w, r)
		case "contoso.sharepoint.com":
			answer(302, "", "Location", "https://evil.sharepoint.com/file")(w, r)
		default:
			answer(200, "content")(w, r)
		}
	}))
	c := newTestClient(t, rec)
	b, err := c.Download(t.Context(), "d", "i", "https://contoso.sharepoint.com/file", 0)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	if got := rec.seen[2]; got.Host != "evil.sharepoint.com" || got.Header.Get("Authorization") != "" {
		t.Errorf("%s got %q", got.Host, got.Header.Get("Authorization"))
	}
	if len(rec.seen) != 3 {
		t.Errorf("asked\n%s", strings.Join(rec.lines(), "\n"))
	}
}

// In the emulator an address carries no token unless it insists.
func TestAnAddressOnThisMachineGetsATokenOnlyWhenItInsists(t *testing.T) {
	rec := record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/strict" && r.Header.Get("Authorization") == "" {
			answer(401, "")(w, r)
			return
		}
		answer(200, "content")(w, r)
	}))
	c := newTestClient(t, rec, func(cfg *Config) {
		cfg.GraphEndpoint, cfg.LoginEndpoint = "http://127.0.0.1:8080/v1.0", "http://127.0.0.1:8080"
	})
	for _, path := range []string{"/open", "/strict"} {
		b, err := c.Download(t.Context(), "d", "i", Secret("http://127.0.0.1:8080"+path), 0)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
	var tokens []string
	for _, r := range rec.seen {
		tokens = append(tokens, r.URL.Path+" "+r.Header.Get("Authorization"))
	}
	if got, want := strings.Join(tokens, ", "), "/open , /strict , /strict Bearer access-0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnUnsafeAddressIsNeverCalled(t *testing.T) {
	rec := record(answer(302, "", "Location", "http://169.254.169.254/latest?tempauth=CANARY"))
	_, err := newTestClient(t, rec).Download(t.Context(), "d", "i", "https://10.0.0.1/?tempauth=CANARY", 0)
	if !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "CANARY") || len(rec.seen) != 1 {
		t.Errorf("%v after %v", err, rec.lines())
	}
}
