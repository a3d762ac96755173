package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tandem/remote"
)

const connectionTestHelp = `See whether connections work, whose drives they lead to, and what is on them.

Usage: tandem connection test [NAME...] [--group NAME] [--json]

Without a NAME all of them are tested. Each is asked once, and has to answer
within its timeout. Who is not signed in may do so first, when somebody is at
the terminal or one of the last two flags says how.

  --group NAME    only connections of this group
  --json          print it as JSON, one array
  --device-code   sign in, where needed, on another machine: type a code there
  --no-browser    sign in, where needed, at the address that is printed

Examples:
  tandem connection test
  tandem connection test --group jobs --json

Exit codes: 0 they work, 1 no answer, 2 usage or configuration, 4 sign-in
needed; of several the gravest counts
`

func (p *program) connectionTestCommand() *cobra.Command {
	var group string
	var asJSON, device, noBrowser bool
	cmd := &cobra.Command{Use: "test", Short: "whose drive it is, and whether it answers", Long: connectionTestHelp, ValidArgsFunction: p.completeConnections}
	cmd.Flags().StringVar(&group, "group", "", "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	cmd.Flags().BoolVar(&device, "device-code", false, "")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "")
	cmd.MarkFlagsMutuallyExclusive("device-code", "no-browser")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.begin()
		if err != nil {
			return err
		}
		defer s.close()
		chosen, err := s.connectionsNamed(args, group)
		if err != nil {
			return err
		}
		t := tester{session: s, person: device || noBrowser || s.screen.terminal, device: device, noBrowser: noBrowser}
		return t.test(cmd.Context(), chosen, asJSON)
	}
	return cmd
}

// connectionsNamed finds connections by name, or all of a group, in the order
// of their names.
func (s *session) connectionsNamed(args []string, group string) ([]*connection, error) {
	for _, name := range args {
		if _, err := s.connectionNamed([]string{name}); err != nil {
			return nil, err
		}
	}
	var found []*connection
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Connection)) {
		if c := s.cfg.Connection[name]; (len(args) == 0 || slices.Contains(args, name)) && (group == "" || c.Group == group) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, usage(errors.New("the configuration has no such connection"), "see: tandem connection list")
	}
	return found, nil
}

// A tester asks connections who they are.
type tester struct {
	*session
	person, device, noBrowser bool // whether somebody can sign in, and how
}

// A finding is what one connection said. Its JSON shape is a contract; numbers
// are 0 where the service does not tell.
type finding struct {
	Connection string  `json:"connection"`
	OK         bool    `json:"ok"`
	Name       string  `json:"name"` // of who is signed in
	Email      string  `json:"email"`
	Owner      string  `json:"owner"` // of the drive
	Kind       string  `json:"kind"`  // personal, business or documentLibrary
	Drive      string  `json:"drive"` // its id; "" where the user has none
	Used       int64   `json:"used"`
	Total      int64   `json:"total"`
	Files      int64   `json:"files"`
	State      string  `json:"state"` // of the quota: normal, nearing, critical or exceeded
	Seconds    float64 `json:"seconds"`
	Error      string  `json:"error"`
}

func (t *tester) test(ctx context.Context, chosen []*connection, asJSON bool) error {
	all := []finding{}
	var codes []int
	for _, c := range chosen {
		f, err := t.ask(ctx, c)
		if err != nil {
			told := diagnose(adviseOwn(err, c))
			codes = append(codes, told.code)
			t.screen.complain(c.name, told)
			f.Error = err.Error()
		} else if !asJSON {
			f.print(t.session)
		}
		all = append(all, f)
	}
	if asJSON {
		if err := printJSON(t.out, all); err != nil {
			return err
		}
	}
	if code := gravest(codes...); code != inSync {
		return &failure{code: code}
	}
	return nil
}

// ask makes the one call, after a sign-in where that is needed and somebody is
// there.
func (t *tester) ask(ctx context.Context, c *connection) (finding, error) {
	f := finding{Connection: c.name}
	client, err := t.client(c)
	if err != nil {
		return f, err
	}
	drive, err := t.look(ctx, client, c, &f)
	if errors.Is(err, remote.ErrSignIn) && t.person && c.SignIn != byApp {
		t.screen.say("%s: %v", c.name, err)
		if err = t.authenticate(ctx, client, c, t.device, t.noBrowser); err != nil {
			return f, err
		}
		if err = t.ownFolders(ctx, c); err != nil {
			return f, err
		}
		drive, err = t.look(ctx, client, c, &f)
	}
	if err != nil && !errors.Is(err, remote.ErrNotFound) { // a user without a drive may still use a library
		return f, err
	}
	if a, ok := t.known(c); ok {
		f.Name, f.Email = a.Name, a.Email
	}
	f.OK, f.Owner, f.Kind, f.Drive = true, drive.Owner, drive.Kind, drive.ID
	f.Used, f.Total, f.Files, f.State = max(drive.Used, 0), max(drive.Total, 0), drive.Files, drive.State
	return f, nil
}

// ownFolders says at once when whoever signed in is not whose folders they are.
func (t *tester) ownFolders(ctx context.Context, c *connection) error {
	who, err := t.account(ctx, c)
	if err != nil {
		return err
	}
	return t.sameAccount(c, who)
}

// look asks for the drive, and takes no longer than the connection's timeout,
// whatever the client would still try.
func (t *tester) look(ctx context.Context, client *remote.Client, c *connection, f *finding) (remote.Drive, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(c.Timeout), fmt.Errorf("%w: no answer within %v", remote.ErrOffline, time.Duration(c.Timeout)))
	defer cancel()
	start := time.Now()
	defer func() { f.Seconds = time.Since(start).Seconds() }()
	return client.Drive(ctx, "")
}

func (f finding) print(s *session) {
	what := "no drive of their own"
	if f.Drive != "" {
		what = fmt.Sprintf("%s drive of %s", f.Kind, f.Owner)
	}
	if f.Name != "" {
		what += ", signed in as " + account{Name: f.Name, Email: f.Email}.String()
	}
	fmt.Fprintln(s.out, clean(f.Connection+": "+what))
	if f.Drive == "" {
		return
	}
	space := humanize.Bytes(uint64(f.Used)) + " used"
	if f.Total > 0 {
		space = fmt.Sprintf("%s %s of %s used", bar(f.Used, f.Total), humanize.Bytes(uint64(f.Used)), humanize.Bytes(uint64(f.Total)))
	}
	if f.Files > 0 {
		space += ", " + count(int(f.Files), "file")
	}
	if f.State != "" && f.State != "normal" {
		space += ": " + f.State
	}
	fmt.Fprintln(s.out, "  "+clean(space))
}

// bar draws a share of a whole; something is never drawn as nothing.
func bar(part, whole int64) string {
	const width = 20
	n := int(float64(part) / float64(whole) * width)
	n = min(max(n, 0), width)
	if n == 0 && part > 0 {
		n = 1
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}
