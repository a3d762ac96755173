package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"tandem/state"
	"tandem/syncer/disk"
)

// heldHint says what a person does about the deletes that are held in a folder.
const heldHint = "look at the deletes with: tandem held; then: tandem held approve %s, or: tandem held deny %[1]s"

const heldHelp = `Show the deletes that are held, and say what is to become of them.

Usage: tandem held [FOLDER]
       tandem held approve [FOLDER]   delete exactly what is listed
       tandem held deny [FOLDER]      bring it back instead

Many deletes at once may be a mistake, so tandem asks first. Everything else
goes on being synced. The word is acted upon by the running agent, or by the
next: tandem sync --once.

When the folder itself is missing or replaced, put it back; or deny, and the
two sides meet afresh in the folder that is there now.

Examples:
  tandem held
  tandem held deny documents

Exit codes: 0, 1 the state cannot be read, 2 usage or configuration,
3 the folder itself is missing: approve cannot help that, 5 a tandem is at work
`

const (
	approved = 1
	denied   = 2
)

func (p *program) heldCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "held", Short: "deletes that wait for your word", Long: heldHelp, Args: cobra.MaximumNArgs(1), ValidArgsFunction: p.completeFolders,
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
		if h.Key == known.Root && verdict == denied {
			return s.beginAfresh(known)
		}
		if h.Key == known.Root {
			return &failure{waits, fmt.Errorf("folder %q: %s", known.Path, h.Why),
				"put the folder back; or begin afresh in the one that is there now: tandem held deny " + known.Name}
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
	defer s.wakeAgent(known.Name)
	if verdict == approved {
		s.screen.say("%s: %s will be deleted at the next pass", known.Name, count(items, "item"))
	} else {
		s.screen.say("%s: %s will be brought back at the next pass", known.Name, count(items, "item"))
	}
	return nil
}

// beginAfresh lets the two sides meet as at first, in the folder that is there
// now: what is equal is agreed upon, what differs is kept twice, the rest is
// fetched or sent, and nothing is deleted.
func (s *session) beginAfresh(known state.Folder) error {
	unlock, err := s.lockState()
	if err != nil {
		return err
	}
	defer unlock()
	d, err := disk.Open(known.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{waits, fmt.Errorf("folder %q: it is missing", known.Path), "put it back, or create it: mkdir -p " + known.Path}
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return &failure{waits, fmt.Errorf("folder %q: a file stands in its place", known.Path), "move the file away and put the folder back, or create it: mkdir -p " + known.Path}
	}
	if err != nil {
		return fmt.Errorf("folder %q: %w", known.Path, err)
	}
	defer d.Close()
	id, err := d.Claim()
	if err != nil {
		return fmt.Errorf("folder %q: %w", known.Path, err)
	}
	if err := s.db.Update(func(tx *state.Tx) error { return tx.ForgetAgreements(known.N) }); err != nil {
		return err
	}
	known.UUID, known.FSID, known.Ino = id.UUID, id.FSID, id.Ino
	if _, err := s.db.PutFolder(known); err != nil {
		return err
	}
	s.screen.say("%s: the two sides meet afresh at the next pass; nothing is deleted", known.Name)
	return nil
}
