package remote

import (
	"context"
	"errors"
	"net/url"
)

// Export gives what another machine needs to go on with this sign-in, renewed
// just now so that it lasts as long as one can. Both machines may use it: the
// service gives each its own from then on.
func (c *Client) Export(ctx context.Context) (Secret, error) {
	if c.cfg.App {
		return "", errors.New("an app signs in with its secret, and there is nothing else to carry")
	}
	if err := c.tokens.fresh(ctx); err != nil {
		return "", err
	}
	return c.tokens.current(), nil
}

// Import signs in with what [Client.Export] gave. What is signed in here stays
// so until the service has accepted it.
func (c *Client) Import(ctx context.Context, exported Secret) error {
	answer, err := c.tokenRequest(ctx, "take over the sign-in", true, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {exported.Reveal()},
		"scope":         {c.scope(forGraph)},
	})
	if err != nil {
		return err
	}
	if answer.Refresh == "" {
		answer.Refresh = exported.Reveal() // it goes on
	}
	return c.tokens.signedIn(ctx, answer)
}
