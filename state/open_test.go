package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// crash leaves the files as a killed process does. SQLite's own locks die with
// the process; here they stay with the copy that is left behind.
func (s *store) crash() {
	s.Helper()
	left := s.path
	s.path = filepath.Join(s.TempDir(), "tandem.db")
	for _, ext := range []string{"", "-wal", "-open"} {
		text, err := os.ReadFile(left + ext)
		s.must(err)
		s.must(os.WriteFile(s.path+ext, text, 0o600))
	}
	old := s.db
	s.Cleanup(func() { old.Close() })
}

// fill writes enough for the file to have many pages.
func (s *store) fill() {
	s.Helper()
	for _, page := range bigFeed(2000) {
		s.must(s.db.StageDelta(s.drive, page))
	}
	s.merge(Merge{Cursor: "filled", Full: true})
	s.dirty()
}

// spoil overwrites the page on which an item in the midst of others is.
func (s *store) spoil() {
	s.Helper()
	text, err := os.ReadFile(s.path)
	s.must(err)
	pages := bigFeed(2000)
	at := strings.Index(string(text), pages[len(pages)/2][0].ETag)
	copy(text[at/4096*4096:], strings.Repeat("garbage!", 4096/8))
	s.must(os.WriteFile(s.path, text, 0o600))
}

func (s *store) wantFresh() {
	s.Helper()
	if _, ok, err := s.db.Folder("docs"); ok || err != nil {
		s.Errorf("the pair is still known: %v, %v", ok, err)
	}
	if s.db.Recovered() == "" {
		s.Error("Recovered says nothing")
	}
	aside, _ := filepath.Glob(s.path + ".corrupt-*")
	if len(aside) == 0 {
		s.Error("nothing was put aside")
	}
}

func TestOnlyTheOwnerCanReadIt(t *testing.T) {
	s := newStore(t)
	copied := filepath.Join(t.TempDir(), "copy.db")
	s.must(s.db.CopyTo(copied))
	for _, path := range []string{s.path, s.path + "-wal", copied} {
		info, err := os.Stat(path)
		s.must(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path), info.Mode().Perm())
		}
	}
	if info, err := os.Stat(filepath.Dir(s.path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory has mode %o, %v", info.Mode().Perm(), err)
	}
}

// TestAFileThatOthersMayReadIsClosedToThem: its upload sessions are keys to files.
func TestAFileThatOthersMayReadIsClosedToThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("it has mode %o, %v", info.Mode().Perm(), err)
	}
}

func TestWhatWasWrittenIsThereAfterACrash(t *testing.T) {
	s := newStore(t)
	s.fill()
	s.crash()
	s.open()
	s.must(s.db.Check())
	if d, err := s.db.Drive(s.drive); err != nil || d.Cursor != "filled" || s.db.Recovered() != "" {
		t.Errorf("the drive is %+v, %v; recovered: %q", d, err, s.db.Recovered())
	}
}

func TestLostLogOnlyTakesUsBack(t *testing.T) {
	s := newStore(t)
	s.fill()
	s.reopen()
	s.feed(file("f", "root", "f"))
	s.crash()
	s.must(os.Remove(s.path + "-wal"))
	s.open()
	s.must(s.db.Check())
	if d, err := s.db.Drive(s.drive); err != nil || d.Cursor != "filled" || s.item("f").N != 0 {
		t.Errorf("cursor %q and f %d, want neither cursor nor item of the lost part", d.Cursor, s.item("f").N)
	}
}

func TestSpoiledFileIsPutAsideAfterACrash(t *testing.T) {
	s := newStore(t)
	s.fill()
	s.reopen()
	s.crash()
	s.spoil()
	s.open()
	s.wantFresh()
}

func TestTruncatedFileIsPutAside(t *testing.T) {
	for _, size := range []int64{10, 4096, 40960} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newStore(t)
			s.fill()
			s.must(s.db.Close())
			s.must(os.Truncate(s.path, size))
			s.open()
			s.wantFresh()
		})
	}
}

func TestDamageFoundInUseIsLookedIntoAtTheNext(t *testing.T) {
	s := newStore(t)
	s.fill()
	s.must(s.db.Close())
	s.spoil()
	s.open() // it ended well, so nothing is checked
	pages := bigFeed(2000)
	if _, _, err := s.db.ItemByID(s.drive, pages[len(pages)/2][0].ID); !damaged(err) {
		t.Fatalf("ItemByID = %v, want it to stumble", err)
	}
	s.reopen()
	s.wantFresh()
}

