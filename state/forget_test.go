package state

import (
	"slices"
	"testing"
)

func TestForgettingTheAgreementsLeavesOnlyThatTheRootsBelongTogether(t *testing.T) {
	s := newStore(t)
	other := s.pair("other", s.root)
	s.feed(dir("D", "root", "d"), file("F", "D", "f"), file("G", "root", "gone"))
	d, f, g := s.item("D").N, s.item("F").N, s.item("G").N
	s.agree(Base{N: d, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: f, Parent: d, LocalName: "f", Kind: kindFile})
	s.agree(Base{N: g, Parent: s.root, LocalName: "gone", Kind: kindFile})
	s.feed(deleted("G"))
	s.dirty()
	s.must(s.db.Update(func(tx *Tx) error {
		_, err := tx.PutIntent(Intent{Folder: s.folder, Op: "create", Key: f})
		s.must(err)
		_, err = tx.PutIntent(Intent{Folder: s.folder, Op: "stashed", Key: f, Private: ".tandem/stash/1"})
		s.must(err)
		s.must(tx.PutWaiting(s.folder, Waiting{Key: f, Path: "d/f"}))
		s.must(tx.SetHeld(s.folder, []Held{{Key: f, Path: "d/f"}}))
		s.must(tx.PutBase(other, Base{N: f, Parent: s.root, LocalName: "f", Fold: "f", Kind: kindFile}))
		return tx.PutWaiting(other, Waiting{Key: d, Path: "d"})
	}))

	s.must(s.db.Update(func(tx *Tx) error { return tx.ForgetAgreements(s.folder) }))

	s.must(s.db.Check())
	if _, known, err := s.db.Base(s.folder, s.root); err != nil || !known {
		t.Errorf("the root is no longer agreed on (%v)", err)
	}
	below, err := s.db.CountBelow(s.folder, s.root, "")
	s.must(err)
	intents, err := s.db.Intents(s.folder)
	s.must(err)
	waiting, err := s.db.Waitings(s.folder)
	s.must(err)
	held, err := s.db.Held(s.folder)
	s.must(err)
	if below+len(waiting)+len(held) != 0 {
		t.Errorf("left: %d agreements, %v, %v", below, waiting, held)
	}
	if len(intents) != 1 || intents[0].Op != "stashed" {
		t.Errorf("on record: %+v, want what is in the stash", intents)
	}
	if got := s.dirty(); !got[d] || !got[f] || got[g] || got[s.root] {
		t.Errorf("to be looked at: %v, want what is online, %d and %d", got, d, f)
	}
	if _, known, _ := s.db.Base(other, f); !known {
		t.Error("another pair has lost an agreement")
	}
	if waiting, _ := s.db.Waitings(other); len(waiting) != 1 {
		t.Error("another pair has lost what waits")
	}
}

func TestANewPairOnAKnownDriveLooksAtAllThatIsInItsFolder(t *testing.T) {
	s := newStore(t)
	s.feed(dir("D", "root", "d"), dir("E", "D", "e"), file("F", "E", "f"), file("G", "root", "outside"))
	pair := s.pair("part", s.item("D").N)
	marks, _, err := s.db.Dirty(pair, 0)
	s.must(err)
	if want := []int64{s.item("E").N, s.item("F").N}; !slices.Equal(marks, want) {
		t.Errorf("to be looked at: %v, want %v", marks, want)
	}
}
