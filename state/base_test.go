package state

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAgreementComesBackAsItWasWritten(t *testing.T) {
	s := newStore(t)
	n := s.put(file("f", "root", "F.txt").Item)
	want := Base{
		N: n, Parent: s.root, LocalName: "F\xff.txt", RemoteName: "F\x00é.txt", Fold: "f.txt", Kind: kindFile, Ino: 1 << 63,
		Born: 1, Size: 2, MTime: -3, CTime: 4, Hash: hashOf("here"), Racy: true,
		RemoteSize: 5, RemoteMTime: 6, RemoteHash: hashOf("there"), ETag: `"{G},1"`, TimesDue: true,
	}
	s.agree(want)
	if got, ok, err := s.db.Base(s.folder, n); !ok || err != nil || got != want {
		t.Errorf("Base = %+v, %v, %v; want %+v", got, ok, err, want)
	}
	if got, err := s.db.BaseByIno(s.folder, 1<<63); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("BaseByIno = %+v, %v", got, err)
	}
	want.Hash, want.RemoteHash, want.LocalName = "", "", "renamed"
	s.agree(want)
	if got, ok, err := s.db.BaseAt(s.folder, s.root, "f.txt"); !ok || err != nil || got != want {
		t.Errorf("BaseAt = %+v, %v, %v; want %+v", got, ok, err, want)
	}
}

func TestTwoNamesThatFoldToTheSameAreRefused(t *testing.T) {
	s := newStore(t)
	a, b := s.put(file("a", "root", "a").Item), s.put(file("b", "root", "b").Item)
	s.agree(Base{N: a, Parent: s.root, LocalName: "Name", Fold: "name"})
	err := s.db.Update(func(tx *Tx) error {
		return tx.PutBase(s.folder, Base{N: b, Parent: s.root, LocalName: "NAME", Fold: "name"})
	})
	if err == nil || !strings.Contains(err.Error(), `"NAME"`) || !strings.Contains(err.Error(), `"Name"`) {
		t.Errorf("PutBase = %v, want an error that names both", err)
	}
}

func TestNothingIsAgreedUponInAFolderThatIsNot(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"))
	d, f := s.item("d").N, s.item("f").N
	err := s.db.Update(func(tx *Tx) error {
		return tx.PutBase(s.folder, Base{N: f, Parent: d, LocalName: "f", Fold: "f", Kind: kindFile})
	})
	if !errors.Is(err, ErrNoFolder) {
		t.Errorf("PutBase = %v, want ErrNoFolder", err)
	}
}

