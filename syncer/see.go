package syncer

import (
	"maps"
	"slices"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// see takes note of one directory entry in parent. b is the base row of that
// name, nil when there is none. The path decides identity as long as the kind
// is the same: an editor that saves by writing a new file and renaming it over
// the old one has edited it.
func (t *local) see(parent plan.Key, e watcher.Entry, b *state.Base) plan.Key {
	kind, why := kindOf(e)
	left := b != nil && t.left(plan.Key(b.N), e)
	if b != nil && plan.Kind(b.Kind) == kind && !left {
		return t.seeBase(parent, e, b)
	}
	if b != nil && !t.away(plan.Key(b.N)) {
		t.miss(plan.Key(b.N))
	}
	place := plan.Place{Parent: parent, Name: e.Name}
	if k := t.standing(place); k != 0 {
		if old := t.diff[k]; old.kind == kind && !t.replaced(k, e.Ino) {
			t.refresh(k, old, e)
			return k
		}
		t.vanish(k)
	}
	k := plan.Key(t.db.NextKey())
	it := &item{place: place, kind: kind, why: why, print: printOfEntry(e), nlink: e.NLink, edit: true, fresh: true}
	if kind == plan.File {
		t.changed(k, it, e)
	}
	t.put(k, it)
	if left && t.busy[plan.Key(b.N)] > 0 {
		t.awaits[k] = plan.Key(b.N)
	}
	if (!t.missed.IsZero() || len(t.sending) > 0) && (kind == plan.File || kind == plan.Dir) {
		t.seen = append(t.seen, k)
	}
	return k
}

// left reports whether e, which stands where the base has k, is another thing than k,
// which has gone from there while an action was at work on it: that has to end, and k to
// be found, before k is what stands at its old path.
func (t *local) left(k plan.Key, e watcher.Entry) bool {
	if !t.away(k) || t.busy[k] == 0 && t.stoodIn(k) == 0 {
		return false
	}
	was := t.diff[k].print
	if t.missing(k) {
		b, _ := t.base(k)
		was = printOf(b)
	}
	return was.Ino != e.Ino
}

// replaced reports whether the folder with that inode, which stands where k was moved to,
// is another one.
func (t *local) replaced(k plan.Key, ino uint64) bool {
	it := t.diff[k]
	return !it.fresh && it.kind == plan.Dir && it.print.Ino != ino
}

func (t *local) seeBase(parent plan.Key, e watcher.Entry, b *state.Base) plan.Key {
	k := plan.Key(b.N)
	if t.elsewhere(k) {
		t.demote(k)
	}
	if c := t.standing(plan.Place{Parent: parent, Name: e.Name}); c != 0 {
		switch it := t.diff[c]; {
		case it.kind != plan.Kind(b.Kind), !it.fresh && it.print.Ino != e.Ino:
			t.vanish(c)
		case it.fresh:
			t.refresh(c, it, e)
			t.meet(k, c)
			return t.key(c)
		default: // it was moved here while what the base has here was made, and moved on
			t.refresh(c, it, e)
			if !t.away(k) {
				t.miss(k)
			}
			return c
		}
	}
	clean := e.Kind == watcher.Dir || printOfEntry(e) == printOf(*b) && !b.Racy
	if clean {
		if t.missing(k) && e.Kind == watcher.Dir {
			t.back(k)
		}
		t.forget(k)
		return k
	}
	old := t.diff[k]
	if old != nil && old.kind == plan.File && old.print == printOfEntry(e) {
		return k
	}
	it := &item{place: plan.Place{Parent: parent, Name: e.Name}, kind: plan.File, print: printOfEntry(e), nlink: e.NLink, edit: true}
	if old != nil && old.kind == plan.File && old.edit {
		it.since, it.young, it.changing, it.torn = old.since, old.young, old.changing, old.torn
	}
	t.changed(k, it, e)
	if soon := t.now().Add(t.settle); it.print == printOf(*b) && it.young.After(soon) {
		it.young, it.changing = soon, false // it is only looked at again, for it was young when it was sent
	}
	t.diff[k] = it
	t.touch(k)
	return k
}

// back lets what is new in folder k, or has gone with it, be decided by itself, as the
// folder is there again.
func (t *local) back(k plan.Key) {
	for _, c := range t.kids[k] {
		t.touch(c)
		t.seen = append(t.seen, c)
		t.back(c)
	}
	for _, b := range t.baseChildren(k) {
		c := plan.Key(b.N)
		if t.missing(c) {
			t.touch(c)
		}
		if plan.Kind(b.Kind) == plan.Dir && !t.elsewhere(c) {
			t.back(c)
		}
	}
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
	t.rename(k, to)
	t.put(to, it)
}

// refresh brings a new or moved item up to what was just seen of it.
func (t *local) refresh(k plan.Key, it *item, e watcher.Entry) {
	if it.print == printOfEntry(e) {
		return
	}
	if it.kind == plan.File {
		it.hash, it.edit = "", true
		t.changed(k, it, e)
		t.touch(k)
	}
	it.print, it.nlink = printOfEntry(e), e.NLink
}

// miss notes that a base item is not where it was. It is not taken for deleted
// before the settle time is over: a rename shows its two names one after the other.
func (t *local) miss(k plan.Key) {
	if t.missing(k) {
		return
	}
	place := t.placeOf(k)
	t.lift(k)
	now := t.now()
	t.diff[k] = &item{place: place}
	t.missedNow(k, now)
}

// missedNow lets the missing item k wait from now on.
func (t *local) missedNow(k plan.Key, now time.Time) {
	it := t.diff[k]
	it.young = now.Add(t.settle)
	for f := range t.up(it.place.Parent) {
		t.going[f] = now
	}
	t.going[t.root] = now
	t.gone, t.missed = true, now
	t.touch(k)
}

// missAnew notes that new item k, which may be a base item that was moved, goes on to
// another name: that is waited for as it was for the first. Nothing has told yet that k
// went, so that takes a quiet period more.
func (t *local) missAnew(k plan.Key) {
	it := t.diff[k]
	if it.print.Ino == 0 || it.kind != plan.File && it.kind != plan.Dir {
		return
	}
	from, ok := t.origin(k)
	if !ok {
		return
	}
	t.miss(from) // it may have gone with its folder
	t.missedNow(from, t.now().Add(t.settle))
}

// seeksLost reports whether something went away so lately that it may just be moved.
func (t *local) seeksLost() bool { return t.now().Before(t.missed.Add(t.settle)) }

// longest bounds, in settle times, how long what is gone waits for more to go.
const longest = 30

// quietAt is when k may be acted upon, as far as the disk is concerned. What is
// gone waits as long as more goes from a folder that it was in, the synced folder
// itself among them: that may be about to go as a whole, and is judged as one.
func (t *local) quietAt(k plan.Key) time.Time {
	it, ok := t.diff[k]
	if !ok {
		return time.Time{}
	}
	at := it.young
	if it.kind != plan.None || len(t.going)+len(t.blocked) == 0 {
		return at
	}
	if len(t.blocked) > 0 { // it may be what stands there now
		at = latest(at, t.now().Add(t.settle))
	}
	at = latest(at, t.going[t.root].Add(t.settle))
	for f := range t.up(it.place.Parent) {
		at = latest(at, t.going[f].Add(t.settle))
	}
	if most := it.young.Add(longest * t.settle); at.After(most) {
		return most
	}
	return at
}

// calm forgets now and then which folders things went from long enough ago.
func (t *local) calm(now time.Time) {
	if !now.Before(t.calmAt) {
		t.calmAt = now.Add(t.settle)
		t.forgetHabits(now)
		maps.DeleteFunc(t.going, func(_ plan.Key, last time.Time) bool { return !last.Add(t.settle).After(now) })
	}
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
	t.missAnew(k)
	t.forget(k)
}

// unseen lets a place have a new item of which nothing is known.
func (t *local) unseen(at plan.Place) plan.Key {
	k := plan.Key(t.db.NextKey())
	t.put(k, &item{place: at, fresh: true})
	return k
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

// kindOf says what an entry is to be taken for. A private area further down is of a
// task, or of a folder that is or was synced by itself: it is never synced.
func kindOf(e watcher.Entry) (plan.Kind, string) {
	if watcher.IsOwn(e.Name) {
		return plan.Other, watcher.Private + " item"
	}
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
