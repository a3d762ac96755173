package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A server is the drive as it was after each of the operations on it: the feed
// may be behind.
type server struct {
	*store
	rt    *rapid.T
	lossy bool // tombstones get lost
	ops   [][]Delta
	born  int
	told  int      // the newest version that the feed has shown; it does not go back
	late  []func() // answers on their way: each is heard, or lost

	asking map[string]bool // items in doubt, by id
	soon   bool            // questions are answered at once
}

func TestWhateverTheFeedBringsTheTreeBecomesThatOfTheServer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := &server{store: newStore(t), rt: rt, lossy: rapid.Bool().Draw(rt, "lossy")}
		defer v.db.Close()
		v.do(dir("root", "", "root"))
		rt.Repeat(map[string]func(*rapid.T){
			"others":    func(*rapid.T) { v.others() },
			"we create": func(*rapid.T) { v.weCreate() },
			"we change": func(*rapid.T) { v.weChange() },
			"we delete": func(*rapid.T) { v.weDelete() },
			"we look":   func(*rapid.T) { v.weLook() },
			"answer":    func(*rapid.T) { v.answer() },
			"restart": func(*rapid.T) { // with all answers lost
				v.late, v.asking = nil, nil
				v.check(v.db.Reopen())
			},
			"read slowly": func(*rapid.T) { // and hear other things meanwhile
				from, to, since := v.cursor(), len(v.ops), v.db.Moment()
				v.others()
				for len(v.late) > 0 && rapid.Bool().Draw(rt, "hear an answer meanwhile") {
					v.answer()
				}
				v.merged(from, to, since)
			},
			"poll": func(*rapid.T) { v.poll(v.cursor(), rapid.IntRange(v.told, len(v.ops)).Draw(rt, "to")) },
			"list": func(*rapid.T) { v.poll(0, len(v.ops)) },
			"cut off": func(*rapid.T) {
				v.stage(v.feed(0, len(v.ops)))
				v.check(v.db.DropStage(v.drive))
			},
			"": func(*rapid.T) {
				v.check(v.db.Check())
				v.paired()
			},
		})
		for len(v.late) > 0 {
			v.answer()
		}
		v.soon = true
		for range 6 { // an empty answer may leave the cursor, a doubt may raise another
			v.now = v.now.Add(FeedLag)
			if v.lossy {
				v.poll(0, len(v.ops))
			} else {
				v.poll(v.cursor(), len(v.ops))
			}
		}
		v.compare()
	})
}

func (v *server) check(err error) {
	if err != nil {
		v.rt.Fatal(err)
	}
}

func (v *server) cursor() int {
	d, err := v.db.Drive(v.drive)
	v.check(err)
	n, _ := strconv.Atoi(d.Cursor) // none is 0: from the start
	return n
}

func (v *server) do(op ...Delta) { v.ops = append(v.ops, op) }

// at gives the last state of each item that there was, in the order of their ids.
func (v *server) at(version int) map[string]Delta {
	state := map[string]Delta{}
	for _, op := range v.ops[:version] {
		for _, d := range op {
			state[d.ID] = d
		}
	}
	return state
}

func (v *server) live(version int) map[string]Delta {
	state := v.at(version)
	maps.DeleteFunc(state, func(_ string, d Delta) bool { return d.Deleted })
	return state
}

func (v *server) pick(from map[string]Delta, what string, ok func(Delta) bool) (Delta, bool) {
	var ids []string
	for id, d := range from {
		if ok(d) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return Delta{}, false
	}
	return from[rapid.SampledFrom(ids).Draw(v.rt, what)], true
}

func notRoot(d Delta) bool { return d.ID != "root" }

func isIn(state map[string]Delta, id, top string) bool {
	for ; id != ""; id = state[id].ParentID {
		if id == top {
			return true
		}
	}
	return false
}

func (v *server) name() string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(v.rt, "name") }

// version makes d another version of itself.
func (v *server) version(d Delta) Delta {
	v.born++
	d.Fold, d.ETag = d.Name, fmt.Sprint(d.ID, ",", v.born)
	return d
}

func (v *server) created(live map[string]Delta) Delta {
	parent, _ := v.pick(live, "parent", func(d Delta) bool { return d.Kind == kindDir })
	id := fmt.Sprint("i", v.born)
	if rapid.Bool().Draw(v.rt, "is a folder") {
		return v.version(dir(id, parent.ID, v.name()))
	}
	return v.version(file(id, parent.ID, v.name()))
}

