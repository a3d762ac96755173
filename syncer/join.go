package syncer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tandem/state"
	"tandem/syncer/plan"
)

// join finds new items that are base items gone missing elsewhere: the same
// inode under another path is the same item, moved. It runs after a look is
// complete, so that the order in which folders were read does not matter; and
// the old name may have been looked at long before the new one.
func (t *local) join() {
	for t.gone || len(t.seen) > 0 { // set again by what a moved folder turns out to lack, or to have
		keys := t.seen // in which a folder comes before what is in it
		if t.gone {
			keys = t.news()
		}
		t.gone, t.seen = false, nil
		for _, k := range keys {
			t.follow(k)
		}
	}
}

// released takes off the new items that waited for an action which has ended: it can
// be told now who they are.
func (t *local) released() []plan.Key {
	var keys []plan.Key
	for k, by := range t.awaits {
		if t.busy[by] > 0 {
			continue
		}
		delete(t.awaits, k)
		if _, still := t.diff[k]; still {
			keys = append(keys, k)
			t.touch(k)
		}
	}
	slices.Sort(keys)
	t.seen = append(keys, t.seen...)
	return keys
}

// follow joins new item k with the base item that it is, if it is one that was
// moved. As long as an action is at work on that, or on a folder that it was in,
// nobody can tell: its end may be that k is new.
func (t *local) follow(k plan.Key) {
	if it := t.diff[k]; it == nil || !it.fresh || t.standing(it.place) != k {
		return // went along with its folder
	}
	if t.busy[k] > 0 {
		return // about to be agreed upon as what it was taken for
	}
	if t.Local(k).Kind == plan.None {
		return // it went with its folder, which may be in it by now
	}
	from, ok := t.origin(k)
	by := t.sent(k)
	if ok {
		by = t.atWork(from)
	}
	switch {
	case by != 0:
		if t.awaits[k] = by; ok {
			t.claims[from] = k
		}
	case ok:
		t.same(from, k)
	}
}

// claimed reports whether a new item that waits for an action to end may be k, moved: as
// long as that cannot be told k is not deleted.
func (t *local) claimed(k plan.Key) bool {
	by, ok := t.claims[k]
	if !ok {
		return false
	}
	if _, waits := t.awaits[by]; waits {
		return true
	}
	delete(t.claims, k)
	return false
}

// stoodIn is the new item that may be k, moved, as long as it stands somewhere, or 0.
func (t *local) stoodIn(k plan.Key) plan.Key {
	by := t.key(t.claims[k])
	if it, ok := t.diff[by]; ok && it.fresh && t.Local(by).Kind != plan.None {
		return by
	}
	return 0
}

// atWork is what an action is at work on of a base item and the folders that it
// is in by the base, or 0: what is deleted online with its folder is deleted, too.
func (t *local) atWork(k plan.Key) plan.Key {
	for range deepest {
		if k == t.root || k == 0 {
			break
		}
		if t.busy[k] > 0 {
			return k
		}
		b, _ := t.base(k)
		k = plan.Key(b.Parent)
	}
	return 0
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
	var found []plan.Key
	for _, b := range t.sameInode(t.diff[k]) {
		if t.Local(plan.Key(b.N)).Kind == plan.None {
			found = append(found, plan.Key(b.N))
		}
	}
	if len(found) != 1 {
		return 0, false
	}
	return found[0], true
}

// sent is the item of the same inode that is on its way online under an earlier
// name, or 0.
func (t *local) sent(k plan.Key) plan.Key {
	it := t.diff[k]
	by := t.sending[it.print.Ino]
	if it.print.Ino == 0 || it.kind == plan.File && it.nlink > 1 || by == k {
		return 0
	}
	return by
}

// sameInode lists the agreements on what may be the same thing as it.
func (t *local) sameInode(it *item) []state.Base {
	if it.kind == plan.File && it.nlink > 1 {
		return nil
	}
	rows, err := t.db.BaseByIno(t.folder, it.print.Ino)
	if err != nil {
		panic(stateError{err})
	}
	return slices.DeleteFunc(rows, func(b state.Base) bool {
		same := b.Born == it.print.Born && (it.kind == plan.Dir || b.Born != 0 || sameBytes(printOf(b), it.print))
		return !same || plan.Kind(b.Kind) != it.kind
	})
}

