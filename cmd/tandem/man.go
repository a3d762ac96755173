//go:build man

package main

import (
	"fmt"
	"os"
	"time"

	"tandem/cmd/tandem/internal/manual"
)

// With this tag the program makes its manual pages and does nothing else: see
// the Makefile. What that takes is no part of tandem.
func init() {
	p := &program{env: os.Getenv, out: os.Stdout, screen: newScreen(os.Stderr)}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run -tags man ./cmd/tandem DIRECTORY")
		os.Exit(misused)
	}
	os.Exit(p.screen.end(manual.Write(p.command(), os.Args[1], version, time.Now())))
}
