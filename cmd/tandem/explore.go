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

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/tui"
	"tandem/syncer"
)

var exploreHelp = `Browse a drive on the terminal.

Usage: tandem explore [PLACE]

PLACE is CONNECTION:/path or a path in a synced folder; without, the list of
connections, or the drive of the only one. Folders show with sizes, dates and who
shares them; enter or a double click opens one, left goes back, / and f search,
and g, p, m and d download, upload, make folders and delete, as the commands get,
put, mkdir and rm do. The key ? lists all keys. The result of each task is printed
again at the end. NO_COLOR=1 turns colours off.

` + helpOf(exploreOptions()) + `
Examples:
  tandem explore
  tandem explore work:/Reports/2026

Exit codes: 0, 1 could not finish, or left while a task was at work, 2 usage, no
such place, no terminal, 4 sign-in needed
`

// exploreOptions are those of the tasks that the explorer starts.
func exploreOptions() []taskOption {
	lightly := overwrite
	lightly.Default = string(task.Newer) // a key is pressed more lightly than a command typed
	return []taskOption{lightly, taskDrive}
}

func (p *program) exploreCommand() *cobra.Command {
	e := defaultErrand()
	for _, o := range exploreOptions() {
		o.set(e, o.Default)
	}
	cmd := &cobra.Command{Use: "explore", Short: "browse a drive on the terminal", Long: exploreHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completePlaces}
	addFlags(cmd, e, exploreOptions()...)
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
		x := s.walker(e)
		if err := x.begin(cmd.Context(), args); err != nil {
			return err
		}
		return x.onTerminal(os.Stdin, os.Stdout)
	}
	return cmd
}

// A walker is what the explorer walks on and works with: the drives of all
// connections, and the tasks that it starts there.
type walker struct {
	*session
	flags    *errand
	explorer *tui.Explorer
	door     door // set before the walk begins

	mu     sync.Mutex
	drives map[tui.Place]*task.Drive // by connection and drive alone
	at     *work                     // the task that runs; nil = none
	course course                    // of it
	said   []string                  // since it began
	all    []string                  // that tasks have said
}

// A door is a shortcut that the walk began behind, if it did: above the folder that
// it leads to there is nothing that this account may see.
type door struct {
	behind string    // id of that folder; "" = there is no door
	at     tui.Place // where the shortcut is
}

func (s *session) walker(flags *errand) *walker {
	return &walker{session: s, flags: flags, drives: map[tui.Place]*task.Drive{}}
}

// onTerminal walks until the person has enough.
func (x *walker) onTerminal(in, out *os.File) error {
	undo := x.listen()
	cut, err := x.explorer.Run(in, out)
	undo()
	for _, line := range x.all {
		x.screen.line(line)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return fmt.Errorf("terminal: %w", err)
	case cut:
		return &failure{failed, errors.New("stopped while a task was at work"), "start it again, and it goes on from there"}
	}
	return nil
}

// listen has all talk go to the explorer instead of over what is drawn.
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

// progress says how far the task that runs is.
func (x *walker) progress() string {
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
	return x.course.text()
}

// begin finds where the walk begins.
func (x *walker) begin(ctx context.Context, args []string) error {
	if _, err := x.connectionNamed(nil); len(x.cfg.Connection) == 0 {
		return err
	}
	first := slices.Sorted(maps.Keys(x.cfg.Connection))[0]
	several := len(x.cfg.Connection) > 1
	at, on := tui.Place{Drive: x.flags.Drive}, ""
	switch {
	case len(args) > 0:
		var err error
		if at, on, err = x.placeNamed(ctx, args[0]); err != nil {
			return err
		}
	case !several:
		at.Connection = first
	case at.Drive != "":
		return usage(errors.New("--drive needs a connection"), "name it: tandem explore "+first+":/ --drive "+at.Drive)
	}
	listing, err := x.inside(ctx, at)
	if err != nil {
		return err
	}
	x.explorer = tui.New(ctx, tui.Drives{
		List:     x.inside,
		Parent:   x.above,
		Find:     x.find,
		Run:      x.run,
		Progress: x.progress,
		Complete: x.complete,
		Explain:  trouble,
	}, listing, on, several)
	return nil
}
