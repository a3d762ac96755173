package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"tandem/remote"
)

const connectionHelp = `Add, look at, test and remove connections: the accounts that tandem signs in to.

Usage: tandem connection add NAME         with --group and any other setting
       tandem connection list             who is signed in, and until when
       tandem connection show NAME        its settings
       tandem connection test [NAME...]   whose drive it is, and whether it answers
       tandem connection setup-app [NAME] register an app of your own, and check it
       tandem connection secret [NAME]    keep the secret of your own app
       tandem connection consent [NAME]   what to send to an administrator
       tandem connection remove NAME

Each is a [connection.NAME] in the configuration, which you may as well edit by
hand: config.toml.example explains every key.

Examples:
  tandem connection add personal
  tandem connection list --group home

Exit codes: 0, 1 could not finish, 2 usage or configuration, 4 sign-in needed
`

const connectionListHelp = `List the connections, who is signed in, and until when. Nobody is asked.

Usage: tandem connection list [--group NAME] [--json]

A sign-in lasts for 90 days after it was last used; your organisation may have
set less.

  --group NAME   only connections of this group
  --json         print it as JSON

Examples:
  tandem connection list
  tandem connection list --json | jq -r '.[] | select(.signed_in | not) | .connection'

Exit codes: 0, 2 usage or configuration
`

const connectionShowHelp = `Show the settings of a connection and its sign-in. Nobody is asked.

Usage: tandem connection show [NAME] [--json]

NAME may be left out when there is one only. What is marked as default is not
in the configuration.

  --json   print it as JSON

Examples:
  tandem connection show
  tandem connection show work --json | jq .settings.tenant

Exit codes: 0, 2 usage or configuration
`

func (p *program) connectionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "connection", Short: "the accounts to sign in to", Long: connectionHelp, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage(fmt.Errorf("connection %s: there is no such command", args[0]), "see: tandem connection --help")
		}
		return cmd.Help()
	}}
	cmd.AddCommand(p.connectionAddCommand(), p.connectionListCommand(), p.connectionShowCommand(), p.connectionTestCommand(), p.connectionSetupCommand(), p.connectionSecretCommand(), p.connectionConsentCommand(), p.connectionRemoveCommand())
	return cmd
}

// onConnection makes a command of what is done with the connection it names.
func (p *program) onConnection(do func(*session, *connection) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		s, err := p.begin()
		if err != nil {
			return err
		}
		defer s.close()
		c, err := s.connectionNamed(args)
		if err != nil {
			return err
		}
		return do(s, c)
	}
}

func (p *program) connectionListCommand() *cobra.Command {
	var group string
	var asJSON bool
	cmd := &cobra.Command{Use: "list", Short: "who is signed in", Long: connectionListHelp, Args: cobra.NoArgs}
	cmd.Flags().StringVar(&group, "group", "", "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	cmd.RunE = func(*cobra.Command, []string) error {
		s, err := p.begin()
		if err != nil {
			return err
		}
		all := []link{}
		for _, name := range slices.Sorted(maps.Keys(s.cfg.Connection)) {
			if c := s.cfg.Connection[name]; group == "" || c.Group == group {
				all = append(all, s.link(c))
			}
		}
		switch {
		case asJSON:
			return printJSON(p.out, all)
		case len(s.cfg.Connection) == 0:
			p.screen.say("there are no connections")
			p.screen.hint("add one: tandem connection add personal")
		case len(all) == 0:
			p.screen.say("no connection is in group %q", group)
		}
		return p.printLinks(all)
	}
	return cmd
}

// A link is what is known of a connection without asking anybody. Its JSON
// shape is a contract.
type link struct {
	Connection string     `json:"connection"`
	Group      string     `json:"group"`
	SignedIn   bool       `json:"signed_in"`
	Name       string     `json:"name"`      // of who is signed in; "" before that was asked
	Email      string     `json:"email"`     // likewise
	LastUsed   *time.Time `json:"last_used"` // to the hour; null where it was not noted
	Expires    *time.Time `json:"expires"`   // unless it is used before; null where nobody knows
	Error      string     `json:"error"`     // why the sign-in cannot be read
}

func (s *session) link(c *connection) link {
	l := link{Connection: c.name, Group: c.Group}
	saved, err := remote.SavedSignIn(s.tokens(c))
	if c.SignIn == byApp {
		_, err = s.secret(c) // which is all it takes
	}
	switch {
	case err == nil:
		l.SignedIn = true
	case c.SignIn == byApp, !errors.Is(err, remote.ErrSignIn):
		l.Error = err.Error()
	}
	if a, ok := s.known(c); ok && l.SignedIn {
		l.Name, l.Email = a.Name, a.Email
	}
	if !saved.Used.IsZero() {
		l.LastUsed = toSecond(saved.Used)
	}
	if end := saved.Expires(); !end.IsZero() {
		l.Expires = toSecond(end)
	}
	return l
}

func toSecond(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Second)
	return &t
}

// state says in a few words whether somebody is signed in.
func (l link) state() string {
	switch {
	case l.Error != "":
		return l.Error
	case !l.SignedIn:
		return "not signed in"
	case l.Name == "":
		return "signed in"
	}
	return "signed in as " + account{Name: l.Name, Email: l.Email}.String()
}

// times says when it was used, and when it ends.
func (l link) times() string {
	switch {
	case l.LastUsed == nil:
		return ""
	case l.Expires == nil:
		return "used " + humanize.Time(*l.LastUsed)
	case l.Expires.Before(time.Now()):
		return fmt.Sprintf("used %s, expired", humanize.Time(*l.LastUsed))
	}
	return fmt.Sprintf("used %s, expires %s", humanize.Time(*l.LastUsed), l.Expires.Local().Format(time.DateOnly))
}

func (p *program) printLinks(all []link) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, l := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", clean(l.Connection), clean(l.Group), clean(l.state()), l.times())
	}
	return w.Flush()
}

func (p *program) connectionShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "show", Short: "its settings", Long: connectionShowHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeConnections}
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	cmd.RunE = p.onConnection(func(s *session, c *connection) error {
		if asJSON {
			all := map[string]string{}
			for _, set := range c.settings() {
				all[set.key] = set.value
			}
			return printJSON(p.out, struct {
				link
				Settings map[string]string `json:"settings"`
			}{s.link(c), all})
		}
		return s.printSettings(c)
	})
	return cmd
}

// settings are all keys of a connection with what holds for them, in the order
// of the example.
func (c *connection) settings() []setting {
	var all []setting
	for f, v := range reflect.ValueOf(c).Elem().Fields() {
		if key := f.Tag.Get("toml"); key != "" {
			all = append(all, setting{key, fmt.Sprint(v.Interface())})
		}
	}
	return all
}

func (s *session) printSettings(c *connection) error {
	path, err := s.configFile()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var written struct {
		Connection map[string]map[string]any `toml:"connection"`
	}
	if err := toml.Unmarshal(data, &written); err != nil {
		return located(path, err)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "[connection.%s]\t# %s\n", clean(bareOrQuoted(c.name)), clean(source{path, data}.at("connection", c.name, "")))
	for _, set := range c.settings() {
		origin := ""
		if _, ok := written.Connection[c.name][set.key]; !ok {
			origin = "\t# default"
		}
		fmt.Fprintf(w, "%s = %s%s\n", set.key, strconv.Quote(set.value), origin)
	}
	l := s.link(c)
	fmt.Fprintf(w, "# %s\n", clean(strings.TrimSuffix(l.state()+", "+l.times(), ", ")))
	return w.Flush()
}