func TestWalkIsInTheOrderOfFoldersAndNames(t *testing.T) {
	s := newStore(t)
	s.feed(dir("e", "root", "e"), dir("d", "root", "d"), file("f", "d", "f"))
	d, e, f := s.item("d").N, s.item("e").N, s.item("f").N
	s.agree(Base{N: e, Parent: s.root, LocalName: "e", Kind: kindDir})
	s.agree(Base{N: d, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: f, Parent: d, LocalName: "f", Kind: kindFile, Ino: 1 << 63, Born: 1, Size: 2, MTime: 3, CTime: 4, Racy: true})
	var got []Base
	for b, err := range s.db.WalkBase(s.folder) {
		s.must(err)
		got = append(got, b)
	}
	want := []Base{
		{N: s.root, Kind: kindDir}, {N: d, Parent: s.root, LocalName: "d", Kind: kindDir}, {N: e, Parent: s.root, LocalName: "e", Kind: kindDir},
		{N: f, Parent: d, LocalName: "f", Kind: kindFile, Ino: 1 << 63, Born: 1, Size: 2, MTime: 3, CTime: 4, Racy: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("walked %+v, want %+v", got, want)
	}
	for range s.db.WalkBase(s.folder) {
		break
	}
	if n, err := s.db.CountBelow(s.folder, s.root, ""); n != 3 || err != nil {
		t.Errorf("CountBelow = %d, %v", n, err)
	}
}

func TestFolderWithAgreementsInItIsNotForgotten(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"))
	d, f := s.item("d").N, s.item("f").N
	s.agree(Base{N: d, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: f, Parent: d, LocalName: "f", Kind: kindFile})
	drop := func(n int64) error { return s.db.Update(func(tx *Tx) error { return tx.DropBase(s.folder, n) }) }
	if drop(d) == nil {
		t.Error("d was forgotten before f")
	}
	s.feed(deleted("f"))
	s.must(drop(f))
	s.must(drop(d))
	s.must(s.db.Check())
	if s.item("f").N != 0 || s.item("d").N == 0 {
		t.Error("want the gone item forgotten with its agreement, and the live one kept")
	}
}

func TestRekeyTakesAlongWhatIsInside(t *testing.T) {
	s := newStore(t)
	s.feed(dir("old", "root", "d"), file("f", "old", "f"))
	old, f := s.item("old").N, s.item("f").N
	s.agree(Base{N: old, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: f, Parent: old, LocalName: "f", Kind: kindFile})
	s.feed(dir("new", "root", "d"), file("f", "new", "f"), deleted("old"))
	n := s.item("new").N
	s.must(s.db.Update(func(tx *Tx) error { return tx.Rekey(s.folder, old, n) }))
	s.must(s.db.Check())
	if b, ok, err := s.db.Base(s.folder, f); !ok || err != nil || b.Parent != n {
		t.Errorf("f is agreed on in %d, %v; want %d", b.Parent, err, n)
	}
	if s.item("old").N != 0 {
		t.Error("the item that nothing refers to is still known")
	}
}

func TestCheckFindsWhatMustNotBe(t *testing.T) {
	for _, damage := range []string{
		"INSERT INTO base SELECT folder, 999, 'orphan', 1000, kind, ino, born, size, mtime, ctime, racy, hash, remote_name, 'x', remote_size, remote_mtime, remote_hash, etag, times_due FROM base LIMIT 1",
		"UPDATE base SET parent=(SELECT n FROM item WHERE id='f') WHERE local_name='d'",
		"DELETE FROM base WHERE parent=0",
		"DELETE FROM item WHERE id='f'",
		"UPDATE item SET parent=(SELECT n FROM item WHERE id='f'), parent_id='f' WHERE id='d'",
		"UPDATE item SET parent=0 WHERE id='f'",
		"UPDATE item SET parent_id='d2' WHERE id='f'",
	} {
		s := newStore(t)
		s.feed(dir("d", "root", "d"), dir("f", "d", "f"))
		s.agree(Base{N: s.item("d").N, Parent: s.root, LocalName: "d", Kind: kindDir})
		s.agree(Base{N: s.item("f").N, Parent: s.item("d").N, LocalName: "f", Kind: kindDir})
		s.must(s.db.Check())
		s.must(s.db.w.exec(damage))
		if s.db.Check() == nil {
			t.Errorf("Check finds nothing after %s", damage)
		}
	}
}

func TestPairKeepsItsFolderOnline(t *testing.T) {
	s := newStore(t)
	f, ok, err := s.db.Folder("docs")
	if !ok || err != nil || f.Root != s.root {
		t.Fatalf("Folder = %+v, %v, %v", f, ok, err)
	}
	f.Path, f.UUID, f.Ino = "/elsewhere", "u", 1<<63
	moved, err := s.db.PutFolder(f)
	if err != nil || moved != f {
		t.Errorf("PutFolder = %+v, %v; want %+v", moved, err, f)
	}
	s.must(s.db.Check())
	f.Root++
	if _, err := s.db.PutFolder(f); err == nil {
		t.Error("the pair was bound to another folder")
	}
}

func TestYesIsNoYesToMore(t *testing.T) {
	s := newStore(t)
	ask := func(list ...Held) map[int64]uint8 {
		t.Helper()
		s.must(s.db.Update(func(tx *Tx) error { return tx.SetHeld(s.folder, list) }))
		held, err := s.db.Held(s.folder)
		s.must(err)
		verdicts := map[int64]uint8{}
		for _, h := range held {
			verdicts[h.Key] = h.Verdict
		}
		return verdicts
	}
	a, b, c := Held{Key: 1, Path: "a", Side: "remote", Items: 30}, Held{Key: 2, Path: "b", Side: "remote", Items: 30}, Held{Key: 3, Path: "c", Side: "local", Items: 30}
	ask(a, b, c)
	s.must(s.db.Judge(s.folder, []int64{1, 2, 3}, 1))
	a.Items, b.Items, c.Side = 29, 31, "remote"
	if got, want := ask(a, b, c), (map[int64]uint8{1: 1, 2: 0, 3: 0}); !reflect.DeepEqual(got, want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("%v is still held", got)
	}
}

func TestNotesComeBackAsTheyWereWritten(t *testing.T) {
	s := newStore(t)
	at := time.Unix(0, 1_700_000_000_000_000_123)
	intent := Intent{Folder: s.folder, Op: "replace", Key: 5, Path: "a", Private: "stash/5", Keep: "a (conflict)", Ino: 1 << 63, Size: 9,
		Hash: hashOf("old"), Want: hashOf("new"), ParentID: "p", Name: "n", At: at}
	session := Session{Folder: s.folder, Key: 5, Address: "https://x/1", Expires: at, Path: "a", Ino: 1 << 63, Size: 9, MTime: 8,
		Hash: hashOf("h"), ETag: "e", ParentID: "p", Name: "n", ItemID: "i"}
	partial := Partial{Folder: s.folder, Key: 5, Temp: "tmp/5", Ino: 1<<63 + 7, Size: 9, Hash: hashOf("h"), ETag: "e"}
	waiting := Waiting{Key: 5, Path: "a", Why: "locked", Person: true, Tries: 3, Next: at}
	conflict := Conflict{Path: "a", Copy: "a (conflict)", At: at}
	s.must(s.db.Update(func(tx *Tx) (err error) {
		if intent.N, err = tx.PutIntent(intent); err != nil {
			return err
		}
		for _, err := range []error{tx.PutSession(session), tx.PutPartial(partial), tx.PutWaiting(s.folder, waiting), tx.PutConflict(s.folder, conflict)} {
			if err != nil {
				return err
			}
		}
		return nil
	}))
	s.reopen()
	intents, err := s.db.Intents(s.folder)
	wantOne(t, "Intents", intents, err, intent)
	sessions, err := s.db.Sessions(s.folder)
	wantOne(t, "Sessions", sessions, err, session)
	partials, err := s.db.Partials(s.folder)
	wantOne(t, "Partials", partials, err, partial)
	waits, err := s.db.Waitings(s.folder)
	wantOne(t, "Waitings", waits, err, waiting)
	conflicts, err := s.db.Conflicts(s.folder)
	wantOne(t, "Conflicts", conflicts, err, conflict)

	if got, ok, err := s.db.Session(s.folder, 5); !ok || err != nil || got != session {
		t.Errorf("Session = %+v, %v, %v", got, ok, err)
	}
	if got, ok, err := s.db.Partial(s.folder, 5); !ok || err != nil || got != partial {
		t.Errorf("Partial = %+v, %v, %v", got, ok, err)
	}
	s.must(s.db.Update(func(tx *Tx) error {
		for _, err := range []error{tx.DropIntent(intent.N), tx.DropSession(s.folder, 5), tx.DropPartial(s.folder, 5), tx.DropWaiting(s.folder, 5)} {
			if err != nil {
				return err
			}
		}
		return nil
	}))
	if intents, _ := s.db.Intents(s.folder); len(intents) != 0 {
		t.Error("the intent is still there")
	}
	if _, ok, _ := s.db.Session(s.folder, 5); ok {
		t.Error("the session is still there")
	}
	if _, ok, _ := s.db.Partial(s.folder, 5); ok {
		t.Error("the partial download is still there")
	}
	if waits, _ := s.db.Waitings(s.folder); len(waits) != 0 {
		t.Error("it still waits")
	}
}

func wantOne[T comparable](t *testing.T, what string, got []T, err error, want T) {
	t.Helper()
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%s = %+v, %v; want %+v", what, got, err, want)
	}
}

