package syncer

import (
	"errors"
	"iter"
	"slices"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
)

// A view shows the planner the three trees as they stand at this moment. It
// lives for one plan.
type view struct {
	e     *Engine
	items map[int64]state.Item
	at    map[plan.Place][]plan.Key // by folded name
	here  map[plan.Key]plan.Local
	scope map[int64]plan.Kind // Dir: below the synced folder; None: outside; Unknown: cannot be told
}

func (e *Engine) view() *view {
	return &view{e, map[int64]state.Item{}, map[plan.Place][]plan.Key{}, map[plan.Key]plan.Local{}, map[int64]plan.Kind{int64(e.root): plan.Dir}}
}

func (v *view) Root() plan.Key { return v.e.root }

func (v *view) Node(k plan.Key) plan.Node {
	n := plan.Node{Key: k, Local: v.e.local.knowing(v.here, k), Remote: v.remote(k)}
	if b, ok := v.e.local.base(k); ok {
		n.Base = plan.Base{
			Parent: plan.Key(b.Parent), LocalName: b.LocalName, RemoteName: b.RemoteName, Kind: plan.Kind(b.Kind),
			Local:  plan.Content{Size: b.Size, MTime: b.MTime, Hash: plan.Hash(b.Hash)},
			Remote: plan.Content{Size: b.RemoteSize, MTime: b.RemoteMTime, Hash: plan.Hash(b.RemoteHash)},
			ETag:   b.ETag, TimesDue: b.TimesDue,
		}
	}
	return n
}

// load reads, in one go, what will be asked about keys and the folders that they
// are in online.
func (v *view) load(keys []plan.Key) {
	for some := range slices.Chunk(keys, loadAtOnce) {
		var want []int64
		for _, k := range some {
			if own, ok := v.e.local.diff[k]; !ok || !own.fresh {
				want = v.miss(want, int64(k))
			}
		}
		if len(want) == 0 {
			continue
		}
		items, err := v.e.db.ItemsAbove(want)
		if err != nil {
			panic(stateError{err})
		}
		for _, it := range items {
			if known := v.items[it.N]; known.N == 0 {
				v.items[it.N] = it
				want = append(want, it.N)
			}
		}
		v.e.local.load(want)
	}
}

// miss adds item n to what is to be read, unless it is known.
func (v *view) miss(want []int64, n int64) []int64 {
	if _, known := v.items[n]; known || n == 0 {
		return want
	}
	v.items[n] = state.Item{}
	return append(want, n)
}

// loadNames reads, in one go, what has the names of those of keys that are online.
func (v *view) loadNames(keys []plan.Key) {
	for some := range slices.Chunk(keys, loadAtOnce) {
		var want []int64
		for _, k := range some {
			it := v.item(int64(k))
			at := plan.Place{Parent: plan.Key(it.Parent), Name: it.Fold}
			if _, known := v.at[at]; known || it.Parent == 0 || it.Gone {
				continue
			}
			v.at[at], v.e.local.spot[at] = nil, state.Base{}
			want = append(want, it.N)
		}
		items, err := v.e.db.ItemsBeside(want)
		bases, alsoErr := v.e.db.BasesBeside(v.e.cfg.Folder.N, want)
		if err := errors.Join(err, alsoErr); err != nil {
			panic(stateError{err})
		}
		for _, it := range items {
			v.items[it.N] = it
			at := plan.Place{Parent: plan.Key(it.Parent), Name: it.Fold}
			v.at[at] = append(v.at[at], plan.Key(it.N))
		}
		for _, b := range bases {
			v.e.local.spot[plan.Place{Parent: plan.Key(b.Parent), Name: b.Fold}] = b
		}
	}
}

const loadAtOnce = 1000

func (v *view) item(k int64) state.Item {
	if it, ok := v.items[k]; ok {
		return it
	}
	if own, ok := v.e.local.diff[plan.Key(k)]; ok && own.fresh {
		return state.Item{}
	}
	it, _, err := v.e.db.Item(k)
	if err != nil {
		panic(stateError{err})
	}
	v.items[k] = it
	return it
}

func (v *view) remote(k plan.Key) plan.Remote {
	it := v.item(int64(k))
	r := plan.Remote{
		Place: plan.Place{Parent: plan.Key(it.Parent), Name: it.Name}, Kind: plan.Kind(it.Kind), Why: it.Why,
		Content: plan.Content{Size: it.Size, MTime: it.MTime, Hash: plan.Hash(it.Hash)}, ID: it.ID, ETag: it.ETag,
	}
	switch {
	case it.N == 0 || it.Gone:
		return plan.Remote{}
	case k == v.e.root:
		return plan.Remote{Kind: plan.Dir, ID: it.ID}
	case it.Parent == 0 && it.ParentID == "":
		return plan.Remote{} // the drive's root, above the synced folder
	}
	switch v.scopeOf(it.Parent) {
	case plan.None:
		return plan.Remote{} // moved out of the synced folder: gone, as far as it is concerned
	case plan.Unknown:
		r.Kind, r.Why = plan.Unknown, "its folder online is not known yet"
	}
	return r
}

