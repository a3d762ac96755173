// Package syncer keeps a folder on this machine and a folder on OneDrive the
// same, in both directions.
//
// One goroutine, the loop, owns what is known of the two sides and the database;
// it observes, asks package plan what to do, and hands the actions to workers,
// which do one thing each and report back. What has been done is agreed upon
// (written to the base) in the transaction that also drops the intent for it, so
// a crash at any point leaves two sides that the next start can tell apart.
//
//	hint ─► look (scan.go) ─► local ─┐
//	feed (feed.go) ─────────► state ─┼─► plan.Make ─► apply.go ─► upload, download, move, delete
//	                          base ──┘                                  │
//	                           ▲────────── commit.go ◄──────── report ┘
//
// Log keys: from path action why item wait err took cursor page size.
package syncer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// Config says which two folders to keep the same, and how. It is read by New
// and by the loop; nothing below gets it whole.
type Config struct {
	Name   string
	Folder state.Folder // as state.PutFolder returned it
	Drive  state.Drive
	Disk   FS
	Remote Drive
	DB     *state.DB
	Feed   *Feed          // of Drive, shared by its pairs; nil: there is no other
	Watch  Watch          // nil when only Once is called
	Beside []string       // the names of other pairs that are synced
	Page   *codepage.Page // in which Disk spells its names; nil: UTF-8

	Host        string // this machine's name, for conflict copies
	HoldCount   int
	HoldPercent int
	Settle      time.Duration // how long a file must be left alone before it is sent
	TimesAlways bool          // a file's time that was changed alone here is sent also where that makes a version
	Parallel    int           // most actions at once; 0: twice the requests that the client has under way, for a worker waits for the disk too
	FileMode    uint32        // of new files, umask applied; 0 means 0644
	Poll        time.Duration // how often the change feed is asked while things happen
	Pushed      func() bool   // somebody calls Notice soon after a change online; nil: never

	Log      *slog.Logger
	Progress func(Progress) // called from the loop, at most ten times a second; may be nil
	Clock    Clock          // nil: the wall clock
	Spawn    Spawn          // nil: a goroutine each
	Await    Await          // nil: nothing
}

