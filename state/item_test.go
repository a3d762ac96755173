package state

import (
	"testing"
	"time"
)

func TestAnswerNewerThanTheFeedPutsNoFolderIntoItself(t *testing.T) {
	s := newStore(t)
	s.feed(dir("A", "root", "a"), dir("B", "A", "b"), dir("C", "B", "c"))

	// Online C has been moved to the root and A into it. Of A we are told first.
	moved := dir("A", "C", "a").Item
	moved.ETag = "A,2"
	s.put(moved)
	s.must(s.db.Check())
	if a := s.item("A"); a.ParentID != "root" || a.Parent != s.root || a.ETag != "A,2" {
		t.Errorf("A is %+v, want it where it was, but with the new eTag", a)
	}

	s.feed(dir("A", "C", "a"), dir("C", "root", "c"))
	if a, c := s.item("A"), s.item("C"); a.Parent != c.N || c.Parent != s.root {
		t.Errorf("A is %+v and C %+v, want what the feed says", a, c)
	}
}

func TestItemIsPlacedByTheIDOrTheKeyOfItsFolder(t *testing.T) {
	s := newStore(t)
	d := s.put(dir("D", "root", "d").Item)
	byKey := file("F", "", "f").Item
	byKey.Parent = d
	s.put(byKey)
	s.put(file("G", "D", "g").Item)
	for _, id := range []string{"F", "G"} {
		if it := s.item(id); it.Parent != d || it.ParentID != "D" {
			t.Errorf("%s is %+v, want it in D, %d", id, it, d)
		}
	}
}

func TestItemKeepsItsKey(t *testing.T) {
	s := newStore(t)
	wanted := s.db.NextKey()
	it := file("F", "root", "f").Item
	it.N = wanted
	if n := s.put(it); n != wanted {
		t.Errorf("a new item got key %d, want %d", n, wanted)
	}
	it.N, it.Own = s.db.NextKey(), time.Unix(1, 0)
	if n := s.put(it); n != wanted {
		t.Errorf("a known item got key %d, want the %d that it has", n, wanted)
	}
}
