package syncer

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/state"
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
}

// local is the tree on disk: the base, overlaid with the items that differ from
// it. It is owned by the engine's loop.
type local struct {
	db     *state.DB
	folder int64
	root   plan.Key
	now    func() time.Time
	settle time.Duration

	rows map[plan.Key]state.Base   // of the base, as read since it was last written …
	spot map[plan.Place]state.Base // … and the same by folded name
	diff map[plan.Key]*item
	kids map[plan.Key]map[string]plan.Key // where the new and the moved items stand …
	fold map[plan.Place][]plan.Key        // … and, where it is not their name, the same by folded name
	bind map[plan.Key]plan.Key            // a key that an item went by → the one it goes by now
	look map[plan.Key]struct{}            // changed since the last plan
	gone bool                             // something is missing: new items may be it
	deep map[string]struct{}              // folders that must be read again with all below them
}

func newLocal(db *state.DB, folder int64, root plan.Key, now func() time.Time, settle time.Duration) *local {
	return &local{
		db: db, folder: folder, root: root, now: now, settle: settle,
		rows: map[plan.Key]state.Base{}, spot: map[plan.Place]state.Base{}, diff: map[plan.Key]*item{}, kids: map[plan.Key]map[string]plan.Key{}, fold: map[plan.Place][]plan.Key{},
		bind: map[plan.Key]plan.Key{}, look: map[plan.Key]struct{}{}, deep: map[string]struct{}{},
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

// base is the agreement on k. Rows are kept until the next one is written:
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

// written lets the base be read anew.
func (t *local) written() {
	clear(t.rows)
	clear(t.spot)
}

// Local says what is true of k on disk.
func (t *local) Local(k plan.Key) plan.Local {
	if k == t.root {
		return plan.Local{Kind: plan.Dir}
	}
	if it, ok := t.diff[k]; ok {
		return t.under(it.place.Parent, it.local())
	}
	b, ok := t.base(k)
	if !ok {
		return plan.Local{}
	}
	return t.under(plan.Key(b.Parent), plan.Local{
		Place:   plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName},
		Kind:    plan.Kind(b.Kind),
		Content: plan.Content{Size: b.Size, MTime: b.MTime, Hash: plan.Hash(b.Hash)},
		Print:   printOf(b),
	})
}

// under gives l as it is below parent: gone or unknown if parent is.
func (t *local) under(parent plan.Key, l plan.Local) plan.Local {
	if l.Kind == plan.None || l.Kind == plan.Unknown {
		return l
	}
	switch p := t.Local(parent); p.Kind {
	case plan.None:
		return plan.Local{Place: l.Place}
	case plan.Unknown:
		return plan.Local{Place: l.Place, Kind: plan.Unknown, Why: p.Why}
	}
	return l
}

func (it *item) local() plan.Local {
	l := plan.Local{Place: it.place, Kind: it.kind, Why: it.why, Edited: it.edit, Print: it.print}
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
	if k == t.root || k == 0 {
		return ""
	}
	place := plan.Place{}
	if it, ok := t.diff[k]; ok {
		place = it.place
	} else if b, ok := t.base(k); ok {
		place = plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}
	}
	return path.Join(t.path(place.Parent), place.Name)
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
func folded(at plan.Place) plan.Place { return plan.Place{Parent: at.Parent, Name: plan.Fold(at.Name)} }

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

// see takes note of one directory entry in parent. b is the base row of that
// name, nil when there is none. The path decides identity as long as the kind
// is the same: an editor that saves by writing a new file and renaming it over
// the old one has edited it.
func (t *local) see(parent plan.Key, e watcher.Entry, b *state.Base) plan.Key {
	kind, why := kindOf(e)
	if b != nil && plan.Kind(b.Kind) == kind {
		return t.seeBase(parent, e, b)
	}
	if b != nil && !t.away(plan.Key(b.N)) {
		t.miss(plan.Key(b.N))
	}
	place := plan.Place{Parent: parent, Name: e.Name}
	if k := t.standing(place); k != 0 {
		if old := t.diff[k]; old.kind == kind {
			t.refresh(k, old, e)
			return k
		}
		t.vanish(k)
	}
	k := plan.Key(t.db.NextKey())
	t.put(k, &item{
		place: place, kind: kind, why: why, print: printOfEntry(e), nlink: e.NLink,
		edit: true, fresh: true, young: t.settled(e),
	})
	return k
}

func (t *local) seeBase(parent plan.Key, e watcher.Entry, b *state.Base) plan.Key {
	k := plan.Key(b.N)
	if t.elsewhere(k) {
		t.demote(k)
	}
	clean := e.Kind == watcher.Dir || printOfEntry(e) == printOf(*b) && !b.Racy
	if clean {
		t.forget(k)
		return k
	}
	old := t.diff[k]
	if old != nil && old.kind == plan.File && old.print == printOfEntry(e) {
		return k
	}
	t.diff[k] = &item{
		place: plan.Place{Parent: parent, Name: e.Name}, kind: plan.File, print: printOfEntry(e),
		nlink: e.NLink, edit: true, young: t.settled(e),
	}
	t.touch(k)
	return k
}

// demote lets what was taken for base item k, moved, be a new item: its old
// path is occupied again, so that is where k is (the old log was rotated away,
// the editor keeps a backup).
func (t *local) demote(k plan.Key) {
	it := t.diff[k]
	t.lift(k)
	delete(t.diff, k)
	it.fresh, it.edit, it.hash = true, it.kind == plan.File, ""
	t.put(plan.Key(t.db.NextKey()), it)
	if it.kind == plan.Dir {
		t.deep[t.path(t.standing(it.place))] = struct{}{}
	}
	t.touch(k)
}

// renew lets the file k, which the base has no longer, be a new item.
func (t *local) renew(k plan.Key, l plan.Local) {
	it, ok := t.diff[k]
	if !ok {
		it = &item{place: l.Place, kind: l.Kind, print: l.Print, nlink: 1}
	}
	t.lift(k)
	delete(t.diff, k)
	it.fresh, it.edit, it.hash = true, true, l.Hash
	to := plan.Key(t.db.NextKey())
	t.bind[k] = to
	t.put(to, it)
}

// refresh brings a new or moved item up to what was just seen of it.
func (t *local) refresh(k plan.Key, it *item, e watcher.Entry) {
	if it.print == printOfEntry(e) {
		return
	}
	if it.kind == plan.File {
		it.hash, it.edit, it.young = "", true, t.settled(e)
		t.touch(k)
	}
	it.print, it.nlink = printOfEntry(e), e.NLink
}

// settled is when a file that was just seen may be acted upon: once nobody has
// changed it for the settle time. Its clock is the file's own, so a file copied
// here with an old mtime is judged by its ctime.
func (t *local) settled(e watcher.Entry) time.Time {
	if e.Kind != watcher.File {
		return time.Time{}
	}
	last := time.Unix(0, max(e.MTime, e.CTime))
	if now := t.now(); last.After(now) {
		last = now // a clock that was set back must not keep the file waiting
	}
	return last.Add(t.settle)
}

// miss notes that a base item is not where it was. It is not taken for deleted
// before the settle time is over: a rename shows its two names one after the other.
func (t *local) miss(k plan.Key) {
	if t.missing(k) {
		return
	}
	place := plan.Place{}
	if it, ok := t.diff[k]; ok {
		place = it.place
		t.lift(k)
	} else if b, ok := t.base(k); ok {
		place = plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}
	}
	t.diff[k] = &item{place: place, young: t.now().Add(t.settle)}
	t.gone = true
	t.touch(k)
}

