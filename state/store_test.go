package state

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A store is a state in a directory of its own, with one drive and one pair on
// it that is bound to the drive's root.
type store struct {
	testing.TB
	path   string
	db     *DB
	drive  int64
	folder int64
	root   int64
	now    time.Time
}

func newStore(t testing.TB) *store {
	t.Helper()
	s := &store{TB: t, path: filepath.Join(t.TempDir(), "state", "tandem.db"), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	s.open()
	t.Cleanup(func() {
		if s.db != nil {
			s.db.Close()
		}
	})
	d, err := s.db.EnsureDrive(Drive{ID: "b!drive", Kind: "business", RootID: "root"})
	s.must(err)
	s.drive = d.N
	s.root = s.put(Item{ID: "root", Name: "root", Fold: "root", Kind: kindDir})
	s.folder = s.pair("docs", s.root)
	return s
}

func (s *store) open() {
	s.Helper()
	var err error
	s.db, err = Open(s.path)
	s.must(err)
}

func (s *store) reopen() {
	s.Helper()
	s.must(s.db.Close())
	s.open()
}

func (s *store) pair(name string, root int64) int64 {
	s.Helper()
	f, err := s.db.PutFolder(Folder{Name: name, Drive: s.drive, Root: root, Path: "/home/ann/" + name})
	s.must(err)
	return f.N
}

func (s *store) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// put writes an item as the service described it.
func (s *store) put(it Item) (n int64) {
	s.Helper()
	it.Drive = s.drive
	s.must(s.db.Update(func(tx *Tx) (err error) {
		n, _, err = tx.Hear(it, s.telling(it))
		return err
	}))
	return n
}

// telling is how a test tells of an item: by the answer to a change of ours that
// replaced Over, if the item is our own; else by a look.
func (s *store) telling(it Item) Telling {
	if it.Own.IsZero() {
		return Telling{Source: Look, Since: s.db.Moment(), At: s.now}
	}
	return Telling{Source: Answer, Since: s.db.Moment(), At: it.Own, Over: strings.Split(it.Over, "\n")}
}

// end tells of the end of an item, when own is not zero by the answer to a delete
// of ours.
func (s *store) end(tx *Tx, n int64, own time.Time) error {
	by := Telling{Source: Look, Since: s.db.Moment(), At: s.now}
	if !own.IsZero() {
		by.Source, by.At = Answer, own
	}
	_, err := tx.HearGone(n, by)
	return err
}

// agree writes an agreement on item n.
func (s *store) agree(b Base) {
	s.Helper()
	if b.Fold == "" {
		b.Fold = b.LocalName
	}
	s.must(s.db.Update(func(tx *Tx) error { return tx.PutBase(s.folder, b) }))
}

// feed stages a page and ends the run.
func (s *store) feed(items ...Delta) Merged {
	s.Helper()
	s.must(s.db.StageDelta(s.drive, items))
	return s.merge(Merge{Cursor: "next"})
}

func (s *store) merge(m Merge) Merged {
	s.Helper()
	m.At = s.now
	if m.Since == 0 {
		m.Since = s.db.Moment()
	}
	out, err := s.db.MergeDelta(context.Background(), s.drive, m)
	s.must(err)
	s.must(s.db.Check())
	return out
}

// item returns the item of this id, the zero one if it is not known.
func (s *store) item(id string) Item {
	s.Helper()
	it, _, err := s.db.ItemByID(s.drive, id)
	s.must(err)
	return it
}

// dirty returns the marks, and takes them off.
func (s *store) dirty() map[int64]bool {
	s.Helper()
	keys, upTo, err := s.db.Dirty(s.folder, 0)
	s.must(err)
	s.must(s.db.Update(func(tx *Tx) error { return tx.ClearDirty(s.folder, upTo, keys...) }))
	marks := map[int64]bool{}
	for _, k := range keys {
		marks[k] = true
	}
	return marks
}

func file(id, parent, name string) Delta {
	return Delta{Item: Item{ID: id, ParentID: parent, Name: name, Fold: name, Kind: kindFile, Size: 1, MTime: 1e18, Hash: hashOf(id), ETag: id + ",1"}}
}

func dir(id, parent, name string) Delta {
	return Delta{Item: Item{ID: id, ParentID: parent, Name: name, Fold: name, Kind: kindDir, ETag: id + ",1"}}
}

func deleted(id string) Delta { return Delta{Item: Item{ID: id}, Deleted: true} }

// hashOf gives 20 bytes that are not the same for different words.
func hashOf(word string) string {
	b := make([]byte, 20)
	copy(b, word)
	return string(b)
}

// bigFeed is a full enumeration of n files, ten to a folder, in pages of 200.
func bigFeed(n int) [][]Delta {
	items := []Delta{{Item: Item{ID: "root", Name: "root", Fold: "root", Kind: kindDir}}}
	for i := range n {
		dir := fmt.Sprintf("01%032d", i/10)
		if i%10 == 0 {
			items = append(items, Delta{Item: Item{ID: dir, ParentID: "root", Name: dir, Fold: dir, Kind: kindDir, ETag: `"{` + dir + `},1"`}})
		}
		name := fmt.Sprintf("a file of some length %06d.txt", i)
		id := fmt.Sprintf("01F%031d", i*7919%1_000_003)
		items = append(items, Delta{Item: Item{
			ID: id, ParentID: dir, Name: name, Fold: name, Kind: kindFile, Size: int64(i), MTime: int64(i) * 1e9,
			Hash: fmt.Sprintf("%020d", i), ETag: `"{` + id + `},1"`,
		}})
	}
	var pages [][]Delta
	for len(items) > 200 {
		pages, items = append(pages, items[:200]), items[200:]
	}
	return append(pages, items)
}
