package syncer

import (
	"maps"
	"slices"

	"tandem/syncer/plan"
)

// portion is how many steps may be under way, or about to be: enough to keep
// every worker busy, and few enough that neither memory nor the time until the
// first transfer grows with the tree.
const portion = 2000

// A backlog holds what is to be decided as soon as there is room, first come
// first served.
type backlog struct {
	keys []plan.Key
	in   map[plan.Key]struct{}
}

func (b *backlog) add(k plan.Key) {
	if _, ok := b.in[k]; !ok {
		b.in[k] = struct{}{}
		b.keys = append(b.keys, k)
	}
}

func (b *backlog) take(n int) []plan.Key {
	n = min(n, len(b.keys))
	keys := b.keys[:n:n]
	if b.keys = b.keys[n:]; len(b.keys) == 0 {
		b.keys = nil
	}
	for _, k := range keys {
		delete(b.in, k)
	}
	return keys
}

// capacity is how many steps more may be under way.
func (e *Engine) capacity() int { return portion - len(e.inFlight) - len(e.hashing) - len(e.toHash) }

// refill says that something of the backlogs can be decided now. New items wait
// until there are many to be decided in one go.
func (e *Engine) refill() bool {
	return len(e.known.keys) > 0 && e.capacity() > 0 || len(e.fresh.keys) > 0 && e.capacity() >= portion/2
}

// ripe takes, from what changed, what is to be decided now. All that is gone is
// decided together, for the delete guard counts it. The rest comes in portions,
// what both sides know before what is new. What is new in a folder that is new
// itself comes when its folder is agreed upon: see unfold.
func (e *Engine) ripe() []plan.Key {
	var keys []plan.Key
	e.assess(func(k plan.Key, l plan.Local, r plan.Remote, s stance) {
		e.ahead.drop(k)
		switch s {
		case changed:
			e.known.add(k)
		case fresh:
			e.fresh.add(k)
			e.ahead.add(k, l, r)
		case below:
			e.ahead.add(k, l, r)
		case elsewhere:
			e.cleared = append(e.cleared, int64(k))
		default:
			keys = append(keys, k)
		}
	})
	e.dirty = map[plan.Key]struct{}{} // a map that was cleared keeps its room
	keys = append(keys, e.known.take(max(e.capacity()-len(keys), 0))...)
	if e.capacity() >= portion/2 {
		keys = append(keys, e.fresh.take(max(e.capacity()-len(keys), 0))...)
	}
	for i, k := range keys {
		keys[i] = e.local.key(k)
		e.ahead.drop(k)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// assess says of all that changed how it is on both sides, and when it is to be
// decided.
func (e *Engine) assess(say func(plan.Key, plan.Local, plan.Remote, stance)) {
	v := e.view()
	for some := range slices.Chunk(slices.Sorted(maps.Keys(e.dirty)), loadAtOnce) {
		v.load(some)
		for _, k := range some {
			l, r := e.local.Local(k), v.remote(k)
			say(k, l, r, e.stance(k, l, r))
			if r.Kind != plan.Dir { // others may be in it
				delete(v.items, int64(k))
			}
		}
		if len(e.local.rows) > portion {
			e.local.written()
		}
	}
}

// A stance is when an item that changed is to be decided.
type stance uint8

const (
	urgent    stance = iota // with all others that are
	changed                 // it is on both sides
	fresh                   // it is new
	below                   // it is new, and so is its folder
	elsewhere               // it is not in the synced folder
)

func (e *Engine) stance(k plan.Key, l plan.Local, r plan.Remote) stance {
	_, waits := e.waiting[k]
	_, held := e.held[k]
	switch {
	case waits || held || k == e.root:
		return urgent
	case e.local.hasBase(k):
		if l.Kind == plan.None || r.Kind == plan.None {
			return urgent
		}
		return changed
	case l.Kind == plan.None && r.Kind == plan.None:
		return elsewhere
	}
	parent := l.Parent
	if l.Kind == plan.None {
		parent = r.Parent
	}
	if parent != e.root && parent != 0 && !e.local.hasBase(parent) {
		return below
	}
	return fresh
}

// unfold lets what is new in a folder be decided: the folder is agreed upon now.
func (e *Engine) unfold(k plan.Key) {
	for c := range maps.Values(e.local.kids[k]) {
		e.dirty[c] = struct{}{}
	}
	items, err := e.db.ItemChildren(int64(k))
	if err != nil {
		panic(stateError{err})
	}
	for _, it := range items {
		if !e.local.hasBase(plan.Key(it.N)) {
			e.dirty[plan.Key(it.N)] = struct{}{}
		}
	}
}
