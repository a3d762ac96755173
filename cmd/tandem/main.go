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
	"time"

	"golang.org/x/term"
)

// Set by the linker: see the Makefile.
var (
	version  = "dev"
	clientID = "" // the app registration of this build, if it has one
)

func main() {
	debug.SetGCPercent(50) // it lives beside other programs all day: less memory is worth a little more work

	terminal, _ := term.GetState(int(os.Stdin.Fd())) // nil where there is none
	ctx := untilInterrupted(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr) }()
	os.Exit(inTime(ctx, ended, func() int {
		if terminal != nil {
			term.Restore(int(os.Stdin.Fd()), terminal) // it may hide what is typed
		}
		return newScreen(os.Stderr).end(context.Cause(ctx))
	}))
}

// endWithin is how long what is under way has to come to its end once somebody asks the
// program to end.
const endWithin = 1200 * time.Millisecond

// inTime waits for the program's exit code. What does not end when it is told to, as a
// read of a disk that hangs, or of a terminal, is cut off: the next run repairs that as it
// repairs what a kill leaves.
func inTime(ctx context.Context, ended <-chan int, cutOff func() int) int {
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-ended:
		return code
	case <-time.After(endWithin):
		return cutOff()
	}
}

// untilInterrupted ends the context when somebody asks the program to end, or closes its
// terminal. Who asks twice does not wait for what is under way.
func untilInterrupted(outer context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(outer)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(asked, syscall.SIGHUP)
	}
	go func() {
		<-asked
		cancel(interrupted{time.Now()})
		signal.Stop(asked)
	}()
	return ctx
}

// interrupted is why a run ends that somebody asked to.
type interrupted struct{ at time.Time }

func (i interrupted) Error() string        { return "interrupted at " + i.at.Format("15:04") }
func (i interrupted) Is(target error) bool { return target == context.Canceled }

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
