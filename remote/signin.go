package remote

import (
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
