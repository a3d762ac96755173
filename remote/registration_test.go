package remote

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestWhetherTheRedirectAddressIsRegistered(t *testing.T) {
	back := func(query string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.Query().Get("redirect_uri")+"/?"+query)
			w.WriteHeader(302)
		}
	}
	page := func(said string) http.HandlerFunc {
		return answer(200, `<html><script>$Config={"strServiceExceptionMessage":"`+said+`","x":1};</script>`)
	}
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want error
		says string
	}{
		{"nobody is signed in", back("error=login_required&error_description=AADSTS50058:+silent"), nil, ""},
		{"somebody would have to agree", back("error=consent_required"), nil, ""},
		{"sent back for another reason", back("error=unauthorized_client&error_description=AADSTS700016:+not+found"), ErrSignIn, "not known in this tenant"},
		{"not registered", page(`AADSTS50011: The redirect URI \u0027http://localhost\u0027 does not match`), ErrSignIn, "register http://localhost as a mobile and desktop one (AADSTS50011)"},
		{"none is registered", page("AADSTS500113: No reply address is registered for the application."), ErrSignIn, "has no redirect address"},
		{"only personal accounts", page("AADSTS9002331: Application is configured for use by Microsoft Account users only."), ErrSignIn, "set tenant to consumers"},
		{"a page that asks for a name first", answer(200, "<html>Sign in"), ErrUnclear, ""},
		{"sent elsewhere", answer(302, "", "Location", "https://login.live.example/?error=login_required"), ErrUnclear, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(tt.h)
			err := newTestClient(t, rec).CheckRedirect(t.Context())
			if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, tt.want, tt.says)
			}
			if asked, err := url.Parse(rec.seen[0].URL.String()); err != nil || asked.Query().Get("prompt") != "none" || asked.Query().Get("redirect_uri") != "http://localhost" {
				t.Errorf("asked %v, %v", asked, err)
			}
		})
	}
}

func TestWhetherTheAppIsAPublicOne(t *testing.T) {
	const code = `{"device_code":"d","user_code":"u","verification_uri":"x","expires_in":900,"interval":5}`
	refused := func(code, said string) http.HandlerFunc {
		return answer(400, `{"error":"`+code+`","error_description":"`+said+`"}`)
	}
	for _, tt := range []struct {
		name      string
		ask, poll http.HandlerFunc
		want      error
		says      string
	}{
		{"nobody has typed it yet", answer(200, code), refused("authorization_pending", "AADSTS70016: pending"), nil, ""},
		{"an emulator that agrees by itself", answer(200, code), answer(200, tokenBody), nil, ""},
		{"off", answer(200, code), refused("invalid_client", "AADSTS7000218: The request body must contain client_secret"), ErrSignIn, "allow public client flows in it"},
		{"no such app", refused("unauthorized_client", "AADSTS700016: not found"), nil, ErrSignIn, "check client_id and tenant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/devicecode") {
					tt.ask(w, r)
				} else {
					tt.poll(w, r)
				}
			})
			store := &memory{}
			err := newTestClient(t, h, func(cfg *Config) { cfg.Tokens = store }).CheckPublicClient(t.Context())
			if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, tt.want, tt.says)
			}
			if store.saves > 0 {
				t.Error("the check has signed in")
			}
		})
	}
}

func TestWhatWasNotGranted(t *testing.T) {
	for scope, want := range map[string][]string{
		"User.Read https://graph.microsoft.com/files.readwrite.all": nil,
		"Files.ReadWrite User.Read":                                 {"Files.ReadWrite.All"},
		"":                                                          {"Files.ReadWrite.All", "User.Read"},
	} {
		body := `{"access_token":"a","refresh_token":"r","expires_in":3600,"scope":"` + scope + `"}`
		c := newTestClient(t, answer(200, body), func(cfg *Config) { cfg.Tokens = outdated() })
		if got, err := c.Ungranted(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("of %q: %v, %v; want %v", scope, got, err, want)
		}
	}
}
