package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func (m Merged) doubts() []string {
	var ids []string
	for _, d := range m.Doubts {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func (s *store) wantDoubts(m Merged, want ...string) {
	s.Helper()
	if got := m.doubts(); !slices.Equal(got, want) {
		s.Errorf("doubts about %q, want %q", got, want)
	}
}

// wantAt says in which folder, and under which name, an item should be live.
func (s *store) wantAt(id, parent, name string) {
	s.Helper()
	it := s.item(id)
	if it.Gone || it.ParentID != parent || it.Name != name || it.Parent != s.item(parent).N {
		s.Errorf("%s is %q in %q (gone: %v), want %q in %q", id, it.Name, it.ParentID, it.Gone, name, parent)
	}
}

func (s *store) wantGone(ids ...string) {
	s.Helper()
	for _, id := range ids {
		if it := s.item(id); it.N != 0 && !it.Gone {
			s.Errorf("%s is still there, as %q in %q", id, it.Name, it.ParentID)
		}
	}
}

var rootEntry = Delta{Item: Item{ID: "root", Name: "root", Fold: "root", Kind: kindDir, ETag: "r,9"}}

func TestChildBeforeItsFolderFindsIt(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "d2", "f"), dir("d2", "d1", "d2"), dir("d1", "root", "d1"), rootEntry)
	s.wantAt("f", "d2", "f")
	s.wantAt("d2", "d1", "d2")
	s.wantAt("d1", "root", "d1")
}

func TestOfTwoEntriesForOneItemTheLastCounts(t *testing.T) {
	s := newStore(t)
	s.must(s.db.StageDelta(s.drive, []Delta{file("f", "root", "old"), file("g", "root", "g")}))
	s.must(s.db.StageDelta(s.drive, []Delta{deleted("g"), file("f", "root", "new")}))
	s.merge(Merge{Cursor: "c"})
	s.wantAt("f", "root", "new")
	s.wantGone("g")
}

func TestChildWithoutItsFolderWaitsForIt(t *testing.T) {
	s := newStore(t)
	m := s.feed(dir("f", "d", "f"), file("g", "f", "g"))
	s.wantDoubts(m, "d")
	if it := s.item("f"); it.Parent != 0 || it.ParentID != "d" {
		t.Errorf("f is in %d (%q), want 0 and \"d\"", it.Parent, it.ParentID)
	}
	s.dirty()
	s.feed(dir("d", "root", "d"))
	s.wantAt("f", "d", "f")
	if d := s.dirty(); !d[s.item("d").N] || !d[s.item("f").N] || !d[s.item("g").N] {
		t.Errorf("marked %v, want the folder and all that was waiting for it", d)
	}
}

func TestFolderLearnedOtherwiseAdoptsToo(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "d", "f"))
	s.put(dir("d", "root", "d").Item)
	s.wantAt("f", "d", "f")
}

func TestRunThatChangesNothingSaysNothing(t *testing.T) {
	s := newStore(t)
	s.feed(rootEntry, dir("d", "root", "d"), file("f", "d", "f"))
	s.dirty()
	same := file("f", "d", "f")
	same.ETag, same.Hash, same.MTime = "f,2", "", same.MTime+5e8
	m := s.feed(rootEntry, dir("d", "root", "d"), same)
	if m.Empty || m.Changed != 0 || len(s.dirty()) != 0 {
		t.Errorf("merged %+v, want nothing changed, and yet not empty: the cursor moves on", m)
	}
	if m := s.feed(rootEntry); !m.Empty {
		t.Errorf("merged %+v, want a run of the root alone to be empty", m)
	}
	if it := s.item("f"); it.ETag != "f,2" || it.Hash != hashOf("f") {
		t.Errorf("f has eTag %q and hash %q, want the new eTag and the old hash", it.ETag, it.Hash)
	}
}

