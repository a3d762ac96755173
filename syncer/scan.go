package syncer

import (
	"container/heap"
	"context"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// A visit is a folder still to be read.
type visit struct {
	key   plan.Key
	path  string
	mtime int64 // as the parent's listing told: another one later means the folder changed while it was read
	ctime int64
}

// byKey is a heap of visits, least key first: the order in which the base
// brings its rows, so that the whole comparison is one sequential read.
type byKey []visit

func (h byKey) Len() int           { return len(h) }
func (h byKey) Less(i, j int) bool { return h[i].key < h[j].key }
func (h byKey) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byKey) Push(v any)        { *h = append(*h, v.(visit)) }
func (h *byKey) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h = old[:len(old)-1]
	return v
}

// scan reads the whole folder and notes what is not as the base remembers it.
// A thing missed is looked for a second time before it counts: a file that is
// moved, during the scan, from a folder not yet read into one already read is
// seen nowhere. One that is moved the other way is seen twice: so it is looked for
// where it was before it counts as new.
func (e *Engine) scan(ctx context.Context) error {
	top, err := e.fs.Lstat("")
	if err != nil {
		return e.folderError(err)
	}
	rows := newBaseReader(e.db, e.cfg.Folder.N)
	defer rows.stop()
	agreed := rows.more
	visits := &byKey{{key: e.root, mtime: top.MTime, ctime: top.CTime}}
	var done []visit
	var buf []watcher.Entry
	for visits.Len() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.beats.Add(1)
		v := heap.Pop(visits).(visit)
		e.watch(v.path)
		buf, err = e.fs.ReadDir(v.path, buf)
		if err != nil {
			if v.key == e.root {
				return e.folderError(err)
			}
			e.unreadable(v.key, v.path, err)
			continue
		}
		base, err := rows.children(v.key)
		if err != nil {
			return err
		}
		e.seeDir(v.key, v.path, true, buf, base, func(c visit) { heap.Push(visits, c) })
		done = append(done, v)
		e.progress.look(len(buf))
	}
	if agreed { // else nothing has been anywhere
		e.lookWhereAllWere()
	}
	e.secondLook(done)
	e.join()
	if e.once {
		e.local.sure()
	} else {
		e.local.unsure()
	}
	e.sum.LeftAlone = e.local.leftAlone()
	return nil
}

// secondLook reads again the folders that changed while the scan ran, if the
// scan missed anything, until none does (or a storm of changes leaves it to the
// watcher and the next pass).
func (e *Engine) secondLook(done []visit) {
	for range 3 {
		if !e.local.gone {
			return
		}
		changed := false
		for i, v := range done {
			now, err := e.fs.Lstat(v.path)
			if err != nil || now.MTime == v.mtime && now.CTime == v.ctime {
				continue
			}
			changed = true
			done[i].mtime, done[i].ctime = now.MTime, now.CTime
			if k, ok := e.local.find(v.path); ok {
				e.readDir(k, v.path, false)
			}
		}
		if !changed {
			return
		}
	}
}

// unsure lets what the completed scan missed wait for somewhat more than the quiet
// period: of what was moved meanwhile to where the scan had been, an event tells, and
// it may come as late as that.
func (t *local) unsure() {
	for _, it := range t.diff {
		if it.kind == plan.None {
			it.young = t.now().Add(t.settle + t.settle/2)
		}
	}
}

// sure lets what the completed scan missed count as gone. Nothing more is heard in a
// single pass.
func (t *local) sure() {
	clear(t.going)
	for _, it := range t.diff {
		if it.kind == plan.None {
			it.young = it.young.Add(-t.settle)
		}
	}
}

// leftAlone counts what stands here that is of no kind to be synced.
func (t *local) leftAlone() map[string]int {
	kinds := map[string]int{}
	for _, it := range t.diff {
		if it.kind == plan.Other {
			kinds[it.why]++
		}
	}
	return kinds
}

// seeDir notes one folder's entries and names the folders in it to enter.
func (e *Engine) seeDir(k plan.Key, rel string, deep bool, entries []watcher.Entry, base []state.Base, enter func(visit)) {
	skip := func(name string) bool { return e.inHand(k, name, deep) }
	e.local.seeAll(k, entries, base, skip, func(c watcher.Entry, ck plan.Key) {
		if isFolder(c) {
			enter(visit{ck, path.Join(rel, c.Name), c.MTime, c.CTime})
		}
	})
}

