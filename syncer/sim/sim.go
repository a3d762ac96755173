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
package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
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
	Plans    int            // that the planner was asked for
	Calls    map[string]int // of each verb that can fail, before all was quiet
	Versions int
	Lost     int           // of these
	Crashes  int           // of the process or the machine
	Weak     int           // versions that only the drive's recycle bin or history still has
	Rounds   int           // passes until both sides were quiet
	Time     time.Duration // simulated
	Waited   int           // items that wait with a reason at the end
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

	procs    []*proc
	cur      *proc
	last     *proc
	mail     bool // a report came since the loop went to sleep
	dead     bool // the process has ended
	unsynced bool // a directory could not be synced: see missing
	dying    bool // it ends at its next verb
	quiet    bool // people and faults have stopped

	crashes int

	effects int
	passes  int
	plans   int
	calls   map[string]int
	rounds  int

	disk   *disk
	online *remotetest.Drive
	client *remote.Client
	signIn memory
	busy   bool // a request is under way
	store  *Store
	cfg    syncer.Config
	cancel context.CancelFunc
	ctx    context.Context

	ledger  ledger
	fails   []*failure
	people  [3]person
	changed bool // on either side, since the ledger was last asked

	bad     error
	waiting []syncer.Waiting
}

// start is where simulated time begins: later than any real one, for the state
// forgets by the real clock what is a day old.
var start = time.Date(2050, 1, 1, 12, 0, 0, 0, time.UTC)

const tick = 200 * time.Microsecond // what a step takes

// Run carries out a script. Store is where its state is kept meanwhile.
func Run(s Script, store *Store) Result { return newWorld(s, store, nil).run() }

// Play is Run with a log of every step.
func Play(s Script, store *Store) Result {
	w := newWorld(s, store, nil)
	w.logged = true
	return w.run()
}

// Explore makes a script up as it goes, from a seed.
func Explore(seed uint64, store *Store) Result {
	rnd := rand.New(rand.NewPCG(seed, 0x5eed))
	s := newScript(seed, rnd)
	return newWorld(s, store, rnd).run()
}

func newWorld(s Script, store *Store, rnd *rand.Rand) *world {
	w := &world{script: s, calls: map[string]int{}, pick: rnd, store: store, now: start, changed: true}
	w.ledger.init()
	w.disk = newDisk(w, s.Disk)
	kind, err := remotetest.ParseKind(s.Drive)
	if err != nil {
		w.bad = err
		return w
	}
	w.online = remotetest.New(remotetest.Options{
		Kind: kind, Seed: s.Seed, Clock: func() time.Time { return w.now }, Lag: s.Lag,
		Sleep: func(ctx context.Context, d time.Duration) { w.now = w.now.Add(d) },
	})
	return w
}

func (w *world) run() Result {
	if w.bad == nil {
		w.bad = w.open()
	}
	for w.bad == nil && (w.step <= w.script.Until || w.next < len(w.script.Lines)) {
		w.pass()
		w.rest(w.gap())
	}
	effects := w.effects
	w.settle()
	w.store.leave()
	return Result{
		Script: w.script, Err: w.bad, Trace: w.trace, Log: w.log, Steps: w.step, Passes: w.passes, Effects: effects,
		Plans: w.plans, Calls: w.calls, Versions: w.ledger.n, Lost: w.ledger.lost, Crashes: w.crashes, Weak: w.ledger.weak, Rounds: w.rounds, Time: w.now.Sub(start), Waited: len(w.waiting),
	}
}

// gap is how long nobody syncs between two passes.
func (w *world) gap() time.Duration {
	return []time.Duration{0, time.Second, 90 * time.Second}[w.passes%3]
}

