package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tandem/state"
	"tandem/syncer"
)

const statusHelp = `Say what is in sync, and what is not and why.

Usage: tandem status [FOLDER...] [--json]

What is said is as of the last look at both sides, and says when that was.

  --json   print it as JSON

Examples:
  tandem status
  tandem status --json documents

Exit codes: 0 (also when something waits), 1 the state cannot be read,
2 usage or configuration
`

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "status", Short: "what is in sync, and what is not", Long: statusHelp, ValidArgsFunction: p.completeFolders}
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		s, err := p.begin()
		if err != nil {
			return err
		}
		defer s.close()
		folders, err := s.foldersNamed(args, "")
		if err != nil {
			return err
		}
		all, err := s.standings(folders)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(p.out, all)
		}
		return printStandings(p, all)
	}
	return cmd
}

// A standing is what is known of one folder without asking anybody. Its JSON
// shape is a contract.
type standing struct {
	Folder     string           `json:"folder"`
	Connection string           `json:"connection"`
	Local      string           `json:"local"`
	Remote     string           `json:"remote"`
	InSync     bool             `json:"in_sync"` // as of At
	State      string           `json:"state"`
	Running    bool             `json:"running"` // a tandem is at work on it now
	Items      int              `json:"items"`   // agreed upon
	At         *time.Time       `json:"at"`      // end of the last pass; null before the first
	Error      string           `json:"error"`
	Waiting    []syncer.Waiting `json:"waiting"`
	Held       []heldDelete     `json:"held"`
	Conflicts  []conflictCopy   `json:"conflicts"`
}

type heldDelete struct {
	Path  string `json:"path"`
	Side  string `json:"side"` // on which it would be deleted: local or remote
	Items int    `json:"items"`
	Why   string `json:"why"`
}

type conflictCopy struct {
	Path string    `json:"path"`
	Copy string    `json:"copy"`
	At   time.Time `json:"at"`
}

// A note is what the program itself remembers of a folder.
type note struct {
	Remote string    `json:"remote"` // as configured when the two sides were bound
	At     time.Time `json:"at"`     // when the last pass ended …
	Code   int       `json:"code"`   // … and how
	Error  string    `json:"error"`

	LeftAlone map[string]int `json:"left_alone,omitempty"` // links and the like that were spoken of
}

func (s *session) noteFile(folder string) string {
	return filepath.Join(s.dir, "folders", fileName(folder)+".json")
}

func (s *session) note(folder string) note {
	var n note
	if err := readJSON(s.noteFile(folder), &n); err != nil {
		return note{}
	}
	return n
}

// remember notes how a pass ended.
func (s *session) remember(f *folder, sum syncer.Summary, code int) {
	n := s.note(f.name)
	n.At, n.Code, n.Error = time.Now(), code, sum.Error
	if kinds := more(sum.LeftAlone, n.LeftAlone); kinds != "" {
		s.screen.say("%s: left alone, as they are never synced: %s", f.name, kinds)
	}
	n.LeftAlone = sum.LeftAlone
	if err := writeJSON(s.noteFile(f.name), n); err != nil {
		s.screen.say("%s: status will be out of date: %v", f.name, err)
	}
}

// more lists the kinds of things of which there are more than were.
func more(are, were map[string]int) string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(are)) {
		if n := are[kind]; n > were[kind] {
			kinds = append(kinds, count(n, kind))
		}
	}
	return strings.Join(kinds, ", ")
}

func (s *session) standings(folders []*folder) ([]standing, error) {
	all := []standing{}
	if s.hasState() {
		if err := s.openState(); err != nil {
			return nil, err
		}
	}
	for _, f := range folders {
		st := standing{
			Folder: f.name, Connection: f.Connection, Local: f.Local, Remote: f.Remote,
			Waiting: []syncer.Waiting{}, Held: []heldDelete{}, Conflicts: []conflictCopy{},
		}
		if s.db != nil {
			if err := s.fill(&st, f); err != nil {
				return nil, err
			}
		}
		st.judge()
		all = append(all, st)
	}
	return all, nil
}

func (s *session) fill(st *standing, f *folder) error {
	known, found, err := s.db.Folder(f.name)
	if err != nil || !found {
		return err
	}
	if st.Items, err = s.db.CountBelow(known.N, known.Root); err != nil {
		return err
	}
	if err := s.fillLists(st, known); err != nil {
		return err
	}
	st.Running = f.occupied()
	if n := s.note(f.name); !n.At.IsZero() {
		st.At, st.Error = &n.At, n.Error
	}
	return nil
}

func (s *session) fillLists(st *standing, known state.Folder) error {
	waiting, err := s.db.Waitings(known.N)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		st.Waiting = append(st.Waiting, syncer.Waiting{Path: w.Path, Why: w.Why, Person: w.Person})
	}
	held, err := s.db.Held(known.N)
	if err != nil {
		return err
	}
	for _, h := range held {
		st.Held = append(st.Held, heldDelete{h.Path, h.Side, h.Items, h.Why})
	}
	conflicts, err := s.db.Conflicts(known.N)
	for _, c := range conflicts {
		st.Conflicts = append(st.Conflicts, conflictCopy{c.Path, c.Copy, c.At})
	}
	return err
}

// judge puts the whole into a few words, never better than is known.
func (st *standing) judge() {
	switch {
	case st.Error != "":
		st.State = "not in sync: " + st.Error
	case len(st.Held) > 0:
		st.State = "deletes are held"
	case len(st.Waiting) > 0:
		st.State = count(len(st.Waiting), "item") + " not synced"
	case st.Running:
		st.State = "at work"
	case st.At == nil:
		st.State = "never synced"
	default:
		st.State, st.InSync = "in sync", true
	}
}

func printStandings(p *program, all []standing) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, st := range all {
		var when []string
		if st.At != nil {
			when = append(when, humanize.Time(*st.At))
		}
		if st.Running {
			when = append(when, "running now")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", clean(st.Folder), clean(st.State), count(st.Items, "item"), strings.Join(when, ", "))
		for _, x := range st.Waiting {
			fmt.Fprintf(w, "  not synced: %q: %s\n", x.Path, clean(x.Why))
		}
		for _, x := range st.Held {
			fmt.Fprintf(w, "  delete held: %q (%s): %s\n", x.Path, count(x.Items, "item"), clean(x.Why))
		}
		for _, x := range st.Conflicts {
			fmt.Fprintf(w, "  kept twice: %q and %q\n", x.Path, x.Copy)
		}
	}
	return w.Flush()
}
