package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "explore this one seed, show every step, and cut it down")
	playFlag    = flag.String("play", "", "show every step of the script in this file")
	fromFlag    = flag.Uint64("from", 1, "the first seed to explore")
	runsFlag    = flag.Int("runs", 400, "how many seeds to explore")
	stackFlag   = flag.Uint64("stack", 0, "show every step of this one seed in the whole stack, and cut it down")
	lenientFlag = flag.Bool("lenient", false, "in the whole stack, look for what is lost only")
	partFlag    = flag.String("part", "1/1", "with -full: one part alone of what is tried, such as the second of three: 2/3")
	fullFlag    = flag.Bool("full", false, "fail and crash everywhere, for minutes: make simulate")
)

// TestMain lets memory be collected less often: a world is small and soon over.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

func newStore(t testing.TB) *Store { return TestStore(t, nil) }

// each is Each, in worlds without tasks.
func each(t *testing.T, n int, end time.Time, work func(i int, store *Store)) {
	Each(t, n, end, nil, work)
}

// A tally adds up what was tried.
type tally struct {
	sync.Mutex
	began                                   time.Time
	worlds, runs, plans, steps              int
	crashes, faults, versions, lost, inBins int
	rounds                                  [most + 1]int
	virtual                                 time.Duration
}

func (c *tally) add(r Result) {
	c.Lock()
	defer c.Unlock()
	c.worlds++
	c.runs += r.Passes
	c.plans += r.Plans
	c.steps += r.Steps
	c.versions += r.Versions
	c.lost += r.Lost
	c.crashes += r.Crashes
	c.inBins += r.Weak
	c.rounds[min(r.Rounds, most)]++
	c.virtual += r.Time
	for _, l := range r.Script.Lines {
		switch word, _, _ := strings.Cut(l.Do, " "); word {
		case "online", "disk", "state", "cursors":
			c.faults++
		}
	}
}

// within is the number of runs in which that share of the worlds was quiet.
func (c *tally) within(share float64) int {
	sum := 0
	for n, worlds := range c.rounds {
		if sum += worlds; float64(sum) >= share*float64(c.worlds) {
			return n
		}
	}
	return most
}

func (c *tally) String() string {
	real := time.Since(c.began).Seconds()
	return fmt.Sprintf("%d worlds, %d runs of the engine, %d plans, %d steps; %d crashes, %d faults; %d versions written, %d lost, %d only in the drive's bin; "+
		"quiet after %d runs (p50), %d (p99.9); %.0f times real time, %.0f runs/s a core",
		c.worlds, c.runs, c.plans, c.steps, c.crashes, c.faults, c.versions, c.lost, c.inBins, c.within(.5), c.within(.999),
		c.virtual.Seconds()/real, float64(c.runs)/real/float64(runtime.GOMAXPROCS(0)))
}

func TestNothingIsLostWhateverHappens(t *testing.T) {
	if *seedFlag != 0 || *playFlag != "" {
		t.Skip("one run only")
	}
	runs := *runsFlag
	if *fullFlag {
		runs = max(runs, 3000)
	}
	count := tally{began: time.Now()}
	each(t, runs, time.Time{}, func(i int, store *Store) {
		seed := *fromFlag + uint64(i)
		r := Explore(seed, store)
		if r.Err != nil {
			t.Errorf("seed %d: %v\n%s", seed, r.Err, Shrink(r.Script, store))
		}
		count.add(r)
	})
	t.Log(&count)
}

func TestAScriptHasOneOutcome(t *testing.T) {
	each(t, 100, time.Time{}, func(i int, store *Store) {
		r := Explore(uint64(i)+1, store)
		s, err := ParseScript(r.Script.String())
		if err != nil {
			t.Error(err)
		}
		if again := Run(s, store); again.Trace != r.Trace {
			t.Errorf("seed %d: went otherwise the second time: %v", i+1, firstDifference(Play(r.Script, store).Log, Play(s, store).Log))
		}
	})
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return fmt.Sprintf("%d and %d steps", len(a), len(b))
}

func TestOneRun(t *testing.T) { ShowOne(t, newStore(t), *seedFlag, *playFlag) }
