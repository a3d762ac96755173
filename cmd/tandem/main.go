// Command tandem keeps folders on this machine and folders on OneDrive the
// same, in both directions.
//
// It reads the configuration, puts the parts together and talks to the person;
// what is synced, and how, is decided in package syncer. Data goes to stdout,
// talk to stderr, and the exit code says what a script needs to know: see
// exit.go.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Set by the linker: see the Makefile.
var (
	version  = "dev"
	clientID = "" // the app registration of this build, if it has one
)

func main() {
	debug.SetGCPercent(50) // it lives beside other programs all day: less memory is worth a little more work

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: it gives the exit code.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	p := &program{env: env, out: stdout, screen: newScreen(stderr)}
	cmd := p.command()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err != nil && !p.begun { // cobra's own complaints are about how it was called
		err = usage(err, "see: tandem --help")
	}
	return p.screen.end(err)
}
