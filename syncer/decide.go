package syncer

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
)

// decide asks the planner about everything that changed since it was last
// asked, and takes its plan over. Nothing is decided before both sides were
// observed whole.
func (e *Engine) decide() {
	if e.fatal != nil || !e.listed || e.rootIsGone() {
		return
	}
	e.followKeys()
	for k := range e.local.look {
		e.dirty[e.local.key(k)] = struct{}{}
	}
	e.local.look = map[plan.Key]struct{}{}
	if len(e.unheard) > 0 {
		e.heard()
	}
	e.askAgain()
	if len(e.dirty) == 0 && !e.refill() {
		if len(e.inFlight) == 0 && len(e.fresh.keys) == 0 {
			e.ahead.clear() // what is left waits for a folder that waits
		}
		return
	}
	keys := e.ripe()
	if len(keys) == 0 {
		return
	}
	v := e.view()
	if e.mayDelete(v, keys) {
		for k := range e.held {
			keys = append(keys, k)
		}
	}
	v.load(keys)
	v.loadNames(keys)
	rules := e.rules()
	p := plan.Make(v, keys, rules)
	e.plans++
	e.takeSteps(p)
	e.takeQuestions(p, keys, rules.Now)
	e.takeHeld(p, keys)
	e.takeWaiting(v, p, keys)
}

// followKeys lets what is known of items whose keys have changed follow them. What
// waited ends: under its new key it is decided anew.
func (e *Engine) followKeys() {
	var txs []func(*state.Tx) error
	held := len(e.held)
	for _, from := range e.local.bound {
		to := e.local.key(from)
		if to == from { // see revive
			continue
		}
		follow(e.dirty, from, to, either)
		follow(e.later, from, to, either)
		follow(e.unjudged, from, to, either)
		follow(e.tries, from, to, func(a, b int) int { return max(a, b) })
		follow(e.rest, from, to, longer)
		for _, a := range e.unfound {
			follow(a.keys, from, to, either)
		}
		for _, inside := range e.with {
			follow(inside, from, to, either)
		}
		follow(e.with, from, to, func(a, b map[plan.Key]struct{}) map[plan.Key]struct{} { maps.Copy(a, b); return a })
		if at, ok := e.wake[from]; ok {
			delete(e.wake, from)
			e.lookLater(to, latest(at, e.wake[to]))
		}
		if tx := e.waitOver(from); tx != nil {
			txs = append(txs, tx)
			e.dirty[to] = struct{}{}
		}
		if _, ok := e.held[from]; ok {
			delete(e.held, from)
			e.dirty[to] = struct{}{}
		}
		delete(e.verdicts, from)
		e.ahead.drop(from)
		e.cleared = append(e.cleared, int64(from))
	}
	e.local.bound = nil
	if len(e.held) < held {
		txs = append(txs, e.putHeld())
	}
	e.commitAll(txs)
}

// follow moves what a map has under one key to another; where it has something
// there, too, to what the two make.
func follow[V any](m map[plan.Key]V, from, to plan.Key, of func(a, b V) V) {
	v, ok := m[from]
	if !ok {
		return
	}
	delete(m, from)
	if also, ok := m[to]; ok {
		v = of(v, also)
	}
	m[to] = v
}

func either(a, _ struct{}) struct{} { return a }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// longer is the later of two times to rest until; the zero time is the next run.
func longer(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	return latest(a, b)
}

