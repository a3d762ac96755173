package main

import (
	"errors"

	"github.com/spf13/cobra"
)

const logoutHelp = `Forget the sign-in of an account on this machine.

Usage: tandem logout [CONNECTION]

Files stay where they are, on both sides. What was agreed upon stays known,
so syncing goes on after the next login.

Examples:
  tandem logout
  tandem logout work

Exit codes: 0 forgotten, 1 it could not be removed, 2 usage or configuration
`

func (p *program) logoutCommand() *cobra.Command {
	return &cobra.Command{Use: "logout", Short: "forget the sign-in", Long: logoutHelp, Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeConnections,
		RunE:              p.onConnection((*session).logout)}
}

func (s *session) logout(c *connection) error {
	client, err := s.client(c)
	if err != nil {
		return err
	}
	was := client.SignedIn()
	if err := errors.Join(client.Logout(), s.forgetAccount(c)); err != nil {
		return err
	}
	if was {
		s.screen.say("signed out of %s", c.name)
	} else {
		s.screen.say("not signed in to %s", c.name)
	}
	return nil
}