// same joins new item k with base item from, which it turned out to be: moved,
// or back where the base has it.
func (t *local) same(from, k plan.Key) {
	it := t.diff[k]
	b, _ := t.base(from)
	if t.missing(from) && it.kind == plan.Dir {
		t.back(from)
	}
	inside := maps.Clone(t.kids[k])
	t.lift(k)
	delete(t.diff, k)
	t.lift(from)
	delete(t.diff, from)
	t.rename(k, from)
	it.fresh = false
	if it.kind == plan.File && sameBytes(printOf(b), it.print) && !b.Racy {
		it.edit, it.hash = false, plan.Hash(b.Hash)
	} else {
		it.edit = it.kind == plan.File
	}
	switch {
	case it.place != (plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}):
		t.put(from, it)
	case it.kind == plan.File && (it.print != printOf(b) || b.Racy):
		t.diff[from] = it
	}
	t.touch(from)
	if it.kind == plan.Dir {
		t.graft(from, k, inside)
	}
}

// meet joins new item k, which stands where the base has item there, with that: the
// path decides who it is. An action that is at work on either has to end before.
func (t *local) meet(there, k plan.Key) {
	if by := t.atWork(there); by != 0 {
		t.awaits[k] = by
	} else if t.busy[k] == 0 {
		t.same(there, k)
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
	var left []plan.Key
	for _, name := range slices.Sorted(maps.Keys(inside)) {
		c := inside[name]
		it := t.diff[c]
		if old := t.standing(plan.Place{Parent: folder, Name: name}); old != 0 {
			if t.diff[old].kind == it.kind && it.fresh {
				t.merge(old, c)
				continue
			}
			t.lift(old)
			left = append(left, old)
		}
		t.lift(c)
		it.place.Parent = folder
		t.put(c, it)
		b := byName[name]
		if b != nil && it.fresh && plan.Kind(b.Kind) == it.kind && !t.elsewhere(plan.Key(b.N)) {
			delete(byName, name)
			t.meet(plan.Key(b.N), c)
		}
	}
	for _, b := range rows {
		if k := plan.Key(b.N); byName[b.LocalName] != nil && !t.away(k) {
			t.miss(k)
		}
	}
	for name, c := range t.kids[folder] {
		if _, ok := inside[name]; !ok {
			left = append(left, c)
		}
	}
	for _, c := range left { // they were seen in the folder before it was moved
		t.vanish(c)
	}
}

// merge joins new item k with old, which was seen under the same name before the
// folder was moved.
func (t *local) merge(old, k plan.Key) {
	it, was := t.diff[k], t.diff[old]
	inside := maps.Clone(t.kids[k])
	t.lift(k)
	delete(t.diff, k)
	t.rename(k, old)
	if was.print != it.print && it.kind == plan.File {
		was.edit, was.hash, was.young = true, "", it.young
	}
	was.print, was.nlink = it.print, it.nlink
	t.touch(old)
	if it.kind == plan.Dir {
		t.graft(old, k, inside)
	}
}

// stays notes that k stands where it was before it was renamed here, if it went back
// while that was done online: it stood there by its base, which says otherwise now.
func (t *local) stays(k plan.Key, was, b state.Base) {
	old := plan.Place{Parent: t.key(plan.Key(was.Parent)), Name: was.LocalName}
	if was.N == 0 || t.away(k) || old == (plan.Place{Parent: plan.Key(b.Parent), Name: b.LocalName}) {
		return
	}
	it, ok := t.diff[k]
	if !ok {
		it = &item{place: old, kind: plan.Kind(was.Kind), print: printOf(was), hash: plan.Hash(was.Hash), nlink: 1}
	}
	t.put(k, it)
}

// rekey lets the item that went by from go by to. bound says that from had a
// base row, by which other items may stand below it.
func (t *local) rekey(from, to plan.Key, bound bool) {
	if from == to {
		return
	}
	t.rename(from, to)
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
