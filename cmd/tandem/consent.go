package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tandem/remote"
)

const connectionConsentHelp = `Print what to send to an administrator who has to agree to the app.

Usage: tandem connection consent [NAME] [--link]

Many organisations let nobody else agree to what an app may do, and an app that
signs in for itself always needs it. Nothing is sent: it is a letter for you to
send, with the link in it.

  --link   print the link alone

Examples:
  tandem connection consent work
  tandem connection consent work --link | xclip

Exit codes: 0, 2 usage or configuration
`

const consentLetter = `Hello,

I would like to use tandem, a program that syncs files, with OneDrive and
SharePoint in our organisation. %s
Please open this link as an administrator, see what is asked for, and accept:

  %s

Your browser ends at a page on your own machine that cannot be shown; by then
the answer is in. The app is %s; you find it, and can take the
permission back, under "Enterprise applications".

Thank you!
`

func (p *program) connectionConsentCommand() *cobra.Command {
	var bare bool
	cmd := &cobra.Command{Use: "consent", Short: "what to send to an administrator", Long: connectionConsentHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeConnections}
	cmd.Flags().BoolVar(&bare, "link", false, "")
	cmd.RunE = p.onConnection(func(s *session, c *connection) error {
		client, err := s.client(c)
		if err != nil {
			return err
		}
		if bare {
			_, err = fmt.Fprintln(p.out, client.AdminConsentURL())
			return err
		}
		why := "It acts for me, and\nsees what I may see."
		if c.SignIn == byApp {
			why = "It runs as a job, with a\nsecret of its own and without a user."
		}
		_, err = fmt.Fprintf(p.out, consentLetter, why, client.AdminConsentURL(), c.app())
		return err
	})
	return cmd
}

// advise names the connection in what helps against a refused sign-in.
func advise(err error, c *connection) error {
	switch f := (*failure)(nil); {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, remote.ErrConsent):
		return consentNeeded(err, c)
	case errors.Is(err, remote.ErrSecret) && c.ClientSecretEnv != "":
		return &failure{signIn, err, "put a new secret into the environment variable " + c.ClientSecretEnv}
	case errors.Is(err, remote.ErrSecret):
		return &failure{signIn, err, "keep a new secret with: tandem connection secret " + c.name}
	case !errors.Is(err, remote.ErrSignIn):
		return err
	case c.SignIn == byApp:
		return &failure{signIn, err, "see client_id, tenant and secret with: tandem connection show " + c.name}
	case errors.Is(err, remote.ErrUnfit):
		return &failure{signIn, err, "mend the registration or the connection, and see again: tandem connection setup-app " + c.name + " --check"}
	}
	return &failure{signIn, err, "sign in with: tandem login " + c.name}
}

// adviseOwn is advise for what was asked of the account's own drive: an app that
// is denied even that lacks consent, for it gets a token all the same.
func adviseOwn(err error, c *connection) error {
	if c.SignIn == byApp && errors.Is(err, remote.ErrDenied) {
		return consentNeeded(err, c)
	}
	return advise(err, c)
}

func consentNeeded(err error, c *connection) error {
	return &failure{signIn, err, "an administrator has to agree; what to send: tandem connection consent " + c.name}
}

func notSignedIn(c *connection) error {
	return &failure{signIn, fmt.Errorf("connection %q: not signed in", c.name), "sign in with: tandem login " + c.name}
}
