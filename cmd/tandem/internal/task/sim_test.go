package task

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/remote"
	"tandem/syncer/sim"
	"tandem/watcher"
)

var (
	seedFlag = flag.Uint64("seed", 0, "explore this one seed, show every step, and cut it down")
	playFlag = flag.String("play", "", "show every step of the script in this file")
	runsFlag = flag.Int("runs", 150, "how many seeds to explore")
	fullFlag = flag.Bool("full", false, "fail and be killed everywhere, for long: make simulate-tasks")
)

// outcomes counts what became of files in all simulations.
var outcomes = struct {
	sync.Mutex
	count map[string]int
}{count: map[string]int{}}

// carryOut is what a task line of a script does. One item is under way at a time,
// but several tasks are.
func carryOut(e *sim.Errand) error {
	on := &Drive{Client: e.Client, ID: e.Drive.ID, Kind: e.Drive.Kind}
	o := order{Errand: e, on: on, report: &Report{}, overwrite: Always}
	var errs []error
	o.report.Result = func(res Result) {
		errs = append(errs, res.Err)
		outcomes.Lock()
		outcomes.count[res.Op+" "+res.Done]++
		outcomes.Unlock()
	}
	for _, how := range e.Words[1:] {
		switch {
		case how == "delete":
			o.deleteSource = true
		case slices.Contains(Overwrites, Overwrite(how)):
			o.overwrite = Overwrite(how)
		default:
			o.places = append(o.places, how)
		}
	}
	return errors.Join(o.do(context.Background()), errors.Join(errs...))
}

// An order is a task line that is being carried out.
type order struct {
	*sim.Errand
	on           *Drive
	report       *Report
	places       []string
	overwrite    Overwrite
	deleteSource bool
}

func (o *order) do(ctx context.Context) error {
	if want := map[string]int{"get": 2, "put": 2, "mv": 2, "rm": 1, "mkdir": 1}[o.Words[0]]; len(o.places) != want {
		return fmt.Errorf("no such task: %q", o.Words)
	}
	switch o.Words[0] {
	case "get":
		return o.get(ctx)
	case "put":
		return o.put(ctx)
	case "mkdir":
		_, _, err := o.on.MakeFolder(ctx, "", o.places[0])
		return err
	}
	it, err := o.on.At(ctx, "", o.places[0])
	if err != nil {
		return err
	}
	change := Change{On: o.on, Top: o.Root, Overwrite: o.overwrite, KeepTimes: true, Report: o.report}
	node := Node{it, o.places[0]}
	if o.Words[0] == "rm" {
		change.Remove(ctx, []Node{node})
	} else {
		change.Move(ctx, []Item{{Node: node, To: o.places[1]}})
	}
	return nil
}

func (o *order) twins(ctx context.Context, rel string, ino uint64) ([]string, error) {
	a, err := o.Agreed(rel, ino)
	if err != nil {
		return nil, err
	}
	return o.on.Twins(ctx, o.Root.ID, rel, a.Near, a.Moved)
}

// landing is the synced folder itself.
func (o *order) landing() *Landing {
	return &Landing{
		Synced: true, Keep: true, Twins: o.twins, disk: o.Disk, mode: 0o644, began: o.Began, dirty: map[string]bool{}, durable: map[string]bool{}, end: func() error { return nil },
	}
}

// get brings a file, or all below a folder.
func (o *order) get(ctx context.Context) error {
	top, err := o.on.At(ctx, "", o.places[0])
	if err != nil {
		return err
	}
	items := []Item{{Node: Node{top, o.places[0]}, To: o.places[1]}}
	if top.Kind == remote.Folder {
		for n, err := range o.on.Below(ctx, top, false) {
			if err != nil {
				return err
			}
			items = append(items, Item{Node: n, To: join(o.places[1], n.Path)})
		}
	}
	into := o.landing()
	for _, it := range items {
		get := Get{From: o.on, Into: into, Overwrite: o.overwrite, KeepTimes: true, DeleteSource: o.deleteSource, Report: o.report}
		get.Run(ctx, []Item{it})
	}
	return into.Close()
}

