package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"tandem/remote"
)

// admit agrees to whoever has signed in to c, before anything of that is kept. Another
// account than before may be somebody else's, who came to the sign-in first: what is in
// the folders would go to them.
func (s *session) admit(ctx context.Context, c *connection, user remote.User) error {
	who := account{ID: user.ID, Name: user.Name, Email: user.Email}
	was, err := s.another(c, who)
	switch {
	case s.expected == who.ID:
		err = nil
	case s.expected != "" && !strings.EqualFold(who.Email, s.expected):
		err = &failure{signIn, fmt.Errorf("%s has signed in, not %s: nothing was kept", who, s.expected),
			fmt.Sprintf("choose that account on the page: tandem login %s --account %s", c.name, s.expected)}
	case was != "" && (s.expected == "" || s.alike(c, who)):
		err = s.agree(ctx, c, was, who)
	}
	if err != nil {
		return err
	}
	return s.forgetAccount(c) // who is asked for anew, with their drive
}

// another says in what c was another account's before, or "".
func (s *session) another(c *connection, who account) (was string, err error) {
	before, known := s.known(c)
	switch {
	case !known:
		folder, err := s.folderOfAnother(c, who)
		if folder == "" || err != nil {
			return "", err
		}
		return fmt.Sprintf("whose folder %q belongs to another account", folder), nil
	case s.alike(c, who):
		return fmt.Sprintf("which was another account of that address until now, %s instead of %s", before.ID, who.ID), nil
	case before.ID != who.ID:
		return fmt.Sprintf("which was %s until now", before), nil
	}
	return "", nil
}

// alike reports whether who is another account than before that goes by the same
// address: an organisation can give its accounts any.
func (s *session) alike(c *connection, who account) bool {
	before, known := s.known(c)
	return known && before.ID != who.ID && strings.EqualFold(before.Email, who.Email)
}

// agree asks a person whether another account than before is meant.
func (s *session) agree(ctx context.Context, c *connection, was string, who account) error {
	kept := fmt.Errorf("%s has signed in to %s, %s: nothing was kept", who, c.name, was)
	if !s.asksOnTerminal() {
		name := who.Email
		if name == "" || s.alike(c, who) {
			name = who.ID
		}
		return &failure{signIn, kept, fmt.Sprintf("if that account is meant: tandem login %s --account %s", c.name, name)}
	}
	question := fmt.Sprintf("%s has signed in to %s, %s. Go on as %[1]s: yes or no", who, c.name, was)
	answer, err := s.asked().answer(ctx, question, "", oneOf("yes", "no"))
	switch {
	case errors.Is(err, errLeft) && ctx.Err() == nil, err == nil && answer == "no":
		return &failure{signIn, kept, "sign in as before: tandem login " + c.name}
	case err != nil:
		return err
	}
	return nil
}

// asked is the person at the terminal, to whom only one may listen.
func (s *session) asked() *person {
	if s.person == nil {
		s.person = newPerson(os.Stdin, os.Stderr)
	}
	return s.person
}
