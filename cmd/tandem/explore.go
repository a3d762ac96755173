package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/explorer"
	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/terminal"
	"tandem/syncer"
)

const exploreHelp = `Walk a drive on the terminal.

Usage: tandem explore [PLACE]

PLACE is CONNECTION:/path or a path in a synced folder; without, the list of
connections, or the drive of the only one. Folders show with sizes, dates and who
shares them; enter opens one, left goes back, / and f search, and g, p, m and d
fetch, send, make folders and delete, as the commands get, put, mkdir and rm do.
The key ? lists all keys. What became of each task is said again at the end.

  --overwrite RULE   when a name is taken: newer (default), always, never,
                     size-same, size-smaller, size-larger or size-differs: what
                     comes, compared with what is there; equal content stays
  --drive ID         another drive than the account's own, as of a library

Examples:
  tandem explore
  tandem explore work:/Reports/2026

Exit codes: 0, 1 could not finish, or left while a task was at work, 2 usage, no
such place, no terminal, 4 sign-in needed
`

func (p *program) exploreCommand() *cobra.Command {
	e := defaultErrand()
	e.Overwrite = string(task.Newer) // a key is pressed more lightly than a command typed
	cmd := &cobra.Command{Use: "explore", Short: "walk a drive on the terminal", Long: exploreHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completePlaces}
	cmd.Flags().StringVar(&e.Drive, "drive", "", "")
	overwriteFlag(cmd, e)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !isTerminal(os.Stdin) || p.env("TERM") == "dumb" {
			return usage(errors.New("explore needs a terminal"), "to list what is online: tandem ls "+append(args, "CONNECTION:/path")[0]+" --long")
		}
		if key, problem := e.check(); problem != "" {
			return usage(fmt.Errorf("--%s: %s", key, problem), "see: tandem explore --help")
		}
		s, err := p.begin()
		if err != nil {
			return err
		}
		defer s.close()
		x := s.walker(cmd.Context(), e)
		if err := x.begin(args); err != nil {
			return err
		}
		return x.onTerminal(os.Stdin, os.Stdout)
	}
	return cmd
}

// A walker does what the model of a walk wants done, each thing beside the
// others, and tells it what came of that.
type walker struct {
	*session
	flags *errand
	model *explorer.Model
	door  door // set before the walk begins

	ctx    context.Context // of all that is begun
	cancel context.CancelFunc
	events chan any // for the model
	begun  sync.WaitGroup

	mu      sync.Mutex
	drives  map[explorer.Place]*task.Drive // by connection and drive alone
	looking map[int]context.CancelFunc     // by number
	at      *work                          // the task at work; nil = none
	stop    context.CancelCauseFunc        // ends it
	course  course                         // of it
	said    []string                       // since it began
	all     []string                       // that tasks have said
}

// A door is a shortcut that the walk began behind, if it did: above the folder that
// it leads to there is nothing that this account may see.
type door struct {
	behind string         // id of that folder; "" = there is no door
	at     explorer.Place // where the shortcut is
}

func (s *session) walker(ctx context.Context, flags *errand) *walker {
	x := &walker{session: s, flags: flags, events: make(chan any), drives: map[explorer.Place]*task.Drive{}, looking: map[int]context.CancelFunc{}}
	x.ctx, x.cancel = context.WithCancel(ctx)
	return x
}

// onTerminal walks until the person has enough.
func (x *walker) onTerminal(in, out *os.File) error {
	screen, err := terminal.Open(in, out)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	undo := x.listen()
	quit, err := x.walk(screen, in)
	x.cancel()
	x.begun.Wait() // what is cut short leaves behind what it can go on from
	undo()
	screen.Close()
	for _, line := range x.all {
		x.screen.line(line)
	}
	switch {
	case err != nil:
		return err
	case quit.Cut:
		return &failure{failed, errors.New("stopped while a task was at work"), "start it again, and it goes on from there"}
	}
	return nil
}

// listen has all talk go to the model instead of over what is drawn.
func (x *walker) listen() (undo func()) {
	was := x.screen.terminal
	x.screen.terminal = false // no progress lines
	back := x.screen.redirect(x)
	return func() {
		back()
		x.screen.terminal = was
	}
}

