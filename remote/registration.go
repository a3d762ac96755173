package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
)

// ErrUnclear is a question about a registration that the service left open.
var ErrUnclear = errors.New("the service does not tell before somebody signs in")

// CheckRedirect finds out whether the redirect address is registered: it asks
// for a sign-in without a person, which the service refuses in one way when the
// address is known to it and in another when it is not.
func (c *Client) CheckRedirect(ctx context.Context) error {
	const op = "look at the redirect address"
	page := c.oauth(c.cfg.RedirectURL).AuthCodeURL(rand.Text(), oauth2.S256ChallengeOption(oauth2.GenerateVerifier()),
		oauth2.SetAuthURLParam("response_mode", "query"), oauth2.SetAuthURLParam("prompt", "none"))
	resp, err := c.deliver(ctx, c.api, &request{op: op, method: http.MethodGet, url: page, still: true}, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSignInPage))
	if err != nil {
		return c.offline(op, err)
	}
	said := aadstsSentence.FindString(string(body))
	if to, err := url.Parse(resp.Header.Get("Location")); err == nil && c.comesBack(to) {
		if said = to.Query().Get("error_description"); nobodyThere(to.Query().Get("error")) {
			return nil
		}
	}
	if said == "" {
		return ErrUnclear
	}
	e := &Error{Op: op, Status: resp.StatusCode}
	e.explain(c.scrubber(), said, nil)
	return e
}

// The sign-in page is a large document; the error is somewhere in it.
const maxSignInPage = 1 << 20

var aadstsSentence = regexp.MustCompile(`AADSTS\d+:[^"<\\]*`)

// comesBack reports whether an address is the redirect address, to which the
// service goes only when it is registered.
func (c *Client) comesBack(to *url.URL) bool {
	own, err := url.Parse(c.cfg.RedirectURL)
	return err == nil && to.Host != "" && to.Hostname() == own.Hostname() && strings.TrimSuffix(to.Path, "/") == strings.TrimSuffix(own.Path, "/")
}

// nobodyThere are the ways to say that all is well but for a person.
func nobodyThere(code string) bool {
	return code == "login_required" || code == "interaction_required" || code == "consent_required"
}

// CheckPublicClient finds out whether the app may be used without a secret, as
// device codes need: it asks for such a code and once whether it was used.
func (c *Client) CheckPublicClient(ctx context.Context) error {
	var d struct {
		DeviceCode string `json:"device_code"`
	}
	const op = "look at public client flows"
	err := c.postForm(ctx, op, true, c.oauth("").Endpoint.DeviceAuthURL, url.Values{"scope": {c.scope(forGraph)}}, &d)
	if err != nil {
		return err
	}
	_, err = c.tokenRequest(ctx, op, false, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.DeviceCode},
	})
	if e := (*Error)(nil); errors.As(err, &e) && (e.Code == "authorization_pending" || e.Code == "slow_down") {
		return nil
	}
	return err
}

// Ungranted gives what was asked for and not granted to who is signed in.
func (c *Client) Ungranted(ctx context.Context) ([]string, error) {
	if err := c.tokens.fresh(ctx); err != nil {
		return nil, err
	}
	c.tokens.mu.Lock()
	granted := strings.Fields(strings.ToLower(c.tokens.granted))
	c.tokens.mu.Unlock()
	has := map[string]bool{}
	for _, g := range granted {
		has[g[strings.LastIndex(g, "/")+1:]] = true // some come with Graph's address before them
	}
	var missing []string
	for _, s := range c.cfg.Scopes {
		if !has[strings.ToLower(s)] {
			missing = append(missing, s)
		}
	}
	return missing, nil
}
