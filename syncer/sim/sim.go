// Package sim runs the real engine, planner and state in a world that is
// simulated whole: the disk, the drive, time, the people on both sides, and what
// goes wrong. It is for tests only.
//
// It promises that a [Script] has one outcome: the same script gives the same
// steps, to the last verb and its result. So whatever a random script finds can
// be looked at again, cut down to what matters ([Shrink]) and kept for ever.
//
// The engine reaches the world through the interfaces of its Config. Here each
// piece of its work is a coroutine, and only one goes on at a time, up to its
// next verb; then the script says who goes on. Between any two verbs a person
// may do something, a fault may strike, or the process may end. After each step
// the [ledger] of all versions that people wrote is asked whether one is lost.
//
//	Script ─► world.step ─► a coroutine of the engine ─► fsys, drive ─► disk, remotetest.Drive
//	             │                                                        ▲
//	             ├──► a person's deed, a fault ───────────────────────────┘
//	             └──► ledger: is any version lost?
//
// The hard question is who can go on. Work that waits for the loop says so by
// Config.Await, the loop waits in Clock.After alone, and whoever waits for time
// gives the hour; nothing else in the engine waits. When nobody can go on, time
// does.
//
// Such a world is fast, and stands in for the client: answers come at once, and one
// verb at a time. A world of the whole stack does not: see [Stack].
package sim

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer"
)

// A Result is what came of a script.
type Result struct {
	Script   Script // with all that was chosen on the way, when it was made up
	Err      error  // the promise that was broken, nil if none
	Trace    uint64 // the same for every run of the same script
	Log      []string
	Steps    int
	Passes   int            // runs of the engine
	Effects  int            // changes that a crash could come after, in the part before all is quiet
	Deeds    int            // of tasks, that one could be killed after
	Plans    int            // that the planner was asked for
	Calls    map[string]int // of each verb that can fail, before all was quiet
	Versions int
	Lost     int           // of these
	Crashes  int           // of the process or the machine
	Weak     int           // versions that only the drive's recycle bin or history still has
	Rounds   int           // passes until both sides were quiet
	Time     time.Duration // simulated
	Waited   int           // items that wait with a reason at the end

	// Of the whole stack.
	Exchanges int
	Held      int             // answers that came late
	Rests     []time.Duration // how long it took until both sides were at rest, each time that something had happened
}

// A world is one run of a script.
type world struct {
	script Script
	pick   *rand.Rand // chooses what the script does not say; nil when it says all
	next   int        // the script's next line

	now    time.Time
	step   int
	trace  uint64
	log    []string
	logged bool

	machines []*machine
	online   *remotetest.Drive
	procs    []*proc
	cur      *proc
	last     *proc
	quiet    bool // people and faults have stopped
	failing  bool // a verb of the disk or the state did: what it was part of may be half done
	unsynced bool // a directory could not be synced: see missing
	forgot   bool // a state is older than what was done, or was lost
	restored bool // something was brought back from the drive's bin: see missing
	untimed  bool // the service or the disk did not let a time be set, and so it stays what it is
	settling bool // and each process makes a single pass
	quietAt  time.Time
	calmAt   time.Time // when calm looks next
	over     bool      // the agents were stopped for good

	stirredAt time.Time // when something was last moved online, of which the feed may not have told yet

	turns   int // of all machines
	passes  int
	crashes int
	effects int
	plans   int
	calls   map[string]int
	rounds  int

	ledger  ledger
	fails   []*failure
	people  []*person
	changed bool // on any side, since the ledger was last asked

	spoil    func(*syncer.Config) // lets a test see that a promise that is broken is noticed
	stack    *stackWorld          // nil: one verb of the drive at a time
	task     func(*Errand) error  // what the store says of tasks
	errands  int                  // that were started
	deeds    int                  // effects of tasks
	cutShort bool                 // a task was killed
	failures int                  // of verbs, so far

	bad error
}

// start is where simulated time begins: later than any real one, for the state
// forgets by the real clock what is a day old.
var start = time.Date(2050, 1, 1, 12, 0, 0, 0, time.UTC)

const tick = 200 * time.Microsecond // what a step takes

// Run carries out a script. Store is where its state is kept meanwhile.
func Run(s Script, store *Store) Result { return newWorld(s, nil).run(store) }

// Play is Run with a log of every step.
func Play(s Script, store *Store) Result {
	w := newWorld(s, nil)
	w.logged = true
	return w.run(store)
}

