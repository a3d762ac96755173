package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tandem/remote"
)

const loginHelp = `Sign in to an account, and see whose drive it is.

Usage: tandem login [CONNECTION] [--device-code | --no-browser] [--account WHO]
       tandem login [CONNECTION] --export FILE | --import FILE

The browser opens and comes back to tandem. CONNECTION may be left out when
only one is configured. With sign_in = "app" nobody is asked: the app's secret
is tried.

  --device-code   sign in on another machine: type a code there
  --no-browser    print the address, open it yourself on this machine
  --account WHO   sign in as nobody else; WHO is an e-mail address, or the id
                  that tandem says where two accounts have the same

When another account than before has signed in, you are asked whether that is
meant before anything is kept. Where nobody is at a terminal, --account says so.

A sign-in can be carried to a machine without a browser, in a file that is
encrypted to a passphrase (with age). The passphrase is asked for at the
terminal, or is the first line of stdin, or TANDEM_PASSPHRASE has it.

  --export FILE            write the sign-in that is here to FILE; - is stdout
  --import FILE            sign in with what was exported; - is stdin
  --passphrase-file FILE   the passphrase, for jobs

Examples:
  tandem login work --device-code
  tandem login work --export work.age
  tandem login work --import work.age

Exit codes: 0 signed in, 1 no connection, 2 usage or configuration,
4 not signed in, or in to another account than the folders belong to
`

func (p *program) loginCommand() *cobra.Command {
	var device, noBrowser bool
	var export, takeOver, passphrase, who string
	cmd := &cobra.Command{Use: "login", Short: "sign in", Long: loginHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeConnections}
	cmd.Flags().BoolVar(&device, "device-code", false, "")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "")
	cmd.Flags().StringVar(&who, "account", "", "")
	cmd.Flags().StringVar(&export, "export", "", "")
	cmd.Flags().StringVar(&takeOver, "import", "", "")
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "")
	cmd.MarkFlagsMutuallyExclusive("device-code", "no-browser", "export", "import")
	cmd.MarkFlagsMutuallyExclusive("account", "export")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if takeOver != "" {
			return p.takeOver(cmd.Context(), args, takeOver, passphrase, who)
		}
		return p.onConnection(func(s *session, c *connection) error {
			if export != "" {
				return s.export(cmd.Context(), c, export, passphrase)
			}
			s.expected = who
			return s.login(cmd.Context(), c, device, noBrowser)
		})(cmd, args)
	}
	return cmd
}

func (s *session) login(ctx context.Context, c *connection, device, noBrowser bool) error {
	client, err := s.client(c)
	if err != nil {
		return err
	}
	if err := s.authenticate(ctx, client, c, device, noBrowser); err != nil {
		return adviseOwn(err, c)
	}
	return s.welcome(ctx, client, c)
}

// welcome says who has signed in, and whether the folders are theirs.
func (s *session) welcome(ctx context.Context, client *remote.Client, c *connection) error {
	who, err := s.account(ctx, c)
	if err != nil {
		return adviseOwn(err, c)
	}
	if err := s.introduce(ctx, client, c, who); err != nil {
		return err
	}
	return s.sameAccount(c, who)
}

// authenticate lets a person sign in.
func (s *session) authenticate(ctx context.Context, client *remote.Client, c *connection, device, noBrowser bool) error {
	switch {
	case c.SignIn == byApp:
		if err := s.forgetAccount(c); err != nil {
			return err
		}
		return client.LoginApp(ctx)
	case device:
		return client.LoginDevice(ctx, s.showCode)
	}
	remove := func() error { return nil }
	err := client.LoginBrowser(ctx, func(address string) { remove = s.showPage(address, noBrowser) })
	return errors.Join(err, remove())
}

func (s *session) showCode(uri, code, message string) {
	if message == "" {
		message = fmt.Sprintf("open %s and type the code %s", uri, code)
	}
	s.screen.say("%s", message)
}

// showPage opens the sign-in page, and gives what removes the way to it. The address is
// data when asked for: a script takes it from stdout.
func (s *session) showPage(address string, noBrowser bool) (remove func() error) {
	remove = func() error { return nil }
	if noBrowser {
		fmt.Fprintln(s.out, address)
		return remove
	}
	page, err := s.newLeaflet(address)
	if err == nil {
		remove = page.remove
		err = s.openBrowser(page.path())
	}
	if err != nil {
		s.screen.say("no browser could be started; open this on this machine: %s", address)
		s.screen.hint("from another machine: tandem login --device-code")
		return remove
	}
	s.screen.say("waiting for the sign-in in your browser")
	s.screen.hint("if it shows no page to sign in: tandem login --no-browser")
	return remove
}

func (s *session) openBrowser(address string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", address).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", address).Start()
	}
	if s.env("DISPLAY") == "" && s.env("WAYLAND_DISPLAY") == "" {
		return errors.New("no desktop")
	}
	return exec.Command("xdg-open", address).Start()
}

// introduce says whose drive this is, before anything is done with it.
func (s *session) introduce(ctx context.Context, client *remote.Client, c *connection, who account) error {
	drive, err := client.Drive(ctx, "")
	if errors.Is(err, remote.ErrNotFound) {
		s.screen.say("signed in to %s as %s, who has no drive of their own", c.name, who)
		return nil
	}
	if err != nil {
		return err
	}
	root, err := client.Root(ctx, drive.ID)
	if err != nil {
		return err
	}
	s.screen.say("signed in to %s as %s", c.name, who)
	s.screen.say("%s drive of %s: %s", drive.Kind, drive.Owner, size(drive, root))
	return nil
}

func size(d remote.Drive, root remote.Item) string {
	used := humanize.Bytes(uint64(max(d.Used, root.Size, 0)))
	if d.Total > 0 {
		used += " of " + humanize.Bytes(uint64(d.Total))
	}
	return fmt.Sprintf("%s used, %s at its top", used, count(int(root.Children), "item"))
}

// sameAccount says so at once when folders of c belong to another account.
func (s *session) sameAccount(c *connection, who account) error {
	name, err := s.folderOfAnother(c, who)
	if err == nil && name != "" {
		err = &failure{signIn, fmt.Errorf("folder %q belongs to another account than %s", name, who),
			"sign in to that account: tandem login " + c.name}
	}
	return err
}

// folderOfAnother names a folder of c that belongs to another account, or "".
func (s *session) folderOfAnother(c *connection, who account) (string, error) {
	if !s.hasState() {
		return "", nil
	}
	if s.db == nil {
		if err := s.openState(); err != nil {
			return "", err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Folder)) {
		if s.cfg.Folder[name].Connection != c.name {
			continue
		}
		if known, found, err := s.db.Folder(name); err != nil || found && known.Account != who.ID {
			return name, err
		}
	}
	return "", nil
}