func TestTheJournalKnowsWhatIsInTheTrash(t *testing.T) {
	s := newStore(t)
	day := 24 * time.Hour
	s.must(s.db.Update(func(tx *Tx) error {
		for _, e := range []Entry{
			{At: s.now.Add(-2 * day), Op: "delete here", Detail: "trash/second"},
			{At: s.now.Add(-3 * day), Op: "delete here", Detail: "trash/first"},
			{At: s.now.Add(-3 * day), Op: "delete here"}, // a folder
			{At: s.now.Add(-3 * day), Op: "upload", Detail: "d"},
			{At: s.now, Op: "delete here", Detail: "trash/young"},
		} {
			if err := tx.Journal(s.folder, e); err != nil {
				return err
			}
		}
		return nil
	}))
	in := func(most int) (names []string, entries []int64) {
		list, err := s.db.Trashed(s.folder, s.now.Add(-day), most)
		s.must(err)
		for _, t := range list {
			names, entries = append(names, t.Private), append(entries, t.N)
		}
		return names, entries
	}
	if names, _ := in(10); !slices.Equal(names, []string{"trash/first", "trash/second"}) {
		t.Errorf("in the trash for a day: %q", names)
	}
	_, first := in(1)
	s.must(s.db.Update(func(tx *Tx) error { return tx.Emptied(first) }))
	if names, _ := in(10); !slices.Equal(names, []string{"trash/second"}) {
		t.Errorf("once the first is removed: %q", names)
	}
}

