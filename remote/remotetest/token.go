package remotetest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (d *Drive) postToken(c *call) (*reply, error) {
	f, err := c.form()
	if err != nil {
		return nil, err
	}
	if err := d.checkClient(f); err != nil {
		return nil, err
	}
	switch f.Get("grant_type") {
	case "authorization_code":
		return d.redeemCode(f)
	case "refresh_token":
		return d.redeemRefresh(f)
	case "urn:ietf:params:oauth:grant-type:device_code":
		return d.redeemDevice(f)
	case "client_credentials":
		return d.redeemSecret(c, f)
	}
	return nil, refuseSignIn("unsupported_grant_type", "70003")
}

func (d *Drive) checkClient(f url.Values) error {
	secret := f.Get("client_secret")
	switch {
	case f.Get("client_id") == "":
		return refuseSignIn("invalid_request", "900144")
	case d.opt.ClientID != "" && f.Get("client_id") != d.opt.ClientID:
		return refuseSignIn("unauthorized_client", "700016")
	case d.opt.Secret == "" && secret != "":
		return refuseSignIn("invalid_client", "700025")
	case d.opt.Secret != "" && secret == "":
		return refuseSignIn("invalid_client", "7000218")
	case secret != d.opt.Secret:
		return refuseSignIn("invalid_client", "7000215")
	}
	return nil
}

func (d *Drive) redeemCode(f url.Values) (*reply, error) {
	g := d.grants[f.Get("code")]
	switch {
	case g == nil || g.use != "code" || g.client != f.Get("client_id"):
		return nil, refuseSignIn("invalid_grant", "70000")
	case g.spent:
		return nil, refuseSignIn("invalid_grant", "54005")
	case d.clock.After(g.expires):
		return nil, refuseSignIn("invalid_grant", "70008")
	case g.redirect != f.Get("redirect_uri"):
		return nil, refuseSignIn("invalid_grant", "50011")
	}
	g.spent = true // also by a wrong verifier: a thief has one try
	verifier := f.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	matches := base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge && len(verifier) >= 43 && len(verifier) <= 128
	if g.challenge != "" && !matches || g.challenge == "" && verifier != "" {
		return nil, refuseSignIn("invalid_grant", "501481")
	}
	return d.tokens(g, g.scope), nil
}

// redeemRefresh gives new tokens for a refresh token, which stays good.
func (d *Drive) redeemRefresh(f url.Values) (*reply, error) {
	g := d.grants[f.Get("refresh_token")]
	switch {
	case g == nil || g.use != "refresh" || g.client != f.Get("client_id"):
		return nil, refuseSignIn("invalid_grant", "70000")
	case g.spent:
		return nil, refuseSignIn("invalid_grant", "50173")
	}
	scope := f.Get("scope")
	if scope == "" {
		scope = g.scope
	}
	return d.tokens(g, scope), nil
}

func (d *Drive) redeemDevice(f url.Values) (*reply, error) {
	g := d.grants[f.Get("device_code")]
	switch {
	case g == nil || g.use != "device" || g.client != f.Get("client_id") || g.spent:
		return nil, refuseSignIn("bad_verification_code", "70018")
	case d.clock.After(g.expires):
		return nil, refuseSignIn("expired_token", "70020")
	}
	g.spent = true
	return d.tokens(g, g.scope), nil
}

func (d *Drive) redeemSecret(c *call, f url.Values) (*reply, error) {
	tenant, _ := step(c.address)
	switch {
	case d.opt.Secret == "":
		return nil, refuseSignIn("invalid_client", "7000216")
	case !d.opt.Kind.work() || tenant == "common" || tenant == "consumers" || tenant == "organizations":
		return nil, refuseSignIn("unauthorized_client", "9001023")
	case !strings.HasSuffix(f.Get("scope"), "/.default"):
		return nil, refuseSignIn("invalid_scope", "70011")
	}
	scope := f.Get("scope")
	if audience(scope) == c.host { // Graph is where we are
		scope = "https://graph.microsoft.com/.default"
	}
	return d.tokens(&grant{client: f.Get("client_id"), app: true}, scope), nil
}

type tokenJSON struct {
	Type    string `json:"token_type"`
	Scope   string `json:"scope"`
	Expires int    `json:"expires_in"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token,omitempty"`
}

// tokens answers with an access token, and with a refresh token where the
// scope or the grant allows it.
func (d *Drive) tokens(g *grant, scope string) *reply {
	access := "Ew" + d.random(24)
	life := d.opt.AccessLife
	d.access[access] = &grant{use: "access", client: g.client, app: g.app, audience: audience(scope), expires: d.clock.Add(life)}
	w := tokenJSON{Type: "Bearer", Expires: int(life / time.Second), Access: access}
	words := strings.Fields(scope)
	w.Scope = strings.Join(slices.DeleteFunc(slices.Clone(words), func(s string) bool {
		return s == "offline_access" || d.opt.Permissions != nil && !slices.Contains(d.opt.Permissions, s)
	}), " ")
	lasting := g.use == "refresh" || slices.Contains(words, "offline_access")
	if lasting && !d.twists.has(NoRefreshToken) {
		w.Refresh = d.grant(&grant{use: "refresh", client: g.client, scope: g.scope})
	}
	return answer(http.StatusOK, w)
}

// audience is the host that a scope names, "" for Graph.
func audience(scope string) string {
	for s := range strings.FieldsSeq(scope) {
		u, err := url.Parse(s)
		if err == nil && u.Host != "" && !strings.HasPrefix(u.Host, "graph.") {
			return u.Host
		}
	}
	return ""
}

// SignIn gives tokens as if somebody had signed in, for tests that are about
// other things.
func (d *Drive) SignIn(client string) (access, refresh string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin()
	w := d.tokens(&grant{client: client, scope: "Files.ReadWrite.All offline_access"}, "Files.ReadWrite.All offline_access").json.(tokenJSON)
	return w.Access, w.Refresh
}

// ExpireTokens makes all access tokens worthless.
func (d *Drive) ExpireTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.access)
}

// RevokeSignIn makes all tokens worthless, as a new password does.
func (d *Drive) RevokeSignIn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.access)
	for _, g := range d.grants {
		g.spent = true
	}
}
