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
	seen := t.seen
	t.seen = nil
	var later []plan.Key
	for t.gone || len(seen) > 0 {
		keys := seen // in which a folder comes before what is in it
		if t.gone {
			keys = t.news()
		}
		t.gone, seen = false, nil // set again by what a moved folder turns out to lack
		for _, k := range keys {
			if t.follow(k) {
				later = append(later, k)
			}
		}
	}
	t.seen = append(t.seen, later...)
}

// follow joins new item k with the base item that it is, if it is one that was
// moved. It is to be asked again later where that is about to be gone online as
// well: then k is new.
func (t *local) follow(k plan.Key) (again bool) {
	if it := t.diff[k]; it == nil || !it.fresh || t.standing(it.place) != k {
		return false // went along with its folder
	}
	if t.busy[k] > 0 {
		return false // about to be agreed upon as what it was taken for
	}
	from, ok := t.origin(k)
	if !ok {
		return false
	}
	if t.atWork(from) {
		return true
	}
	t.moved(from, k)
	return false
}

// atWork says that an action is at work on a base item, or on a folder that it
// is in by the base: what is deleted online with its folder is deleted, too.
func (t *local) atWork(k plan.Key) bool {
	for k != t.root && k != 0 {
		if t.busy[k] > 0 {
			return true
		}
		b, ok := t.base(k)
		if !ok {
			return false
		}
		k = plan.Key(b.Parent)
	}
	return false
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
		if old := t.standing(plan.Place{Parent: folder, Name: name}); old != 0 {
			if t.diff[old].kind == it.kind {
				t.merge(old, c)
				continue
			}
			t.vanish(old)
		}
		b := byName[name]
		if b == nil || !it.fresh || plan.Kind(b.Kind) != it.kind || t.elsewhere(plan.Key(b.N)) || t.busy[plan.Key(b.N)] > 0 {
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

// merge joins new item k with old, which was seen under the same name before the
// folder was moved.
func (t *local) merge(old, k plan.Key) {
	it, was := t.diff[k], t.diff[old]
	inside := maps.Clone(t.kids[k])
	t.lift(k)
	delete(t.diff, k)
	t.bind[k] = old
	if was.print != it.print && it.kind == plan.File {
		was.edit, was.hash, was.young = true, "", it.young
	}
	was.print, was.nlink = it.print, it.nlink
	t.touch(old)
	if it.kind == plan.Dir {
		t.graft(old, k, inside)
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
