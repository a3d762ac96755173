package syncer

import (
	"errors"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// An item is one thing on disk that is not as the base remembers it: new,
// edited, moved, missing or unreadable. What is as remembered is not kept.
type item struct {
	place plan.Place
	kind  plan.Kind // None: seen to be gone
	why   string    // for Other and Unknown
	print plan.Print
	nlink uint32
	hash  plan.Hash // of the bytes print describes, once they were read
	edit  bool      // the bytes may not be the base's
	fresh bool      // no base item: new, as far as is known
	young time.Time // too fresh to act on before then: still being written, or gone a moment ago

	since    time.Time // of a file: when it was first seen to be what was not sent
	changing bool      // it was never quiet for as long as that was waited for
	torn     bool      // it changed while it was sent
}

// local is the tree on disk: the base, overlaid with the items that differ from
// it. It is owned by the engine's loop.
type local struct {
	db     *state.DB
	folder int64
	root   plan.Key
	now    func() time.Time
	settle time.Duration
	once   bool // a single pass

	rows    map[plan.Key]state.Base   // of the base, as read since they were last written …
	spot    map[plan.Place]state.Base // … and the same by folded name
	diff    map[plan.Key]*item
	kids    map[plan.Key]map[string]plan.Key // where the new and the moved items stand …
	fold    map[plan.Place][]plan.Key        // … and, where it is not their name, the same by folded name
	bind    map[plan.Key]plan.Key            // a key that an item went by → the one it goes by now …
	bound   []plan.Key                       // … and those that were given up lately
	look    map[plan.Key]struct{}            // changed since the last plan
	gone    bool                             // something is missing: new items may be it
	missed  time.Time                        // when anything last was
	seen    []plan.Key                       // new items since join ran last: they may be what was missing already
	awaits  map[plan.Key]plan.Key            // new items that may be what was missing → the item that an action must end on before that can be told
	claims  map[plan.Key]plan.Key            // what was missing → the new item that waits and may be it
	busy    map[plan.Key]int                 // the engine's: what an action is at work on
	blocked map[string]bool                  // the engine's: paths that are not looked at as long as an action is at work there
	sending map[uint64]plan.Key              // inodes → the items that are on their way online
	deep    map[string]struct{}              // folders that must be read again with all below them
	going   map[plan.Key]time.Time           // folders → when something in them was last missed …
	habits  map[plan.Key]habit               // of files that were sent because they had changed
	calmAt  time.Time                        // … and when those are to be forgotten of which that is long ago
}

func newLocal(db *state.DB, folder int64, root plan.Key, now func() time.Time, settle time.Duration) *local {
	return &local{
		db: db, folder: folder, root: root, now: now, settle: settle,
		rows: map[plan.Key]state.Base{}, spot: map[plan.Place]state.Base{}, diff: map[plan.Key]*item{}, kids: map[plan.Key]map[string]plan.Key{}, fold: map[plan.Place][]plan.Key{},
		bind: map[plan.Key]plan.Key{}, look: map[plan.Key]struct{}{}, deep: map[string]struct{}{}, going: map[plan.Key]time.Time{}, awaits: map[plan.Key]plan.Key{}, claims: map[plan.Key]plan.Key{}, sending: map[uint64]plan.Key{}, habits: map[plan.Key]habit{},
	}
}

// key follows the renamings of keys: a new item goes by another key once the
// drive's item it is joined with is known.
func (t *local) key(k plan.Key) plan.Key {
	for {
		to, ok := t.bind[k]
		if !ok {
			return k
		}
		k = to
	}
}

// rename lets an item that went by from go by to.
func (t *local) rename(from, to plan.Key) {
	t.bind[from] = to
	delete(t.awaits, from)
	follow(t.habits, from, to, func(a, b habit) habit { return a })
	t.bound = append(t.bound, from)
}

// base is the agreement on k. Rows are kept until they are written:
// the same few folders are asked for over and over.
func (t *local) base(k plan.Key) (state.Base, bool) {
	if it, ok := t.diff[k]; ok && it.fresh {
		return state.Base{}, false
	}
	if b, ok := t.rows[k]; ok {
		return b, b.N != 0
	}
	b, ok, err := t.db.Base(t.folder, int64(k))
	if err != nil {
		panic(stateError{err})
	}
	t.rows[k] = b
	return b, ok
}

// load reads the agreements on keys in one go.
func (t *local) load(keys []int64) {
	var want []int64
	for _, k := range keys {
		if _, known := t.rows[plan.Key(k)]; !known {
			t.rows[plan.Key(k)] = state.Base{}
			want = append(want, k)
		}
	}
	rows, err := t.db.Bases(t.folder, want)
	if err != nil {
		panic(stateError{err})
	}
	for _, b := range rows {
		t.rows[plan.Key(b.N)] = b
	}
}

func (t *local) hasBase(k plan.Key) bool {
	_, ok := t.base(k)
	return ok
}

// baseAt is the agreement on what has a name, as names are compared, in parent.
func (t *local) baseAt(parent plan.Key, name string) (state.Base, bool) {
	at := folded(plan.Place{Parent: parent, Name: name})
	if b, ok := t.spot[at]; ok {
		return b, b.N != 0
	}
	b, ok, err := t.db.BaseAt(t.folder, int64(parent), at.Name)
	if err != nil {
		panic(stateError{err})
	}
	t.spot[at] = b
	return b, ok
}

// written lets that of the base be read anew which was written.
func (t *local) written() {
	n, known := t.db.Rewritten(t.folder)
	if !known || len(t.rows)+len(t.spot) > rowsKept {
		clear(t.rows)
		clear(t.spot)
		return
	}
	anew := map[int64]bool{0: true} // 0: what was not there
	for _, k := range n {
		anew[k] = true
		delete(t.rows, plan.Key(k))
	}
	maps.DeleteFunc(t.spot, func(_ plan.Place, b state.Base) bool { return anew[b.N] })
}

// rowsKept is how many rows of the base are kept, so that what is above an item need not
// be read again with each.
const rowsKept = 2 * portion

// Local says what is true of k on disk.
func (t *local) Local(k plan.Key) plan.Local { return t.knowing(nil, k) }

// deepest bounds how many folders something is taken to be in, whatever leads to itself.
const deepest = 1 << 14

// knowing does so with the folders that were asked about before, as long as nothing has
// changed since; nil knows none.
func (t *local) knowing(folders map[plan.Key]plan.Local, k plan.Key) plan.Local {
	type one struct {
		key plan.Key
		own plan.Local
	}
	up := make([]one, 0, 8) // k, and what it is in, up to what is known
	in := plan.Local{Kind: plan.Dir}
	for k != t.root {
		if l, known := folders[k]; known {
			in = l
			break
		}
		if len(up) == deepest {
			in = plan.Local{Kind: plan.Unknown, Why: "it is in too many folders"}
			break
		}
		l := t.own(k)
		if up = append(up, one{k, l}); l.Kind == plan.None || l.Kind == plan.Unknown {
			break
		}
		k = l.Parent
	}
	for _, c := range slices.Backward(up) {
		if in = asIn(in, c.own); folders != nil {
			folders[c.key] = in
		}
	}
	return in
}

// asIn is what is true of something in a folder: it is gone or unknown if that is.
func asIn(in, own plan.Local) plan.Local {
	if own.Kind == plan.None || own.Kind == plan.Unknown {
		return own
	}
	switch in.Kind {
	case plan.None:
		return plan.Local{Place: own.Place}
	case plan.Unknown:
		return plan.Local{Place: own.Place, Kind: plan.Unknown, Why: in.Why}
	}
	return own
}

// own says what is true of k, whatever became of its folder.
func (t *local) own(k plan.Key) plan.Local {
	if it, ok := t.diff[k]; ok {
		return it.local()
	}
	b, ok := t.base(k)
	if !ok {
		return plan.Local{}
	}
	return plan.Local{
		Place:   plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName},
		Kind:    plan.Kind(b.Kind),
		Content: plan.Content{Size: b.Size, MTime: b.MTime, Hash: plan.Hash(b.Hash)},
		Print:   printOf(b),
	}
}

