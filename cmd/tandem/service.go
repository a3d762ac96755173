package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/service"
)

const serviceHelp = `Have the agent started when you log in.

Usage: tandem service install [--dry-run] [--no-sandbox]
       tandem service uninstall
       tandem service status
       tandem service logs [--follow]

install shows what it writes and runs. It needs no administrator: it makes a
systemd unit of yours, a launchd agent, or an entry among the programs that
Windows starts at logon. Install again after you have changed which folders are
synced or where tandem is.

  --dry-run      only show it
  --no-sandbox   let the agent reach all that you can reach; for Linux systems
                 that refuse the fence around it
  --follow       go on showing what the agent says

Examples:
  tandem service install
  tandem service logs --follow

Exit codes: 0, 1 the system refused, 2 usage or configuration; status: 0 it
runs, 1 it does not
`

func (p *program) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "service", Short: "start the agent at login", Long: serviceHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	sub := func(use string, do func(context.Context, *session, service.Agent, service.Plan) error) *cobra.Command {
		c := &cobra.Command{Use: use, Long: serviceHelp, Args: cobra.NoArgs}
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			s, err := p.begin()
			if err != nil {
				return err
			}
			a, err := s.serviceAgent()
			if err != nil {
				return err
			}
			a.Open, _ = cmd.Flags().GetBool("no-sandbox") // only install has it
			plan, ok := service.For(runtime.GOOS, a)
			if !ok {
				return usage(fmt.Errorf("tandem knows no way to start it at login on %s", runtime.GOOS), "have it run: tandem sync")
			}
			return do(cmd.Context(), s, a, plan)
		}
		cmd.AddCommand(c)
		return c
	}
	var dry, follow bool
	install := sub("install", func(ctx context.Context, s *session, _ service.Agent, plan service.Plan) error {
		return s.installService(ctx, plan, dry)
	})
	install.Flags().BoolVar(&dry, "dry-run", false, "")
	install.Flags().Bool("no-sandbox", false, "")
	sub("uninstall", func(ctx context.Context, s *session, _ service.Agent, plan service.Plan) error {
		return s.uninstallService(ctx, plan)
	})
	sub("status", func(ctx context.Context, s *session, _ service.Agent, plan service.Plan) error {
		return s.serviceStatus(ctx, plan)
	})
	sub("logs", func(ctx context.Context, s *session, _ service.Agent, plan service.Plan) error {
		return s.serviceLogs(ctx, plan, follow)
	}).Flags().BoolVar(&follow, "follow", false, "")
	return cmd
}

// serviceAgent is how the system is to start the agent: with the same settings
// as this command has.
func (s *session) serviceAgent() (service.Agent, error) {
	a := service.Agent{UID: os.Getuid()}
	var err error
	abs := func(path string) string {
		full, no := filepath.Abs(path)
		err = errors.Join(err, no)
		return full
	}
	self, no := os.Executable()
	err = errors.Join(err, no)
	a.Program = self
	config, no := s.configFile()
	err = errors.Join(err, no)
	a.Home, no = s.home()
	err = errors.Join(err, no)
	config, dir := abs(config), abs(s.dir)
	a.Config = a.Home + "/.config"
	if set := s.env("XDG_CONFIG_HOME"); set != "" {
		a.Config = abs(set)
	}
	a.Args = []string{"--config", config, "--state", dir, "sync"}
	if runtime.GOOS != "linux" {
		a.Args = append(a.Args, "--log", s.logPath())
	}
	a.Reads = []string{filepath.Dir(config), a.Program}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Folder)) {
		a.Writes = append(a.Writes, realPath(s.cfg.Folder[name].Local))
	}
	a.Writes = append(a.Writes, dir)
	if s.locks != "" && !within(s.locks, dir) {
		a.Writes = append(a.Writes, abs(s.locks))
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Connection)) {
		if file := s.cfg.Connection[name].ClientSecretFile; file != "" {
			a.Reads = append(a.Reads, abs(file))
		}
	}
	if err != nil {
		return a, fmt.Errorf("find out what to start: %w", err)
	}
	return a, nil
}

func (s *session) logPath() string {
	path, err := filepath.Abs(filepath.Join(s.dir, "agent.log"))
	if err != nil {
		return filepath.Join(s.dir, "agent.log")
	}
	return path
}