// put sends a file, or all below a folder.
func (o *order) put(ctx context.Context) error {
	from := &Origin{disk: o.Disk, end: func() error { return nil }, away: map[string]*Landing{"": o.landing()}, Twins: o.twins}
	top, err := from.Look(o.places[0])
	if err != nil {
		return err
	}
	top.To = o.places[1]
	all := []Local{top}
	if top.Kind == watcher.Dir {
		below, err := from.Inside(ctx, top.Path, true, func(string, error) {})
		if err != nil {
			return err
		}
		for _, l := range below {
			l.To = join(top.To, strings.TrimPrefix(l.Path, top.Path+"/"))
			all = append(all, l)
		}
	}
	for _, l := range all {
		put := Put{To: o.on, Top: o.Root, Overwrite: o.overwrite, KeepTimes: true, DeleteSource: o.deleteSource, Report: o.report}
		put.Run(ctx, []Local{l})
	}
	return from.Close()
}

// kept gives the scripts of this package, by name.
func kept(t *testing.T) (all map[string]sim.Script, names []string) {
	t.Helper()
	all, err := sim.Scripts("testdata/corpus")
	if err != nil || len(all) == 0 {
		t.Fatal("no scripts are kept", err)
	}
	return all, slices.Sorted(maps.Keys(all))
}

// tried runs one in so many scripts: on every day, and when all is to be tried.
func tried(t *testing.T, all []sim.Script, oneIn, inFull int) {
	t.Helper()
	if *fullFlag {
		oneIn = inFull
	}
	n := (len(all) + oneIn - 1) / oneIn
	sim.Each(t, n, time.Time{}, carryOut, func(i int, store *sim.Store) {
		s := all[i*oneIn]
		if r := sim.Run(s, store); r.Err != nil {
			t.Errorf("%v\n%s", r.Err, sim.Shrink(s, store))
		}
	})
	t.Logf("%d of %d worlds", n, len(all))
}

func TestTasksAndSyncingAsOnceWentWrong(t *testing.T) {
	all, names := kept(t)
	store := sim.TestStore(t, carryOut)
	for _, name := range names {
		r := sim.Play(all[name], store)
		if r.Err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, r.Err, all[name], strings.Join(r.Log, "\n"))
		}
		if r.Deeds == 0 {
			t.Errorf("%s: no task has done anything", name)
		}
	}
}

// variants makes others of each kept script, knowing what came of it.
func variants(t *testing.T, of func(s sim.Script, r sim.Result) []sim.Script) (all []sim.Script) {
	t.Helper()
	scripts, names := kept(t)
	store := sim.TestStore(t, carryOut)
	for _, name := range names {
		all = append(all, of(scripts[name], sim.Run(scripts[name], store))...)
	}
	return all
}

func TestTasksLoseNothingKilledAnywhere(t *testing.T) {
	tried(t, variants(t, func(s sim.Script, r sim.Result) (all []sim.Script) {
		for n := range r.Deeds {
			s.Crash = sim.Crash{Task: n + 1}
			all = append(all, s)
		}
		return all
	}), 2, 1)
}

func TestTasksLoseNothingWhenTheAgentIsKilled(t *testing.T) {
	tried(t, variants(t, func(s sim.Script, r sim.Result) (all []sim.Script) {
		for n := range r.Effects {
			for _, loss := range []sim.Loss{"", sim.LoseSome} {
				s.Crash = sim.Crash{After: n + 1, Loss: loss}
				all = append(all, s)
			}
		}
		return all
	}), 41, 3)
}

func TestTasksLoseNothingWhateverFails(t *testing.T) {
	tried(t, variants(t, func(s sim.Script, r sim.Result) []sim.Script { return sim.Faults(s, r.Calls) }), 101, 1)
}

// Of each script somebody does one thing more, at every moment.
func TestTasksLoseNothingWhoeverComesInBetween(t *testing.T) {
	tried(t, variants(t, func(s sim.Script, r sim.Result) (all []sim.Script) {
		for _, deed := range deeds {
			for at := s.Lines[0].At + 1; at < min(r.Steps, s.Lines[len(s.Lines)-1].At+150); at++ {
				try := s
				try.Lines = append(slices.Clone(s.Lines), sim.Line{At: at, Do: deed})
				slices.SortStableFunc(try.Lines, func(a, b sim.Line) int { return a.At - b.At })
				all = append(all, try)
			}
		}
		return all
	}), 401, 7)
}