// changed renames, moves or edits d.
func (v *server) changed(live map[string]Delta, d Delta) Delta {
	if d.Kind == kindFile && rapid.Bool().Draw(v.rt, "edit") {
		d = v.version(d)
		d.Hash = hashOf(d.ETag)
		return d
	}
	to, _ := v.pick(live, "to", func(p Delta) bool { return p.Kind == kindDir && !isIn(live, p.ID, d.ID) })
	d.ParentID, d.Name = to.ID, v.name()
	return v.version(d)
}

func deletion(live map[string]Delta, top string) (op []Delta) {
	for _, id := range slices.Sorted(maps.Keys(live)) {
		if isIn(live, id, top) {
			op = append(op, deleted(id))
		}
	}
	return op
}

// others lets somebody else change something.
func (v *server) others() {
	live := v.live(len(v.ops))
	d, any := v.pick(live, "item", notRoot)
	switch what := rapid.SampledFrom([]string{"create", "change", "delete", "restore"}).Draw(v.rt, "others"); {
	case what == "create" || !any:
		v.do(v.created(live))
	case what == "change":
		v.do(v.changed(live, d))
	case what == "delete":
		v.do(deletion(live, d.ID)...)
	default:
		v.restore(live)
	}
}

// restore takes the last deletion back, if the folder that it was in is there.
func (v *server) restore(live map[string]Delta) {
	for i, op := range slices.Backward(v.ops) {
		if !op[0].Deleted {
			continue
		}
		before := v.at(i)
		var back []Delta
		for _, d := range op {
			if _, is := live[d.ID]; is {
				return
			}
			back = append(back, v.version(before[d.ID]))
		}
		for _, d := range back {
			if _, in := live[d.ParentID]; !in && !slices.ContainsFunc(back, func(p Delta) bool { return p.ID == d.ParentID }) {
				return
			}
		}
		v.do(back...)
		return
	}
}

// known picks an item that we know just as it is: others we may not change.
func (v *server) known(live map[string]Delta) (Delta, Item, bool) {
	d, ok := v.pick(live, "our item", func(d Delta) bool { return notRoot(d) && v.isKnown(live, d) })
	return d, v.item(d.ID), ok
}

func (v *server) isKnown(live map[string]Delta, d Delta) bool {
	for ; d.ID != ""; d = live[d.ParentID] {
		if it := v.item(d.ID); it.N == 0 || it.Gone || d.ID != "root" && it.ETag != d.ETag {
			return false
		}
	}
	return true
}

// knownLive gives what is live and known just as it is, with all folders that it
// is in.
func (v *server) knownLive() map[string]Delta {
	live := v.live(len(v.ops))
	known := maps.Clone(live)
	maps.DeleteFunc(known, func(_ string, d Delta) bool { return !v.isKnown(live, d) })
	return known
}

func (v *server) weCreate() {
	live := v.knownLive()
	d := v.created(live)
	since := v.db.Moment()
	v.do(d)
	v.later(func() { v.hear(d.Item, Telling{Source: Answer, Since: since, At: v.now}) })
}

func (v *server) weChange() {
	live := v.knownLive()
	d, was, ok := v.known(live)
	if !ok {
		return
	}
	d = v.changed(live, d)
	since := v.db.Moment()
	v.do(d)
	v.later(func() { v.hear(d.Item, Telling{Source: Answer, Since: since, At: v.now, Over: []string{was.ETag}}) })
}

func (v *server) weDelete() {
	live := v.live(len(v.ops))
	d, it, ok := v.known(live)
	for id, in := range live {
		if ok && isIn(live, id, d.ID) && !v.isKnown(live, in) {
			return
		}
	}
	if !ok {
		return
	}
	since := v.db.Moment()
	v.do(deletion(live, d.ID)...)
	v.later(func() {
		v.check(v.db.Update(func(tx *Tx) error {
			_, err := tx.HearGone(it.N, Telling{Source: Answer, Since: since, At: v.now, Over: []string{it.ETag}})
			return err
		}))
	})
}

// weLook asks for an item as it is now. What is not found is so for good: it is
// asked about only what was told of.
func (v *server) weLook() {
	since := v.db.Moment()
	if d, ok := v.pick(v.live(len(v.ops)), "item", notRoot); ok {
		v.later(func() { v.hear(d.Item, Telling{Source: Look, Since: since, At: v.now}) })
	}
}

// later lets an answer be heard now, or when it comes.
func (v *server) later(hear func()) {
	if rapid.Bool().Draw(v.rt, "the answer is late") {
		v.late = append(v.late, hear)
	} else {
		hear()
	}
}

// answer lets one of the late answers be heard, in any order.
func (v *server) answer() {
	if len(v.late) == 0 {
		return
	}
	i := rapid.IntRange(0, len(v.late)-1).Draw(v.rt, "answer")
	hear := v.late[i]
	v.late = slices.Delete(v.late, i, i+1)
	hear()
}

