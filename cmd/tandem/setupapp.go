package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"tandem/remote"
)

const connectionSetupHelp = `Register an app of your own, step by step, and check the result.

Usage: tandem connection setup-app [NAME] [--no-browser]
       tandem connection setup-app [NAME] --client-id ID
       tandem connection setup-app [NAME] --check

An app registration is free and lets tandem sign in at Microsoft's. The steps
are those for the cloud, tenant and way to sign in of the connection; the page
to do them on is opened. At a terminal you are asked for the app's id afterwards.
What is checked: that the app is known, that the redirect address is registered,
that it may be used without a secret, and what it was permitted.

  --client-id ID   write the app's id into the configuration, and check
  --check          check only
  --no-browser     do not open the page

Examples:
  tandem connection setup-app
  tandem connection setup-app work --client-id 11111111-2222-3333-4444-555555555555
  tandem connection setup-app work --check

Exit codes: 0, 1 no connection, 2 usage or configuration, or something is wrong
with the registration, 4 it cannot sign in
`

func (p *program) connectionSetupCommand() *cobra.Command {
	var id string
	var check, noBrowser bool
	cmd := &cobra.Command{Use: "setup-app", Short: "register your own app", Long: connectionSetupHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeConnections}
	cmd.Flags().StringVar(&id, "client-id", "", "")
	cmd.Flags().BoolVar(&check, "check", false, "")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "")
	cmd.MarkFlagsMutuallyExclusive("client-id", "check")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.connectionToSetUp(args)
		if err != nil {
			return err
		}
		if !check && id == "" {
			p.instruct(c, noBrowser)
			if id, err = p.askForID(); err != nil {
				return err
			}
		}
		switch {
		case check:
		case id == "":
			p.screen.hint("when you have the app's id: tandem connection setup-app %s --client-id ID", c.name)
			return nil
		default:
			if err := p.setApp(c, id); err != nil {
				return err
			}
		}
		return p.checkApp(cmd.Context(), c.name)
	}
	return cmd
}

// connectionToSetUp is the one named, or the only one; before there is any, it
// is one with the usual settings.
func (p *program) connectionToSetUp(args []string) (*connection, error) {
	path, err := p.configFile()
	if err != nil {
		return nil, err
	}
	var s *session
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
		s = p.sessionOf(&config{}, "")
	} else if s, err = p.begin(); err != nil {
		return nil, err
	}
	if len(s.cfg.Connection) > 0 {
		return s.connectionNamed(args)
	}
	c := defaultConnection()
	c.name = "personal"
	if len(args) > 0 {
		c.name = args[0]
	}
	c.check() // for the endpoints
	return c, nil
}

// instruct says what to do, and opens the page to do it on.
func (p *program) instruct(c *connection, noBrowser bool) {
	for n, step := range c.steps() {
		fmt.Fprintf(p.out, "%d. %s\n", n+1, step)
	}
	if portal := portals[c.Cloud]; portal != "" && !noBrowser {
		if (&session{program: p}).openBrowser(portal) == nil {
			p.screen.say("the page of step 1 is open in your browser")
		}
	}
}

// portals are where apps are registered, by cloud.
var portals = map[string]string{
	"global": "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
	"us-gov": "https://portal.azure.us/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
	"us-dod": "https://portal.azure.us/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
	"china":  "https://portal.azure.cn/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
}

// steps are how to register an app that fits the settings of c.
func (c *connection) steps() []string {
	secret := c.ClientSecretFile + c.ClientSecretEnv + c.ClientSecretKeyring
	platform := `"Public client/native (mobile & desktop)"`
	if secret != "" {
		platform = `"Web"`
	}
	steps := []string{
		"Open " + cmp.Or(portals[c.Cloud], "the portal of your cloud") + `
   and choose "New registration". (By hand: Identity, Applications, App registrations.
   A personal account may have to create a directory first, which is free.)`,
		`Name: whatever you like; people see it when they sign in. Supported account types:
   ` + c.audience(),
		"Redirect URI: platform " + platform + ", address " + withoutPort(c.RedirectURL) + `
   and nothing after it. Then "Register".`,
	}
	if secret == "" {
		steps = append(steps, `"Authentication", "Advanced settings": set "Allow public client flows" to Yes, and save.
   Device codes need it.`)
	} else {
		steps = append(steps, `"Certificates & secrets", "New client secret". Copy its Value, not the Secret ID; it is shown
   once, and ends at the latest after two years. Keep it with:
   tandem connection secret `+c.name)
	}
	if c.SignIn == byApp {
		steps = append(steps, `"API permissions", "Add a permission", "Microsoft Graph", "Application permissions":
   Files.ReadWrite.All. An administrator then has to choose "Grant admin consent"; for what to
   send to one: tandem connection consent `+c.name)
	} else {
		steps = append(steps, `"API permissions", "Add a permission", "Microsoft Graph", "Delegated permissions":
   Files.ReadWrite.All, User.Read and offline_access. Where your organisation wants it, an administrator
   has to choose "Grant admin consent"; for what to send to one: tandem connection consent `+c.name)
	}
	overview := `"Overview": copy "Application (client) ID". It goes into client_id of [connection.` + c.name + `]; it is no secret.`
	if c.ofOneTenant() || c.SignIn == byApp {
		overview += `
   Copy "Directory (tenant) ID", too; it goes into tenant.`
	}
	return append(steps, overview)
}

// ofOneTenant reports whether the accounts are those of one organisation.
func (c *connection) ofOneTenant() bool {
	return c.Tenant != "common" && c.Tenant != "organizations" && c.Tenant != "consumers"
}