func isFolder(e watcher.Entry) bool {
	kind, _ := kindOf(e)
	return kind == plan.Dir
}

// inHand says that an action of ours is at work under this name: what is seen
// there now is half done, and is looked at again when the action has ended, as
// deeply as it was to be.
func (e *Engine) inHand(parent plan.Key, name string, deep bool) bool {
	if e.slots[plan.Place{Parent: parent, Name: name}] == 0 {
		return false
	}
	e.lookAgain(path.Join(e.local.path(parent), name), deep)
	return true
}

// lookAt follows a hint: something about rel, and with deep about all below it,
// may have changed. Nothing in the private area is an item.
func (e *Engine) lookAt(rel string, deep bool) {
	if watcher.IsPrivate(rel) {
		return
	}
	if rel == "" {
		e.readDir(e.root, "", deep)
		return
	}
	parent, ok := e.local.find(dirOf(rel))
	if !ok {
		e.lookAt(dirOf(rel), false)
		return
	}
	if kind := e.local.Local(parent).Kind; kind == plan.File || kind == plan.Other {
		return // nothing is in it, whatever stood there before
	}
	name := path.Base(rel)
	if e.inHand(parent, name, deep) {
		return
	}
	entry, err := e.fs.Lstat(rel)
	k, known := e.local.child(parent, name)
	switch {
	case gone(err) && known && e.isThere(dirOf(rel)):
		e.local.vanish(k)
		e.searchAll(k)
	case gone(err):
		e.lookAt(dirOf(rel), false) // its folder may be what is gone, with it
	case err != nil:
		if !known {
			k = e.local.unseen(plan.Place{Parent: parent, Name: name})
		}
		e.unknown(k, reason(err))
	default:
		if known && e.local.Local(k).Kind == plan.Unknown {
			known, e.stirred = false, true // what is in it waited along
		}
		k = e.local.see(parent, entry, e.baseRow(parent, name))
		e.lookWhereItWas(k)
		if isFolder(entry) && (deep || !known) {
			e.enter([]visit{{path: rel}})
		}
	}
}

// isThere reports whether something stands at that path.
func (e *Engine) isThere(rel string) bool {
	if rel == "" {
		return true
	}
	_, err := e.fs.Lstat(rel)
	return !gone(err)
}

// lookAgain has a path looked at once no action is at work there.
func (e *Engine) lookAgain(rel string, deep bool) { e.again[rel] = e.again[rel] || deep }

// searchAll has a single pass, to which no event tells where a thing went that
// goes away meanwhile, look at the whole folder before it counts as gone.
func (e *Engine) searchAll(k plan.Key) {
	if e.once && e.searchAt.IsZero() && e.local.missing(k) {
		e.searchAt = e.clock.Now().Add(e.cfg.Settle / 2)
	}
}

// readDir looks at one folder, and with deep at all folders below it; new ones,
// and those that could not be looked at before, are always entered.
func (e *Engine) readDir(k plan.Key, rel string, deep bool) {
	e.watch(rel)
	entries, err := e.fs.ReadDir(rel, nil)
	if err != nil {
		e.unreadable(k, rel, err)
		return
	}
	known := e.db.NextKey() // keys given from here on are those of new items
	base := e.local.baseChildren(k)
	waited := map[plan.Key]bool{}
	for _, b := range base {
		if it, ok := e.local.diff[plan.Key(b.N)]; ok && it.kind == plan.Unknown {
			waited[plan.Key(b.N)], e.stirred = true, true
		}
	}
	var inside []visit
	e.seeDir(k, rel, deep, entries, base, func(c visit) {
		if deep || c.key > plan.Key(known) || waited[c.key] {
			inside = append(inside, c)
		}
	})
	for _, c := range slices.Sorted(maps.Values(e.local.kids[k])) {
		if c > plan.Key(known) {
			e.lookWhereItWas(c)
		}
	}
	e.enter(inside)
}

// enter reads folders with all below them. One that was moved is known as such
// before that: what is in it is not new.
func (e *Engine) enter(folders []visit) {
	for _, c := range folders {
		if k, ok := e.local.find(c.path); ok {
			e.local.follow(k)
			e.readDir(e.local.key(k), c.path, true)
		}
	}
}

