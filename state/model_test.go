package state

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A service is the drive as it really is, and the feed that it gives of it. Its
// randomness comes from one seed, so that a failure can be looked at again.
type service struct {
	*rand.Rand
	items map[string]Delta // all that ever were, in their last state
	log   []string         // ids in the order of their changes; a cursor is a length of it
	made  int
	seen  map[string]Delta // what the reader had been told at its last merge
}

func newService(seed uint64) *service {
	v := &service{Rand: rand.New(rand.NewPCG(seed, 1)), items: map[string]Delta{}, seen: map[string]Delta{}}
	v.set(Delta{Item: Item{ID: "root", Name: "root", Fold: "root", Kind: kindDir}})
	return v
}

func (v *service) set(d Delta) {
	d.ETag = fmt.Sprintf("%s,%d", d.ID, len(v.log))
	v.items[d.ID] = d
	v.log = append(v.log, d.ID)
}

// live lists live items, folders only if so wanted, in an order that the seed
// gives.
func (v *service) live(folders bool) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(v.items)) {
		if d := v.items[id]; !d.Deleted && (!folders || d.Kind == kindDir) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (v *service) pick(ids []string) Delta { return v.items[ids[v.IntN(len(ids))]] }

func (v *service) within(id, folder string) bool {
	for ; id != ""; id = v.items[id].ParentID {
		if id == folder {
			return true
		}
	}
	return false
}

// act does one random thing.
func (v *service) act() {
	d, folder := v.pick(v.live(false)), v.pick(v.live(true))
	switch what := v.IntN(10); {
	case what < 4:
		v.made++
		id := fmt.Sprint("i", v.made)
		if v.set(file(id, folder.ID, id)); v.IntN(2) == 0 {
			v.set(dir(id, folder.ID, id))
		}
	case d.ID == "root":
	case what < 6 && !v.within(folder.ID, d.ID):
		d.ParentID = folder.ID
		v.set(d)
	case what == 6:
		d.Name += "x"
		d.Fold = d.Name
		v.set(d)
	case what == 7 && d.Kind == kindFile:
		d.Size, d.Hash = d.Size+1, hashOf(fmt.Sprint(len(v.log)))
		v.set(d)
	case what == 8:
		v.remove(d.ID)
	case what == 9:
		v.restore()
	}
}

func (v *service) remove(id string) {
	for _, below := range v.live(false) {
		if below != id && v.within(below, id) {
			gone := v.items[below]
			gone.Deleted = true
			v.set(gone)
		}
	}
	gone := v.items[id]
	gone.Deleted = true
	v.set(gone)
}

func (v *service) restore() {
	for _, id := range slices.Sorted(maps.Keys(v.items)) {
		if d := v.items[id]; d.Deleted && v.IntN(3) == 0 {
			d.Deleted, d.ParentID = false, "root"
			v.set(d)
			return
		}
	}
}

// told says whether the reader can do without the tombstone of id: it knows it
// to be in a folder whose end it hears of.
func (v *service) told(id string) bool {
	d := v.items[id]
	was, known := v.seen[id]
	return known && !was.Deleted && was.ParentID == d.ParentID && v.items[d.ParentID].Deleted && !v.seen[d.ParentID].Deleted
}

// entries gives what has changed since the cursor as the feed would: in any
// order, some things more than once, older states before the last one, some that
// did not change, and tombstones with little in them or none at all.
func (v *service) entries(cursor int) []Delta {
	ids := map[string]bool{"root": true}
	for _, id := range v.log[cursor:] {
		ids[id] = true
	}
	for _, id := range v.live(false) {
		if v.IntN(6) == 0 {
			ids[id] = true
		}
	}
	var older, last []Delta
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		d := v.items[id]
		if d.Deleted && v.told(id) && v.IntN(2) == 0 {
			continue
		}
		if d.Deleted {
			d = deleted(id)
		}
		last = append(last, d)
		if stale, ok := v.seen[id]; ok && v.IntN(4) == 0 {
			older = append(older, stale)
		}
	}
	v.Shuffle(len(last), func(i, j int) { last[i], last[j] = last[j], last[i] })
	return append(older, last...)
}

