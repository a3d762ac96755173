package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
)

const connectionAddHelp = `Add a connection to the configuration.

Usage: tandem connection add NAME [--group GROUP] [--SETTING VALUE...]

The configuration is made if there is none; what is in it stays as it is, every
comment too. What you do not set is left to its default.

  --group GROUP               a label of your own, for listing and syncing
  --client-id ID              your own app registration
  --client-secret-file FILE   where its secret is, if it has one
  --client-secret-env NAME    or the environment variable it is in
  --client-secret-keyring ID  or how the keyring knows it
  --sign-in WHO               person, or app: with its secret and no person
  --user USER                 whose drive an app means, as ann@contoso.com
  --redirect-url URL          where the browser comes back to
  --tenant TENANT             the id or domain of your organisation
  --cloud CLOUD               global, us-gov, us-dod, china or custom
  --graph-endpoint URL        of a custom cloud
  --login-endpoint URL        likewise
  --token-store STORE         keyring or file
  --timeout TIME              how long a request may stay silent
  --code-page NAME            how the names of local files are encoded

Examples:
  tandem connection add personal
  tandem connection add work --group jobs --tenant contoso.com --timeout 2m

Exit codes: 0 added, 1 the configuration cannot be written, 2 usage or
configuration
`

const connectionRemoveHelp = `Remove a connection from the configuration, and forget its sign-in.

Usage: tandem connection remove NAME

What else is in the configuration stays as it is. Files stay where they are, on
both sides.

Examples:
  tandem connection remove old
  tandem --config jobs.toml connection remove work

Exit codes: 0 removed, 1 the configuration cannot be written, 2 usage or
configuration, or something still uses it
`

func (p *program) connectionAddCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "add", Short: "add a connection", Long: connectionAddHelp, Args: cobra.MatchAll(needs(1, "a NAME"), cobra.MaximumNArgs(1))}
	keys := keysOf(reflect.TypeFor[connection]())
	for _, key := range keys {
		cmd.Flags().String(flagOf(key), "", "")
	}
	for key, words := range map[string][]string{"cloud": append(slices.Sorted(maps.Keys(clouds)), "custom"), "token_store": {"keyring", "file"}, "sign_in": {byPerson, byApp}} {
		if err := cmd.RegisterFlagCompletionFunc(flagOf(key), cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var settings []setting
		for _, key := range keys {
			if f := cmd.Flags().Lookup(flagOf(key)); f.Changed {
				settings = append(settings, setting{key, f.Value.String()})
			}
		}
		return p.addConnection(args[0], settings)
	}
	return cmd
}

func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

func (p *program) addConnection(name string, settings []setting) error {
	if strings.ContainsAny(name, `:/\`) || !printable(name) || strings.TrimSpace(name) != name || name == "" {
		return usage(fmt.Errorf("%q cannot be the name of a connection, which is written before a colon: %s", name, "NAME:/path"), "use letters, digits, - and _")
	}
	for _, set := range settings {
		if !printable(set.value) {
			return usage(fmt.Errorf("--%s: %q has characters that cannot be printed", flagOf(set.key), set.value), "")
		}
		if set.key == "timeout" {
			if err := new(timeout).UnmarshalText([]byte(set.value)); err != nil {
				return usage(fmt.Errorf("--timeout: %w", err), "")
			}
		}
	}
	var added *connection
	path, err := p.editConfig(func(src source, cfg *config) ([]byte, error) {
		if cfg.Connection[name] != nil {
			return nil, usage(fmt.Errorf("there is a connection %q already", name), "change it there: "+src.at("connection", name, ""))
		}
		text := src.with("connection", name, settings)
		cfg, err := parseConfig(src.path, text)
		if err != nil {
			return nil, usage(err, "nothing was written")
		}
		if err := alike(source{src.path, text}, "connection", cfg.Connection); err != nil {
			return nil, usage(err, "nothing was written")
		}
		added = cfg.Connection[name]
		if key, problem := added.check(); problem != "" {
			return nil, usage(fmt.Errorf("--%s: %s", flagOf(key), problem), "see: tandem connection add --help")
		}
		return text, nil
	})
	if err != nil {
		return err
	}
	p.screen.say("added connection %q to %s", name, path)
	if slices.ContainsFunc(settings, func(s setting) bool { return s.key == "client_secret_keyring" || s.key == "client_secret_file" }) {
		p.screen.hint("if the secret is not there yet: tandem connection secret %s", name)
	}
	if added.app() == "" {
		p.screen.hint("it needs an app registration, which is free: tandem connection setup-app %s", name)
		return nil
	}
	p.screen.hint("sign in with: tandem login %s", name)
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// editConfig lets change see the configuration and give it another text, with
// no other tandem doing so meanwhile. A mistake in what is there already is
// told first, unless it is one of those that need the whole to be seen.
func (p *program) editConfig(change func(source, *config) ([]byte, error)) (path string, err error) {
	path, err = p.configFile()
	if err != nil {
		return "", err
	}
	dir, err := p.stateHome()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("state: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "config.lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("lock %q: %w", lock.Path(), err)
	}
	defer lock.Unlock()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", usage(fmt.Errorf("configuration: %w", err), "")
	}
	cfg, err := parseConfig(path, data)
	if err != nil {
		return "", usage(err, "every key is explained in config.toml.example")
	}
	text, err := change(source{path, data}, cfg)
	if err != nil {
		return "", err
	}
	if err := replaceFile(path, text); err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	return path, nil
}

func (p *program) connectionRemoveCommand() *cobra.Command {
	return &cobra.Command{Use: "remove", Short: "remove a connection", Long: connectionRemoveHelp,
		Args: cobra.MatchAll(needs(1, "a NAME"), cobra.MaximumNArgs(1)), ValidArgsFunction: p.completeConnections,
		RunE: p.onConnection((*session).removeConnection)}
}

// removeConnection forgets the sign-in first: without the connection, nothing
// would lead to it any more.
func (s *session) removeConnection(c *connection) error {
	path, err := s.editConfig(func(src source, cfg *config) ([]byte, error) {
		if key, name := cfg.userOf(c.name); key != "" {
			return nil, usage(fmt.Errorf("%s %q uses connection %q", key, name, c.name), "remove or change that first: "+src.at(key, name, "connection"))
		}
		text, ok := src.without("connection", c.name)
		if !ok {
			return nil, usage(fmt.Errorf("connection %q has no table of its own in the configuration", c.name), "remove it by hand: "+src.path)
		}
		cfg, err := parseConfig(src.path, text)
		if err != nil {
			return nil, fmt.Errorf("nothing was removed: %w", err)
		}
		if cfg.Connection[c.name] != nil {
			return nil, usage(fmt.Errorf("connection %q is in more than one place of the configuration", c.name), "remove it by hand: "+src.path)
		}
		if err := s.tokens(c).Delete(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("nothing was removed: forget the sign-in: %w", err)
		}
		return text, s.forgetAccount(c)
	})
	if err != nil {
		return err
	}
	s.screen.say("removed connection %q from %s", c.name, path)
	return nil
}

// userOf finds a folder or task that needs a connection.
func (c *config) userOf(connection string) (table, name string) {
	for _, name := range slices.Sorted(maps.Keys(c.Folder)) {
		if c.Folder[name].Connection == connection {
			return "folder", name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Task)) {
		e := c.Task[name]
		uses := func(place string) bool { return strings.HasPrefix(place, connection+":") }
		if e.Connection == connection || slices.ContainsFunc(e.Source, uses) || uses(e.Target) {
			return "task", name
		}
	}
	return "", ""
}