func TestEmptyRunLeavesTheCursorForAFewPolls(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	cursor := func() string {
		d, err := s.db.Drive(s.drive)
		s.must(err)
		return d.Cursor
	}
	for i := range holdPolls {
		s.must(s.db.StageDelta(s.drive, []Delta{rootEntry}))
		s.merge(Merge{Cursor: fmt.Sprint("empty", i)})
		if cursor() != "next" {
			t.Fatalf("the cursor moved to %q with empty run %d", cursor(), i)
		}
	}
	s.must(s.db.StageDelta(s.drive, []Delta{rootEntry}))
	if s.merge(Merge{Cursor: "at last"}); cursor() != "at last" {
		t.Errorf("the cursor is %q after many empty runs, want it moved", cursor())
	}
	s.must(s.db.StageDelta(s.drive, nil))
	s.merge(Merge{})
	if cursor() != "at last" {
		t.Errorf("a run without a cursor changed it to %q", cursor())
	}
}

func TestFolderTakesWhatIsInItAlong(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), dir("e", "d", "e"), file("f", "e", "f"), file("g", "d", "g"))
	s.dirty()
	m := s.feed(deleted("d"))
	s.wantGone("d", "e", "f", "g")
	if d := s.dirty(); m.Changed != 4 || len(d) != 4 {
		t.Errorf("changed %d, marked %v, want all four", m.Changed, d)
	}
}

func TestWhatWasMovedOutOfADeletedFolderStays(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), dir("e", "d", "e"), file("f", "e", "f"))
	s.feed(deleted("d"), dir("e", "root", "e"))
	s.wantGone("d")
	s.wantAt("e", "root", "e")
	s.wantAt("f", "e", "f")
}

func TestTombstoneOfTheUnknownMeansNothing(t *testing.T) {
	s := newStore(t)
	if m := s.feed(deleted("never seen")); m.Changed != 0 || len(s.dirty()) != 0 {
		t.Errorf("merged %+v", m)
	}
	s.wantGone("never seen")
}

func TestRestoredItemIsBack(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	n := s.item("f").N
	s.feed(deleted("f"))
	s.feed(file("f", "root", "f"))
	s.wantAt("f", "root", "f")
	if s.item("f").N != n {
		t.Error("it came back under another key")
	}
}

func TestFolderInItselfIsRefused(t *testing.T) {
	for name, run := range map[string][]Delta{
		"at once":              {dir("a", "a", "a")},
		"two known ones":       {dir("d", "e", "d")},
		"new ones":             {dir("x", "z", "x"), dir("y", "x", "y"), dir("z", "y", "z")},
		"a new one in between": {dir("x", "e", "x"), dir("d", "x", "d")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.feed(dir("d", "root", "d"), dir("e", "d", "e"), file("f", "e", "f"))
			s.dirty()
			s.must(s.db.StageDelta(s.drive, append(run, file("g", "root", "g"))))
			_, err := s.db.MergeDelta(context.Background(), s.drive, Merge{Cursor: "bad", Since: s.db.Moment(), At: s.now})
			if !errors.Is(err, ErrCycle) {
				t.Fatalf("MergeDelta = %v, want ErrCycle", err)
			}
			s.must(s.db.Check())
			if d, _ := s.db.Drive(s.drive); d.Cursor != "next" || s.item("g").N != 0 || len(s.dirty()) != 0 {
				t.Error("something of the refused run was kept")
			}
			s.feed(file("h", "root", "h")) // and it does not stand in the way of the next
			s.wantAt("h", "root", "h")
		})
	}
}

func TestSwappedFoldersAreNoCycle(t *testing.T) {
	s := newStore(t)
	s.feed(dir("a", "root", "a"), dir("b", "a", "b"), file("f", "b", "f"))
	s.feed(dir("a", "b", "a"), dir("b", "root", "b"))
	s.wantAt("a", "b", "a")
	s.wantAt("f", "b", "f")
}

func TestAnotherRootIsRefused(t *testing.T) {
	for name, entry := range map[string]Delta{
		"deleted": deleted("root"),
		"another": {Item: Item{ID: "root2", Name: "root", Fold: "root", Kind: kindDir}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.feed(file("f", "root", "f"))
			s.must(s.db.StageDelta(s.drive, []Delta{entry, deleted("f")}))
			_, err := s.db.MergeDelta(context.Background(), s.drive, Merge{Cursor: "bad", Since: s.db.Moment(), At: s.now})
			if !errors.Is(err, ErrRootChanged) {
				t.Errorf("MergeDelta = %v, want ErrRootChanged", err)
			}
			s.wantAt("f", "root", "f")
		})
	}
}