func TestJournalCountsDeletesOfTheLastHour(t *testing.T) {
	s := newStore(t)
	s.must(s.db.Update(func(tx *Tx) error {
		for _, e := range []Entry{
			{At: s.now.Add(-2 * time.Hour), Op: "delete here", Top: 7, Items: 100},
			{At: s.now.Add(-time.Minute), Op: "delete online", Top: 7, Items: 3},
			{At: s.now, Op: "delete here", Top: 8, Items: 4},
			{At: s.now, Op: "upload", Top: 7, Items: 1000, Path: "a", Why: "new here", Detail: "d", Key: 9},
		} {
			if err := tx.Journal(s.folder, e); err != nil {
				return err
			}
		}
		return nil
	}))
	for top, want := range map[int64]int{0: 7, 7: 3, 8: 4, 9: 0} {
		if n, err := s.db.DeletedSince(s.folder, top, s.now.Add(-time.Hour)); n != want || err != nil {
			t.Errorf("DeletedSince(%d) = %d, %v; want %d", top, n, err, want)
		}
	}
	tail, err := s.db.JournalTail(s.folder, 2)
	s.must(err)
	if ops := []string{tail[0].Op, tail[1].Op}; !slices.Equal(ops, []string{"upload", "delete here"}) || !tail[0].At.Equal(s.now) || tail[0].Why != "new here" {
		t.Errorf("JournalTail = %+v", tail)
	}
}