func TestNewerFileIsLeftAlone(t *testing.T) {
	s := newStore(t)
	s.must(s.db.w.exec("PRAGMA user_version=99"))
	s.must(s.db.Close())
	before, err := os.ReadFile(s.path)
	s.must(err)
	if _, err := Open(s.path); !errors.Is(err, ErrNewer) {
		t.Errorf("Open = %v, want ErrNewer", err)
	}
	if after, err := os.ReadFile(s.path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestDatabaseOfAnotherProgramIsLeftAlone(t *testing.T) {
	s := newStore(t)
	s.must(s.db.w.exec("PRAGMA application_id=7"))
	s.must(s.db.Close())
	if _, err := Open(s.path); err == nil {
		t.Error("it was opened")
	}
	if aside, _ := filepath.Glob(s.path + ".corrupt-*"); len(aside) != 0 {
		t.Error("it was put aside")
	}
}

func TestDeletedOrReplacedFileIsNoticed(t *testing.T) {
	s := newStore(t)
	if !s.db.Present() {
		t.Fatal("it is not there from the beginning")
	}
	s.must(os.Rename(s.path, s.path+".away"))
	if s.db.Present() {
		t.Error("it is there, though it was moved away")
	}
	s.must(os.WriteFile(s.path, nil, 0o600))
	if s.db.Present() {
		t.Error("another file was taken for it")
	}
}

func TestKeysAreNeverGivenTwice(t *testing.T) {
	s := newStore(t)
	k := s.db.NextKey() + 100
	s.must(s.db.Update(func(tx *Tx) error { return tx.PutWaiting(s.folder, Waiting{Key: k, Path: "new here"}) }))
	s.reopen()
	if n := s.db.NextKey(); n <= k {
		t.Errorf("NextKey = %d, though %d is in use", n, k)
	}
}

func TestSecondProcessMayReadAndJudge(t *testing.T) {
	s := newStore(t)
	s.must(s.db.Update(func(tx *Tx) error {
		return tx.SetHeld(s.folder, []Held{{Key: 7, Path: "a", Side: "remote", Items: 30, At: s.now}})
	}))
	second, err := Open(s.path)
	s.must(err)
	s.must(second.Judge(s.folder, []int64{7}, 1))
	s.must(second.Close())
	if held, err := s.db.Held(s.folder); err != nil || len(held) != 1 || held[0].Verdict != 1 {
		t.Errorf("Held = %+v, %v; want it approved", held, err)
	}
	if _, err := os.Stat(s.path + "-open"); err != nil {
		t.Errorf("the mark of the first use is off: %v", err)
	}
	s.must(s.db.Close())
	if _, err := os.Stat(s.path + "-open"); err == nil {
		t.Error("the mark stayed after all had closed")
	}
	s.open()
}

func TestCopyIsWhole(t *testing.T) {
	s := newStore(t)
	s.fill()
	copied := filepath.Join(t.TempDir(), "copy.db")
	s.must(s.db.CopyTo(copied))
	other, err := Open(copied)
	s.must(err)
	defer other.Close()
	if d, err := other.Drive(s.drive); err != nil || d.Cursor != "filled" {
		t.Errorf("the copy's drive is %+v, %v", d, err)
	}
	if err := s.db.CopyTo(copied); err == nil {
		t.Error("a copy was written over another")
	}
}

func TestWhatNothingRefersToIsForgottenAtTheNextStart(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"), file("g", "root", "g"), file("grave", "root", "h"))
	s.agree(Base{N: s.item("g").N, Parent: s.root, LocalName: "g", Kind: kindFile})
	s.feed(deleted("f"), deleted("g"))
	s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("grave").N, time.Now()) }))
	s.reopen()
	if s.item("f").N != 0 {
		t.Error("f is still known")
	}
	if s.item("g").N == 0 || s.item("grave").N == 0 {
		t.Error("what is agreed on, or may still echo, was forgotten")
	}
}