func TestWhatAFullListingLacksIsOnlyDoubted(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"), file("g", "root", "g"), file("h", "root", "h"))
	s.must(s.db.StageDelta(s.drive, []Delta{rootEntry, file("h", "root", "h")}))
	m := s.merge(Merge{Cursor: "full", Full: true})
	s.wantDoubts(m, "d", "g") // f goes or stays with d
	s.wantAt("g", "root", "g")
	if d, _ := s.db.Drive(s.drive); d.Cursor != "full" || !d.FullAt.Equal(s.now) {
		t.Errorf("the drive is %+v, want cursor and time of the full listing", d)
	}
}

// A listing may be behind what we did a moment ago; what it lacks long after that is
// as doubtful as anything else it lacks.
func TestAFullListingIsAskedAboutOurOwnChangesOnceTheyAreOld(t *testing.T) {
	for after, want := range map[time.Duration][]string{time.Minute: nil, 3 * time.Minute: {"f"}} {
		s := newStore(t)
		s.feed(file("f", "root", "f"))
		ours := file("f", "root", "renamed").Item
		ours.ETag, ours.Over, ours.Own = "f,2", "f,1", s.now
		s.put(ours)
		s.now = s.now.Add(after)
		s.must(s.db.StageDelta(s.drive, []Delta{rootEntry}))
		m := s.merge(Merge{Cursor: "next", Full: true})
		s.wantDoubts(m, want...)
		if len(want) > 0 && m.Doubts[0].Why != NotListed {
			t.Errorf("it is in doubt because %s", m.Doubts[0].Why)
		}
		s.wantAt("f", "root", "renamed")
	}
}

func TestOlderOfTwoItemsOfOneNameIsDoubted(t *testing.T) {
	s := newStore(t)
	s.feed(file("old", "root", "a"), file("b", "root", "b"))
	m := s.feed(file("new", "root", "a"))
	s.wantDoubts(m, "old")
	m = s.feed(file("old", "root", "b")) // moved onto the name of a newer one: which the feed has not just told of
	s.wantDoubts(m, "b")
	s.wantAt("b", "root", "b")
	m = s.feed(file("c1", "root", "c"), file("c2", "root", "c"))
	s.wantDoubts(m, "c1")
}

func TestHashThatARenameLeavesOutStays(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	renamed := file("f", "root", "renamed")
	renamed.Hash = ""
	if s.feed(renamed); s.item("f").Hash != hashOf("f") {
		t.Error("the hash was lost, though the file is the same")
	}
	renamed.Size++
	if s.feed(renamed); s.item("f").Hash != "" {
		t.Error("the hash of another version was kept")
	}
}

func TestLateEntryDoesNotUndoOurChange(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	ours := file("f", "root", "renamed").Item
	ours.ETag, ours.Over, ours.Own = "f,2", "f,1", s.now
	s.put(ours)
	s.dirty()

	s.now = s.now.Add(time.Minute)
	m := s.feed(file("f", "root", "f"))
	s.wantAt("f", "root", "renamed")
	s.wantDoubts(m)
	if len(s.dirty()) != 0 || m.Empty {
		t.Errorf("merged %+v, want nothing changed, but not for want of news", m)
	}

	s.now = s.now.Add(2 * time.Minute)
	s.wantDoubts(s.feed(rootEntry), "f") // nothing more came: which of both is it?

	echo := file("f", "root", "renamed")
	echo.ETag = "f,2"
	s.wantDoubts(s.feed(echo))
	if it := s.item("f"); !it.Own.IsZero() || it.Over != "" {
		t.Errorf("f is %+v, want it settled", it)
	}
}

