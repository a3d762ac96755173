package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"
)

// idleLife is how long the service keeps a sign-in that nobody uses. An
// organisation may have set less.
const idleLife = 90 * 24 * time.Hour

// A SignIn is what can be said of a saved one without asking anybody.
type SignIn struct {
	App  bool      // of an application for itself: it lasts as long as the secret
	Used time.Time // when the service last renewed it, which it is asked to about hourly while in use; zero = not known
}

// Expires is when the service will no longer take it, unless it is used before.
func (s SignIn) Expires() time.Time {
	if s.Used.IsZero() || s.App {
		return time.Time{}
	}
	return s.Used.Add(idleLife)
}

// SavedSignIn looks at what a store keeps; the error is [ErrSignIn] when there
// is none.
func SavedSignIn(store TokenStore) (SignIn, error) {
	s, err := readSignIn(store)
	return SignIn{s.App != "", s.Renewed}, err
}

func readSignIn(store TokenStore) (s savedSignIn, err error) {
	raw, err := store.Load()
	if errors.Is(err, fs.ErrNotExist) {
		return s, &Error{Op: "sign in", kind: ErrSignIn, Message: "not signed in"}
	}
	if err != nil {
		return s, err
	}
	if json.Unmarshal(raw, &s) != nil || s.Refresh == "" && s.App == "" {
		return s, &Error{Op: "sign in", kind: ErrSignIn, Message: "the saved sign-in cannot be read"}
	}
	return s, nil
}

// renewIdle is how long a sign-in may go unused before KeepAlive uses it: soon
// enough for a machine that is off for a month, and for organisations that want
// sign-ins used more often than the service does.
const renewIdle = 14 * 24 * time.Hour

// KeepAlive renews a saved sign-in that nothing has used for a while, so that it
// does not end unused. It does nothing when there is none.
func (c *Client) KeepAlive(ctx context.Context) error {
	s, err := SavedSignIn(c.cfg.Tokens)
	switch {
	case errors.Is(err, ErrSignIn):
		return nil
	case err != nil:
		return err
	case s.App || c.cfg.Clock.Now().Sub(s.Used) < renewIdle:
		return nil
	}
	return c.tokens.fresh(ctx)
}
