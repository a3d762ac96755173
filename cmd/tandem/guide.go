package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/service"
	"tandem/remote"
)

// The guide is tandem without a command before anything is set up: sign-in,
// folder, what is there, service, with at most four questions. What was answered
// is written down at once, so that whoever leaves in between goes on from there.

const byHand = `
Nothing is set up yet. On a terminal, tandem alone asks for what it needs; by hand:

  tandem connection setup-app personal    an app of your own; only where this
                                          build of tandem has none
  tandem connection add personal          an account
  tandem login personal                   sign in to it

then add a folder to %s:

  [folder.onedrive]
  connection = "personal"
  local = "~/OneDrive"

and

  tandem sync --once --dry-run            see what would happen
  tandem service install                  keep both the same from login on
`

// welcomeNewcomer is tandem without a command.
func (p *program) welcomeNewcomer(ctx context.Context) error {
	path, err := p.configFile()
	if err != nil {
		return err
	}
	s := p.sessionOf(&config{Connection: map[string]*connection{}}, "")
	if s.dir, err = p.stateHome(); err != nil {
		return err
	}
	s.locks = p.folderLocks()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if s, err = p.begin(); err != nil {
			return err
		}
	}
	defer s.close()
	switch {
	case len(s.cfg.Folder) > 0 || len(s.cfg.Task) > 0:
		_, err = fmt.Fprint(p.out, rootHelp())
	case !p.asksOnTerminal():
		_, err = fmt.Fprintf(p.out, rootHelp()+byHand, clean(path))
	default:
		err = (&guide{session: s}).run(ctx)
	}
	return err
}

type guide struct {
	*session
	conn   *connection
	client *remote.Client
}