// It may be newer, or older than what our change replaced, of which a look told
// before the feed did.
func TestAnotherVersionThanOursIsAskedAboutHoweverSoon(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	ours := file("f", "root", "ours").Item
	ours.ETag, ours.Over, ours.Own = "f,2", "f,1", s.now
	s.put(ours)
	theirs := file("f", "root", "theirs")
	theirs.ETag = "f,3"
	s.wantDoubts(s.feed(theirs), "f")
	s.wantAt("f", "root", "ours")
	s.put(theirs.Item)
	s.wantAt("f", "root", "theirs")
}

func TestEntryOlderThanOurDeleteDoesNotBringItBack(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"))
	s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("d").N, s.now) }))
	s.wantDoubts(s.feed(dir("d", "root", "d"), file("f", "d", "f")))
	s.wantGone("d", "f")
	s.feed(deleted("d"))
	if d, f := s.item("d"), s.item("f"); !d.Own.IsZero() || !f.Own.IsZero() {
		t.Errorf("d and f are still waiting for word of their end: %+v %+v", d, f)
	}
}

func TestWhatWentWithAFolderThatWeDeletedIsTold(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"), dir("e", "root", "e"))
	s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("d").N, s.now) }))
	gone := func(id, in string) Delta { return Delta{Item: Item{ID: id, ParentID: in}, Deleted: true} }
	m := s.feed(gone("d", "root"), gone("f", "d"), gone("new", "d"), gone("old", "e"))
	if len(m.Doubts) != 1 || m.Doubts[0].ID != "new" || m.Doubts[0].Folder != s.item("d").N {
		t.Errorf("told %v, want new, of d", m.Doubts)
	}
	if m := s.feed(gone("newer", "d")); len(m.Doubts) > 0 {
		t.Errorf("told %v, although the delete was settled before", m.Doubts)
	}
}

func TestADoubtIsKeptUntilThereIsAnAnswer(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"))
	s.must(s.db.StageDelta(s.drive, []Delta{rootEntry}))
	m := s.merge(Merge{Cursor: "after", Full: true})
	s.wantDoubts(m, "d")
	s.feed(rootEntry)
	kept, err := s.db.Doubts(s.drive)
	s.must(err)
	if !slices.Equal(kept, m.Doubts) {
		t.Errorf("kept %v, want %v", kept, m.Doubts)
	}
	s.must(s.db.Update(func(tx *Tx) error { return tx.DropDoubt(s.drive, "d", s.db.Moment()) }))
	if kept, err = s.db.Doubts(s.drive); len(kept) > 0 || err != nil {
		t.Errorf("kept %v after the answer (%v)", kept, err)
	}
}

// What was restored and deleted again was seen in between, by somebody whose answer is
// late: the end that is told then is the newer one, though the item had ended before.
func TestAnEndThatIsToldOnceMoreIsNewerThanWhatWasSeenBefore(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	s.feed(deleted("f"))
	asked := s.db.Moment()
	s.feed(deleted("f"))
	seen := file("f", "root", "f").Item
	seen.Drive, seen.ETag = s.drive, "f,2"
	s.must(s.db.Update(func(tx *Tx) error {
		_, v, err := tx.Hear(seen, Telling{Source: Look, Since: asked, At: s.now})
		if v == Replaces {
			t.Error("what was seen before replaces it")
		}
		return err
	}))
	if !s.item("f").Gone {
		t.Error("it is taken for being there")
	}
}

// What went with a folder that is told of again need not be told of: it is listed, unless
// all is.
func TestFolderThatIsToldOfAfterItWasTakenForGoneIsListed(t *testing.T) {
	for name, test := range map[string]struct {
		from string
		want []string
	}{"by the feed": {"after", []string{"d"}}, "by a full listing": {"", nil}} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.feed(dir("d", "root", "d"), file("f", "d", "f"))
			s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("d").N, time.Time{}) }))
			again := dir("d", "root", "moved")
			again.ETag = "d,2"
			all := []Delta{rootEntry, again}
			if test.from == "" {
				all = append(all, file("f", "d", "f"))
			}
			s.must(s.db.StageDelta(s.drive, all))
			s.wantDoubts(s.merge(Merge{Cursor: "next", Full: test.from == ""}), test.want...)
		})
	}
}