// An Engine syncs one pair of folders. Call Once, or Run, once.
type Engine struct {
	cfg   Config
	fs    FS
	drive Drive
	db    *state.DB
	clock Clock
	log   *slog.Logger
	root  plan.Key

	local  *local
	inbox  chan report
	ending <-chan struct{} // closed when the run is told to end …
	over   chan struct{}   // … and when nobody reads the inbox any more
	work   int             // workers that have not reported yet

	dirty    map[plan.Key]struct{}              // changed, as far as is known
	known    backlog                            // of these, to be decided: what both sides have …
	fresh    backlog                            // … and what is new
	later    map[plan.Key]struct{}              // to be decided once what they touch has ended
	with     map[plan.Key]map[plan.Key]struct{} // folders that are gone and wait → what is in them, to be decided with them
	askAt    time.Time                          // when later is next asked about
	wake     map[plan.Key]time.Time             // when to look at an item again …
	wakeAt   time.Time                          // … the first of them, or earlier
	tries    map[plan.Key]int
	rest     map[plan.Key]time.Time // not to be planned before then: it failed again and again
	busy     map[plan.Key]int
	creating map[plan.Key]creation   // what is being created online
	unheard  map[plan.Key]struct{}   // deleted by us, to be noted once no action is at work on it: see heard
	made     map[plan.Key]madeDir    // folders that we made here in this run, and that have not got their times yet
	slots    map[plan.Place]int      // local places an action is at work in
	again    map[string]bool         // paths to be looked at once no action is at work there; whether with all below
	looks    []func()                // to be taken once all that is being recorded is known: see lookOnce
	hashing  map[plan.Key][]plan.Key // files that are read, and the items that is for
	hashers  int
	toHash   []plan.Question
	mayGo    map[plan.Key]struct{} // items that go or stay by what is read …
	unjudged map[plan.Key]struct{} // … and deletes that are judged with them
	unfound  map[string]*absence   // what the service did not find, by id
	believed map[string]time.Time  // since when such an item is taken for gone
	held     map[plan.Key]state.Held
	verdicts map[plan.Key]plan.Verdict
	waiting  map[plan.Key]state.Waiting
	along    map[plan.Key]struct{} // of these, those that only wait with their folder
	cleared  []int64               // dirty marks to take off with the next commit
	marked   int64                 // the latest mark that dirty has taken over

	ready    queue
	stampBy  time.Time             // when a batch of times is sent although it is not full
	stampAt  time.Time             // no times are sent before
	inFlight map[*step]struct{}    // planned and not ended
	brought  map[plan.Key]struct{} // brought back online, to go by their own keys once nothing is being done in them: see revive
	running  int                   // of these, those that a worker is at
	loaded   int64                 // bytes of small files that workers may hold in memory
	feed     *Feed

	once      bool // a single pass
	dry       bool // a look at what it would do
	listed    bool // the change feed was read to its end by this process
	polling   bool
	askers    int             // how many workers ask about items in doubt …
	heardOf   bool            // … have they heard of any that is not decided yet …
	answered  time.Time       // … and when was that last looked at
	inDoubt   bool            // something was told of in two ways: it is to be asked about
	asking    map[string]bool // … and is, by id
	looking   bool            // for what was not found
	stirred   bool            // something has changed, and what waits was not asked about since
	stirAt    time.Time
	nextPoll  time.Time
	polled    time.Time // when the feed was last begun to be read
	happened  time.Time // when anything last changed on either side
	chores    time.Time // when what has nothing to do with the feed is next due
	walked    time.Time // when the whole folder was last looked at
	pruned    time.Time // when the trash was last looked through
	searchAt  time.Time // when it is to be for something that went away, in a single pass
	noticed   time.Time // up to when something is said to have changed online
	unread    string    // why the change feed could not be read …
	unreadAt  time.Time // … and when that was tried
	nonsense  int       // how often in a row it made no sense: it is asked ever more seldom
	holdAll   string
	nameRules nameRules
	fatal     error // the run cannot go on
	failed    error // something could not be done now; the rest goes on

	sum      Summary
	plans    int // made so far
	progress progress
	ahead    ahead
	born     string        // sets this process's private files apart from those of earlier ones
	temps    atomic.Int64  // and numbers them
	emptying chan struct{} // holds one while the trash gives way
	freed    atomic.Int64  // bytes by which it did
	listing  atomic.Int64  // items the feed has brought so far, for the progress line

	asks   asked
	nudged chan struct{}
	beats  atomic.Int64

	takesCTags atomic.Bool // the service has taken a folder's cTag for a version

	stands atomic.Pointer[Now]
}