// scopeOf says whether item k lies in the synced folder. Of folders that the service puts
// into one another that cannot be told.
func (v *view) scopeOf(k int64) plan.Kind {
	var up []int64
	s, known := v.scope[k]
	for !known {
		up = append(up, k)
		v.scope[k] = plan.Unknown // who comes to it once more is in itself
		s = plan.Unknown
		it := v.item(k)
		if it.N != 0 && !it.Gone && it.Parent == 0 && it.ParentID == "" {
			s = plan.None // the drive's root, above the synced folder
		}
		if it.N == 0 || it.Gone || it.Parent == 0 {
			break
		}
		k = it.Parent
		s, known = v.scope[k]
	}
	for _, k := range up {
		v.scope[k] = s
	}
	return s
}

// upOnline lists item k and the folders that it is in online, each once: a feed may put
// them into one another.
func (v *view) upOnline(k int64) iter.Seq[state.Item] {
	return func(yield func(state.Item) bool) {
		seen := map[int64]bool{}
		for it := v.item(k); it.N != 0 && !seen[it.N]; it = v.item(it.Parent) {
			if seen[it.N] = true; !yield(it) {
				return
			}
		}
	}
}

func (v *view) LocalChildren(k plan.Key) []plan.Key             { return v.e.local.children(k) }
func (v *view) LocalAt(parent plan.Key, name string) []plan.Key { return v.e.local.named(parent, name) }

func (v *view) RemoteChildren(k plan.Key) []plan.Key {
	items, err := v.e.db.ItemChildren(int64(k))
	return v.keep(items, err)
}

func (v *view) RemoteAt(parent plan.Key, name string) []plan.Key {
	at := folded(plan.Place{Parent: parent, Name: name})
	if keys, ok := v.at[at]; ok {
		return keys
	}
	items, err := v.e.db.ItemsAt(int64(parent), at.Name)
	v.at[at] = v.keep(items, err)
	return v.at[at]
}

func (v *view) keep(items []state.Item, err error) []plan.Key {
	if err != nil {
		panic(stateError{err})
	}
	keys := make([]plan.Key, len(items))
	for i, it := range items {
		v.items[it.N] = it
		keys[i] = plan.Key(it.N)
	}
	return keys
}

func (v *view) BaseChildren(k plan.Key) []plan.Key {
	rows := v.e.local.baseChildren(k)
	keys := make([]plan.Key, len(rows))
	for i := range rows {
		keys[i] = plan.Key(rows[i].N)
	}
	return keys
}

func (v *view) BaseAt(parent plan.Key, name string) plan.Key {
	b, _ := v.e.local.baseAt(parent, name)
	return plan.Key(b.N)
}

// Busy holds for what an action is at work on, and for what is too young to act
// upon: still being written, or gone so lately that it may just be on its way to
// another name. It also holds for what failed again and again, for a while; for what
// was deleted by us, which has still to be noted; and for what may be something that
// an action is at work on: here under a new name, or online before its end is known.
func (v *view) Busy(k plan.Key) bool {
	_, unheard := v.e.unheard[k]
	_, awaits := v.e.local.awaits[k]
	return v.e.busy[k] > 0 || awaits || v.e.local.claimed(k) || v.e.local.quietAt(k).After(v.e.clock.Now()) || v.e.rests(k) || unheard || v.e.mayBeOurs(v.item(int64(k)))
}

func (v *view) Verdict(k plan.Key) plan.Verdict {
	if said := v.e.verdicts[k]; said != plan.NotAsked {
		return said
	}
	if _, held := v.e.held[k]; held {
		return plan.Asked
	}
	return plan.NotAsked
}

func (v *view) Synced(k plan.Key) int {
	n, err := v.e.db.CountBelow(v.e.cfg.Folder.N, int64(k), plan.ByGit)
	if err != nil {
		panic(stateError{err})
	}
	if k != v.e.root {
		n++
	}
	return n
}

func (v *view) DeletedLately(k plan.Key) int {
	top := int64(k)
	if k == v.e.root {
		top = 0
	}
	n, err := v.e.db.DeletedSince(v.e.cfg.Folder.N, top, v.e.clock.Now().Add(-time.Hour))
	if err != nil {
		panic(stateError{err})
	}
	return n
}
