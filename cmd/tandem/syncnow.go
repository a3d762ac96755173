package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tandem/syncer"
)

const syncNowHelp = `Have the agent that runs look at both sides at once.

Usage: tandem sync-now [FOLDER...] [--no-wait]

It does so by itself when something changes; this is for when you would rather
not wait. It ends once the folders are in sync.

  --no-wait   only tell the agent, and do not wait for it

Examples:
  tandem sync-now
  tandem sync-now documents && shutdown now

Exit codes: 0 in sync, 1 not, or no agent runs, 2 usage or configuration,
3 in sync but something waits for you
`

func (p *program) syncNowCommand() *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{Use: "sync-now", Short: "look at both sides at once", Long: syncNowHelp, ValidArgsFunction: p.completeFolders}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "")
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
		form := url.Values{}
		for _, f := range folders {
			form.Add("folder", f.name)
		}
		if !noWait {
			form.Set("wait", "yes")
		}
		var lives []life
		asked := time.Now()
		running, err := s.ask(cmd.Context(), s.dir, "sync-now", form, &lives)
		switch {
		case err != nil:
			return err
		case !running:
			return &failure{failed, errors.New("no agent runs"), "make one pass with: tandem sync --once; or start it with: tandem sync"}
		case noWait:
			return nil
		}
		return s.sayCaughtUp(folders, lives, asked)
	}
	return cmd
}

// sayCaughtUp says what became of folders that were looked at when that was asked for.
func (s *session) sayCaughtUp(folders []*folder, lives []life, asked time.Time) error {
	all, err := s.standings(folders, &health{Folders: lives})
	if err != nil {
		return err
	}
	var codes []int
	for i, st := range all {
		code := inSync
		switch {
		case st.InSync, st.onlyWriting && !st.Paused && sentSince(st, asked):
		case !st.Running:
			code = failed
		case st.Error != "", st.onlyWriting:
			code = failed
		default:
			code = waits
		}
		codes = append(codes, code)
		s.screen.say("%s: %s", folders[i].name, st.State)
		s.sayWaiting(folders[i].name, st.Waiting)
	}
	if code := gravest(codes...); code != inSync {
		return &failure{code: code, hint: fmt.Sprintf("see: tandem status%s", oneName(folders))}
	}
	return nil
}

// sentSince says that all that is being written was sent since then, as it was.
func sentSince(st standing, asked time.Time) bool {
	earlier := func(w syncer.Writing) bool { return w.Sent.Before(asked) }
	return st.More == 0 && !slices.ContainsFunc(st.Writing, earlier)
}

func oneName(folders []*folder) string {
	if len(folders) == 1 {
		return " " + folders[0].name
	}
	return ""
}