// Explore makes a script up as it goes, from a seed.
func Explore(seed uint64, store *Store) Result {
	rnd := rand.New(rand.NewPCG(seed, 0x5eed))
	s := newScript(seed, rnd)
	return newWorld(s, rnd).run(store)
}

// ExploreStack is Explore in a world of the whole stack. Lenient: see [Stack].
func ExploreStack(seed uint64, lenient bool, store *Store) Result {
	rnd := rand.New(rand.NewPCG(seed, 0x57ac))
	s := newStack(seed, rnd)
	s.Stack.Lenient = lenient
	w := newWorld(s, rnd)
	w.stack.imagine(rnd)
	return w.run(store)
}

func newWorld(s Script, rnd *rand.Rand) *world {
	w := &world{script: s, calls: map[string]int{}, pick: rnd, now: start, changed: true}
	w.ledger.init()
	kind, err := remotetest.ParseKind(s.Drive)
	if err != nil {
		w.bad = err
		return w
	}
	var life time.Duration
	if s.Stack != nil {
		w.stack = newStackWorld(w, *s.Stack)
		life = s.Stack.Token
	}
	w.online = remotetest.New(remotetest.Options{
		Kind: kind, Seed: s.Seed, Clock: func() time.Time { return w.now }, Lag: s.Lag, AccessLife: life,
		Sleep: func(ctx context.Context, d time.Duration) { w.now = w.now.Add(d) },
		Witness: func(x remotetest.Exchange) {
			if x.Method == http.MethodPatch && !x.Done && (x.Status == http.StatusBadRequest || x.Status == http.StatusForbidden) {
				w.untimed = true
			}
		},
	})
	for n := range max(s.Machines, 1) {
		w.machines = append(w.machines, newMachine(w, n))
	}
	w.people = peopleAt(w.machines)
	return w
}

func (w *world) run(store *Store) Result {
	w.task = store.Task
	for _, m := range w.machines {
		w.bad = cmp.Or(w.bad, m.open(store))
	}
	w.effects = 0
	for w.bad == nil && w.goesOn() {
		w.turn()
		w.elapse(w.gap())
	}
	w.finish()
	effects := w.effects
	w.settle()
	waits := 0
	for _, m := range w.machines {
		waits += len(m.sum.Waiting)
		m.db.leave()
	}
	r := Result{
		Script: w.script, Err: w.bad, Trace: w.trace, Log: w.log, Steps: w.step, Passes: w.passes, Effects: effects, Deeds: w.deeds,
		Plans: w.plans, Calls: w.calls, Versions: w.ledger.n, Lost: w.ledger.lost, Crashes: w.crashes, Weak: w.ledger.weak, Rounds: w.rounds, Time: w.now.Sub(start), Waited: waits,
	}
	if s := w.stack; s != nil {
		r.Exchanges, r.Held, r.Rests = s.exchanges, s.held, s.rest.times
	}
	return r
}

// gap is how long nobody syncs between two turns.
func (w *world) gap() time.Duration {
	return []time.Duration{0, time.Second, 90 * time.Second}[w.turns%3]
}

// turn lets each machine make a pass. A process may be ended before it is done.
func (w *world) turn() {
	w.turns++
	for _, m := range w.machines {
		m.begin()
	}
	for w.running() {
		w.advance()
		for _, m := range w.machines {
			m.reap()
			m.comeBack()
		}
		if w.agents() && !w.goesOn() {
			w.calm()
		}
	}
}

// agents says that processes go on until they are stopped.
func (w *world) agents() bool { return w.script.Agent && !w.settling }

func (w *world) running() bool {
	return slices.ContainsFunc(w.machines, func(m *machine) bool { return m.loop != nil })
}

// elapse lets time go by while nothing syncs.
func (w *world) elapse(d time.Duration) {
	if w.stack != nil {
		w.stack.elapse(d)
		return
	}
	w.now = w.now.Add(d)
	w.happen()
	for _, m := range w.machines {
		m.reap()
	}
	w.ask()
}

func (w *world) fail(format string, args ...any) {
	if w.bad == nil {
		w.bad = fmt.Errorf("step %d: %w", w.step, fmt.Errorf(format, args...))
		w.say("*** %v", w.bad)
	}
}

// say adds a line to the trace.
func (w *world) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.errand() != nil {
		line = w.cur.name + " " + line
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %d %s", w.trace, w.now.Sub(start), line)
	w.trace = h.Sum64()
	if w.logged {
		w.log = append(w.log, fmt.Sprintf("%4d %12s %s", w.step, w.now.Sub(start), line))
	}
}