func (v *service) listing() []Delta {
	var all []Delta
	for _, id := range v.live(false) {
		all = append(all, v.items[id])
	}
	v.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// A reader follows the feed with a state.
type reader struct {
	*rapid.T
	db     *DB
	drive  int64
	folder int64
	v      *service
}

func (r *reader) must(err error) {
	if err != nil {
		r.Fatal(err)
	}
}

func (r *reader) stage(entries []Delta) {
	for len(entries) > 0 {
		n := 1 + r.v.IntN(len(entries))
		r.must(r.db.StageDelta(r.drive, entries[:n]))
		entries = entries[n:]
	}
}

// read takes what the feed has, from the cursor on or from the start, and asks
// about what is in doubt.
func (r *reader) read(cursor int, full bool) {
	entries := r.v.entries(cursor)
	if full {
		entries = r.v.listing()
	}
	before := r.items()
	r.stage(entries)
	out, err := r.db.MergeDelta(context.Background(), r.drive, Merge{Cursor: fmt.Sprint(len(r.v.log)), Full: full, Since: r.db.Moment(), At: time.Unix(1e9, 0)})
	r.must(err)
	r.must(r.db.Check())
	for _, d := range out.Doubts {
		r.ask(d.ID)
	}
	r.must(r.db.Check())
	r.v.seen = maps.Clone(r.v.items)
	r.compare(before)
}

// ask is what the engine does about a doubt.
func (r *reader) ask(id string) {
	d, ok := r.v.items[id]
	known, _, err := r.db.ItemByID(r.drive, id)
	r.must(err)
	r.must(r.db.Update(func(tx *Tx) error {
		if !ok || d.Deleted {
			_, err := tx.HearGone(known.N, Telling{Source: Look, Since: r.db.Moment()})
			return err
		}
		d.Drive = r.drive
		_, _, err := tx.Hear(d.Item, Telling{Source: Look, Since: r.db.Moment()})
		return err
	}))
}

// items gives what the state believes to be live.
func (r *reader) items() map[string]Item {
	live := map[string]Item{}
	list, err := all(r.db.r, scanItem, selectItem+"WHERE gone=0")
	r.must(err)
	for _, it := range list {
		live[it.ID] = it
	}
	return live
}

// compare looks whether the state knows the drive as it is, and has marked all
// that is not as it was before.
func (r *reader) compare(before map[string]Item) {
	now := r.items()
	for id, d := range r.v.items {
		it, live := now[id]
		if live == d.Deleted {
			r.Fatalf("%s is live here: %v, and there: %v", id, live, !d.Deleted)
		}
		if live && (it.ParentID != d.ParentID || it.Name != d.Name || it.Kind != d.Kind || it.Size != d.Size || it.Hash != d.Hash || it.ETag != d.ETag) {
			r.Fatalf("%s is %+v, want %+v", id, it, d.Item)
		}
	}
	marks, upTo, err := r.db.Dirty(r.folder, 0)
	r.must(err)
	for id, it := range now {
		was := before[id]
		was.ETag, was.Heard = it.ETag, it.Heard
		if it != was && !slices.Contains(marks, it.N) {
			r.Fatalf("%s was not marked, though it was %+v and is %+v", id, was, it)
		}
	}
	for id, was := range before {
		if _, live := now[id]; !live && !slices.Contains(marks, was.N) {
			r.Fatalf("%s was not marked, though it is gone", id)
		}
	}
	r.must(r.db.Update(func(tx *Tx) error { return tx.ClearDirty(r.folder, upTo, marks...) }))
}

func TestStateFollowsWhateverTheFeedTells(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		db, err := Open(filepath.Join(dir, fmt.Sprint(n), "tandem.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		r := &reader{T: t, db: db, v: newService(rapid.Uint64().Draw(t, "seed"))}
		d, err := db.EnsureDrive(Drive{ID: "d", RootID: "root"})
		r.must(err)
		r.drive = d.N
		r.ask("root")
		root, _, err := db.ItemByID(d.N, "root")
		r.must(err)
		f, err := db.PutFolder(Folder{Name: "docs", Drive: d.N, Root: root.N})
		r.must(err)
		r.folder = f.N

		cursor := 0
		r.read(0, true)
		for range rapid.IntRange(1, 12).Draw(t, "polls") {
			for range rapid.IntRange(0, 25).Draw(t, "acts") {
				r.v.act()
			}
			switch rapid.IntRange(0, 9).Draw(t, "how") {
			case 0: // a full listing
				r.read(0, true)
			case 1: // the feed again, from somewhere earlier
				r.read(r.v.IntN(cursor+1), false)
			case 2: // a run that is given up
				r.stage(r.v.entries(cursor))
				r.must(db.DropStage(r.drive))
				continue
			default:
				r.read(cursor, false)
			}
			cursor = len(r.v.log)
		}
	})
}
