package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tandem/state"
)

const heldHelp = `Show the deletes that are held, and say what is to become of them.

Usage: tandem held [FOLDER]
       tandem held approve [FOLDER]   delete exactly what is listed
       tandem held deny [FOLDER]      bring it back instead

Many deletes at once may be a mistake, so tandem asks first. Everything else
goes on being synced. The word is acted upon by the running agent, or by the
next: tandem sync --once.

Examples:
  tandem held
  tandem held deny documents

Exit codes: 0, 1 the state cannot be read, 2 usage or configuration,
3 the folder itself is missing: no word can help that
`

const (
	approved = 1
	denied   = 2
)

func (p *program) heldCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "held", Short: "deletes that wait for your word", Long: heldHelp, Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return p.eachHeld(args, (*session).listHeld) }}
	for name, verdict := range map[string]uint8{"approve": approved, "deny": denied} {
		cmd.AddCommand(&cobra.Command{Use: name, Long: heldHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeFolders,
			RunE: func(_ *cobra.Command, args []string) error {
				return p.eachHeld(args, func(s *session, known state.Folder, held []state.Held) error {
					return s.judgeHeld(known, held, verdict)
				})
			}})
	}
	return cmd
}

// eachHeld does something with the held deletes of the folders named.
func (p *program) eachHeld(args []string, do func(*session, state.Folder, []state.Held) error) error {
	s, err := p.begin()
	if err != nil {
		return err
	}
	defer s.close()
	folders, err := s.foldersNamed(args, "")
	if err != nil || !s.hasState() {
		return err
	}
	if err := s.openState(); err != nil {
		return err
	}
	var all error
	for _, f := range folders {
		known, found, err := s.db.Folder(f.name)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		held, err := s.db.Held(known.N)
		if err != nil {
			return err
		}
		all = errors.Join(all, do(s, known, held))
	}
	return all
}

func (s *session) listHeld(known state.Folder, held []state.Held) error {
	for _, h := range held {
		where := map[string]string{"local": "here", "remote": "online"}[h.Side]
		word := map[uint8]string{approved: ", approved", denied: ", denied"}[h.Verdict]
		path := h.Path
		if h.Key == known.Root {
			path = known.Path
		}
		fmt.Fprintf(s.out, "%s: %q, %s %s: %s%s\n", clean(known.Name), path, count(max(h.Items, 1), "item"), where, clean(h.Why), word)
	}
	if len(held) == 0 {
		s.screen.say("%s: no deletes are held", known.Name)
	}
	return nil
}

func (s *session) judgeHeld(known state.Folder, held []state.Held, verdict uint8) error {
	var keys []int64
	items := 0
	for _, h := range held {
		if h.Key == known.Root {
			return &failure{waits, fmt.Errorf("folder %q: %s", known.Path, h.Why),
				"put the folder back; or, to begin afresh with what is there, give the pair another name: [folder.NAME]"}
		}
		keys = append(keys, h.Key)
		items += max(h.Items, 1)
	}
	if len(keys) == 0 {
		s.screen.say("%s: no deletes are held", known.Name)
		return nil
	}
	if err := s.db.Judge(known.N, keys, verdict); err != nil {
		return err
	}
	if verdict == approved {
		s.screen.say("%s: %s will be deleted at the next pass", known.Name, count(items, "item"))
	} else {
		s.screen.say("%s: %s will be brought back at the next pass", known.Name, count(items, "item"))
	}
	return nil
}
