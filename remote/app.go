package remote

import (
	"context"
	"net/url"
)

// application names the one that signs in for itself; "" when a user does.
// A saved token of another one, or of a user, is not for it.
func (cfg *Config) application() string {
	if !cfg.App {
		return ""
	}
	return cfg.Tenant + "/" + cfg.ClientID
}

// LoginApp signs the application in with its own secret: no user, and so only
// what an administrator has agreed to, and only work drives. Nothing is kept
// that a later run would need; it is how to see whether the secret is good.
func (c *Client) LoginApp(ctx context.Context) error {
	done, err := c.tokens.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	c.tokens.forget()
	_, err = c.tokens.renewApp(ctx, forGraph)
	return err
}

// renewApp gets an access token for the application. There is no refresh token:
// one just asks again.
func (t *tokens) renewApp(ctx context.Context, to audience) (Secret, error) {
	answer, err := t.c.tokenRequest(ctx, "sign in as the app itself", true, url.Values{
		"grant_type": {"client_credentials"},
		"scope":      {t.c.scope(to)},
	})
	if err != nil {
		return "", err
	}
	answer.Refresh = ""
	return t.accept(to, answer)
}

// AdminConsentURL is the page where an administrator agrees for everybody to
// what the application may do.
func (c *Client) AdminConsentURL() string {
	tenant := c.cfg.Tenant
	if tenant == "common" || tenant == "consumers" {
		tenant = "organizations" // the administrator's own
	}
	q := url.Values{"client_id": {c.cfg.ClientID}, "redirect_uri": {c.cfg.RedirectURL}}
	return c.cfg.LoginEndpoint + "/" + url.PathEscape(tenant) + "/adminconsent?" + q.Encode()
}