func TestAllAgreementsOfAFolderAreCountedButItsRoot(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"), file("g", "root", "g"))
	s.agree(Base{N: s.root, LocalName: "", Kind: kindDir})
	s.agree(Base{N: s.item("d").N, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: s.item("f").N, Parent: s.item("d").N, LocalName: "f", Kind: kindFile})
	if n, err := s.db.CountAgreed(s.folder); n != 2 || err != nil {
		t.Errorf("CountAgreed = %d, %v, want 2", n, err)
	}
	s.agree(Base{N: s.item("f").N, Parent: s.item("d").N, LocalName: "f", Kind: kindFile, Size: 7}) // as it was, but for the size
	if n, err := s.db.CountAgreed(s.folder); n != 2 || err != nil {
		t.Errorf("after one that was there already: %d, %v, want 2", n, err)
	}
	s.must(s.db.Update(func(tx *Tx) error { return tx.DropBase(s.folder, s.item("f").N) }))
	if n, err := s.db.CountAgreed(s.folder); n != 1 || err != nil {
		t.Errorf("after one less: %d, %v, want 1", n, err)
	}
	if n, err := s.db.CountAgreed(s.folder + 1); n != 0 || err != nil {
		t.Errorf("of a folder that is not there: %d, %v", n, err)
	}
}

func TestAMarkThatWasSetMeanwhileIsNotTakenOff(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"), file("g", "root", "g"))
	f, g := s.item("f").N, s.item("g").N
	_, upTo, err := s.db.Dirty(s.folder, 0)
	s.must(err)
	s.must(s.db.Update(func(tx *Tx) error {
		return errors.Join(s.end(tx, f, time.Time{}), tx.ClearDirty(s.folder, upTo, f, g))
	}))
	left, _, err := s.db.Dirty(s.folder, upTo)
	s.must(err)
	if !slices.Equal(left, []int64{f}) {
		t.Errorf("marked are %v, want only %d, which is gone since", left, f)
	}
}

// TestIntentsOfOneStepAreDroppedTogether by the item or by the place online, and
// if that is said by what is sent.
func TestIntentsOfOneStepAreDroppedTogether(t *testing.T) {
	s := newStore(t)
	all := []Intent{
		{Path: "same", Op: "create", Key: 5, ParentID: "p", Name: "n", Want: hashOf("new")},
		{Path: "same item", Op: "create", Key: 5, Want: hashOf("new")},
		{Path: "same place", Op: "create", Key: 6, ParentID: "p", Name: "n", Want: hashOf("new")},
		{Path: "other content", Op: "create", Key: 5, ParentID: "p", Name: "n", Want: hashOf("newer")},
		{Path: "other place", Op: "create", Key: 6, ParentID: "q", Name: "n", Want: hashOf("new")},
		{Path: "other name", Op: "create", Key: 6, ParentID: "p", Name: "m", Want: hashOf("new")},
		{Path: "other step", Op: "edit", Key: 5, Want: hashOf("new")},
		{Path: "no place", Op: "edit", Key: 6, Want: hashOf("new")},
	}
	for _, tt := range []struct {
		drop Intent
		left []string
	}{
		{all[0], []string{"other content", "other place", "other name", "other step", "no place"}},
		{Intent{Op: "create", Key: 5, ParentID: "p", Name: "n"}, []string{"other place", "other name", "other step", "no place"}},
		{Intent{Op: "edit", Key: 6}, []string{"same", "same item", "same place", "other content", "other place", "other name", "other step"}},
	} {
		s.must(s.db.Update(func(tx *Tx) error {
			for _, in := range all {
				in.Folder = s.folder
				if _, err := tx.PutIntent(in); err != nil {
					return err
				}
			}
			tt.drop.Folder = s.folder
			return tx.DropIntentsLike(tt.drop)
		}))
		list, err := s.db.Intents(s.folder)
		s.must(err)
		var left []string
		s.must(s.db.Update(func(tx *Tx) (err error) {
			for _, in := range list {
				left = append(left, in.Path)
				err = errors.Join(err, tx.DropIntent(in.N))
			}
			return err
		}))
		if !slices.Equal(left, tt.left) {
			t.Errorf("%+v leaves %q, want %q", tt.drop, left, tt.left)
		}
	}
}
