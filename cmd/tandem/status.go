package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tandem/syncer"
)

const statusHelp = `Say what is in sync, and what is not and why.

Usage: tandem status [FOLDER...] [--watch] [--json]

The agent is asked, if one runs. Else what is said is as of the last look at
both sides, and says when that was.

  --watch   go on showing it when it changes, until Ctrl-C
  --json    print it as JSON; with --watch a line for each change

Examples:
  tandem status --watch
  tandem status --json documents

Exit codes: 0 (also when something waits), 1 the state cannot be read,
2 usage or configuration
`

func (p *program) statusCommand() *cobra.Command {
	var watch, asJSON bool
	cmd := &cobra.Command{Use: "status", Short: "what is in sync, and what is not", Long: statusHelp, ValidArgsFunction: p.completeFolders}
	cmd.Flags().BoolVar(&watch, "watch", false, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.begin()
		if err != nil {
			return err
		}
		defer s.close()
		folders, err := s.foldersNamed(args, "")
		if err != nil {
			return err
		}
		show := func(all []standing) error {
			if watch && isTerminal(p.out) {
				fmt.Fprint(p.out, "\x1b[H\x1b[2J") // what was shown before is past
			}
			return printStandings(p, all)
		}
		if asJSON {
			show = func(all []standing) error { return printJSON(p.out, all) }
		}
		if watch {
			return s.watchStatus(cmd.Context(), folders, show)
		}
		all, err := s.look(cmd.Context(), folders)
		if err != nil {
			return err
		}
		return show(all)
	}
	return cmd
}

// look asks the agent, if one runs, and reads the state.
func (s *session) look(ctx context.Context, folders []*folder) ([]standing, error) {
	now := new(health)
	running, err := s.ask(ctx, s.dir, "status", nil, now)
	if err != nil {
		return nil, err
	}
	if !running {
		now = nil
	}
	return s.standings(folders, now)
}

// watchStatus shows how folders stand whenever that changes, until ctx ends.
func (s *session) watchStatus(ctx context.Context, folders []*folder, show func([]standing) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var shown []standing
	for {
		all, err := s.look(ctx, folders)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil && !unchanged(all, shown) {
			shown = all
			err = show(all)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// unchanged says that two looks show the same but for when they were.
func unchanged(a, b []standing) bool {
	return slices.EqualFunc(a, b, func(a, b standing) bool {
		a.At, b.At = nil, nil
		return reflect.DeepEqual(a, b)
	})
}

func printStandings(p *program, all []standing) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, st := range all {
		var when []string
		if st.At != nil {
			when = append(when, humanize.Time(*st.At))
		}
		if pr := st.Progress; pr != nil {
			when = append(when, fmt.Sprintf("%s of %s files, %s of %s", humanize.Comma(int64(pr.Done)), humanize.Comma(int64(pr.Files)), humanize.Bytes(uint64(pr.Moved)), humanize.Bytes(uint64(pr.Bytes))))
		}
		if st.Running {
			when = append(when, "running now")
		}
		if n := len(st.NotFiles); n > 0 {
			when = append(when, notFiles(n))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", clean(st.Folder), clean(st.State), count(st.Items, "item"), strings.Join(when, ", "))
		for _, x := range st.Waiting {
			fmt.Fprintf(w, "  not synced: %q: %s%s\n", x.Path, clean(x.Why), nextTry(x, st.Running))
		}
		printHeld(w, st.Held, st.Local)
		if len(st.Held) > 0 {
			fmt.Fprintf(w, "  hint: "+heldHint+"\n", clean(st.Folder))
		}
		for _, x := range st.Conflicts {
			fmt.Fprintf(w, "  kept twice: %q and %q\n", x.Path, x.Copy)
		}
		for _, x := range st.Writing {
			fmt.Fprintf(w, "  being written: %q%s\n", x.Path, sentBy(x))
		}
		for _, x := range st.NotFiles {
			fmt.Fprintf(w, "  no file: %q: %s\n", x.Path, clean(x.Why))
		}
	}
	return w.Flush()
}

// written counts the files that are sent once they are left alone.
func written(n int) string {
	if n == 1 {
		return "1 file is being written"
	}
	return count(n, "file") + " are being written"
}

// sentBy says when a file that is being written was sent, and is again.
func sentBy(x syncer.Writing) string {
	says := ""
	if !x.Sent.IsZero() {
		says = "; changes often; sent at " + x.Sent.Local().Format(time.TimeOnly)
	}
	if !x.By.IsZero() {
		says += "; sent as it is at " + x.By.Local().Format(time.TimeOnly) + " at the latest"
	}
	return says
}

// notFiles counts what is online and never synced.
func notFiles(n int) string {
	if n == 1 {
		return "1 item online is not a file"
	}
	return count(n, "item") + " online are not files"
}

// nextTry says when a tandem that runs tries again what is not synced.
func nextTry(x syncer.Waiting, running bool) string {
	if x.Next == nil || !running {
		return ""
	}
	return "; next try at " + x.Next.Local().Format(time.TimeOnly)
}

// printHeld prints the deletes that are held for one reason each, or in one line
// where they are many: tandem held lists them. The one without a path is of all
// that is in the folder.
func printHeld(w io.Writer, held []heldDelete, folder string) {
	for len(held) > 0 {
		why, n, items := held[0].Why, 0, 0
		for ; n < len(held) && held[n].Why == why; n++ {
			items += max(held[n].Items, 1)
		}
		if n > mostLines {
			fmt.Fprintf(w, "  deletes held: %q and %s, %s in all: %s\n", cmp.Or(held[0].Path, folder), count(n-1, "other"), count(items, "item"), clean(why))
		} else {
			for _, x := range held[:n] {
				fmt.Fprintf(w, "  delete held: %q (%s): %s\n", cmp.Or(x.Path, folder), count(x.Items, "item"), clean(why))
			}
		}
		held = held[n:]
	}
}