func (e *Engine) commitAll(txs []func(*state.Tx) error) {
	if len(txs) == 0 {
		return
	}
	e.commit(report{tx: func(tx *state.Tx) error {
		for _, f := range txs {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	}})
}

// askAgainEach is how much more seldom, for each of them, what touched something busy is
// decided again: thousands would leave no time for what they wait for.
const askAgainEach = 100 * time.Microsecond

// askAgain lets what touched something busy be decided again; not at every step
// that ends, for there may be thousands of either.
func (e *Engine) askAgain() {
	if now := e.clock.Now(); len(e.later) > 0 && !now.Before(e.askAt) {
		e.askAt = now.Add(100*time.Millisecond + time.Duration(len(e.later))*askAgainEach)
		for k := range e.later {
			e.dirty[e.local.key(k)] = struct{}{}
		}
		clear(e.later)
	}
	if len(e.mayGo) == 0 {
		for k := range e.unjudged {
			e.dirty[e.local.key(k)] = struct{}{}
		}
		clear(e.unjudged)
	}
	for more := true; more; {
		more = false
		for folder, inside := range e.with {
			if _, asked := e.dirty[folder]; asked {
				maps.Copy(e.dirty, inside)
				delete(e.with, folder)
				more = true
			}
		}
	}
}

// mayDelete says whether something among keys is gone: then the deletes that
// are held are judged together with it.
func (e *Engine) mayDelete(v *view, keys []plan.Key) bool {
	return len(e.held) > 0 && slices.ContainsFunc(keys, func(k plan.Key) bool {
		return e.local.missing(k) || v.item(int64(k)).Gone
	})
}

func (e *Engine) rules() plan.Rules {
	return plan.Rules{
		Host: e.cfg.Host, Now: e.clock.Now(), HoldCount: e.cfg.HoldCount, HoldPercent: e.cfg.HoldPercent,
		HoldAll: e.holdAll, Unread: len(e.mayGo) > 0, SendsTime: e.sendsTime(), LocalRefuses: e.nameRules.local, RemoteRefuses: e.nameRules.remote,
	}
}

// takeSteps turns the actions into steps that release one another. What is to stand
// where an action of an earlier plan is still at work is planned anew after that: only
// then can be seen what stands there.
func (e *Engine) takeSteps(p plan.Plan) {
	steps := make([]*step, len(p.Actions))
	for i, a := range p.Actions {
		s := &step{Action: a}
		taken := slices.ContainsFunc(s.slots(), func(at plan.Place) bool { return e.slots[at] > 0 })
		if taken || slices.ContainsFunc(s.After, func(before int) bool { return steps[before] == nil }) {
			e.later[a.Key] = struct{}{}
			if a.Pair != 0 {
				e.later[a.Pair] = struct{}{}
			}
			continue
		}
		steps[i] = s
	}
	for i, s := range steps {
		if s == nil {
			continue
		}
		for _, before := range s.After {
			steps[before].next = append(steps[before].next, s)
			s.need++
		}
		e.hold(s)
		e.progress.add(s)
		if e.log.Enabled(context.Background(), slog.LevelDebug) {
			e.log.Debug("planned", "action", e.words(s.Action), "path", e.pathOf(s.Key), "why", s.Why)
		}
		if len(p.Actions[i].After) == 0 {
			e.ready.add(s)
		}
	}
}

// takeQuestions starts what the planner must know before it can decide, and
// sets aside what it must be asked again. now is when it was asked: what was too
// young then may be so no longer.
func (e *Engine) takeQuestions(p plan.Plan, asked []plan.Key, now time.Time) {
	e.toHash = append(e.toHash, p.Hash...)
	for _, q := range p.Hash {
		if q.MayGo {
			e.mayGo[q.For] = struct{}{}
		}
	}
	for _, k := range p.Unjudged {
		e.unjudged[k] = struct{}{}
	}
	for _, k := range asked {
		if folder, ok := p.With[k]; ok {
			if e.with[folder] == nil {
				e.with[folder] = map[plan.Key]struct{}{}
			}
			e.with[folder][k] = struct{}{}
		}
	}
	for _, k := range p.Later {
		at := e.rest[k]
		if quiet := e.local.quietAt(k); quiet.After(at) {
			at = quiet
		}
		switch {
		case at.After(now):
			e.lookLater(k, at) // k has one time to wake, and both must be over
		case !e.rests(k):
			e.later[k] = struct{}{}
		}
	}
	if e.once && e.idle() {
		clear(e.later) // they touch what is left to the next run
	}
}

// idle says that nothing is under way that could change what is to be decided.
func (e *Engine) idle() bool {
	return e.work == 0 && len(e.inFlight) == 0 && len(e.wake) == 0 && len(e.hashing)+len(e.toHash) == 0
}

// takeHeld keeps the list of deletes that wait for a person.
func (e *Engine) takeHeld(p plan.Plan, asked []plan.Key) {
	was := maps.Clone(e.held)
	for _, k := range asked {
		delete(e.held, k)
	}
	for _, a := range p.Held {
		side := "remote"
		if a.Op == plan.DeleteLocal {
			side = "local"
		}
		e.held[a.Key] = state.Held{
			Key: int64(a.Key), Path: e.pathOf(a.Key), Side: side, Items: e.countAt(a), Why: cmp.Or(p.HeldWhy, was[a.Key].Why), At: e.clock.Now(),
		}
	}
	if len(was) == 0 && len(e.held) == 0 {
		return
	}
	e.commit(report{tx: e.putHeld()})
}

func (e *Engine) putHeld() func(*state.Tx) error {
	list := slices.SortedFunc(maps.Values(e.held), func(a, b state.Held) int { return int(a.Key - b.Key) })
	return func(tx *state.Tx) error { return tx.SetHeld(e.cfg.Folder.N, list) }
}

// countAt is how many items go with a held delete.
func (e *Engine) countAt(a plan.Action) int {
	if a.Op == plan.DeleteLocal {
		return 1 // each is on the list for itself
	}
	n, err := e.db.CountBelow(e.cfg.Folder.N, int64(a.Key), "")
	if err != nil {
		panic(stateError{err})
	}
	return n + 1
}

// takeWaiting keeps the list of what cannot be synced now, and clears the dirty
// marks of what is settled.
func (e *Engine) takeWaiting(v *view, p plan.Plan, asked []plan.Key) {
	var txs []func(*state.Tx) error
	open := map[plan.Key]struct{}{}
	for _, w := range p.Waiting {
		open[w.Key] = struct{}{}
		if w.Along {
			txs = append(txs, e.waitAlong(w.Key))
		} else {
			txs = append(txs, e.waitFor(w.Key, v.pathOf(w.Key), w.Why, w.Person, 0))
		}
	}
	for _, s := range p.Actions {
		open[s.Key], open[s.Pair] = struct{}{}, struct{}{}
	}
	for _, q := range p.Hash {
		open[q.Read], open[q.For] = struct{}{}, struct{}{}
	}
	for _, k := range p.Later {
		open[k] = struct{}{}
	}
	for _, k := range p.Unjudged {
		open[k] = struct{}{}
	}
	for k := range p.With {
		open[k] = struct{}{}
	}
	for _, k := range asked {
		if _, ok := open[k]; ok {
			continue
		}
		if _, ok := e.held[k]; ok {
			continue
		}
		if tx := e.waitOver(k); tx != nil {
			txs = append(txs, tx)
		}
		delete(e.wake, k)
		e.cleared = append(e.cleared, int64(k))
	}
	e.commitAll(txs)
}

// waitFor notes that k cannot be synced now. after is when to try again; 0
// leaves it until something changes.
func (e *Engine) waitFor(k plan.Key, path, why string, person bool, after time.Duration) func(*state.Tx) error {
	w := state.Waiting{Key: int64(k), Path: path, Why: why, Person: person, Tries: e.tries[k], Since: e.clock.Now()}
	if was, waits := e.waiting[k]; waits && was.Why == why {
		w.Since = was.Since
	}
	if after > 0 {
		w.Next = e.clock.Now().Add(after)
	}
	e.waiting[k] = w
	delete(e.along, k)
	return func(tx *state.Tx) error { return tx.PutWaiting(e.cfg.Folder.N, w) }
}

// waitAlong notes that k waits as long as its folder does. Of that there is one
// line, not one for each thing in it.
func (e *Engine) waitAlong(k plan.Key) func(*state.Tx) error {
	e.waiting[k] = state.Waiting{Key: int64(k)}
	e.along[k] = struct{}{}
	return func(tx *state.Tx) error { return tx.DropWaiting(e.cfg.Folder.N, int64(k)) }
}

// waitOver notes that k waits for nothing any more.
func (e *Engine) waitOver(k plan.Key) func(*state.Tx) error {
	e.seeksNone(k)
	if _, ok := e.waiting[k]; !ok {
		return nil
	}
	delete(e.waiting, k)
	delete(e.along, k)
	return func(tx *state.Tx) error { return tx.DropWaiting(e.cfg.Folder.N, int64(k)) }
}

// pathOf is a path a person can find the item by: where it stands here, or
// else where it stands online. The synced folder itself is where it is on this disk.
func (e *Engine) pathOf(k plan.Key) string { return e.view().pathOf(k) }

func (v *view) pathOf(k plan.Key) string {
	if k == v.e.root {
		return v.e.cfg.Folder.Path
	}
	return v.path(k)
}

// pathOfStep is the same for what s is about, also when that is gone on both sides by
// now: where it stood, or should have stood.
func (e *Engine) pathOfStep(s *step) string {
	return cmp.Or(e.pathOf(e.local.key(s.Key)), s.from, e.view().pathTo(s.To), s.Local.Name, s.Remote.Name)
}

func (v *view) path(k plan.Key) string {
	if p := v.e.local.path(k); p != "" || k == v.e.root {
		return p
	}
	var names []string
	for it := range v.upOnline(int64(k)) {
		at := v.e.local.path(plan.Key(it.N))
		if at != "" {
			names = append(names, at)
		}
		if at != "" || it.N == int64(v.e.root) {
			break
		}
		names = append(names, it.Name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}
