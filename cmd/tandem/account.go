package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tandem/remote"
)

// How a connection signs in.
const (
	byPerson = "person"
	byApp    = "app"
)

// An account is who is signed in, remembered beside the tokens so that a pass
// need not ask.
type account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Drive string `json:"drive"` // the account's own
}

// app is the id of the app registration that c uses; "" when there is none.
func (c *connection) app() string {
	id := cmp.Or(c.ClientID, clientID)
	if id == "" && onThisMachine(c.GraphEndpoint) {
		id = "tandem" // an emulator takes any
	}
	return id
}

// itself is the account of an app that signs in without a person, before its
// drive is known.
func (c *connection) itself() account {
	return account{ID: "app " + c.app() + " for " + c.User, Name: "the app " + c.app(), Email: c.User}
}

func (s *session) accountFile(c *connection) string {
	return filepath.Join(s.dir, "sign-in", fileName(c.name)+".account.json")
}

// known is who is signed in to c, as far as that is remembered. What is
// remembered of another way to sign in does not count.
func (s *session) known(c *connection) (account, bool) {
	var a account
	if readJSON(s.accountFile(c), &a) != nil {
		return account{}, false
	}
	if own := c.itself(); (c.SignIn == byApp) != (a.ID == own.ID) {
		return account{}, false
	}
	return a, a.ID != ""
}

// account tells who is signed in to c.
func (s *session) account(ctx context.Context, c *connection) (account, error) {
	if a, ok := s.known(c); ok {
		return a, nil
	}
	client, err := s.client(c)
	if err != nil {
		return account{}, err
	}
	a := c.itself()
	if c.SignIn != byApp {
		user, err := client.Me(ctx)
		if err != nil {
			return a, err
		}
		a = account{ID: user.ID, Name: user.Name, Email: user.Email}
	}
	drive, err := client.Drive(ctx, "")
	if err != nil && !errors.Is(err, remote.ErrNotFound) { // a user without a drive may still use a library
		return a, err
	}
	a.Drive = drive.ID
	if s.dry {
		return a, nil
	}
	return a, writeJSON(s.accountFile(c), a)
}

func (s *session) forgetAccount(c *connection) error {
	if err := os.Remove(s.accountFile(c)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (a account) String() string {
	if a.Email == "" {
		return a.Name
	}
	return a.Name + " (" + a.Email + ")"
}
