package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A program is one invocation: where it reads its settings from and whom it
// talks to.
type program struct {
	env    func(string) string
	out    io.Writer // data
	screen *screen   // talk

	configPath string
	stateDir   string
	verbose    int
	begun      bool // the command line was understood

	toldVersion bool // that the agent is of another one
}

func rootHelp() string {
	return `tandem keeps a folder on this machine and a folder on OneDrive the same.

Usage: tandem [--config FILE] [--state DIR] [-v] COMMAND
       tandem                  before anything is set up: asks what it needs

  connection             add, list, test and remove accounts
  login [CONNECTION]     sign in, and see whose drive it is
  logout [CONNECTION]    forget the sign-in
  sync [FOLDER...]       keep folders the same until stopped; --once: one pass
  status                 what is in sync, and what is not and why
  pause, resume          leave everything alone for a while
  sync-now, stop         have the agent look at both sides at once, or end
  service                have the agent started when you log in
  held [approve|deny]    deletes that wait for your word
  explore [PLACE]        browse a drive on the terminal
` + verbList() + `  run TASK...            run tasks of the configuration
  demo                   try it on this machine, without an account
  emulator               serve an emulated OneDrive
  version, completion

  --config FILE   settings (default: tandem/config.toml where settings are kept)
  --state DIR     what tandem remembers (default: tandem where state is kept)
  -v              say more; -vv: say all

Examples:
  tandem demo
  tandem login && tandem sync --once

Exit codes: 0 in sync, 1 could not finish, 2 usage or configuration,
3 finished but something waits for you, 4 sign-in needed,
5 another tandem works on this folder
`
}

// kinds are what flags that are no text hold.
var kinds = map[string]string{"int": "a number", "bool": "true or false", "duration": `a time such as "60ms" or "2m"`}

// meant is the hint for a command that there is not.
func meant(root *cobra.Command, word string) string {
	var known []string
	for _, cmd := range root.Commands() {
		if !cmd.Hidden {
			known = append(known, cmd.Name())
		}
	}
	if near := nearest(word, known); near != "" && len(word) > 3 {
		return "did you mean: tandem " + near
	}
	return "see: tandem --help"
}

// command builds the tree of commands. Every help text is written by hand and
// printed as it is.
func (p *program) command() *cobra.Command {
	root := &cobra.Command{Use: "tandem", Long: rootHelp(), SilenceErrors: true, SilenceUsage: true}
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage(fmt.Errorf("unknown command %q", args[0]), meant(cmd, args[0]))
		}
		return p.welcomeNewcomer(cmd.Context())
	}
	root.Args = cobra.ArbitraryArgs // for the line above to say what is wrong
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpTemplate("{{.Long}}")
	root.SetHelpCommand(&cobra.Command{Use: "help", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		cmd, _, err := root.Find(args)
		if err != nil {
			return err
		}
		return cmd.Help()
	}})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var wrong *pflag.InvalidValueError
		if errors.As(err, &wrong) {
			err = fmt.Errorf("--%s: %q is not %s", wrong.GetFlag().Name, wrong.GetValue(), kinds[wrong.GetFlag().Value.Type()])
		}
		return usage(err, "see: "+cmd.CommandPath()+" --help")
	})
	flags := root.PersistentFlags()
	flags.StringVar(&p.configPath, "config", "", "")
	flags.StringVar(&p.stateDir, "state", "", "")
	flags.CountVarP(&p.verbose, "verbose", "v", "")
	root.PersistentPreRun = func(*cobra.Command, []string) {
		p.begun = true
		p.screen.verbose = p.verbose
	}
	root.AddCommand(p.connectionCommand(), p.loginCommand(), p.logoutCommand(), p.syncCommand(), p.statusCommand(), p.pauseCommand(), p.resumeCommand(), p.syncNowCommand(), p.stopCommand(), p.serviceCommand(), p.heldCommand(),
		p.exploreCommand(), p.runCommand(), p.demoCommand(), p.emulatorCommand(), p.versionCommand(), p.completionCommand())
	for _, v := range verbs {
		if v.args != "" {
			root.AddCommand(v.command(p))
		}
	}
	p.completeWhatIsMissing(root)
	return root
}