// Whoever brought it, an earlier task or a person, need not have made it durable.
func TestWhatStandsHereAlreadyIsDurableBeforeItsSourceGoes(t *testing.T) {
	s, err := sim.ParseScript("with drive=personal seed=1 until=100\n1 there write D/a\n2 task here get D/a E/b\n40 task here get D/a E/b delete\n")
	if err != nil {
		t.Fatal(err)
	}
	r := sim.Play(s, sim.TestStore(t, carryOut))
	log := r.Log
	for _, step := range []string{"t2 fsync    E/b\n", "t2 syncdir  E\n", "t2 syncdir  \n", "t2   DELETE"} {
		i := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line+"\n", step) })
		if i < 0 {
			t.Fatalf("%q did not happen, or not in its turn\n%s", step, strings.Join(r.Log, "\n"))
		}
		log = log[i+1:]
	}
}

func TestWhatIsGivenBackMakesItsFolderAnewWheneverItGoes(t *testing.T) {
	all, _ := kept(t)
	r := sim.Play(all["folder-gone-while-it-is-given-back"], sim.TestStore(t, carryOut))
	back := func(line string) bool { return strings.HasSuffix(line, "-> E/a (conflict task 2050-01-01 120001)") }
	if !slices.ContainsFunc(r.Log, back) {
		t.Errorf("it is not there\n%s", strings.Join(r.Log, "\n"))
	}
}

// What a person saved may have come out of its place, and the disk take it back
// under no name: that is said, and no later success hides it.
func TestATaskSaysWhereItLeftWhatItCouldNotPutBack(t *testing.T) {
	s, err := sim.ParseScript("with drive=personal seed=1 fair\n1 here write a\n1 there write D/a\n40 task here get D/a a\n66 also save a\n" +
		"66 disk exchange EACCES after=1\n66 disk rename EACCES times=3\n")
	if err != nil {
		t.Fatal(err)
	}
	r := sim.Play(s, sim.TestStore(t, carryOut))
	i := slices.IndexFunc(r.Log, func(line string) bool { return strings.Contains(line, "task ended") })
	if i < 0 || !strings.Contains(r.Log[i], `could not be put back: what stood at "a" is in ".tandem/tasks/`) || r.Err != nil {
		t.Errorf("%v\n%s", r.Err, strings.Join(r.Log, "\n"))
	}
}

// deeds are what people do to what the kept scripts are about.
var deeds = []string{
	"also save a", "also write a", "also rm a", "also mv a b", "also mv b a", "also open a", "also mkdir a", "also mv D E", "also rm D",
	"there write a", "there rm a", "there mv a b", "there mv b a", "there mkdir a", "there mv D E", "there write D/a",
}

func TestAScriptWithTasksHasOneOutcome(t *testing.T) {
	sim.Each(t, 15, time.Time{}, carryOut, func(i int, store *sim.Store) {
		r := sim.Explore(uint64(i)+1, store)
		s, err := sim.ParseScript(r.Script.String())
		if err != nil {
			t.Error(err)
		}
		if again := sim.Run(s, store); again.Trace != r.Trace {
			t.Errorf("seed %d went otherwise the second time", i+1)
		}
	})
}

func TestTasksLoseNothingWhateverHappens(t *testing.T) {
	if *seedFlag != 0 || *playFlag != "" {
		t.Skip("one run only")
	}
	runs := *runsFlag
	if *fullFlag {
		runs = max(runs, 3000)
	}
	sim.Each(t, runs, time.Time{}, carryOut, func(i int, store *sim.Store) {
		seed := uint64(i) + 1
		if r := sim.Explore(seed, store); r.Err != nil {
			t.Errorf("seed %d: %v\n%s", seed, r.Err, sim.Shrink(r.Script, store))
		}
	})
	t.Log(outcomes.count)
}

func TestOneSimulation(t *testing.T) {
	sim.ShowOne(t, sim.TestStore(t, carryOut), *seedFlag, *playFlag)
}