// lookWhereItWas looks whether the base items that new item k has the inode of
// still stand where they are thought to. If one is gone, k is the same item, moved,
// and not a new one: the hint that came of its new name may be the first, or the only
// one. Nothing else is followed from there: two that seem to have taken each other's
// place would lead to one another for ever.
func (e *Engine) lookWhereItWas(k plan.Key) {
	it, ok := e.local.diff[k]
	if !ok || !it.fresh {
		return
	}
	for _, b := range e.local.sameInode(it) {
		from := plan.Key(b.N)
		if at := e.local.placeOf(from); e.local.Local(from).Kind == plan.None || e.inHand(at.Parent, at.Name, false) {
			continue
		}
		there, err := e.fs.Lstat(e.local.path(from))
		if gone(err) || err == nil && e.local.isOther(from, there) {
			e.local.vanish(from)
			e.searchAll(from)
		}
	}
}

// isOther reports whether e, which stands where base item k is thought to, is certainly not
// k: it is of another kind, or another folder where k was moved to. A file may have been
// saved anew.
func (t *local) isOther(k plan.Key, e watcher.Entry) bool {
	kind, _ := kindOf(e)
	b, _ := t.base(k)
	return plan.Kind(b.Kind) != kind || t.elsewhere(k) && t.replaced(k, e.Ino)
}

// lookWhereAllWere looks where all new items were, folders before what is in them.
func (e *Engine) lookWhereAllWere() {
	for _, k := range e.local.news() {
		e.lookWhereItWas(k)
	}
}

// join makes one item of what was seen under two names. New items of which that could
// not be told until an action had ended may have moved on meanwhile.
func (e *Engine) join() {
	for _, k := range e.local.released() {
		e.lookAt(e.local.path(k), false)
	}
	e.local.join()
}

func (e *Engine) baseRow(parent plan.Key, name string) *state.Base {
	b, ok := e.local.baseAt(parent, name)
	if !ok || b.LocalName != name {
		return nil
	}
	return &b
}

// unreadable notes that a folder cannot be listed now. One that went away is
// left to its parent's listing.
func (e *Engine) unreadable(k plan.Key, rel string, err error) {
	if gone(err) {
		e.lookAgain(rel, false)
		return
	}
	e.unknown(k, "cannot be read: "+reason(err))
}

// unknown lets k wait. It is looked at again by and by, for no event may come when
// that is possible.
func (e *Engine) unknown(k plan.Key, why string) {
	e.local.unknown(k, why)
	if !e.once {
		e.lookLater(k, e.clock.Now().Add(10*time.Minute))
	}
}

func (e *Engine) watch(rel string) {
	if e.cfg.Watch == nil {
		return
	}
	if err := e.cfg.Watch.Add(rel); err != nil && !gone(err) && !e.ends() {
		e.log.Warn("not watched", "path", rel, "err", err)
	}
}

func dirOf(rel string) string {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i]
	}
	return ""
}

// A baseReader hands out the base's rows folder by folder: from one sequential
// read as long as folders are asked for in the order of their keys, by a query
// of its own for one that comes late.
type baseReader struct {
	db     *state.DB
	folder int64
	next   func() (state.Base, error, bool)
	stop   func()
	row    state.Base
	asked  int64 // the greatest key so far
	more   bool
	err    error
	buf    []state.Base
}

func newBaseReader(db *state.DB, folder int64) *baseReader {
	r := &baseReader{db: db, folder: folder}
	r.next, r.stop = iter.Pull2(db.WalkBase(folder))
	r.step()
	return r
}

func (r *baseReader) step() {
	if r.row, r.err, r.more = r.next(); r.err != nil {
		r.more = false
	}
}

func (r *baseReader) children(k plan.Key) ([]state.Base, error) {
	if int64(k) < r.asked {
		return r.db.BaseChildren(r.folder, int64(k))
	}
	r.asked = int64(k)
	for r.more && r.row.Parent < int64(k) {
		r.step() // below a folder that is not there
	}
	r.buf = r.buf[:0]
	for r.more && r.row.Parent == int64(k) {
		r.buf = append(r.buf, r.row)
		r.step()
	}
	return r.buf, r.err
}
