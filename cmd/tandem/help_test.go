package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasTwoExamplesAndItsExitCodes(t *testing.T) {
	p := &program{screen: newScreen(&strings.Builder{})}
	example := regexp.MustCompile(`(?m)^  .*\btandem `)
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		_, after, found := strings.Cut(cmd.Long, "\nExamples:\n")
		if !cmd.Hidden && (!found || len(example.FindAllString(after, -1)) < 2 || !strings.Contains(after, "\nExit codes: 0")) {
			t.Errorf("the help of %q lacks two examples or the exit codes", cmd.CommandPath())
		}
		if strings.Contains(cmd.Long, "\t") || !strings.HasSuffix(cmd.Long, "\n") && !cmd.Hidden {
			t.Errorf("the help of %q has tabs, or no end of line", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(p.command())
}

func TestEveryFlagIsInTheHelp(t *testing.T) {
	p := &program{screen: newScreen(&strings.Builder{})}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.LocalNonPersistentFlags().FlagUsages(), "\n") {
			if flag := regexp.MustCompile(`--[a-z-]+`).FindString(line); flag != "" && flag != "--help" && !strings.Contains(cmd.Long, "\n  "+flag+" ") {
				t.Errorf("the help of %q does not explain %s", cmd.CommandPath(), flag)
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	for _, cmd := range p.command().Commands() {
		check(cmd)
	}
}
