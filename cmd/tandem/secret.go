package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tandem/remote"
)

const connectionSecretHelp = `Keep the secret of your own app where its connection looks for it.

Usage: tandem connection secret [NAME]

The secret is asked for at the terminal and not shown, or read from stdin; it is
never on a command line. It goes into the file that client_secret_file names,
for your eyes only, or into the keyring as client_secret_keyring names it.
Secrets end, at the latest two years after they were made: do it again then.

Examples:
  tandem connection secret work
  vault read -field=secret kv/onedrive | tandem connection secret work

Exit codes: 0 kept, 1 it could not be kept, 2 usage or configuration
`

func (p *program) connectionSecretCommand() *cobra.Command {
	return &cobra.Command{Use: "secret", Short: "keep the secret of your own app", Long: connectionSecretHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeConnections,
		RunE: p.onConnection((*session).keepSecret)}
}

func (s *session) keepSecret(c *connection) error {
	if c.ClientSecretFile == "" && c.ClientSecretKeyring == "" {
		return usage(fmt.Errorf("connection %q does not say where its secret is to be kept", c.name), "set client_secret_file or client_secret_keyring")
	}
	secret, err := s.hidden("client secret of " + c.name)
	if err != nil {
		return err
	}
	secret = remote.Secret(strings.TrimSpace(secret.Reveal())) // as copied from a web page
	if c.ClientSecretKeyring != "" {
		if err := s.keyring.Keep(c.ClientSecretKeyring, secret); err != nil {
			return fmt.Errorf("keep the secret: %w", err)
		}
		s.screen.say("the secret of %s is in the keyring", c.name)
		return nil
	}
	file := s.expanded(c.ClientSecretFile)
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real // a link that the configuration names is meant
	}
	if err := remote.WriteSecret(file, []byte(secret.Reveal()+"\n")); err != nil {
		return fmt.Errorf("keep the secret: %w", err)
	}
	s.screen.say("the secret of %s is in %s", c.name, file)
	return nil
}

// expanded is a path of the configuration, where ~ is the home directory.
func (p *program) expanded(path string) string {
	home, _ := p.home() // without one, ~ stays and is not found
	return expand(path, home)
}

// secret is the one that the app of c has, or "".
func (s *session) secret(c *connection) (string, error) {
	switch {
	case c.ClientSecretEnv != "":
		secret := s.env(c.ClientSecretEnv)
		if secret == "" {
			return "", fmt.Errorf("connection %q: the environment variable %s is not set, as client_secret_env wants it", c.name, c.ClientSecretEnv)
		}
		return secret, nil
	case c.ClientSecretKeyring != "":
		secret, err := s.keyring.Secret(c.ClientSecretKeyring)
		if err != nil {
			return "", &failure{signIn, fmt.Errorf("connection %q: client_secret_keyring: %w", c.name, err), "put it there with: tandem connection secret " + c.name}
		}
		return secret.Reveal(), nil
	case c.ClientSecretFile == "":
		return "", nil
	}
	text, err := os.ReadFile(s.expanded(c.ClientSecretFile))
	if err != nil {
		return "", fmt.Errorf("connection %q: client_secret_file: %w", c.name, err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (p *program) asksOnTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// hidden asks for a secret without showing it; where nobody is at a terminal it
// is the first line of stdin.
func (p *program) hidden(what string) (remote.Secret, error) {
	var line string
	if fd := int(os.Stdin.Fd()); p.asksOnTerminal() {
		fmt.Fprintf(os.Stderr, "%s: ", clean(what))
		typed, err := term.ReadPassword(fd)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		line = string(typed)
	} else {
		read, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		line = read
	}
	if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
		return "", usage(errors.New(what+": nothing came"), "type it, or send it to stdin")
	}
	return remote.Secret(line), nil
}
