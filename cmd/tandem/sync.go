package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/syncer"
)

const syncHelp = `Keep folders on this machine and online the same, in both directions.

Usage: tandem sync [FOLDER...]          watch both sides until stopped
       tandem sync --once [FOLDER...]   one complete pass, then exit

FOLDER is a name from the configuration; none means all of them.

  --once          look at both sides, do all that follows, exit
  --dry-run       print what a pass would do, and change nothing anywhere
  --group LABEL   only folders whose connection has this group
  --json          with --once or --dry-run: print the outcome as JSON
  --conflicts-ok  with --once or --dry-run: exit 0, not 3, if all there is to do
                  for you is to look at files that were kept twice
  --wait          with --once or --dry-run: when the service asks for a pause of
                  more than ten minutes, wait for its end, too
  --log FILE      what the agent says goes there, with the time

Examples:
  tandem sync
  tandem sync --once --json documents

Exit codes: 0 in sync, 1 could not finish, 2 usage or configuration,
3 finished but something waits for you, 4 sign-in needed,
5 another tandem works on this folder; of several folders the gravest counts
`

type syncFlags struct {
	once, dry, json, conflictsOK, wait bool

	group, log string
}

func (p *program) syncCommand() *cobra.Command {
	var flags syncFlags
	cmd := &cobra.Command{Use: "sync", Short: "keep folders the same", Long: syncHelp, ValidArgsFunction: p.completeFolders}
	cmd.Flags().BoolVar(&flags.once, "once", false, "")
	cmd.Flags().BoolVar(&flags.dry, "dry-run", false, "")
	cmd.Flags().BoolVar(&flags.json, "json", false, "")
	cmd.Flags().BoolVar(&flags.conflictsOK, "conflicts-ok", false, "")
	cmd.Flags().BoolVar(&flags.wait, "wait", false, "")
	cmd.Flags().StringVar(&flags.group, "group", "", "")
	cmd.Flags().StringVar(&flags.log, "log", "", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		if flags.log != "" {
			log, err := openLog(flags.log)
			if err != nil {
				return err
			}
			p.screen.redirect(log) // to the very end
			p.screen.terminal = false
			leaveConsole()
		}
		outcomes, err := p.sync(cmd.Context(), flags, args)
		print := p.printPlan
		if flags.json {
			print = p.printOutcomes
		}
		if trouble := print(outcomes); trouble != nil {
			return trouble
		}
		return err
	}
	return cmd
}

// check refuses what is about the end of a pass where there is none.
func (f syncFlags) check() error {
	flag := ""
	switch {
	case f.once || f.dry:
		return nil
	case f.json:
		flag = "--json"
	case f.conflictsOK:
		flag = "--conflicts-ok"
	case f.wait:
		flag = "--wait"
	default:
		return nil
	}
	return usage(fmt.Errorf("%s needs --once: the agent has no end to report", flag), "")
}

// longestPause is how long a single pass waits when the service asks for it: a scheduler
// comes again.
const longestPause = 10 * time.Minute

// An outcome is what --json prints for one folder.
type outcome struct {
	syncer.Summary
	Plan []syncer.Step `json:"plan,omitempty"` // of a dry run
}

func noOutcomes(names []string, err error) []outcome {
	all := []outcome{}
	for _, name := range names {
		all = append(all, failedOutcome(name, err))
	}
	return all
}

func failedOutcome(name string, err error) outcome {
	return outcome{Summary: syncer.Summary{Folder: name, Waiting: []syncer.Waiting{}, Error: err.Error()}}
}

func (p *program) printOutcomes(outcomes []outcome) error { return printJSON(p.out, outcomes) }

// printJSON prints exactly one value, on a line that is fit for a terminal, too.
func printJSON(w io.Writer, v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	text := bytes.TrimSuffix(line.Bytes(), []byte("\n"))
	_, err := w.Write(append(terminal.JSON(text), '\n'))
	return err
}

func (p *program) sync(ctx context.Context, flags syncFlags, names []string) ([]outcome, error) {
	s, err := p.begin()
	if err != nil {
		return noOutcomes(names, err), err
	}
	s.patience = 0
	if (flags.once || flags.dry) && !flags.wait {
		s.longestPause = longestPause
	}
	folders, err := s.foldersNamed(names, flags.group)
	if err != nil {
		return noOutcomes(names, err), err
	}
	names = nil
	for _, f := range folders {
		names = append(names, f.name)
	}
	for _, f := range folders {
		if _, err := s.client(s.cfg.Connection[f.Connection]); err != nil {
			return noOutcomes(names, err), err
		}
	}
	end, err := s.openFor(flags)
	if end != nil {
		defer end()
	}
	if err != nil {
		return noOutcomes(names, err), err
	}
	if !flags.once && !flags.dry {
		var keepers []*keeper
		for _, f := range folders {
			keepers = append(keepers, newKeeper(s, f))
		}
		inner, stop := context.WithCancel(ctx)
		var renewing sync.WaitGroup
		renewing.Go(func() { s.keepSignedIn(inner) })
		defer renewing.Wait()
		defer stop()
		return nil, p.newAgent(s.dir, keepers).run(ctx)
	}
	p.screen.quiet = p.verbose == 0
	s.conflictsOK = flags.conflictsOK
	return s.once(ctx, folders)
}