// vanish notes that a new or moved item, and what is new below it, is no longer
// where it was seen.
func (t *local) vanish(k plan.Key) {
	if it, ok := t.diff[k]; !ok || !it.fresh {
		t.miss(k)
		return
	}
	for _, c := range slices.Collect(maps.Values(t.kids[k])) {
		t.vanish(c)
	}
	t.forget(k)
}

// unknown notes that k, and all below it, cannot be told now.
func (t *local) unknown(k plan.Key, why string) {
	it, ok := t.diff[k]
	if !ok {
		b, _ := t.base(k)
		it = &item{place: plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}}
		t.diff[k] = it
	}
	it.kind, it.why = plan.Unknown, why
	t.touch(k)
}

func kindOf(e watcher.Entry) (plan.Kind, string) {
	switch e.Kind {
	case watcher.File:
		return plan.File, ""
	case watcher.Dir:
		return plan.Dir, ""
	case watcher.Mount:
		return plan.Unknown, "another file system is mounted here"
	}
	return plan.Other, e.Why
}

// seeAll takes note of a whole directory: all entries of parent, and the base
// rows of its children. Names that skip speaks for are passed over; found is
// told the key of each entry.
func (t *local) seeAll(parent plan.Key, entries []watcher.Entry, rows []state.Base, skip func(name string) bool, found func(watcher.Entry, plan.Key)) {
	byName := make(map[string]*state.Base, len(rows))
	for i := range rows {
		byName[rows[i].LocalName] = &rows[i]
	}
	there := make(map[string]struct{}, len(entries))
	for _, e := range entries {
		there[e.Name] = struct{}{}
		if !skip(e.Name) {
			found(e, t.see(parent, e, byName[e.Name]))
		}
	}
	for i := range rows {
		k := plan.Key(rows[i].N)
		if _, ok := there[rows[i].LocalName]; !ok && !t.away(k) && !skip(rows[i].LocalName) {
			t.miss(k)
		}
	}
	for name, k := range maps.Clone(t.kids[parent]) {
		if _, ok := there[name]; !ok && !skip(name) {
			t.vanish(k)
		}
	}
}