// A folder that was taken for gone and is there stays one to be listed, whatever else is
// in doubt about it.
func TestWhatIsToBeListedStaysSo(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"))
	s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("d").N, time.Time{}) }))
	s.put(dir("d", "root", "d").Item)
	s.must(s.db.StageDelta(s.drive, []Delta{rootEntry}))
	s.wantDoubts(s.merge(Merge{Cursor: "after", Full: true}), "d")
	kept, err := s.db.Doubts(s.drive)
	if s.must(err); len(kept) != 1 || kept[0].Why != Found {
		t.Errorf("kept %v, want one that it was found", kept)
	}
}

// The end that something had before we restored it may be told more than once: as long
// as it is found, that is no end.
func TestTheEndBeforeARestoreIsNoEndHoweverOftenItIsTold(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	end := Delta{Item: Item{ID: "f", ParentID: "root"}, Deleted: true}
	s.feed(end)
	back := file("f", "root", "f").Item
	back.Own, back.Over = s.now, Deleted
	s.put(back)
	for range 2 {
		m := s.feed(end)
		if s.wantDoubts(m, "f"); m.Doubts[0].Why != EndedAgain || s.item("f").Gone {
			t.Errorf("in doubt because %s; gone: %v", m.Doubts[0].Why, s.item("f").Gone)
		}
		found := file("f", "root", "f").Item
		s.put(found)
	}
	s.must(s.db.Update(func(tx *Tx) error {
		return errors.Join(tx.Unrestore(s.drive, "f"), s.end(tx, s.item("f").N, time.Time{}))
	}))
	if !s.item("f").Gone {
		t.Error("it was not found, and is there")
	}
}

func TestOurDeleteIsSettledWhenTheServiceConfirmsIt(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	for _, own := range []time.Time{s.now, {}} {
		s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("f").N, own) }))
		if it := s.item("f"); !it.Gone || !it.Own.Equal(own) {
			t.Errorf("f is %+v, want it gone since %v", it, own)
		}
	}
}

func TestRunsOfTwoDrivesDoNotMix(t *testing.T) {
	s := newStore(t)
	other, err := s.db.EnsureDrive(Drive{ID: "b!other", RootID: "root"})
	s.must(err)
	s.must(s.db.StageDelta(other.N, []Delta{rootEntry, file("f", "root", "theirs")}))
	s.feed(file("f", "root", "ours"))
	s.must(s.db.DropStage(s.drive))
	_, err = s.db.MergeDelta(context.Background(), other.N, Merge{Cursor: "c", Full: true, At: s.now})
	s.must(err)
	it, _, err := s.db.ItemByID(other.N, "f")
	s.must(err)
	if it.Name != "theirs" || s.item("f").Name != "ours" {
		t.Errorf("the other drive's f is %q, and ours %q", it.Name, s.item("f").Name)
	}
}

func TestEchoWithItsHashSettlesAnUploadWithoutOne(t *testing.T) {
	s := newStore(t)
	ours := file("f", "root", "f").Item
	ours.Hash, ours.Own = "", s.now
	s.put(ours)
	if m := s.feed(file("f", "root", "f")); m.Changed != 0 {
		t.Errorf("merged %+v, want nothing changed", m)
	}
	if it := s.item("f"); it.Hash != hashOf("f") || !it.Own.IsZero() {
		t.Errorf("f is %+v, want it settled, with the hash", it)
	}
}

func TestEveryPairOfTheDriveIsTold(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"))
	other := s.pair("other", s.item("d").N)
	s.feed(file("f", "d", "f"))
	s.put(file("g", "root", "g").Item) // learned by one pair's question
	marks, _, err := s.db.Dirty(other, 0)
	s.must(err)
	for _, id := range []string{"f", "g"} {
		if !slices.Contains(marks, s.item(id).N) {
			t.Errorf("the other pair was not told of %s", id)
		}
	}
}

