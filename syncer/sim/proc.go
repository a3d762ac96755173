package sim

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"tandem/remote"
)

// A proc is a piece of the engine's work, or a task, as a coroutine.
type proc struct {
	m     *machine
	name  string
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	ready func() bool // whether it can go on; nil: it can
	until time.Time   // when time alone lets it go on; zero: never
	ended bool

	errand *Errand // that it is the work of; nil: the engine's
}

// killed unwinds a coroutine whose process has ended. All verbs throw it then,
// so nothing that the engine defers can have an effect.
type killed struct{}

func (m *machine) spawn(name string, work func()) *proc {
	p := &proc{m: m, name: name}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		defer func() {
			p.ended = true
			if r := recover(); r != nil && r != (killed{}) {
				m.fail("%s panics: %v\n%s", p.name, r, debug.Stack())
			}
		}()
		work()
	})
	m.procs = append(m.procs, p)
	return p
}

// spawnWork is the engine's Spawn.
func (m *machine) spawnWork(work func()) {
	if m.dead {
		panic(killed{})
	}
	n := len(m.procs)
	m.spawn(fmt.Sprintf("w%d", n), work)
}

// await is the engine's Await.
func (m *machine) await(ready func() bool) { m.pause(ready, time.Time{}) }

// pause lets others go on, until ready says so or the time has come.
func (m *machine) pause(ready func() bool, until time.Time) {
	if m.gone() {
		panic(killed{})
	}
	p := m.cur
	if p == nil { // the test itself is at work
		return
	}
	p.ready, p.until = ready, until
	goOn := p.yield(struct{}{})
	p.ready, p.until = nil, time.Time{}
	if !goOn || m.gone() {
		panic(killed{})
	}
}

// gone says that the process of who is at work has ended, also one that was only
// to get as far as this.
func (m *machine) gone() bool {
	dead, dying := &m.dead, m.dying
	if e := m.errand(); e != nil {
		dead, dying = &e.dead, e.dying
	}
	*dead = *dead || dying
	return *dead
}

func (p *proc) can(now time.Time) bool {
	return !p.ended && (p.ready == nil && p.until.IsZero() || p.ready != nil && p.ready() || !p.until.IsZero() && !p.until.After(now))
}

// advance makes one step: something may happen, somebody goes on, and the
// ledger is asked.
func (w *world) advance() {
	if w.stack != nil {
		w.stack.advance(time.Time{})
		return
	}
	w.now = w.now.Add(tick)
	w.happen()
	w.bury()
	if w.bad != nil || slices.ContainsFunc(w.machines, func(m *machine) bool { return m.dead }) {
		return
	}
	if len(w.procs) == 0 {
		return // the last task was killed
	}
	able := w.able()
	if len(able) == 0 {
		able = w.sleep()
	}
	if len(able) == 0 {
		w.fail("nobody can go on: %s", w.names())
		return
	}
	w.goOn(w.choose(able))
	w.ask()
	if w.step > 4_000*len(w.machines) {
		w.fail("no end is in sight")
	}
}

// goOn lets somebody go on, up to its next verb.
func (w *world) goOn(p *proc) {
	w.cur, w.last = p, p
	p.next()
	w.cur = nil
	if p.ended {
		w.procs = without(w.procs, func(o *proc) bool { return o == p })
	}
}

// without gives the others, in a list of its own: somebody may be reading all.
func without(all []*proc, which func(*proc) bool) []*proc {
	return slices.DeleteFunc(slices.Clone(all), which)
}

func (w *world) able() []*proc {
	var able []*proc
	for _, p := range w.procs {
		if p.can(w.now) {
			able = append(able, p)
		}
	}
	return able
}

// sleep lets time go on to when the first can.
func (w *world) sleep() []*proc {
	var first time.Time
	for _, p := range w.procs {
		if !p.until.IsZero() && (first.IsZero() || p.until.Before(first)) {
			first = p.until
		}
	}
	if first.IsZero() {
		return nil
	}
	w.now = first
	return w.able()
}

func (w *world) names() string {
	s := ""
	for _, p := range w.procs {
		s += p.name + " "
	}
	return s
}

// choose says who goes on: the one who did, or the first, unless the script
// says otherwise. Where it is fair, all take turns.
func (w *world) choose(able []*proc) *proc {
	if n, ok := w.told(len(able)); ok {
		return able[n%len(able)]
	}
	if i := slices.Index(able, w.last); i >= 0 && !w.script.Fair {
		return able[i]
	}
	if i := slices.Index(w.procs, w.last); i >= 0 && w.script.Fair {
		for _, p := range append(slices.Clone(w.procs[i+1:]), w.procs[:i+1]...) {
			if slices.Contains(able, p) {
				return p
			}
		}
	}
	return able[0]
}

// clock is the engine's. Only its loop waits by it.
type clock struct{ m *machine }

func (c clock) Now() time.Time { return c.m.now }

// After lets the loop sleep. Exactly one of the things it selects from is there
// when it goes on: a report, or else the end, a hint or the time.
func (c clock) After(d time.Duration) <-chan time.Time {
	m := c.m
	if len(m.watch.events) > 0 {
		return nil
	}
	until := m.now.Add(d)
	if hints := m.watch.hints; len(hints) > 0 && hints[0].ripe.Before(until) {
		until = hints[0].ripe
	}
	m.pause(func() bool { return m.engine.Reported() || m.stop || m.stack != nil && (m.watch.ripe() || m.listens()) }, until)
	switch {
	case m.engine.Reported():
		return nil
	case m.stop:
		m.stop = false
		m.cancel()
		return nil
	}
	if m.watch.ripe() {
		m.watch.Events()
		return nil
	}
	if m.notice() {
		return nil
	}
	due := make(chan time.Time, 1)
	due <- m.now
	return due
}

// slow is the client's clock: who waits by it waits in simulated time. One request
// of a client is under way at a time, so nobody falls silent.
type slow struct {
	remote.WallClock
	m *machine
}

func (c slow) Now() time.Time  { return c.m.now }
func (c slow) Jitter() float64 { return 0.5 }
func (c slow) Sleep(ctx context.Context, d time.Duration) error {
	c.m.pause(func() bool { return ctx.Err() != nil }, c.m.now.Add(d))
	return ctx.Err()
}

func (c slow) Wait(ctx context.Context, ready <-chan struct{}) error {
	if !closed(ready) {
		c.m.pause(func() bool { return closed(ready) || ctx.Err() != nil }, time.Time{})
	}
	if closed(ready) {
		return nil
	}
	return context.Cause(ctx)
}

func closed(ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	default:
		return false
	}
}