func (x *walker) Write(line []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.said = append(x.said, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// walk shows the model and tells it of keys, until it wants to quit.
func (x *walker) walk(screen *terminal.Screen, in *os.File) (explorer.Quit, error) {
	input := make(chan []byte)
	go func() { // until something is typed after the end, or the program ends
		defer close(input)
		for {
			b := make([]byte, 1024)
			n, err := in.Read(b)
			if n > 0 {
				select {
				case input <- b[:n]:
				case <-x.ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var typed []byte
	var pause <-chan time.Time // after which an escape is one, and no beginning of a key
	for {
		size := explorer.Size{}
		size.Width, size.Height = screen.Size()
		x.model.Update(size)
		if err := screen.Paint(x.model.View(), size.Width, size.Height); err != nil {
			return explorer.Quit{}, fmt.Errorf("terminal: %w", err)
		}
		var keys []terminal.Key
		var events []any
		select {
		case <-x.ctx.Done():
			return explorer.Quit{}, context.Cause(x.ctx)
		case b, more := <-input:
			if !more { // the terminal is gone
				return explorer.Quit{Cut: !x.model.Idle()}, nil
			}
			keys, typed = terminal.Decode(append(typed, b...), false)
			pause = nil
			if len(typed) > 0 {
				pause = time.After(50 * time.Millisecond)
			}
		case <-pause:
			keys, typed = terminal.Decode(typed, true)
			pause = nil
		case event := <-x.events:
			events = append(events, event)
		case <-tick.C:
			events = append(events, x.progress())
		}
		for _, k := range keys {
			events = append(events, k)
		}
		for _, event := range events {
			if quit := x.tell(event); quit != nil {
				return *quit, nil
			}
		}
	}
}

// tell has the model take an event, and does what it wants done.
func (x *walker) tell(event any) *explorer.Quit {
	for _, todo := range x.model.Update(event) {
		switch t := todo.(type) {
		case explorer.Quit:
			return &t
		case explorer.Look:
			x.look(t.Number, func(ctx context.Context) (explorer.Listed, error) { return x.inside(ctx, t.At) })
		case explorer.Above:
			x.look(t.Number, func(ctx context.Context) (explorer.Listed, error) { return x.above(ctx, t.Of) })
		case explorer.Find:
			x.look(t.Number, func(ctx context.Context) (explorer.Listed, error) {
				return x.below(ctx, t.Below, t.Text, func(items int) { x.post(explorer.Seen{Number: t.Number, Items: items}) })
			})
		case explorer.Forget:
			x.mu.Lock()
			if stop := x.looking[t.Number]; stop != nil {
				stop()
			}
			x.mu.Unlock()
		case explorer.Complete:
			if quit := x.tell(explorer.Completed{From: t.Path, To: x.complete(t.Path)}); quit != nil {
				return quit
			}
		case explorer.Task:
			x.run(t)
		case explorer.Stop:
			x.mu.Lock()
			if x.at != nil {
				x.stop(errStopped)
			}
			x.mu.Unlock()
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

// post gives the model an event, unless all is over.
func (x *walker) post(event any) {
	select {
	case x.events <- event:
	case <-x.ctx.Done():
	}
}

// look answers the model's question of that number.
func (x *walker) look(number int, ask func(context.Context) (explorer.Listed, error)) {
	ctx, stop := context.WithCancel(x.ctx)
	x.mu.Lock()
	x.looking[number] = stop
	x.mu.Unlock()
	x.begun.Go(func() {
		listed, err := ask(ctx)
		x.mu.Lock()
		delete(x.looking, number)
		x.mu.Unlock()
		stop()
		listed.Number = number
		if err != nil {
			listed.Trouble = trouble(err)
		}
		x.post(listed)
	})
}

// progress says how far the task at work is.
func (x *walker) progress() explorer.Progress {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.at == nil {
		return ""
	}
	var now syncer.Progress
	if now.Done, now.Files, now.Moved, now.Bytes = x.at.report.Progress(); now.Files == 0 {
		return ""
	}
	x.course.set(now)
	return explorer.Progress(x.course.text())
}

// begin finds where the walk begins.
func (x *walker) begin(args []string) error {
	if _, err := x.connectionNamed(nil); len(x.cfg.Connection) == 0 {
		return err
	}
	several := len(x.cfg.Connection) > 1
	if len(args) == 0 {
		at := explorer.Place{Drive: x.flags.Drive}
		if !several {
			at.Connection = slices.Sorted(maps.Keys(x.cfg.Connection))[0]
		} else if at.Drive != "" {
			return usage(errors.New("--drive needs a connection"), "name it: tandem explore "+slices.Sorted(maps.Keys(x.cfg.Connection))[0]+":/ --drive "+at.Drive)
		}
		listed, err := x.inside(x.ctx, at)
		if err == nil {
			x.model = explorer.New(listed.At, listed.Rows, "", several)
		}
		return err
	}
	at, on, err := x.placeNamed(args[0])
	if err != nil {
		return err
	}
	listed, err := x.inside(x.ctx, at)
	if err == nil {
		x.model = explorer.New(listed.At, listed.Rows, on, several)
	}
	return err
}
