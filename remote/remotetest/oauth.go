package remotetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A grant is a permission somebody holds the key to: an authorization code, a
// device code, a refresh token or an access token.
type grant struct {
	use       string // "code", "device", "refresh" or "access"
	client    string
	redirect  string
	challenge string
	scope     string
	audience  string // of an access token: the host it is for, "" = Graph
	app       bool   // for the application itself, without a user
	expires   time.Time
	spent     bool
}

// A signInRefusal is an error of the sign-in endpoints, which have their own form.
type signInRefusal struct {
	status int
	body   map[string]any
}

func (e *signInRefusal) Error() string { return fmt.Sprint(e.body["error_description"]) }

// signInError is the body for an error; number is the AADSTS one.
func signInError(code, number string) map[string]any {
	if code == "" {
		code = "invalid_request"
	}
	body := map[string]any{"error": code, "error_description": code, "trace_id": "t", "correlation_id": "c"}
	if number != "" {
		body["error_description"] = "AADSTS" + number + ": " + code
		body["error_codes"] = []any{jsonNumber(number)}
	}
	return body
}

type jsonNumber string

func (n jsonNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func refuseSignIn(code, number string) error {
	return &signInRefusal{http.StatusBadRequest, signInError(code, number)}
}

// admit checks who calls.
func (d *Drive) admit(c *call) error {
	if signIn(c.route) {
		return nil
	}
	if preAuthenticated(c.route) {
		return d.admitAddress(c)
	}
	token, ok := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	g := d.access[token]
	if !ok || g == nil || g.audience != "" || d.clock.After(g.expires) {
		e := refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is missing, expired or not for this API.")
		e.header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
		return e
	}
	c.grant = g
	return nil
}

// holds reports whether a bearer is good for the host that c came to.
func (d *Drive) holds(c *call, bearer string) bool {
	token, ok := strings.CutPrefix(bearer, "Bearer ")
	g := d.access[token]
	if !ok || g == nil || d.clock.After(g.expires) {
		return false
	}
	return g.audience == c.host || g.audience == "" && d.opt.ContentHost == ""
}

// getAuthorize is the page where a person signs in. Here everybody agrees to
// everything at once.
func (d *Drive) getAuthorize(c *call) (*reply, error) {
	q := c.query
	if back, err := url.Parse(q.Get("redirect_uri")); err != nil || !d.registered(back) {
		return nil, refuseSignIn("invalid_request", "50011")
	}
	if d.opt.ClientID != "" && q.Get("client_id") != d.opt.ClientID {
		return nil, refuseSignIn("unauthorized_client", "700016")
	}
	to := url.Values{"state": q["state"]}
	switch challenge := q.Get("code_challenge"); {
	case q.Get("prompt") == "none":
		to.Set("error", "login_required") // nobody stays signed in here
		to.Set("error_description", "AADSTS50058: a silent sign-in request was sent but no user is signed in")
	case !d.agreed:
		to.Set("error", "access_denied")
		to.Set("error_description", "AADSTS90094: an administrator has to agree to what the application wants")
	case q.Get("client_id") == "" || q.Get("scope") == "":
		to.Set("error", "invalid_request")
	case q.Get("response_type") != "code":
		to.Set("error", "unsupported_response_type")
	case challenge != "" && (q.Get("code_challenge_method") != "S256" || len(challenge) != 43):
		to.Set("error", "invalid_request")
		to.Set("error_description", "AADSTS501491: the code challenge is malformed")
	default:
		to.Set("code", d.grant(&grant{use: "code", client: q.Get("client_id"), redirect: q.Get("redirect_uri"),
			challenge: challenge, scope: q.Get("scope"), expires: d.clock.Add(10 * time.Minute)}))
	}
	r := answer(http.StatusFound, nil)
	c.sendBack(r, to)
	return r, nil
}

// sendBack points the browser to where the application listens.
func (c *call) sendBack(r *reply, with url.Values) {
	back, err := url.Parse(c.query.Get("redirect_uri"))
	if err != nil {
		return
	}
	if back.Path == "" {
		back.Path = "/"
	}
	back.RawQuery = with.Encode()
	r.header.Set("Location", back.String())
}

// registered compares a redirect address with the registration: on localhost
// the port does not count, the path does.
func (d *Drive) registered(u *url.URL) bool {
	own, err := url.Parse(d.opt.Redirect)
	if err != nil || u.Scheme != own.Scheme || u.Hostname() != own.Hostname() || u.RawQuery != "" {
		return false
	}
	return strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(own.Path, "/") &&
		(own.Hostname() == "localhost" || u.Port() == own.Port())
}

// grant keeps g and gives the key to it.
func (d *Drive) grant(g *grant) string {
	key := "M.C5_" + d.random(20)
	d.grants[key] = g
	return key
}

// getAdminConsent is the page where an administrator agrees for everybody.
func (d *Drive) getAdminConsent(c *call) (*reply, error) {
	q := c.query
	tenant, _ := step(c.address)
	switch back, err := url.Parse(q.Get("redirect_uri")); {
	case err != nil || !d.registered(back):
		return nil, refuseSignIn("invalid_request", "50011")
	case q.Get("client_id") == "" || d.opt.ClientID != "" && q.Get("client_id") != d.opt.ClientID:
		return nil, refuseSignIn("unauthorized_client", "700016")
	case tenant == "common" || tenant == "consumers" || !d.opt.Kind.work():
		return nil, refuseSignIn("invalid_request", "90002")
	}
	d.agreed = true
	r := answer(http.StatusFound, nil)
	c.sendBack(r, url.Values{"admin_consent": {"True"}, "tenant": {tenant}, "state": q["state"]})
	return r, nil
}

func (d *Drive) getLogout(c *call) (*reply, error) {
	r := answer(http.StatusOK, nil)
	r.text = "Signed out."
	return r, nil
}

func (c *call) form() (url.Values, error) {
	f, err := url.ParseQuery(string(c.body))
	if err != nil || !strings.HasPrefix(c.header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, refuseSignIn("invalid_request", "900144")
	}
	return f, nil
}

func (d *Drive) postDeviceCode(c *call) (*reply, error) {
	f, err := c.form()
	if err != nil {
		return nil, err
	}
	if f.Get("client_id") == "" || f.Get("scope") == "" {
		return nil, refuseSignIn("invalid_request", "900144")
	}
	if d.opt.Secret != "" {
		return nil, refuseSignIn("invalid_client", "7000218") // public client flows are off
	}
	if !d.agreed {
		return nil, refuseSignIn("invalid_grant", "90094") // in truth at the page, and then here
	}
	code := d.grant(&grant{use: "device", client: f.Get("client_id"), scope: f.Get("scope"), expires: d.clock.Add(15 * time.Minute)})
	return answer(http.StatusOK, map[string]any{
		"device_code": code, "user_code": "ABCD1234", "verification_uri": c.base + "/devicelogin", "expires_in": 900, "interval": 5,
		"message": "To sign in, open " + c.base + "/devicelogin and enter ABCD1234. (The emulator agrees by itself.)",
	}), nil
}