func TestFailingUpdateLeavesNothing(t *testing.T) {
	s := newStore(t)
	fail := errors.New("changed my mind")
	err := s.db.Update(func(tx *Tx) error {
		if _, _, err := tx.Hear(Item{Drive: s.drive, ID: "f", ParentID: "root", Name: "f", Fold: "f", Kind: kindFile}, Telling{Source: Look}); err != nil {
			return err
		}
		if err := tx.PutBase(s.folder, Base{N: 50, Parent: s.root, LocalName: "f", Fold: "f"}); err != nil {
			return err
		}
		return fail
	})
	if !errors.Is(err, fail) {
		t.Errorf("Update = %v, want the error of fn", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.db.Update(func(tx *Tx) error {
			s.must(tx.MarkDirty(s.folder, 50))
			panic("half way")
		})
	}()
	_, agreed, err := s.db.Base(s.folder, 50)
	if err != nil || agreed || s.item("f").N != 0 || len(s.dirty()) > 1 {
		t.Error("something of a failed Update was kept")
	}
	s.feed(file("g", "root", "g")) // and the next one works
}

func TestReadersSeeOnlyWhatIsCommitted(t *testing.T) {
	s := newStore(t)
	s.must(s.db.Update(func(tx *Tx) error {
		n, _, err := tx.Hear(Item{Drive: s.drive, ID: "f", ParentID: "root", Name: "f", Fold: "f", Kind: kindFile}, Telling{Source: Look})
		if _, seen, _ := s.db.Item(n); seen {
			t.Error("a reader saw it before the commit")
		}
		return err
	}))
	if s.item("f").N == 0 {
		t.Error("no reader sees it after the commit")
	}
	if err := s.db.r.exec("DELETE FROM item"); err == nil {
		t.Error("a reader could write")
	}
}

func TestAnOldStateLearnsHowManyAgreementsItHas(t *testing.T) {
	s := newStore(t)
	s.feed(file("f", "root", "f"))
	s.agree(Base{N: s.root, LocalName: "", Kind: kindDir})
	s.agree(Base{N: s.item("f").N, Parent: s.root, LocalName: "f", Kind: kindFile})
	s.must(s.db.Update(func(tx *Tx) error {
		return tx.steps(
			step{"DROP TRIGGER base_agreed", nil}, step{"DROP TRIGGER base_dropped", nil}, step{"DROP INDEX journal_key", nil},
			step{"ALTER TABLE folder DROP COLUMN agreed", nil}, step{"ALTER TABLE item DROP COLUMN heard", nil}, step{"ALTER TABLE doubt DROP COLUMN at", nil}, step{"ALTER TABLE waiting DROP COLUMN since", nil}, step{"ALTER TABLE journal DROP COLUMN hash", nil}, step{"DROP INDEX item_no_file", nil}, step{"ALTER TABLE partial DROP COLUMN ino", nil}, step{"DROP TABLE enriched", nil}, step{"PRAGMA user_version=3", nil},
		)
	}))
	s.reopen()
	if n, err := s.db.CountAgreed(s.folder); n != 1 || err != nil {
		t.Errorf("CountAgreed = %d, %v, want 1", n, err)
	}
	s.must(s.db.Check())
}

// An earlier tandem could put our eTag beside somebody else's content. Its state
// lets both be compared again, wherever what is known online is not what was agreed
// upon; and it agreed on two different contents.
func TestAnOldStateForgetsWhatALateAnswerMadeOfIt(t *testing.T) {
	s := newStore(t)
	s.must(s.db.Update(func(tx *Tx) error { return tx.exec("UPDATE drive SET kind='personal'") }))
	for _, id := range []string{"good", "mixed", "false", "photo.heic"} {
		s.feed(file(id, "root", id))
		b := Base{N: s.item(id).N, Parent: s.root, LocalName: id, RemoteName: id, Kind: kindFile, Size: s.item(id).Size, RemoteSize: s.item(id).Size, Hash: hashOf(id), RemoteHash: hashOf(id)}
		switch id {
		case "mixed": // the row has their hash, the agreement is ours
			b.Hash, b.RemoteHash = hashOf("ours"), hashOf("ours")
		case "false": // the agreement has ours beside theirs
			b.Hash = hashOf("ours")
		case "photo.heic": // the drive sends other bytes than it tells of
			b.Hash, b.Size = hashOf("sent"), 2*b.Size
		}
		s.agree(b)
	}
	s.dirty()
	s.must(s.db.Update(func(tx *Tx) error {
		return tx.steps(step{"UPDATE item SET over='x', own=1 WHERE id='mixed'", nil}, step{"ALTER TABLE item DROP COLUMN heard", nil}, step{"ALTER TABLE doubt DROP COLUMN at", nil}, step{"ALTER TABLE waiting DROP COLUMN since", nil}, step{"ALTER TABLE journal DROP COLUMN hash", nil}, step{"DROP INDEX item_no_file", nil}, step{"ALTER TABLE partial DROP COLUMN ino", nil}, step{"DROP TABLE enriched", nil}, step{"PRAGMA user_version=4", nil})
	}))
	s.reopen()
	marks := s.dirty()
	for id, want := range map[string]struct{ agreed, marked bool }{
		"good": {true, false}, "mixed": {true, true}, "false": {false, true}, "photo.heic": {true, false},
	} {
		n := s.item(id).N
		if _, agreed, err := s.db.Base(s.folder, n); agreed != want.agreed || marks[n] != want.marked || err != nil {
			t.Errorf("%s: agreed upon %v, to be looked at %v, want %+v (%v)", id, agreed, marks[n], want, err)
		}
	}
	if it := s.item("mixed"); it.Over != "" || !it.Own.IsZero() {
		t.Errorf("%+v: what it says to be replaced may be somebody else's", it)
	}
	s.must(s.db.Check())
}