func (s *session) installService(ctx context.Context, plan service.Plan, dry bool) error {
	if len(s.cfg.Folder) == 0 {
		return usage(errors.New("the configuration has no folder to keep"), "add one: [folder.documents]")
	}
	if plan.File != "" {
		fmt.Fprintf(s.out, "%s:\n\n%s\n", clean(plan.File), plan.Text)
	}
	for _, cmd := range plan.Start {
		fmt.Fprintln(s.out, "$", clean(strings.Join(cmd, " ")))
	}
	if dry {
		return nil
	}
	if s.locks != "" {
		if err := os.MkdirAll(s.locks, 0o700); err != nil { // the fence shows the agent what is there
			return err
		}
	}
	if plan.File != "" {
		err := os.MkdirAll(filepath.Dir(plan.File), 0o755)
		if err == nil {
			err = os.WriteFile(plan.File, []byte(plan.Text), 0o644)
		}
		if err != nil {
			return err
		}
	}
	if !plan.Later { // what runs now would be in the way of the new one
		s.runQuietly(ctx, plan.Stop)
		if err := s.stopAgent(ctx); err != nil {
			return err
		}
	}
	for _, cmd := range plan.Start {
		if err := s.runSystem(ctx, cmd, nil); err != nil {
			return &failure{failed, err, "see why with: tandem service logs; on a system that refuses the fence: tandem service install --no-sandbox"}
		}
	}
	if plan.Later {
		s.screen.say("installed; the agent starts when you next log in")
		s.screen.hint("start it now with: tandem sync")
	} else {
		s.screen.say("installed; the agent runs, and starts whenever you log in")
	}
	return s.sayUnsigned()
}

// sayUnsigned tells which sign-ins the agent lacks.
func (s *session) sayUnsigned() error {
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Folder)) {
		c := s.cfg.Connection[s.cfg.Folder[name].Connection]
		client, err := s.client(c)
		if err != nil {
			return err
		}
		if !client.SignedIn() {
			s.screen.say("%s: not signed in yet; the agent tries again every minute", name)
			s.screen.hint("sign in with: tandem login %s", c.name)
		}
	}
	return nil
}

// stopAgent ends an agent that somebody has started by hand.
func (s *session) stopAgent(ctx context.Context) error {
	var heard bool
	running, err := s.ask(ctx, s.dir, "stop", nil, &heard)
	if err != nil || !running {
		return err
	}
	return s.awaitEnd(ctx, s.dir)
}

func (s *session) uninstallService(ctx context.Context, plan service.Plan) error {
	if plan.File != "" {
		if _, err := os.Stat(plan.File); errors.Is(err, fs.ErrNotExist) {
			s.screen.say("it is not installed")
			return nil
		}
	} else if s.runSystem(ctx, plan.Status, io.Discard) != nil {
		s.screen.say("it is not installed")
		return nil
	}
	for _, cmd := range plan.Stop {
		if err := s.runSystem(ctx, cmd, nil); err != nil {
			s.screen.say("%v", err) // it may not run; the file has to go all the same
		}
	}
	if plan.File != "" {
		if err := os.Remove(plan.File); err != nil {
			return err
		}
		s.screen.say("removed %q", plan.File)
	}
	if err := s.stopAgent(ctx); err != nil {
		return err
	}
	s.runQuietly(ctx, plan.After)
	s.screen.say("the agent no longer starts when you log in; what is synced stays as it is")
	return nil
}

func (s *session) serviceStatus(ctx context.Context, plan service.Plan) error {
	now := new(health)
	running, err := s.ask(ctx, s.dir, "status", nil, now)
	if err != nil {
		return err
	}
	installed := s.runSystem(ctx, plan.Status, s.out) == nil
	if plan.File != "" {
		_, err := os.Stat(plan.File)
		installed = err == nil
	}
	switch {
	case installed && running:
		s.screen.say("installed, and an agent runs")
		return nil
	case installed:
		s.screen.say("installed, but no agent runs")
		s.screen.hint("see why with: tandem service logs; start it anew with: tandem service install")
	case running:
		s.screen.say("not installed; an agent runs that was started by hand")
		s.screen.hint("install it with: tandem service install")
	default:
		s.screen.say("not installed, and no agent runs")
		s.screen.hint("install it with: tandem service install")
	}
	return &failure{code: failed}
}

func (s *session) serviceLogs(ctx context.Context, plan service.Plan, follow bool) error {
	if plan.Logs == nil {
		return s.showLog(ctx, follow)
	}
	cmd := plan.Logs
	if follow {
		cmd = append(cmd, "--follow")
	}
	err := s.runSystem(ctx, cmd, s.out)
	if ctx.Err() != nil {
		return nil // Ctrl-C is how to end it
	}
	return err
}

// runSystem runs a command of the system. Without out its words are kept for
// the error.
func (s *session) runSystem(ctx context.Context, words []string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = out, &said
	if out == nil {
		cmd.Stdout = &said
	}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if text := strings.TrimSpace(said.String()); text != "" {
		err = errors.New(strings.ReplaceAll(text, "\n", "; "))
	}
	return fmt.Errorf("%s: %w", strings.Join(words, " "), err)
}

// runQuietly runs what may fail: there may be nothing to undo.
func (s *session) runQuietly(ctx context.Context, all [][]string) {
	for _, cmd := range all {
		if err := s.runSystem(ctx, cmd, nil); err != nil && s.screen.verbose > 0 {
			s.screen.say("%v", err)
		}
	}
}
