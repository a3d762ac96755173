package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
)

var runHelp = `Run tasks of the configuration, one after the other.

Usage: tandem run TASK...
       tandem run --group LABEL

TASK is a name from the configuration: [task.NAME] says what it does. One that
fails keeps no other waiting. How to write tasks is in docs/tasks.md.

` + helpOf(runOptions) + `
Examples:
  tandem run nightly-backup
  tandem run --group reports --json

Exit codes: 0, 1 could not finish, 2 usage or configuration, 3 finished but
something waits for you, 4 sign-in needed, 5 it is running already; of several
tasks the gravest counts
`

var runOptions = []taskOption{
	taskGroup.says("all tasks with this group"),
	dryRun.says("print what they would do, and do nothing"),
	noAsk.says("also what would be asked for, and deletes that would be held"),
	inJSON.says("one line of JSON for each task"),
}

func (p *program) runCommand() *cobra.Command {
	var flags errand
	cmd := &cobra.Command{Use: "run", Short: "run tasks of the configuration", Long: runHelp, ValidArgsFunction: p.completeTasks}
	addFlags(cmd, &flags, runOptions...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.runTasks(cmd.Context(), args, flags) }
	return cmd
}

func (p *program) runTasks(ctx context.Context, names []string, flags errand) error {
	s, err := p.begin()
	if err != nil {
		return err
	}
	defer s.close()
	tasks, err := s.tasksNamed(names, flags.Group)
	if err != nil {
		return err
	}
	var codes []int
	for _, e := range tasks {
		e.foresee, e.yes, e.json = flags.foresee, flags.yes, flags.json
		w := s.work(e)
		w.inJob = true
		if err := w.alone(ctx); err != nil {
			f := diagnose(err)
			p.screen.complain(e.name, f)
			codes = append(codes, f.code)
		}
		if flags.json {
			if err := printJSON(p.out, w.tally); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	if code := gravest(codes...); code != inSync {
		return &failure{code: code}
	}
	return nil
}

// alone runs a task unless it is running already, as when a scheduler starts it
// before its last run has ended.
func (w *work) alone(ctx context.Context) error {
	lock := flock.New(filepath.Join(w.dir, "tasks", "run-"+fileName(w.name)+".lock"), flock.SetPermissions(0o600))
	if err := os.MkdirAll(filepath.Dir(lock.Path()), 0o700); err != nil {
		return err
	}
	held, err := acquire(lock)
	if err == nil && !held {
		err = &failure{occupied, errors.New("it is running already"), "wait until it has finished"}
	}
	if err != nil {
		w.tally.Error = err.Error()
		return err
	}
	defer lock.Unlock()
	return w.do(ctx)
}

// tasksNamed finds tasks by name in the order given, or all of a group.
func (s *session) tasksNamed(names []string, group string) ([]*errand, error) {
	all := slices.Sorted(maps.Keys(s.cfg.Task))
	switch {
	case len(all) == 0:
		return nil, usage(errors.New("the configuration has no task"), "add one: [task.backup]; docs/tasks.md shows how")
	case len(names) == 0 && group == "":
		return nil, usage(fmt.Errorf("which task: %s", strings.Join(all, ", ")), "as: tandem run "+all[0]+"; or all of a group: tandem run --group LABEL")
	}
	for _, name := range names {
		if s.cfg.Task[name] == nil {
			hint := ""
			if near := nearest(name, all); near != "" {
				hint = "did you mean: tandem run " + near
			}
			return nil, usage(fmt.Errorf("no task %q; there are: %s", name, strings.Join(all, ", ")), hint)
		}
	}
	var found []*errand
	if len(names) == 0 {
		names = all
	}
	for _, name := range names {
		if e := s.cfg.Task[name]; group == "" || e.Group == group {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return nil, usage(fmt.Errorf("no task has the group %q", group), s.groupsThereAre())
	}
	return found, nil
}

// groupsThereAre is the hint for a group that no task has.
func (s *session) groupsThereAre() string {
	groups := map[string]bool{}
	for _, e := range s.cfg.Task {
		groups[e.Group] = true
	}
	delete(groups, "")
	if len(groups) == 0 {
		return `no task has any; give it one: group = "nightly"`
	}
	return "there are the groups: " + strings.Join(slices.Sorted(maps.Keys(groups)), ", ")
}

// checkTask finds what is wrong with a task of the configuration, and completes
// its paths.
func (e *errand) checkTask(connections map[string]*connection, home string) (key, problem string) {
	v := verbNamed(e.Verb)
	switch {
	case e.Verb == "":
		return "verb", "missing; it is one of " + strings.Join(verbNames(), ", ")
	case v == nil:
		return "verb", fmt.Sprintf("%q is none of %s", e.Verb, strings.Join(verbNames(), ", "))
	case e.Connection != "" && connections[e.Connection] == nil:
		return "connection", fmt.Sprintf("there is no [connection.%s]", e.Connection)
	case len(e.Source) == 0:
		return "source", "missing; it is what the task is about"
	case v.uses("target") && e.Target == "":
		return "target", "missing; it is where things go"
	case e.Verb == "sync" && len(e.Source) > 1:
		return "source", "sync has one"
	}
	for i := range e.Source {
		if problem := anchored(&e.Source[i], home); problem != "" {
			return "source", problem
		}
	}
	if problem := anchored(&e.Target, home); problem != "" {
		return "target", problem
	}
	return e.check()
}

// anchored refuses paths here that depend on where a task is started, which in
// a scheduler is anywhere.
func anchored(p *string, home string) string {
	slash := strings.HasSuffix(*p, "/") && *p != "/"
	name, _, colon := strings.Cut(*p, ":")
	switch {
	case *p == "" || *p == "-", colon && !strings.ContainsAny(name, `/\`) && filepath.VolumeName(*p) == "":
		return ""
	case strings.HasPrefix(*p, "~/"), filepath.IsAbs(*p):
		*p = expand(*p, home)
		if slash {
			*p += "/" // what is in it is meant
		}
		return ""
	}
	return fmt.Sprintf("%q must begin with /, ~/ or CONNECTION:/", *p)
}

func (p *program) completeTasks(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := p.begin()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(s.cfg.Task)), cobra.ShellCompDirectiveNoFileComp
}
