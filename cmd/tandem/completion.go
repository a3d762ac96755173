package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const completionHelp = `Print a script that completes tandem's commands and names in your shell.

Usage: tandem completion bash|zsh|fish|powershell

Examples:
  source <(tandem completion bash)
  tandem completion fish > ~/.config/fish/completions/tandem.fish

Exit codes: 0, 2 no such shell
`

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{Use: "completion", Short: "print shell completion", Long: completionHelp,
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.out, true)
			case "zsh":
				return root.GenZshCompletion(p.out)
			case "fish":
				return fishCompletion(root, p.out)
			}
			return root.GenPowerShellCompletionWithDesc(p.out)
		}}
}

// fishCompletion is cobra's script, but for the line that unquotes the words on the command
// line before it evaluates them: a file called "(touch x)" would run that.
func fishCompletion(root *cobra.Command, out io.Writer) error {
	var script bytes.Buffer
	if err := root.GenFishCompletion(&script, true); err != nil {
		return err
	}
	const unquoted, quoted = "set -l args (commandline -opc)", "set -l args (string escape -- (commandline -opc))"
	if !strings.Contains(script.String(), unquoted) {
		return errors.New("the script for fish is not as it was")
	}
	_, err := io.WriteString(out, strings.ReplaceAll(script.String(), unquoted, quoted))
	return err
}

// completeConnections and completeFolders know the names of the configuration.
func (p *program) completeConnections(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := p.begin()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(s.cfg.Connection)), cobra.ShellCompDirectiveNoFileComp
}

func (p *program) completeFolders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := p.begin()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(s.cfg.Folder)), cobra.ShellCompDirectiveNoFileComp
}

// completeWhatIsMissing gives all commands below cmd what they do not bring
// themselves: groups, and no file names where no file is meant.
func (p *program) completeWhatIsMissing(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		p.completeWhatIsMissing(sub)
	}
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	if cmd.Flags().Lookup("group") != nil {
		cmd.RegisterFlagCompletionFunc("group", p.completeGroups) // fails only where the flag has one of its own
	}
}

// completeGroups knows the labels of tasks or connections, whichever a command
// is about.
func (p *program) completeGroups(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := p.begin()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	labels := map[string]bool{}
	for _, t := range s.cfg.Task {
		labels[t.Group] = labels[t.Group] || cmd.Name() == "run"
	}
	for _, c := range s.cfg.Connection {
		labels[c.Group] = labels[c.Group] || cmd.Name() != "run"
	}
	var known []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if label != "" && labels[label] {
			known = append(known, label)
		}
	}
	return known, cobra.ShellCompDirectiveNoFileComp
}