func (v *server) hear(it Item, by Telling) {
	it.Drive = v.drive
	v.check(v.db.Update(func(tx *Tx) error {
		_, _, err := tx.Hear(it, by)
		return err
	}))
}

// paired makes sure that no eTag stands beside content, a name or a place that it
// was not told with.
func (v *server) paired() {
	for _, r := range v.rows() {
		told := r.Gone || r.ID == "root" || slices.ContainsFunc(v.ops, func(op []Delta) bool {
			return slices.ContainsFunc(op, func(d Delta) bool {
				return d.ID == r.ID && d.ETag == r.ETag && d.Hash == r.Hash && d.Name == r.Name && d.ParentID == r.ParentID
			})
		})
		if !told {
			v.rt.Fatalf("%+v is a state that the server never had", r.Item)
		}
	}
}

// feed tells what changed after one version until another, in any order, with
// earlier states of some items, and some that did not change.
func (v *server) feed(from, to int) []Delta {
	now := v.at(to)
	var run []Delta
	for _, id := range slices.Sorted(maps.Keys(now)) {
		d := now[id]
		changed := slices.ContainsFunc(v.ops[from:to], func(op []Delta) bool {
			return slices.ContainsFunc(op, func(d Delta) bool { return d.ID == id })
		})
		switch {
		case d.Deleted && (from == 0 || !changed):
		case d.Deleted && v.lossy && rapid.Bool().Draw(v.rt, "lose a tombstone"):
		case d.Deleted && v.topTells(from, to, id) && rapid.Bool().Draw(v.rt, "leave a tombstone out"):
		case changed || id == "root" || rapid.IntRange(0, 9).Draw(v.rt, "tell the unchanged") == 0:
			run = append(run, d)
		}
	}
	run = rapid.Permutation(run).Draw(v.rt, "order")
	for range rapid.IntRange(0, 3).Draw(v.rt, "repeated") {
		i := rapid.IntRange(0, len(run)-1).Draw(v.rt, "which")
		if old, ok := v.at(rapid.IntRange(from, to).Draw(v.rt, "as of"))[run[i].ID]; ok {
			run = slices.Insert(run, rapid.IntRange(0, i).Draw(v.rt, "where"), old)
		}
	}
	return run
}

// topTells holds for what was deleted with its folder and had not changed since
// the cursor: its tombstone may be left out.
func (v *server) topTells(from, to int, id string) bool {
	changes := 0
	parent := v.at(from)[id].ParentID
	for _, op := range v.ops[from:to] {
		if slices.ContainsFunc(op, func(d Delta) bool { return d.ID == id }) {
			changes++
			if !slices.ContainsFunc(op, func(d Delta) bool { return d.ID == parent && d.Deleted }) {
				return false
			}
		}
	}
	return changes == 1 && v.at(to)[parent].Deleted
}

func (v *server) stage(run []Delta) {
	for len(run) > 0 {
		n := rapid.IntRange(1, len(run)).Draw(v.rt, "page")
		v.check(v.db.StageDelta(v.drive, run[:n]))
		run = run[n:]
	}
}

// poll reads what the feed had after one operation since another, and asks about what that
// leaves in doubt.
func (v *server) poll(from, to int) {
	if to > 0 {
		v.merged(from, to, v.db.Moment())
	}
}

// merged ends a reading of the feed that began at that moment.
func (v *server) merged(from, to int, since int64) {
	v.told = to
	before := v.rows()
	v.stage(v.feed(from, to))
	v.now = v.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(v.rt, "seconds")) * time.Second)
	m, err := v.db.MergeDelta(context.Background(), v.drive, Merge{Cursor: strconv.Itoa(to), Full: from == 0, Since: since, At: v.now})
	if errors.Is(err, ErrCycle) && to < len(v.ops) {
		return // what we were told meanwhile is newer: the next poll catches up
	}
	v.check(err)
	v.check(v.db.Check())
	v.marked(before)
	v.kept(before)
	doubts, err := v.db.Doubts(v.drive)
	v.check(err)
	for _, d := range m.Doubts {
		if !slices.ContainsFunc(doubts, func(k Doubt) bool { return k == d || k.ID == d.ID && k.Why == Found }) {
			v.rt.Fatalf("the doubt %+v is not kept", d)
		}
	}
	for _, d := range doubts {
		if !v.asking[d.ID] {
			v.ask(d)
		}
	}
}