func (it *item) local() plan.Local {
	l := plan.Local{Place: it.place, Kind: it.kind, Why: it.why, Edited: it.edit, Changing: it.edit && (it.changing || it.torn), Print: it.print}
	if it.kind == plan.File {
		l.Content = plan.Content{Size: it.print.Size, MTime: it.print.MTime, Hash: it.hash}
	}
	return l
}

func printOf(b state.Base) plan.Print {
	return plan.Print{Ino: b.Ino, Born: b.Born, Size: b.Size, MTime: b.MTime, CTime: b.CTime}
}

func printOfEntry(e watcher.Entry) plan.Print {
	return plan.Print{Ino: e.Ino, Born: e.Born, Size: e.Size, MTime: e.MTime, CTime: e.CTime}
}

// sameBytes compares two prints but for the ctime, which a rename or an
// exchange of ours changes too.
func sameBytes(a, b plan.Print) bool {
	a.CTime, b.CTime = 0, 0
	return a == b
}

// child finds the item standing in parent under exactly this name.
func (t *local) child(parent plan.Key, name string) (plan.Key, bool) {
	if k, ok := t.kids[parent][name]; ok {
		return k, true
	}
	b, ok := t.baseAt(parent, name)
	if !ok || b.LocalName != name || t.away(plan.Key(b.N)) {
		return 0, false
	}
	return plan.Key(b.N), true
}

