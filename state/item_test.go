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

func TestFolderThatIsBackOrFoundLetsUsLookAtWhatIsInIt(t *testing.T) {
	for name, back := range map[string]func(*store){
		"the feed brings it":            func(s *store) { s.feed(dir("D", "root", "d")) },
		"the service answers it is":     func(s *store) { s.put(dir("D", "root", "d").Item) },
		"the feed brings what it is in": func(s *store) { s.put(dir("D", "E", "d").Item); s.feed(dir("E", "root", "e")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.feed(dir("D", "root", "d"))
			s.feed(deleted("D"))
			s.feed(file("F", "D", "f"))
			s.feed(dir("unknown", "E", "u"))
			s.dirty()
			if back(s); !s.dirty()[s.item("F").N] {
				t.Error("nobody is told of the file in it")
			}
		})
	}
}

func TestLateEntryOfANameThatWeGaveTwiceDoesNotSettleIt(t *testing.T) {
	s := newStore(t)
	s.feed(file("F", "root", "a"))
	for _, now := range []struct{ name, etag, over string }{{"b", "F,2", "F,1"}, {"a", "F,3", "F,2\nF,1"}} {
		it := file("F", "root", now.name).Item
		it.ETag, it.Own, it.Over = now.etag, s.now, now.over
		s.put(it)
	}
	late := file("F", "root", "b")
	late.ETag = "F,2"
	s.feed(file("F", "root", "a")) // as it was at first
	s.feed(late)
	if it := s.item("F"); it.Name != "a" || it.Own.IsZero() {
		t.Errorf("the file is %+v, want our last name for it", it)
	}
	echo := file("F", "root", "a")
	echo.ETag = "F,3"
	s.feed(echo)
	if it := s.item("F"); !it.Own.IsZero() {
		t.Errorf("the file is %+v, want it settled", it)
	}
}

func TestTimesAreStoredAsFarAsNanosecondsReach(t *testing.T) {
	for in, want := range map[string]string{
		"2026-05-31T10:11:12Z":           "2026-05-31T10:11:12Z",
		"2026-05-31T10:11:12.123456789Z": "2026-05-31T10:11:12.123456789Z",
		"1969-12-31T23:59:59Z":           "1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z":           "1970-01-01T00:00:00Z", // which is known
		"1601-01-01T00:00:00Z":           "1677-09-21T00:12:43.145224192Z",
		"1677-09-22T00:00:00Z":           "1677-09-22T00:00:00Z",
		"2262-04-11T00:00:00Z":           "2262-04-11T00:00:00Z",
		"9999-12-31T23:59:59Z":           "2262-04-11T23:47:16.854775807Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := When(Nanos(at)).UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("%s is stored as %s, want %s", in, got, want)
		}
	}
	if !When(Nanos(time.Time{})).IsZero() {
		t.Error("a time that is not known is stored as one")
	}
}