// open binds the two sides, as the program does at the first run.
func (w *world) open() error {
	if err := w.store.enter(w); err != nil {
		return err
	}
	access, refresh := w.online.SignIn("tandem")
	w.signIn = memory(fmt.Sprintf(`{"refresh_token":%q,"access_token":%q,"access_until":%q}`, refresh, access, start.Add(50*time.Minute).Format(time.RFC3339)))
	if err := w.connect(); err != nil {
		return err
	}
	ctx := context.Background()
	theirs, err := w.client.Drive(ctx, "")
	if err != nil {
		return err
	}
	root, err := w.client.Root(ctx, theirs.ID)
	if err != nil {
		return err
	}
	db := w.store.db
	d, err := db.EnsureDrive(state.Drive{ID: theirs.ID, Kind: theirs.Kind, RootID: root.ID})
	if err != nil {
		return err
	}
	var key int64
	err = db.Update(func(tx *state.Tx) error {
		key, err = tx.PutItem(state.Item{Drive: d.N, ID: root.ID, Name: "root", Fold: "root", Kind: 2})
		return err
	})
	if err != nil {
		return err
	}
	id, err := fsys{w.disk}.Identity()
	if err != nil {
		return err
	}
	f, err := db.PutFolder(state.Folder{Name: "docs", Drive: d.N, Root: key, Path: "/folder", UUID: id.UUID, FSID: id.FSID, Ino: id.Ino})
	if err != nil {
		return err
	}
	w.cfg = syncer.Config{
		Name: "docs", Folder: f, Drive: d, Disk: fsys{w.disk}, Remote: drive{w}, DB: db, Host: "here", HoldCount: 20, HoldPercent: 20,
		Settle: time.Second, Parallel: 4, Clock: clock{w}, Spawn: w.spawnWork, Await: w.await,
	}
	w.effects = 0
	return nil
}

// connect makes a client, as each process does for itself.
func (w *world) connect() (err error) {
	const host = "http://127.0.0.1:1"
	w.client, err = remote.New(remote.Config{
		ClientID: "tandem", LoginEndpoint: host, GraphEndpoint: host + "/v1.0", Timeout: 10 * time.Minute,
		Tokens: &w.signIn, Transport: transport{w}, Clock: slow{w}, Version: "sim",
	})
	return err
}

// pass is one process: it makes one pass and ends, or is ended.
func (w *world) pass() (sum syncer.Summary, whole bool) {
	w.passes++
	w.say("--- pass %d", w.passes)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	defer w.cancel()
	var err error
	ended := false
	engine := syncer.New(w.cfg)
	loop := w.spawn("loop", func() {
		sum, err = engine.Once(w.ctx)
		ended = true
	})
	for !loop.ended && !w.dead && w.bad == nil {
		w.advance()
	}
	w.plans += engine.Plans()
	ended = ended && !w.dying // what it did after its last effect was in memory only
	w.end()
	switch {
	case !ended && w.bad == nil:
		w.restart()
	case ended && w.bad == nil:
		w.say("--- ended: %v", err)
		if err := w.store.db.Check(); err != nil {
			w.fail("the state is not well formed: %v", err)
		}
	}
	if w.quiet && err != nil && w.bad == nil {
		sum.Error = err.Error()
	}
	return sum, ended
}

// end lets nothing of the process go on.
func (w *world) end() {
	w.dead = true
	for _, p := range w.procs {
		w.cur = p
		p.stop()
	}
	w.procs, w.cur, w.last, w.busy = nil, nil, nil, false
	w.dead, w.dying = false, false
}

// restart is the next start after a process was killed.
func (w *world) restart() {
	w.say("--- killed")
	w.crashes++
	if err := w.store.db.Reopen(); err != nil {
		w.fail("the state does not open: %v", err)
	}
	if err := w.connect(); err != nil {
		w.fail("%v", err)
	}
}

// rest lets time go by while nothing syncs.
func (w *world) rest(d time.Duration) {
	w.now = w.now.Add(d)
	w.happen()
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
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %d %s", w.trace, w.now.Sub(start), line)
	w.trace = h.Sum64()
	if w.logged {
		w.log = append(w.log, fmt.Sprintf("%4d %12s %s", w.step, w.now.Sub(start), line))
	}
}

// memory is where the sign-in is kept.
type memory string

func (m *memory) Load() ([]byte, error) { return []byte(*m), nil }
func (m *memory) Save(b []byte) error   { *m = memory(b); return nil }
func (m *memory) Delete() error         { return errors.New("nobody signs out here") }
