package transfer

import (
	"errors"
	"time"

	"tandem/remote"
	"tandem/state"
)

// Sessions remembers upload sessions, so that a later run can resume them as long as the
// file and the target are the same.
type Sessions struct {
	DB     *state.DB
	Update func(func(*state.Tx) error) error
	Now    func() time.Time
	Keys   []int64 // under which a session for the file may be recorded

	// Optional says that what cannot be remembered is no failure.
	Optional bool
}

// Use lets an upload resume the session that was left open for what want describes, and
// records the one that it opens. drop forgets them, once the upload has come to an end.
func (s Sessions) Use(u *remote.Upload, want state.Session) (drop func(*state.Tx) error, err error) {
	drop = func(tx *state.Tx) error {
		var errs []error
		for _, key := range s.Keys {
			errs = append(errs, tx.DropSession(want.Folder, key))
		}
		return errors.Join(errs...)
	}
	if u.Session, err = s.find(want); err != nil && !s.Optional {
		return drop, err
	}
	if u.Session != nil {
		u.Session.Target = u.Target()
	}
	u.Opened = func(open remote.Session) error {
		want.Address, want.Expires = open.Address.Reveal(), open.Expires
		err := s.Update(func(tx *state.Tx) error { return tx.PutSession(want) })
		if s.Optional {
			return nil
		}
		return err
	}
	return drop, nil
}

// find gives the session that was opened for the same file, to the same end.
func (s Sessions) find(want state.Session) (*remote.Session, error) {
	for _, key := range s.Keys {
		was, ok, err := s.DB.Session(want.Folder, key)
		if err != nil {
			return nil, err
		}
		if !ok || was.Expires.Before(s.Now()) {
			continue
		}
		open := &remote.Session{Address: remote.Secret(was.Address), Expires: was.Expires}
		was.Address, was.Expires, was.Key, was.Path = "", time.Time{}, want.Key, want.Path
		if was == want {
			return open, nil
		}
	}
	return nil, nil
}