// audience is the portal's name for the accounts that sign in with c's tenant.
func (c *connection) audience() string {
	switch {
	case c.ofOneTenant() || c.SignIn == byApp:
		return `"Accounts in this organizational directory only" will do for tenant = "` + c.Tenant + `".`
	case c.Tenant == "consumers":
		return `"Personal Microsoft accounts only", for tenant = "consumers".`
	case c.Tenant == "common" && (c.Cloud == "global" || c.Cloud == "custom"):
		return `"Accounts in any organizational directory and personal Microsoft accounts", for tenant = "common".`
	}
	return `"Accounts in any organizational directory", for tenant = "` + c.Tenant + `".`
}

// withoutPort is how a loopback address is registered: the port never counts
// on localhost, and must stand as it is on 127.0.0.1.
func withoutPort(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || net.ParseIP(u.Hostname()) != nil {
		return redirect
	}
	u.Host = u.Hostname()
	return u.String()
}

// askForID asks a person at the terminal; nobody else is asked.
func (p *program) askForID() (string, error) {
	if !p.asksOnTerminal() {
		return "", nil
	}
	fmt.Fprint(os.Stderr, "Application (client) ID (empty: later): ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return "", nil // they left
	}
	return strings.TrimSpace(line), nil
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// setApp writes the app's id into the configuration.
func (p *program) setApp(c *connection, id string) error {
	if c.Cloud != "custom" && !guid.MatchString(id) {
		return usage(fmt.Errorf("%q is no application id, which is like 11111111-2222-3333-4444-555555555555", id), `copy "Application (client) ID" from the app's "Overview"`)
	}
	set := setting{"client_id", id}
	path, err := p.editConfig(func(src source, cfg *config) ([]byte, error) {
		if cfg.Connection[c.name] == nil {
			return src.with("connection", c.name, []setting{set}), nil
		}
		text, ok := src.set("connection", c.name, set)
		if !ok {
			return nil, usage(fmt.Errorf("connection %q has no table of its own in the configuration", c.name), "set client_id by hand: "+src.path)
		}
		if _, err := parseConfig(src.path, text); err != nil {
			return nil, fmt.Errorf("nothing was written: %w", err)
		}
		return text, nil
	})
	if err != nil {
		return err
	}
	p.screen.say("set client_id of %s in %s", c.name, path)
	return nil
}

// checkApp says what is right and what is wrong with the registration.
func (p *program) checkApp(ctx context.Context, name string) error {
	s, err := p.begin()
	if err != nil {
		return err
	}
	c, err := s.connectionNamed([]string{name})
	if err != nil {
		return err
	}
	client, err := s.client(c)
	if err != nil {
		return err
	}
	checks := s.checks(ctx, client, c)
	wrong := 0
	for _, check := range checks {
		good, err := check.ask()
		switch unclear := errors.Is(err, remote.ErrUnclear); {
		case errors.Is(err, remote.ErrOffline), errors.Is(err, remote.ErrThrottled), errors.Is(err, remote.ErrMalformed), ctx.Err() != nil:
			return err
		case unclear:
			good = err.Error()
		case err != nil:
			wrong++
			good = "WRONG: " + reason(err)
		}
		fmt.Fprintln(s.out, clean(check.about+": "+good))
	}
	if wrong > 0 {
		return &failure{misused, fmt.Errorf("%s: the registration needs another look", c.name), "mend it, and see again: tandem connection setup-app " + c.name + " --check"}
	}
	return nil
}

// reason is what a person needs of an error that stands in a list of them.
func reason(err error) string {
	if e := (*remote.Error)(nil); errors.As(err, &e) && e.Message != "" && err == error(e) {
		return e.Message
	}
	return err.Error()
}

// A check is a question about a registration, and what is said when all is well.
type check struct {
	about string
	ask   func() (good string, err error)
}

func (s *session) checks(ctx context.Context, client *remote.Client, c *connection) []check {
	redirect := check{"redirect address " + c.RedirectURL, func() (string, error) { return "registered", client.CheckRedirect(ctx) }}
	switch {
	case c.SignIn == byApp:
		return []check{
			{"application id and secret", func() (string, error) { return "accepted", client.LoginApp(ctx) }},
			redirect,
			{"permissions", func() (string, error) { return s.appPermissions(ctx, client, c) }},
		}
	case c.ClientSecretFile+c.ClientSecretEnv+c.ClientSecretKeyring != "":
		return []check{redirect, {"permissions", func() (string, error) { return s.permissions(ctx, client, c) }}}
	}
	return []check{
		redirect,
		{"public client flows", func() (string, error) { return "allowed", client.CheckPublicClient(ctx) }},
		{"permissions", func() (string, error) { return s.permissions(ctx, client, c) }},
	}
}

// permissions are seen in what was granted to whoever signed in. A sign-in that
// has ended is no fault of the registration.
func (s *session) permissions(ctx context.Context, client *remote.Client, c *connection) (string, error) {
	missing, err := client.Ungranted(ctx)
	if errors.Is(err, remote.ErrSignIn) {
		return "seen once somebody has signed in: tandem login " + c.name, nil
	}
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("not granted: %s; add what is missing under \"API permissions\", and sign in again", strings.Join(missing, ", "))
	}
	return "granted", err
}

// appPermissions looks at the drive, for nothing else tells what an app may do.
func (s *session) appPermissions(ctx context.Context, client *remote.Client, c *connection) (string, error) {
	if c.User == "" {
		return "seen once a drive is used, as no user is set", nil
	}
	_, err := client.Drive(ctx, "")
	if errors.Is(err, remote.ErrDenied) {
		err = fmt.Errorf("%w; the application permission Files.ReadWrite.All is missing, or an administrator has not agreed: tandem connection consent %s", err, c.name)
	}
	return "the drive of " + c.User + " can be read", err
}