func (g *guide) run(ctx context.Context) error {
	g.screen.say("this sets up a folder here that is kept the same as one on OneDrive")
	g.screen.hint("an empty answer takes what stands in brackets; Ctrl-C leaves, and tandem goes on from there next time")
	for _, step := range []func(context.Context) error{g.signIn, g.folder, g.service} {
		err := step(ctx)
		if errors.Is(err, errLeft) {
			return &failure{failed, errors.New("left before all was set up"), "go on with: tandem"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signIn asks for an app's id where there is none, or else how to sign in.
func (g *guide) signIn(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(g.cfg.Connection))
	if len(names) > 0 {
		g.conn = g.cfg.Connection[names[0]]
	} else {
		g.conn = defaultConnection()
		g.conn.name = "personal"
		g.conn.check() // for the endpoints
		g.cfg.Connection[g.conn.name] = g.conn
	}
	device, err := g.way(ctx)
	if err != nil {
		return err
	}
	if g.client, err = g.session.client(g.conn); err != nil {
		return err
	}
	if g.client.SignedIn() {
		return g.welcome(ctx, g.client, g.conn)
	}
	if err := g.login(ctx, g.conn, device, false); err != nil {
		return err
	}
	if len(names) > 0 {
		return nil
	}
	return g.write("connection", g.conn.name, func(cfg *config) bool { return cfg.Connection[g.conn.name] != nil }, nil)
}

// way asks the first question, unless it is answered already.
func (g *guide) way(ctx context.Context) (device bool, err error) {
	if g.conn.ClientID == "" && clientID == "" && (g.conn.Cloud != "custom" || !onThisMachine(g.conn.GraphEndpoint)) {
		g.screen.say("this build of tandem has no app registration of its own; one is free:")
		g.instruct(g.conn, false)
		id, err := g.asked().answer(ctx, "Application (client) ID", "", func(id string) error {
			if !guid.MatchString(id) {
				return errors.New("it is like 11111111-2222-3333-4444-555555555555")
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		g.conn.ClientID = id
		return false, g.setApp(g.conn, id)
	}
	client, err := g.session.client(g.conn)
	if err != nil || client.SignedIn() {
		return false, err
	}
	how, err := g.asked().answer(ctx, "Sign in with the browser here, or with a code on another machine: browser or code", "browser", oneOf("browser", "code"))
	return how == "code", err
}

// folder asks which two folders are to be the same, having said what is there.
func (g *guide) folder(ctx context.Context) error {
	drive, err := g.client.Drive(ctx, "")
	if err != nil {
		return advise(err, g.conn)
	}
	root, err := g.client.Root(ctx, drive.ID)
	if err != nil {
		return advise(err, g.conn)
	}
	if err := g.showTop(ctx, drive.ID, root); err != nil {
		return advise(err, g.conn)
	}
	online, err := g.asked().answer(ctx, "Folder online, / for everything", "/", func(path string) error {
		path = strings.Trim(path, "/")
		if path == "" {
			return nil
		}
		it, err := g.client.ItemAt(ctx, drive.ID, path)
		if errors.Is(err, remote.ErrNotFound) || err == nil && it.Kind != remote.Folder {
			return fmt.Errorf("there is no folder %q online", path)
		}
		return err
	})
	if err != nil {
		return err
	}
	home, err := g.home()
	if err != nil {
		return err
	}
	local, err := g.asked().answer(ctx, "Folder on this machine", "~/OneDrive", func(dir string) error { return g.fits(expand(dir, home)) })
	if err != nil {
		return err
	}
	g.sayHere(expand(local, home))
	return g.write("folder", "onedrive", func(cfg *config) bool { return len(cfg.Folder) > 0 }, []setting{
		{"connection", g.conn.name}, {"local", local}, {"remote", "/" + strings.Trim(online, "/")},
	})
}

// showTop lists what is at the drive's top, folders first.
func (g *guide) showTop(ctx context.Context, drive string, root remote.Item) error {
	top, err := g.client.Children(ctx, drive, root.ID, nil)
	if err != nil {
		return err
	}
	slices.SortStableFunc(top, func(a, b remote.Item) int {
		return strings.Compare(fmt.Sprint(a.Kind != remote.Folder)+a.Name, fmt.Sprint(b.Kind != remote.Folder)+b.Name)
	})
	for i, it := range top {
		if i == mostLines {
			fmt.Fprintf(g.out, "  … and %s more\n", count(len(top)-i, "item"))
			break
		}
		name := clean(it.Name)
		if it.Kind == remote.Folder {
			name += "/"
		}
		fmt.Fprintf(g.out, "  %-40s %8s\n", name, humanize.Bytes(uint64(max(it.Size, 0))))
	}
	return nil
}

// fits makes the folder, and refuses what cannot be synced.
func (g *guide) fits(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("%q must begin with / or ~/", dir)
	}
	if within(realPath(g.dir), realPath(dir)) {
		return fmt.Errorf("%q contains tandem's own state in %q", dir, g.dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if kind := unfit(dir); kind != "" {
		return fmt.Errorf("%q is in %s, which holds no files of yours", dir, kind)
	}
	return g.alone(&folder{Local: dir})
}

// sayHere says what will become of what is in the folder already.
func (g *guide) sayHere(dir string) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		g.screen.say("%q has %s at its top: what is equal on both sides is agreed upon, what differs is kept twice, nothing is deleted", dir, count(len(entries), "item"))
	}
}

// write adds a table to the configuration, unless it is there, and reads it
// again.
func (g *guide) write(kind, name string, there func(*config) bool, settings []setting) error {
	path, err := g.editConfig(func(src source, cfg *config) ([]byte, error) {
		if there(cfg) {
			return src.data, nil
		}
		text := src.with(kind, name, settings)
		_, err := parseConfig(src.path, text)
		return text, err
	})
	if err != nil {
		return err
	}
	home, _ := g.home()
	cfg, err := readConfig(path, home)
	if err != nil {
		return err
	}
	g.cfg, g.conn = cfg, cfg.Connection[g.conn.name]
	g.screen.say("wrote [%s.%s] into %q", kind, name, path)
	return nil
}

// service asks whether the agent is to run from now on.
func (g *guide) service(ctx context.Context) error {
	yes, err := g.asked().answer(ctx, "Start now, and whenever you log in: yes or no", "yes", oneOf("yes", "no"))
	if err != nil {
		return err
	}
	if yes == "no" {
		g.screen.say("all is set up")
		g.screen.hint("see what would happen with: tandem sync --once --dry-run; keep both the same with: tandem sync")
		return nil
	}
	a, err := g.serviceAgent()
	if err != nil {
		return err
	}
	plan, ok := service.For(runtime.GOOS, a)
	if !ok {
		return usage(fmt.Errorf("tandem knows no way to start it at login on %s", runtime.GOOS), "have it run: tandem sync")
	}
	if err := g.installService(ctx, plan, false); err != nil {
		return err
	}
	g.screen.hint("see how it fares with: tandem status --watch")
	return nil
}

// oneOf takes one of the words.
func oneOf(words ...string) func(string) error {
	return func(answer string) error {
		if slices.Contains(words, answer) {
			return nil
		}
		return fmt.Errorf("%q is neither %s", answer, strings.Join(words, " nor "))
	}
}