// openFor locks and opens the state, or opens a copy of it for a dry run.
func (s *session) openFor(flags syncFlags) (end func(), err error) {
	if flags.dry {
		scratch, err := os.MkdirTemp("", "tandem-dry-run-")
		if err != nil {
			return nil, err
		}
		return func() {
			s.close()
			os.RemoveAll(scratch)
		}, s.openCopy(scratch)
	}
	unlock, err := s.lockState()
	if err != nil {
		return nil, err
	}
	return func() {
		s.close()
		unlock()
	}, s.openState()
}

// once makes one pass over each folder. A folder in trouble does not keep the
// others waiting.
func (s *session) once(ctx context.Context, folders []*folder) ([]outcome, error) {
	var all []outcome
	var codes []int
	for _, f := range folders {
		out, err := s.pass(ctx, f)
		all = append(all, out)
		codes = append(codes, s.conclude(f, out, err))
	}
	if code := gravest(codes...); code != inSync {
		return all, &failure{code: code}
	}
	return all, nil
}

// pass makes one pass over a folder.
func (s *session) pass(ctx context.Context, f *folder) (outcome, error) {
	start, before := time.Now(), s.requests(f)
	gauge := s.screen.gauge()
	defer gauge.end()
	show, end := gauge.folder(f.name)
	defer end()
	out, err := s.engage(ctx, f, show)
	out.Requests = s.requests(f) - before
	out.Seconds = time.Since(start).Seconds()
	return out, err
}

func (s *session) engage(ctx context.Context, f *folder, show func(syncer.Progress)) (out outcome, err error) {
	p, err := s.open(ctx, f)
	if err != nil {
		return failedOutcome(f.name, err), err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	p.Progress = show
	if s.dry {
		out.Plan, out.Summary, err = syncer.New(p.Config).DryRun(ctx)
	} else {
		out.Summary, err = syncer.New(p.Config).Once(ctx)
	}
	return out, err
}

// requests counts all that was sent for the account of f, sign-in included.
func (s *session) requests(f *folder) int64 {
	client, err := s.client(s.cfg.Connection[f.Connection])
	if err != nil {
		return 0 // open says it
	}
	return client.Requests()
}

// conclude says how a pass ended, and gives its exit code.
func (s *session) conclude(f *folder, out outcome, err error) int {
	err = advise(err, s.cfg.Connection[f.Connection])
	code := inSync
	if out.NeedsPerson() || out.Conflicts > 0 && !s.conflictsOK {
		code = waits
	}
	if err != nil {
		code = gravest(code, diagnose(err).code)
	}
	if !s.dry {
		s.remember(f, out.Summary, code)
	}
	s.sayWaiting(f.name, out.Waiting)
	switch {
	case err != nil:
		s.sayTrouble(f, out, err)
	case s.dry:
		s.screen.say("%s: dry run: %s, nothing was changed", f.name, count(len(out.Plan), "step"))
	default:
		s.screen.say("%s: %s: %s", f.name, verdict(out.Summary), deeds(out.Summary))
	}
	s.sayCopies(f.name, out.Summary)
	if out.Held > 0 {
		s.screen.hint(heldHint, f.name)
	}
	return code
}

// sayTrouble says why a pass did not finish, and what it did before.
func (s *session) sayTrouble(f *folder, out outcome, err error) {
	trouble := diagnose(err)
	if item := (*syncer.ItemError)(nil); errors.As(err, &item) {
		trouble.err = nil // it is among what waits, and said
	}
	s.screen.complain(f.name, trouble)
	if busy(out.Summary) {
		s.screen.say("%s: not finished: %s", f.name, deeds(out.Summary))
	}
}

const mostLines = 20

func (s *session) sayWaiting(name string, waiting []syncer.Waiting) {
	for _, w := range waiting[:min(len(waiting), mostLines)] {
		s.screen.say("%s: not synced: %q: %s", name, w.Path, w.Why)
	}
	if rest := len(waiting) - mostLines; rest > 0 {
		s.screen.say("%s: not synced: %s more; see: tandem status", name, count(rest, "item"))
	}
}

const fewLines = 5

// sayCopies names the conflict copies that a pass made.
func (s *session) sayCopies(name string, sum syncer.Summary) {
	few := sum.Copies[:min(len(sum.Copies), fewLines)]
	for _, path := range few {
		s.screen.say("%s: kept twice: the copy is %q", name, path)
	}
	if rest := sum.Conflicts - len(few); rest > 0 {
		s.screen.say("%s: kept twice: %s more; see: tandem status", name, count(rest, "file"))
	}
	if sum.Conflicts > 0 {
		s.screen.hint("compare each with the file whose name it has, keep what you want of both there, and delete the copy")
	}
}

// printPlan prints what a dry run found.
func (p *program) printPlan(outcomes []outcome) error {
	for _, out := range outcomes {
		for _, st := range out.Plan {
			line := fmt.Sprintf("%s: %s %q", out.Folder, st.Op, st.Path)
			if st.To != "" {
				line += fmt.Sprintf(" to %q", st.To)
			}
			if _, err := fmt.Fprintf(p.out, "%s (%s)\n", clean(line), clean(st.Why)); err != nil {
				return err
			}
		}
	}
	return nil
}