// join finds new items that are base items gone missing elsewhere: the same
// inode under another path is the same item, moved. It runs after a look is
// complete, so that the order in which folders were read does not matter.
func (t *local) join() {
	for t.gone {
		t.gone = false // set again by what a moved folder turns out to lack
		for _, k := range t.news() {
			if it := t.diff[k]; it == nil || t.standing(it.place) != k {
				continue // went along with its folder
			}
			if from, ok := t.origin(k); ok {
				t.moved(from, k)
			}
		}
	}
}

// news lists the new files and folders, those nearest to the root first.
func (t *local) news() []plan.Key {
	depth := map[plan.Key]int{}
	var keys []plan.Key
	for k, it := range t.diff {
		if it.fresh && (it.kind == plan.File || it.kind == plan.Dir) {
			keys = append(keys, k)
			depth[k] = strings.Count(t.path(k), "/")
		}
	}
	slices.SortFunc(keys, func(a, b plan.Key) int {
		return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(a, b))
	})
	return keys
}

// origin is the missing base item that new item k is: one inode, one birth, and
// for a file either the same size and mtime or a birth time that proves it.
// A file with several names is not followed.
func (t *local) origin(k plan.Key) (plan.Key, bool) {
	it := t.diff[k]
	if it.kind == plan.File && it.nlink > 1 {
		return 0, false
	}
	rows, err := t.db.BaseByIno(t.folder, it.print.Ino)
	if err != nil {
		panic(stateError{err})
	}
	var found []plan.Key
	for _, b := range rows {
		same := b.Born == it.print.Born && (it.kind == plan.Dir || b.Born != 0 || sameBytes(printOf(b), it.print))
		if same && plan.Kind(b.Kind) == it.kind && t.Local(plan.Key(b.N)).Kind == plan.None {
			found = append(found, plan.Key(b.N))
		}
	}
	if len(found) != 1 {
		return 0, false
	}
	return found[0], true
}

// moved joins new item k with base item from, which it turned out to be.
func (t *local) moved(from, k plan.Key) {
	it := t.diff[k]
	it.fresh = false
	inside := maps.Clone(t.kids[k])
	t.lift(k)
	delete(t.diff, k)
	t.bind[k] = from
	b, _ := t.base(from)
	delete(t.diff, from)
	if it.kind == plan.File && sameBytes(printOf(b), it.print) && !b.Racy {
		it.edit, it.hash = false, plan.Hash(b.Hash)
	} else {
		it.edit = it.kind == plan.File
	}
	t.put(from, it)
	if it.kind == plan.Dir {
		t.graft(from, k, inside)
	}
}

// graft hangs what was seen below k, while k was taken for a new folder, below
// the folder it really is, and compares it with that folder's base.
func (t *local) graft(folder, k plan.Key, inside map[string]plan.Key) {
	rows := t.baseChildren(folder)
	byName := make(map[string]*state.Base, len(rows))
	for i := range rows {
		byName[rows[i].LocalName] = &rows[i]
	}
	for name, c := range inside {
		it := t.diff[c]
		b := byName[name]
		if b == nil || !it.fresh || plan.Kind(b.Kind) != it.kind || t.elsewhere(plan.Key(b.N)) {
			t.lift(c)
			it.place.Parent = folder
			t.put(c, it)
			continue
		}
		deeper := maps.Clone(t.kids[c])
		t.lift(c)
		delete(t.diff, c)
		same := plan.Key(b.N)
		t.bind[c] = same
		delete(t.diff, same)
		if it.kind == plan.File && (it.print != printOf(*b) || b.Racy) {
			it.place, it.fresh = plan.Place{Parent: folder, Name: name}, false
			t.diff[same] = it
		}
		t.touch(same)
		if it.kind == plan.Dir {
			t.graft(same, c, deeper)
		}
	}
	for i := range rows {
		if _, ok := inside[rows[i].LocalName]; !ok && !t.away(plan.Key(rows[i].N)) {
			t.miss(plan.Key(rows[i].N))
		}
	}
}

// rekey lets the item that went by from go by to. bound says that from had a
// base row, by which other items may stand below it.
func (t *local) rekey(from, to plan.Key, bound bool) {
	if from == to {
		return
	}
	t.bind[from] = to
	if it, ok := t.diff[from]; ok {
		standing := t.standing(it.place) == from
		t.lift(from)
		delete(t.diff, from)
		if standing {
			t.put(to, it)
		} else {
			t.diff[to] = it
		}
	}
	for _, c := range slices.Collect(maps.Values(t.kids[from])) {
		it := t.diff[c]
		t.lift(c)
		it.place.Parent = to
		t.put(c, it)
	}
	if bound {
		for _, it := range t.diff { // edited and missing ones, which stand by their base
			if it.place.Parent == from {
				it.place.Parent = to
			}
		}
	}
	t.touch(to)
}

// A stateError carries a failure of the database out of the trees; the engine's
// loop recovers it and stops.
type stateError struct{ error }

func (e stateError) Unwrap() error { return e.error }

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
