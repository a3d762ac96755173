package remote

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
)

// LoginDevice signs in with a code that the user types on any other machine.
// show gets where to go, the code, and the service's own sentence about both.
func (c *Client) LoginDevice(ctx context.Context, show func(uri, code, message string)) error {
	var d struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		URI        string `json:"verification_uri"` // differs by kind of account: shown as it comes
		Message    string `json:"message"`
		ExpiresIn  int64  `json:"expires_in"`
		Interval   int64  `json:"interval"`
	}
	const op = "sign in with a device code"
	err := c.postForm(ctx, op, true, c.oauth("").Endpoint.DeviceAuthURL, url.Values{"scope": {c.scope(forGraph)}}, &d)
	if err != nil {
		return err
	}
	if d.DeviceCode == "" || d.UserCode == "" {
		return malformed(op, "no code came")
	}
	defer c.carried.take(d.DeviceCode)()
	if c.repeatsSignIn(d.URI+d.UserCode+d.Message) || strings.Contains(d.URI+d.UserCode+d.Message, d.DeviceCode) {
		return malformed(op, "the answer would show a secret")
	}
	show(d.URI, d.UserCode, d.Message)
	interval := time.Duration(max(1, min(d.Interval, 60))) * time.Second
	end := c.cfg.Clock.Now().Add(lifeOf(d.ExpiresIn, 15*time.Minute))
	answer, err := c.poll(ctx, op, d.DeviceCode, interval, end)
	if err != nil {
		return err
	}
	return c.tokens.signedIn(ctx, answer)
}

// poll asks at the pace the service gave until the person has decided.
func (c *Client) poll(ctx context.Context, op, code string, interval time.Duration, end time.Time) (tokenAnswer, error) {
	for {
		if err := c.cfg.Clock.Sleep(ctx, interval); err != nil {
			return tokenAnswer{}, ended(ctx, op)
		}
		answer, err := c.tokenRequest(ctx, op, false, url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code},
		})
		var e *Error
		if err == nil || !errors.As(err, &e) {
			return answer, err
		}
		switch {
		case e.Code == "authorization_pending":
		case e.Code == "slow_down", e.passing(), errors.Is(e, ErrThrottled):
			interval += 5 * time.Second
		case e.Code == "authorization_declined", e.Code == "access_denied":
			e.Message = "the sign-in was declined"
			return answer, e
		default: // expired_token, bad_verification_code and whatever is wrong with the app
			return answer, e
		}
		if c.cfg.Clock.Now().After(end) {
			return answer, &Error{Op: op, kind: ErrSignIn, Message: inPlainWords(70020)}
		}
	}
}
