package sim

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A stackTally adds up what was tried in worlds of the whole stack.
type stackTally struct {
	sync.Mutex
	began                                                              time.Time
	worlds, runs, exchanges, held, versions, lost, weak, failed, crash int
	virtual                                                            time.Duration
	rests                                                              []time.Duration
}

func (c *stackTally) add(r Result) {
	c.Lock()
	defer c.Unlock()
	c.worlds++
	c.runs += r.Passes
	c.exchanges += r.Exchanges
	c.held += r.Held
	c.versions += r.Versions
	c.lost += r.Lost
	c.weak += r.Weak
	c.crash += r.Crashes
	c.virtual += r.Time
	c.rests = append(c.rests, r.Rests...)
	if r.Err != nil {
		c.failed++
	}
}

// rest is the time within which so many of a thousand came to rest.
func (c *stackTally) rest(thousandths int) time.Duration {
	slices.Sort(c.rests)
	if len(c.rests) == 0 {
		return 0
	}
	return c.rests[(len(c.rests)-1)*thousandths/1000].Round(10 * time.Millisecond)
}

func (c *stackTally) String() string {
	real := time.Since(c.began).Seconds()
	return fmt.Sprintf("%d worlds of the whole stack, %d runs of the engine, %d exchanges, %d answers held back; %d crashes; %d versions written, %d lost, %d only in the drive's bin; "+
		"%d times at rest, after %v (p50), %v (p99), %v (worst); %d worlds failed; %.0f hours lived, %.1f worlds/s with %d processors",
		c.worlds, c.runs, c.exchanges, c.held, c.crash, c.versions, c.lost, c.weak,
		len(c.rests), c.rest(500), c.rest(990), c.rest(1000), c.failed, c.virtual.Hours(), float64(c.worlds)/real, runtime.GOMAXPROCS(0))
}

// TestTheWholeStackLosesNothing tries made-up worlds of the whole stack.
func TestTheWholeStackLosesNothing(t *testing.T) {
	worlds := 24
	if *fullFlag {
		worlds = max(500, *runsFlag)
	}
	var seeds []uint64
	for i := range worlds {
		seeds = append(seeds, *fromFlag+uint64(i))
	}
	if *fullFlag {
		seeds = part(t, seeds)
	}
	count := stackTally{began: time.Now()}
	each(t, len(seeds), time.Time{}, func(i int, store *Store) {
		seed := seeds[i]
		r := ExploreStack(seed, *lenientFlag, store)
		if r.Err != nil {
			t.Errorf("-stack %d: %v", seed, r.Err)
		}
		count.add(r)
	})
	t.Log(&count)
}

func TestWhatTheStackOnceGotWrongGoesWell(t *testing.T) {
	all, err := Scripts("testdata/stack")
	if err != nil || len(all) == 0 {
		t.Fatal("no scripts are kept", err)
	}
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := Play(s, newStore(t)); r.Err != nil {
				t.Errorf("%v\n%s\n%s", r.Err, s, strings.Join(r.Log, "\n"))
			}
		})
	}
}

func TestAScriptOfTheStackHasOneOutcome(t *testing.T) {
	each(t, 12, time.Time{}, func(i int, store *Store) {
		r := ExploreStack(uint64(i)+1, true, store)
		s, err := ParseScript(r.Script.String())
		if err != nil {
			t.Error(err)
			return
		}
		if again := Run(s, store); again.Trace != r.Trace {
			t.Errorf("seed %d: went otherwise the second time: %v", i+1, firstDifference(Play(r.Script, store).Log, Play(s, store).Log))
		}
	})
}

// TestOneStack shows every step of one made-up world of the whole stack, and its
// script cut down to what matters. TestOneRun does it for a script in a file.
func TestOneStack(t *testing.T) {
	if *stackFlag == 0 {
		t.Skip("for looking at one run: -stack SEED")
	}
	store := newStore(t)
	r := ExploreStack(*stackFlag, *lenientFlag, store)
	t.Logf("%v\n%s", r.Err, r.Script)
	show(t, store, r.Script)
}