// New makes an engine for the pair that cfg describes. It touches nothing yet.
func New(cfg Config) *Engine {
	cfg.Settle = cmp.Or(cfg.Settle, time.Second)
	cfg.Parallel = cmp.Or(cfg.Parallel, 32)
	cfg.FileMode = cmp.Or(cfg.FileMode, 0o644)
	cfg.Poll = cmp.Or(cfg.Poll, 30*time.Second)
	if cfg.Clock == nil {
		cfg.Clock = wallClock{}
	}
	if cfg.Spawn == nil {
		cfg.Spawn = goroutine
	}
	if cfg.Await == nil {
		cfg.Await = func(func() bool) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	root := plan.Key(cfg.Folder.Root)
	e := &Engine{
		cfg: cfg, fs: cfg.Disk, drive: cfg.Remote, db: cfg.DB, clock: cfg.Clock, log: cfg.Log, root: root,
		local: newLocal(cfg.DB, cfg.Folder.N, root, cfg.Clock.Now, cfg.Settle),
		inbox: make(chan report, 64), emptying: make(chan struct{}, 1), over: make(chan struct{}), nudged: make(chan struct{}, 1),
		dirty: map[plan.Key]struct{}{}, known: backlog{in: map[plan.Key]struct{}{}}, fresh: backlog{in: map[plan.Key]struct{}{}}, later: map[plan.Key]struct{}{}, with: map[plan.Key]map[plan.Key]struct{}{}, wake: map[plan.Key]time.Time{},
		tries: map[plan.Key]int{}, rest: map[plan.Key]time.Time{}, busy: map[plan.Key]int{}, creating: map[plan.Key]creation{}, unheard: map[plan.Key]struct{}{}, made: map[plan.Key]madeDir{}, slots: map[plan.Place]int{}, inFlight: map[*step]struct{}{}, brought: map[plan.Key]struct{}{}, again: map[string]bool{},
		hashing: map[plan.Key][]plan.Key{}, mayGo: map[plan.Key]struct{}{}, unjudged: map[plan.Key]struct{}{}, unfound: map[string]*absence{}, believed: map[string]time.Time{}, asking: map[string]bool{}, held: map[plan.Key]state.Held{}, verdicts: map[plan.Key]plan.Verdict{},
		waiting: map[plan.Key]state.Waiting{}, along: map[plan.Key]struct{}{}, feed: cmp.Or(cfg.Feed, new(Feed)),
		nameRules: rulesOf(cfg.Page, cfg.Drive.Kind),
		sum:       Summary{Folder: cfg.Name, Waiting: []Waiting{}},
	}
	e.local.busy, e.local.blocked = e.busy, e.again
	e.born = strconv.FormatInt(cfg.Clock.Now().UnixNano(), 36)
	e.progress = newProgress(cfg.Progress, cfg.Clock)
	e.ahead.each = map[plan.Key]waitsAhead{}
	return e
}

// nameRules are the rules of both sides about names.
type nameRules struct {
	local, remote func(parent, name string, folder bool) string
}

func rulesOf(page *codepage.Page, driveKind string) nameRules {
	remote := names.RemoteRefuses(driveKind)
	return nameRules{
		local: func(_, name string, _ bool) string {
			return cmp.Or(page.Unspellable(name), names.LocalRefuses(name))
		},
		remote: func(parent, name string, folder bool) string {
			return cmp.Or(page.Unreadable(name), remote(parent, name, folder))
		},
	}
}

// Once makes one complete pass: both sides are observed, all that follows is
// done, and it returns when a further pass would do nothing. The Summary is
// complete also when an error is returned.
func (e *Engine) Once(ctx context.Context) (Summary, error) {
	start, requests := e.clock.Now(), e.drive.Requests()
	err := e.guarded(func() error { return e.run(ctx, true) })
	return e.summary(start, requests, err)
}

// Plans says how many plans were made, for a simulation to report.
func (e *Engine) Plans() int { return e.plans }

// Reported says whether the loop has something to read, for a simulation to wake it.
func (e *Engine) Reported() bool { return len(e.inbox) > 0 }

// Run keeps the two folders the same until ctx ends. It returns nil then, and
// an error when it cannot go on without a person.
func (e *Engine) Run(ctx context.Context) error {
	err := e.guarded(func() error { return e.run(ctx, false) })
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// guarded turns a failure of the database, which the trees cannot return
// through the planner, into an error.
func (e *Engine) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			var broken stateError
			if e, ok := p.(error); !ok || !errors.As(e, &broken) {
				panic(p)
			}
			err = broken.error
		}
	}()
	return f()
}

func (e *Engine) run(ctx context.Context, once bool) error {
	e.once, e.local.once = once, once
	outer := ctx
	ctx, cancel := context.WithCancel(outer)
	e.ending = ctx.Done()
	defer e.drain(outer, cancel)
	if err := e.observe(ctx, e.recover); err != nil {
		return e.rootTrouble(err)
	}
	for {
		e.beats.Add(1)
		e.away()
		if ctx.Err() == nil { // what would be decided is not done any more
			e.decide()
			e.dispatch(ctx)
			e.dateDirs()
		}
		e.progress.show(e)
		switch {
		case e.fatal != nil:
			return e.fatal
		case once && e.quiet():
			e.prune()
			e.away()
			return cmp.Or(e.fatal, e.failed)
		case ctx.Err() != nil: // what fails for that reason would be tried again at once, and for ever
			return context.Cause(ctx)
		}
		if e.listed && (len(e.dirty)+len(e.local.look) > 0 || e.refill()) {
			continue // what was recorded at once has to be looked at again
		}
		if !once {
			e.publish()
		}
		if err := e.wait(ctx); err != nil {
			return err
		}
	}
}

// ends reports whether the run was told to end.
func (e *Engine) ends() bool {
	select {
	case <-e.ending:
		return true
	default:
		return false
	}
}

// observe looks at both sides: at the drive beside the loop, at the disk in it.
// tidy deals first with what earlier runs have left.
func (e *Engine) observe(ctx context.Context, tidy func(context.Context) error) error {
	if err := e.checkRoot(); err != nil {
		return err
	}
	if err := tidy(ctx); err != nil {
		return err
	}
	e.poll(ctx)
	e.walked = e.clock.Now()
	e.chores = e.walked.Add(e.cfg.Poll)
	if err := e.scan(ctx); err != nil {
		return err
	}
	return e.checkEmptied()
}

