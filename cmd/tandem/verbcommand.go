package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task/option"
)

// command makes the command of a verb.
func (v *verb) command(p *program) *cobra.Command {
	e := defaultErrand()
	e.Verb = v.name
	cmd := &cobra.Command{Use: v.name, Short: v.short(), Long: v.help(), ValidArgsFunction: p.completePlaces}
	cmd.Args = needs(1, "a PLACE")
	if v.args == twoPlaces {
		cmd.Args = needs(2, "a SOURCE and a TARGET")
	}
	addFlags(cmd, e, v.flags()...)
	addFlags(cmd, e, v.filtering()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.Source = args
		if last := len(args) - 1; v.args == twoPlaces {
			e.Source, e.Target = args[:last], args[last]
		}
		return p.errand(cmd.Context(), e)
	}
	return cmd
}

// needs refuses a command line that names too little.
func needs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usage(fmt.Errorf("%s needs %s", cmd.Name(), what), "see: "+cmd.CommandPath()+" --help")
		}
		return nil
	}
}

// short is the title as it stands in lists.
func (v *verb) short() string { return strings.ToLower(v.title[:1]) + v.title[1:] }

// help is what tandem VERB --help prints.
func (v *verb) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\nUsage: tandem %s %s\n", v.title, v.name, v.args)
	if v.orArgs != "" {
		fmt.Fprintf(&b, "       tandem %s %s\n", v.name, v.orArgs)
	}
	fmt.Fprintf(&b, "\n%s\n\n%s", v.about, helpOf(v.flags()))
	if v.filter != noFilter {
		fmt.Fprintf(&b, "\nThe filter; \"tandem ls\" with the same one shows which items it takes:\n\n%s", helpOf(v.filtering()))
	}
	fmt.Fprintf(&b, "\nExamples:\n  %s\n\n%s\n", strings.Join(v.examples, "\n  "), option.Fill("Exit codes: "+v.exits))
	return b.String()
}

// verbList is what the help of tandem itself says of the verbs.
func verbList() string {
	var b strings.Builder
	for _, v := range verbs {
		if v.args != "" {
			fmt.Fprintf(&b, "  %-22s %s\n", v.name+" "+v.args, v.short())
		}
	}
	return b.String()
}