// standing is the new or moved item that stands at a place, or 0.
func (t *local) standing(at plan.Place) plan.Key { return t.kids[at.Parent][at.Name] }

// elsewhere says that a base item stands at another place than its base row's.
func (t *local) elsewhere(k plan.Key) bool {
	it, ok := t.diff[k]
	return ok && t.standing(it.place) == k
}

func (t *local) missing(k plan.Key) bool {
	it, ok := t.diff[k]
	return ok && it.kind == plan.None
}

// away says that a base item does not stand where its base row says.
func (t *local) away(k plan.Key) bool { return t.missing(k) || t.elsewhere(k) }

// find follows a path from the root; ok is false as soon as a name is not known.
func (t *local) find(rel string) (plan.Key, bool) {
	k := t.root
	for rel != "" {
		var name string
		name, rel, _ = strings.Cut(rel, "/")
		var ok bool
		if k, ok = t.child(k, name); !ok {
			return 0, false
		}
	}
	return k, true
}

// path is where k stands, or stood when last seen.
func (t *local) path(k plan.Key) string {
	var steps []string
	for f := range t.up(k) {
		steps = append(steps, t.placeOf(f).Name)
	}
	slices.Reverse(steps)
	return path.Join(steps...)
}

// up lists k and the folders that it is in, but for the synced folder.
func (t *local) up(k plan.Key) iter.Seq[plan.Key] {
	return func(yield func(plan.Key) bool) {
		for range deepest {
			if k == t.root || k == 0 || !yield(k) {
				return
			}
			k = t.placeOf(k).Parent
		}
	}
}

// placeOf is where k stands, or stood when last seen.
func (t *local) placeOf(k plan.Key) plan.Place {
	if it, ok := t.diff[k]; ok {
		return it.place
	}
	if b, ok := t.base(k); ok {
		return plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}
	}
	return plan.Place{}
}

func (t *local) children(parent plan.Key) []plan.Key {
	var out []plan.Key
	for _, b := range t.baseChildren(parent) {
		if !t.away(plan.Key(b.N)) && t.Local(plan.Key(b.N)).Kind != plan.None {
			out = append(out, plan.Key(b.N))
		}
	}
	return append(out, slices.Collect(maps.Values(t.kids[parent]))...)
}

func (t *local) baseChildren(parent plan.Key) []state.Base {
	rows, err := t.db.BaseChildren(t.folder, int64(parent))
	if err != nil {
		panic(stateError{err})
	}
	return rows
}

// named lists what stands in parent under a name that folds like name.
func (t *local) named(parent plan.Key, name string) []plan.Key {
	var out []plan.Key
	b, ok := t.baseAt(parent, name)
	if k := plan.Key(b.N); ok && !t.away(k) && t.Local(k).Kind != plan.None {
		out = append(out, k)
	}
	f := folded(plan.Place{Parent: parent, Name: name})
	if k := t.standing(f); k != 0 {
		out = append(out, k)
	}
	return append(out, t.fold[f]...)
}

// touch notes that k must be decided again.
func (t *local) touch(k plan.Key) { t.look[k] = struct{}{} }

// put lets k stand at it.place, apart from its base.
func (t *local) put(k plan.Key, it *item) {
	t.diff[k] = it
	m := t.kids[it.place.Parent]
	if m == nil {
		m = map[string]plan.Key{}
		t.kids[it.place.Parent] = m
	}
	m[it.place.Name] = k
	if f := folded(it.place); f != it.place {
		t.fold[f] = append(t.fold[f], k)
	}
	t.touch(k)
}

// folded is a place as names are compared.
func folded(at plan.Place) plan.Place {
	return plan.Place{Parent: at.Parent, Name: names.Fold(at.Name)}
}

// lift takes k off the place it stands at apart from its base.
func (t *local) lift(k plan.Key) {
	it, ok := t.diff[k]
	if !ok || t.standing(it.place) != k {
		return
	}
	delete(t.kids[it.place.Parent], it.place.Name)
	if len(t.kids[it.place.Parent]) == 0 {
		delete(t.kids, it.place.Parent)
	}
	f := folded(it.place)
	if f == it.place {
		return
	}
	if t.fold[f] = slices.DeleteFunc(t.fold[f], func(o plan.Key) bool { return o == k }); len(t.fold[f]) == 0 {
		delete(t.fold, f)
	}
}

// forget drops what is known of k beyond its base.
func (t *local) forget(k plan.Key) {
	if _, ok := t.diff[k]; ok {
		t.lift(k)
		delete(t.diff, k)
		t.touch(k)
	}
}

// A stateError carries a failure of the database out of the trees; the engine's
// loop recovers it and stops.
type stateError struct{ error }

func (e stateError) Unwrap() error { return e.error }

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