// wait sleeps until something happened, and takes note of it. Reports come
// first: a simulator could not tell otherwise which of two things is taken.
func (e *Engine) wait(ctx context.Context) error {
	if r, ok := e.report(); ok {
		e.commit(r)
		e.tick(ctx)
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r := <-e.inbox:
		e.commit(r)
	case ev := <-e.events():
		e.hint(ev)
		e.stirred = true
	case <-e.nudged:
		e.heed()
	case <-e.clock.After(e.nap()):
	}
	e.tick(ctx)
	return nil
}

// events brings hints of what may have changed here, to an agent.
func (e *Engine) events() <-chan watcher.Event {
	if e.cfg.Watch == nil || e.once {
		return nil
	}
	return e.cfg.Watch.Events()
}

// report takes one that is there already.
func (e *Engine) report() (report, bool) {
	select {
	case r := <-e.inbox:
		return r, true
	default:
		return report{}, false
	}
}

// hint follows one event and those that wait behind it.
func (e *Engine) hint(ev watcher.Event) {
	for range 1000 {
		e.lookAt(ev.Path, ev.Deep)
		select {
		case ev = <-e.cfg.Watch.Events():
		default:
			e.join()
			return
		}
	}
	e.join()
}

// tick does what is due by the clock.
func (e *Engine) tick(ctx context.Context) {
	now := e.clock.Now()
	e.awake(now)
	for _, rel := range slices.Sorted(maps.Keys(e.again)) { // in order, so that a simulation can be repeated
		if parent, ok := e.local.find(dirOf(rel)); !ok || e.slots[plan.Place{Parent: parent, Name: path.Base(rel)}] == 0 {
			deep := e.again[rel]
			delete(e.again, rel)
			e.lookAt(rel, deep)
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(e.local.deep)) {
		delete(e.local.deep, rel)
		e.lookAt(rel, true)
	}
	if !e.searchAt.IsZero() && !now.Before(e.searchAt) {
		e.searchAt = time.Time{}
		e.lookAt("", true)
	}
	e.join()
	e.local.calm(now)
	e.askWaiting(now)
	if e.inDoubt {
		e.settleDoubts(ctx)
	}
	due := !now.Before(e.nextPoll)
	if e.polling || !due && (e.once || now.Before(e.chores)) {
		return
	}
	if err := e.checkRoot(); err != nil {
		e.fatal = err
		return
	}
	if due && e.polls() {
		e.poll(ctx)
	}
	if !e.once {
		e.chores = now.Add(e.cfg.Poll)
		e.sweep()
		e.prune()
		e.readVerdicts()
		if now.Sub(e.walked) > trueUp {
			e.walked = now
			e.lookAt("", true)
			e.join()
		}
	}
}

// quiet says that both sides were observed and nothing is left to do or to
// wait for.
func (e *Engine) quiet() bool {
	return e.listed && e.work == 0 && e.ready.len() == 0 && len(e.dirty)+len(e.local.look) == 0 && len(e.known.keys)+len(e.fresh.keys) == 0 &&
		len(e.wake) == 0 && len(e.hashing)+len(e.toHash) == 0 && len(e.again) == 0 && len(e.later) == 0 && !e.seeking() && !e.inDoubt
}

// drain ends the workers and takes what they still have to report, so that
// nothing that was done goes unrecorded. A transfer cut short resumes later. A
// worker that hangs is left behind: it ends when it next wants something. What
// else the loop can be told is heard here, too, though it makes no difference any
// more: a simulator tells one thing at a time.
func (e *Engine) drain(ctx context.Context, cancel context.CancelFunc) {
	done := ctx.Done()
	if ctx.Err() != nil {
		done = nil
	}
	cancel()
	defer close(e.over)
	defer e.feed.leave(e, false)
	for end := e.clock.Now().Add(8 * time.Second); e.work > 0; {
		if r, ok := e.report(); ok {
			e.commit(r)
			continue
		}
		left := end.Sub(e.clock.Now())
		if left <= 0 {
			return
		}
		select {
		case r := <-e.inbox:
			e.commit(r)
		case <-done:
			done = nil
		case <-e.events():
		case <-e.clock.After(left):
		}
	}
	if len(e.cleared) > 0 {
		e.commit(report{})
	}
}