// ask does what is done about a doubt. Others may be raised before the answer comes.
func (v *server) ask(d Doubt) {
	since := v.db.Moment()
	all := v.live(len(v.ops))
	it, is := all[d.ID]
	it.Drive = v.drive
	var inside []Item
	for _, c := range all {
		if d.Why == Found && c.ParentID == d.ID {
			inside = append(inside, c.Item)
		}
	}
	slices.SortFunc(inside, func(a, b Item) int { return strings.Compare(a.ID, b.ID) })
	hear := func() {
		delete(v.asking, d.ID)
		var deeper []Doubt
		v.check(v.db.Update(func(tx *Tx) error {
			err := tx.DropDoubt(v.drive, d.ID, since)
			by := Telling{Source: Look, Since: since, At: v.now}
			for _, c := range inside {
				c.Drive = v.drive
				n, _, heard := tx.Hear(c, by)
				err = errors.Join(err, heard)
				if c.Kind == kindDir {
					deeper = append(deeper, Doubt{N: n, ID: c.ID, Why: Found})
					err = errors.Join(err, tx.PutDoubt(v.drive, deeper[len(deeper)-1]))
				}
			}
			if known, some, _ := v.db.ItemByID(v.drive, d.ID); !is && some {
				_, gone := tx.HearGone(known.N, by)
				return errors.Join(err, gone)
			} else if is {
				_, _, heard := tx.Hear(it.Item, by)
				return errors.Join(err, heard)
			}
			return err
		}))
		for _, d := range deeper {
			if v.soon && !v.asking[d.ID] {
				v.ask(d)
			}
		}
	}
	if v.asking == nil {
		v.asking = map[string]bool{}
	}
	v.asking[d.ID] = true
	if v.soon {
		hear()
	} else {
		v.later(hear)
	}
}

// A row is an item, and whether it can be seen: all it is in is there, too.
type row struct {
	Item
	seen bool
}

func (v *server) rows() map[int64]row {
	items, err := all(v.db.r, scanItem, selectItem+"WHERE drive=?", v.drive)
	v.check(err)
	rows := map[int64]row{}
	for _, it := range items {
		rows[it.N] = row{Item: it}
	}
	for n, r := range rows {
		top := r.Item
		for !top.Gone && top.Parent != 0 {
			top = rows[top.Parent].Item
		}
		r.seen = !top.Gone && top.ID == "root"
		rows[n] = r
	}
	return rows
}

// marked makes sure that nothing changes behind anybody's back.
func (v *server) marked(before map[int64]row) {
	marks := v.dirty()
	for n, now := range v.rows() {
		was := before[n]
		was.ETag, was.Own, was.Over = now.ETag, now.Own, now.Over
		was.Heard = now.Heard
		if _, known := before[n]; !known && now.Gone {
			continue // the end of what was never heard of
		}
		if now != was && !marks[n] {
			v.rt.Fatalf("%+v has become %+v, and nobody is told", before[n], now)
		}
	}
}

// lastETag is the eTag of the last version of an item, be it deleted since.
func (v *server) lastETag(id string) string {
	for _, op := range slices.Backward(v.ops) {
		for _, d := range op {
			if d.ID == id && !d.Deleted {
				return d.ETag
			}
		}
	}
	return ""
}

// kept makes sure that a feed that is late does not undo what we did. Tombstones
// have no version; they are believed.
func (v *server) kept(before map[int64]row) {
	live, now := v.live(len(v.ops)), v.rows()
	for n, was := range before {
		if _, is := live[was.ID]; was.Own.IsZero() || is == was.Gone || v.lastETag(was.ID) != was.ETag {
			continue // somebody did something else since
		}
		if it := now[n]; !it.Gone && (was.Gone || it.ETag != was.ETag || it.Name != was.Name || it.ParentID != was.ParentID) {
			v.rt.Fatalf("%+v, which is right, has become %+v", was, it)
		}
	}
}

func (v *server) compare() {
	live := v.live(len(v.ops))
	items, err := all(v.db.r, scanItem, selectItem+"WHERE drive=? AND gone=0", v.drive)
	v.check(err)
	for _, it := range items {
		want, is := live[it.ID]
		if !is || it.ParentID != want.ParentID || it.Name != want.Name || it.Hash != want.Hash || it.Kind != want.Kind {
			v.rt.Errorf("%+v is, on the server, %+v", it, want)
		}
		delete(live, it.ID)
	}
	for id := range live {
		v.rt.Errorf("%s is not known", id)
	}
	unsettled, err := all(v.db.r, scanItem, selectItem+"WHERE drive=? AND own<>0", v.drive)
	if v.check(err); len(unsettled) > 0 {
		v.rt.Errorf("all has been heard of, but this is still thought to be on its way: %+v", unsettled)
	}
}