func TestAgreementsBelowAGoneFolderAreMarked(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"))
	d, f := s.item("d").N, s.item("f").N
	s.agree(Base{N: d, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: f, Parent: d, LocalName: "f", Kind: kindFile})
	s.feed(file("f", "root", "f")) // moved there; here it is still in d
	s.dirty()
	s.feed(deleted("d"))
	if got := s.dirty(); !got[d] || !got[f] {
		t.Errorf("marked %v, want %d and %d", got, d, f)
	}
}

func TestItemInAFolderThatIsGoneAsksForTheFolder(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"))
	s.feed(deleted("d"))
	s.wantDoubts(s.feed(file("f", "d", "f")), "d")
}

func TestRunThatWasCutOffLeavesNothing(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	s.must(s.db.StageDelta(s.drive, []Delta{deleted("f"), file("g", "root", "g")}))
	s.reopen()
	s.merge(Merge{Cursor: "later"})
	s.wantAt("f", "root", "f")
	s.wantGone("g")
}

func TestPagesMayComeTwice(t *testing.T) {
	s := newStore(t)
	page := []Delta{dir("d", "root", "d"), file("f", "d", "f"), deleted("g")}
	s.feed(page...)
	s.dirty()
	if m := s.feed(page...); m.Changed != 0 || len(s.dirty()) != 0 {
		t.Errorf("merged %+v, want nothing changed", m)
	}
}

// The disk fills up at every page that the transaction would need in turn.
func TestCursorAndItemsAreStoredTogetherOrNotAtAll(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	s.reopen() // the log is empty, so that new pages are new pages of the file
	var run []Delta
	for i := range 400 {
		run = append(run, file(fmt.Sprintf("%034d", i), "root", fmt.Sprintf("a name of a file %d", i)))
	}
	run = append(run, deleted("f"))
	pages, _, err := get(s.db.w, value[int], "PRAGMA page_count")
	s.must(err)
	failures := 0
	for limit := pages; ; limit += 3 {
		s.must(s.db.w.exec(fmt.Sprintf("PRAGMA max_page_count=%d", limit)))
		s.must(s.db.StageDelta(s.drive, run))
		_, err := s.db.MergeDelta(context.Background(), s.drive, Merge{Cursor: "after", At: s.now})
		d, driveErr := s.db.Drive(s.drive)
		s.must(driveErr)
		live, childErr := s.db.ItemChildren(s.root)
		s.must(childErr)
		if err == nil {
			if d.Cursor != "after" || len(live) != 400 {
				t.Errorf("cursor %q with %d items", d.Cursor, len(live))
			}
			break
		}
		failures++
		if d.Cursor != "next" || len(live) != 1 || len(s.dirty()) > 1 {
			t.Fatalf("after %v: cursor %q with %d items", err, d.Cursor, len(live))
		}
		s.must(s.db.Check())
	}
	if failures < 3 {
		t.Errorf("it failed only %d times: the test tests nothing", failures)
	}
}

// TestAMergeIsGivenUpWhenNobodyWaitsForIt however large it is, and leaves nothing behind.
func TestAMergeIsGivenUpWhenNobodyWaitsForIt(t *testing.T) {
	s := newStore(t)
	s.feed(rootEntry)
	rows := []Delta{rootEntry}
	for i := range 20_000 {
		rows = append(rows, file(fmt.Sprint("f", i), "root", fmt.Sprint("f", i)))
	}
	for some := range slices.Chunk(rows, 1000) {
		s.must(s.db.StageDelta(s.drive, some))
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, stop)
	began := time.Now()
	if _, err := s.db.MergeDelta(ctx, s.drive, Merge{Cursor: "late", At: s.now}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v after %v", err, time.Since(began))
	}
	d, err := s.db.Drive(s.drive)
	s.must(err)
	if _, known, err := s.db.ItemByID(s.drive, "f7"); known || err != nil || d.Cursor == "late" {
		t.Errorf("something was merged: %v, cursor %q, %v", known, d.Cursor, err)
	}
	s.feed(file("g", "root", "g"))
	s.must(s.db.Check())
}
