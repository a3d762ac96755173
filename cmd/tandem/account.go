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

// accountFile is apart from the sign-ins: the name of any connection is one of a file
// there, so no other file may stand among them.
func (s *session) accountFile(c *connection) string {
	return filepath.Join(s.dir, "accounts", fileName(c.name)+".json")
}

// formerAccountFile is where older versions kept it, which is just as well where a
// connection with such a name has its sign-in: only the content tells.
func (s *session) formerAccountFile(c *connection) string {
	return filepath.Join(s.dir, "sign-in", fileName(c.name)+".account.json")
}

func readAccount(path string) (a account, err error) {
	if err = readJSON(path, &a); err == nil && a.ID == "" {
		err = errors.New("it is no account")
	}
	return a, err
}

// known is who is signed in to c, as far as that is remembered. What is
// remembered of another way to sign in does not count.
func (s *session) known(c *connection) (account, bool) {
	a, err := readAccount(s.accountFile(c))
	if err != nil {
		a, err = readAccount(s.formerAccountFile(c))
	}
	if own := c.itself(); err != nil || (c.SignIn == byApp) != (a.ID == own.ID) {
		return account{}, false
	}
	return a, true
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
	files := []string{s.accountFile(c)}
	if former := s.formerAccountFile(c); isAccount(former) {
		files = append(files, former)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func isAccount(file string) bool {
	_, err := readAccount(file)
	return err == nil
}

func (a account) String() string {
	if a.Email == "" {
		return a.Name
	}
	return a.Name + " (" + a.Email + ")"
}
