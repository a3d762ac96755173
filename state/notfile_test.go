package state

import (
	"slices"
	"testing"
)

func TestWhatCanNeverBeAFileIsListedWithItsPath(t *testing.T) {
	s := newStore(t)
	s.feed(dir("top", "root", "top"), dir("d", "top", "d"), dir("beside", "root", "beside"),
		other("book", "d", "book"), other("part", "book", "part"), other("link", "top", "link"), other("elsewhere", "beside", "x"),
		other("was", "top", "was"), other("gone", "top", "gone"))
	s.feed(rootEntry, deleted("gone"))
	s.must(s.db.Update(func(tx *Tx) error { return tx.exec("UPDATE folder SET root=? WHERE n=?", s.item("top").N, s.folder) }))
	s.agree(Base{N: s.root, Kind: kindDir})
	s.agree(Base{N: s.item("top").N, Parent: s.root, LocalName: "top", Kind: kindDir})
	s.agree(Base{N: s.item("was").N, Parent: s.item("top").N, LocalName: "was", Kind: kindFile})
	got, err := s.db.NotFiles(s.folder)
	s.must(err)
	if want := []NotFile{{"d/book", "a book"}, {"link", "a link"}}; !slices.Equal(got, want) {
		t.Errorf("NotFiles = %v, want %v", got, want)
	}
}

// TestAnOldStateTellsAFlaggedFileFromWhatIsNone: it was kept as something that never is
// a file, for which nobody waits.
func TestAnOldStateTellsAFlaggedFileFromWhatIsNone(t *testing.T) {
	s := newStore(t)
	flagged := other("bad", "root", "bad")
	flagged.Why = "flagged as malware online"
	s.feed(flagged, other("book", "root", "book"))
	s.dirty()
	s.must(s.db.Update(func(tx *Tx) error {
		return tx.steps(step{"DROP INDEX item_no_file", nil}, step{"ALTER TABLE partial DROP COLUMN ino", nil}, step{"DROP TABLE enriched", nil}, step{"PRAGMA user_version=7", nil})
	}))
	s.reopen()
	if bad, book := s.item("bad").Kind, s.item("book").Kind; bad != 4 || book != 3 {
		t.Errorf("the kinds are %d and %d", bad, book)
	}
	if got := s.dirty(); len(got) != 1 || !got[s.item("bad").N] {
		t.Errorf("to be looked at: %v", got)
	}
}

func other(id, parent, name string) Delta {
	d := file(id, parent, name)
	d.Kind, d.Why = 3, "a "+name
	return d
}
