package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

const versionHelp = `Print the version.

Usage: tandem version

Examples:
  tandem version
  tandem version | cut -d' ' -f2

Exit codes: 0
`

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version", Long: versionHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.out, "tandem %s %s/%s\n", version, runtime.GOOS, runtime.GOARCH)
			return err
		}}
}
