package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
)

// loseDatabase lets the pair start with no database at all.
func (p *pair) loseDatabase() {
	p.t.Helper()
	var err error
	p.db, err = state.Open(filepath.Join(p.t.TempDir(), "new.db"))
	p.must(err)
	p.t.Cleanup(func() { p.db.Close() })
	p.open()
	p.cfg.DB = p.db
}

func TestALostDatabaseAdoptsWhatIsEqualAndDeletesNothing(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for i := range 30 {
		p.write(fmt.Sprintf("d/%d.txt", i), fmt.Sprint("equal ", i))
	}
	p.write("both.txt", "base")
	p.sync()
	p.write("here.txt", "mine")
	p.write("both.txt", "mine")
	p.put("there.txt", "theirs")
	p.put("both.txt", "theirs")
	p.must(p.online.Delete("d/0.txt"))
	p.remove("d/1.txt")

	p.loseDatabase()
	s := p.sync()
	if s.DeletedLocal+s.DeletedRemote+s.Moved != 0 {
		t.Errorf("it was taken for known what was not: %+v", s)
	}
	if s.Uploaded != 3 || s.Downloaded != 3 || s.Conflicts != 1 {
		t.Errorf("%+v, want three files up (here, the copy, d/0), three down (there, both, d/1) and one conflict", s)
	}
	p.holds("both.txt", "theirs", "mine")
	p.same()
}

// TestAnyOlderDatabaseIsSafe starts a pair, at the end of a story, with each of
// the databases there were on the way.
func TestAnyOlderDatabaseIsSafe(t *testing.T) {
	deeds, stride := 1, 3
	if *twice {
		stride = 1
	}
	for n := 0; n < deeds; n += stride {
		p := newPair(t, remotetest.Options{})
		p.cfg.Parallel = 1
		p.write("f.txt", "one")
		p.write("d/g.txt", "kept")
		p.write("gone.txt", "deleted here")
		p.write("bin.txt", "deleted online")
		p.sync()
		old := filepath.Join(t.TempDir(), "old.db")
		s := p.onStage()
		taken := false
		s.on(cue{call: "*", times: 1 << 30, do: func() error {
			s.mu.Lock()
			now := len(s.done) == n && !taken
			taken = taken || now
			s.mu.Unlock()
			if now {
				return p.db.CopyTo(old)
			}
			return nil
		}})
		for _, people := range []func(){
			func() { p.put("f.txt", "two"); p.write("n.txt", "new here"); p.must(p.online.Delete("bin.txt")) },
			func() { p.write("f.txt", "three"); p.must(p.online.Move("d", "e")) },
			func() { p.put("f.txt", "theirs"); p.write("f.txt", "mine"); p.remove("gone.txt") },
		} {
			people()
			p.sync()
		}
		if deeds = len(s.done); n >= deeds {
			break // whether times are due depends on the second
		}
		at := s.done[n]
		p.write("f.txt", "the last here")
		p.put("m.txt", "the last online")

		p.reopen(old)
		p.sync()
		p.same()
		for _, text := range []string{"kept", "new here", "mine", "the last here", "the last online"} {
			if !slices.Contains(slices.Collect(maps.Values(p.here())), text) {
				t.Errorf("%q is lost with the database from before %q\nhere: %s", text, at, show(p.here()))
			}
		}
	}
}

func TestTheStashIsGivenBackWhenTheRecordsAreLost(t *testing.T) {
	for when, early := range map[string]bool{"edited long before": true, "saved in the last instant": false} {
		t.Run(when, func(t *testing.T) { stashGivenBack(t, early) })
	}
}

// stashGivenBack saves what is as long as what comes, so that its hash is known.
func stashGivenBack(t *testing.T, early bool) {
	p, s := changedOnline(t)
	if early {
		p.write("f.txt", "my own")
	} else {
		s.before("exchange stash f.txt", func() { p.write("f.txt", "my own") })
	}
	s.crashAfter("exchange stash f.txt")
	if _, err := p.try(); err == nil {
		t.Fatal("the process was not killed")
	}
	if p.here()["f.txt"] != "theirs" || len(p.private("stash")) != 1 {
		t.Fatalf("the only copy of a version is not in the stash: %q\nhere: %s", p.private("stash"), show(p.here()))
	}
	p.loseDatabase()
	if sum := p.sync(); sum.Conflicts != 1 {
		t.Errorf("%d conflicts were told, want 1", sum.Conflicts)
	}
	if got := p.copies("f.txt"); !slices.Equal(got, []string{"my own"}) {
		t.Errorf("beside f.txt stands %q\nhere: %s", got, show(p.here()))
	}
	p.same()
}

// TestOldVersionsGoToTheTrashWhenTheRecordsAreLost: they were online, and nobody
// asked for them back.
func TestOldVersionsGoToTheTrashWhenTheRecordsAreLost(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	long := strings.Repeat("é", 120) + ".txt"
	old := map[string]string{"d/100%, so.txt": "first", "g.txt": "second", "d/" + long: "third"}
	for rel, text := range old {
		p.write(rel, text)
	}
	p.sync()
	for rel := range old {
		p.put(rel, "theirs")
	}
	p.sync()
	if got := p.private("stash"); len(got) != len(old) {
		t.Fatalf("in the stash: %q", got)
	}
	p.loseDatabase()
	clock := newHurried(1)
	p.cfg.Clock = clock
	if sum := p.sync(); sum.Conflicts+sum.Uploaded != 0 {
		t.Errorf("%+v, want what is here to be known", sum)
	}
	if got := p.private("stash"); len(got) != 0 {
		t.Errorf("in the stash: %q", got)
	}
	trash := p.private("trash")
	for rel, text := range old {
		i := slices.IndexFunc(trash, func(at string) bool {
			got, err := os.ReadFile(p.path(".tandem/trash/" + at))
			return err == nil && string(got) == text
		})
		if i < 0 || rel != "d/"+long && !strings.HasSuffix(trash[i], "/"+rel) || !strings.HasSuffix(trash[i], "é.txt") && rel == "d/"+long {
			t.Errorf("%q is not in the trash under its name: %q", rel, trash)
		}
	}
	p.same()
	clock.forward(disk.KeptFor + time.Hour)
	p.sync()
	if got := p.private("trash"); len(got) != 0 {
		t.Errorf("still in the trash after thirty days: %q", got)
	}
}

// TestAnOldVersionThatIsWrittenToComesBackThoughTheRecordsAreLost: a program still
// has it open, and saves.
func TestAnOldVersionThatIsWrittenToComesBackThoughTheRecordsAreLost(t *testing.T) {
	for when, lost := range map[string]bool{"before": false, "after": true} {
		t.Run("saved "+when+" the records are lost", func(t *testing.T) {
			p, _ := changedOnline(t)
			editor, err := os.OpenFile(p.path("f.txt"), os.O_WRONLY, 0)
			p.must(err)
			defer editor.Close()
			p.sync()
			save := func() {
				_, err := editor.WriteAt([]byte("mine"), 0)
				p.must(errors.Join(err, editor.Close()))
			}
			if !lost {
				save()
			}
			p.loseDatabase()
			clock := newHurried(1)
			p.cfg.Clock = clock
			p.sync()
			if lost {
				save()
				clock.forward(2 * stashFor)
				p.sync()
			}
			p.holds("f.txt", "theirs", "mine")
			p.same()
		})
	}
}

func TestANameInTheStashIsReadAsItWasMade(t *testing.T) {
	hash := plan.Hash(strings.Repeat("h", 20))
	for in, want := range map[string]string{
		"f.txt":                          "f.txt",
		"a/b/c.txt":                      "a/b/c.txt",
		"a%2Fb, c/100%.txt":              "a%2Fb, c/100%.txt",
		strings.Repeat("d/", 80) + "f":   "f",
		strings.Repeat("n", 200) + ".md": "nn.md",
	} {
		name := stashName(".tandem/tmp/12345-j6iq81jy5m0w-17", in, hash)
		got, agreed := stashed(path.Base(name))
		if !strings.HasSuffix(got, want) || len(want) > len(got) || agreed != hash || len(disk.Beside(path.Base(name))) > stashMost {
			t.Errorf("%q is read as %q, %x by way of %q", in, got, agreed, name)
		}
		if got, agreed := stashed(path.Base(disk.Beside(name))); !strings.HasSuffix(got, want) || agreed != "" {
			t.Errorf("the new content of %q is read as %q, %x", in, got, agreed)
		}
	}
	for _, strange := range []string{"", "old-style", "a,b,,", "t,,..%2F..%2Fx,", "t,,.tandem%2Fx,", "t,,.,"} {
		if rel, agreed := stashed(strange); rel != "" || agreed != "" {
			t.Errorf("%q is read as %q, %x", strange, rel, agreed)
		}
	}
}

// TestTheTrashIsNeverEmptiedWithoutItsRecords: what is in it may be the only
// copy of something.
func TestTheTrashIsNeverEmptiedWithoutItsRecords(t *testing.T) {
	p, s := deletedOnline(t)
	s.before("rename d/f.txt trash/d/f.txt", func() { p.write("d/f.txt", "mine, saved late") })
	s.crashAfter("rename d/f.txt trash/d/f.txt")
	if _, err := p.try(); err == nil {
		t.Fatal("the process was not killed")
	}
	p.loseDatabase()
	p.sync()
	p.sync()
	if !p.kept("mine, saved late") {
		t.Error("a version is lost")
	}
}

// TestADatabaseThatIsDeletedInUseEndsTheRun: what would be written to it from
// then on is lost.
func TestADatabaseThatIsDeletedInUseEndsTheRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tandem.db")
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "one")
	p.write("b.txt", "two")
	p.sync()
	p.must(p.db.CopyTo(file))
	p.reopen(file)
	p.stage = nil
	p.cfg.Disk, p.cfg.Remote = p.disk, p.client
	p.cfg.Poll = 1
	ended := make(chan error, 1)
	go func() { ended <- New(p.cfg).Run(t.Context()) }()
	p.put("c.txt", "three")
	p.until("c.txt is here", func() bool { return p.here()["c.txt"] != "" })
	p.must(os.Rename(file, file+".away"))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "deleted or replaced") {
		t.Errorf("the run ended with %v", err)
	}
}

func TestNothingIsDeletedOnARecordThatIsGone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tandem.db")
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "one")
	p.write("b.txt", "two")
	p.sync()
	p.must(p.db.CopyTo(file))
	p.reopen(file)
	p.remove("a.txt")
	p.stage.before("list .", func() { p.must(os.Rename(file, file+".away")) })
	if _, err := New(p.cfg).Once(context.Background()); err == nil {
		t.Error("the pass went on without its database")
	}
	if p.there()["a.txt"] != "one" {
		t.Error("a file was deleted online by a record that was gone")
	}
}

// TestALostDatabaseAdoptsWhatTheServiceHasWrittenInto: a library has other bytes than it
// was given, and those are no second version. What only looks alike is one.
func TestALostDatabaseAdoptsWhatTheServiceHasWrittenInto(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Library})
	for _, match := range []string{"PUT upload", "PUT content"} {
		p.online.Fail(remotetest.Fault{Match: match, Twist: remotetest.Enrich})
	}
	p.write("d/f.docx", "mine")
	p.write("d/other.docx", "mine, too")
	p.write("d/edited.docx", "mine, and touched")
	p.sync()
	at, err := os.Stat(filepath.Join(p.dir, "d/other.docx"))
	p.must(err)
	_, err = p.online.Put("d/other.docx", "of theirs\x00")
	p.must(err)
	p.must(p.online.Touch("d/other.docx", at.ModTime()))
	later := at.ModTime().Add(time.Hour)
	p.must(os.Chtimes(filepath.Join(p.dir, "d/edited.docx"), later, later))
	for n := range 3 {
		p.loseDatabase()
		fetched := p.online.Count("GET content") + p.online.Count("download")
		s := p.sync()
		fetched = p.online.Count("GET content") + p.online.Count("download") - fetched
		if n == 0 && s.Conflicts != 2 || n > 0 && (s.Conflicts > 0 || fetched > 5) {
			t.Errorf("lost %d times: %d conflicts, %d requests for contents: %+v", n+1, s.Conflicts, fetched, s)
		}
		if s := p.sync(); s.Uploaded+s.Downloaded+s.Conflicts != 0 {
			t.Errorf("a further pass: %+v", s)
		}
		if got := p.here()["d/f.docx"]; got != "mine" {
			t.Errorf("here is %q", got)
		}
	}
}

// TestWhatOnlyOpensIsNotTakenForTheSame: a picture of the same time and about the same
// size may be another version.
func TestWhatOnlyOpensIsNotTakenForTheSame(t *testing.T) {
	const mine, theirs = "\xff\xd8\xff mine \xff\xd9", "\xff\xd8\xff theirs \xff\xd9"
	p := newPair(t, remotetest.Options{Kind: remotetest.Library})
	p.write("f.jpg", mine)
	p.sync()
	at, err := os.Stat(p.path("f.jpg"))
	p.must(err)
	_, err = p.online.Put("f.jpg", theirs)
	p.must(err)
	p.must(p.online.Touch("f.jpg", at.ModTime()))
	p.loseDatabase()
	if s := p.sync(); s.Conflicts != 1 {
		t.Errorf("%+v, want one conflict", s)
	}
	if all := show(p.here()); !strings.Contains(all, " mine ") || !strings.Contains(all, " theirs ") {
		t.Errorf("here are %s", all)
	}
}

// TestTwoEditsOfOneSecondAreTwoVersions: on a library, too, though both open.
func TestTwoEditsOfOneSecondAreTwoVersions(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Library})
	p.write("f.docx", "base")
	p.write("o.txt", "other")
	p.sync()
	at := time.Now().Add(-time.Hour)
	p.write("f.docx", "mine, edited")
	p.must(os.Chtimes(filepath.Join(p.dir, "f.docx"), at, at))
	_, err := p.online.Put("f.docx", "of theirs, edited")
	p.must(err)
	p.must(p.online.Touch("f.docx", at))
	if s := p.sync(); s.Conflicts != 1 {
		t.Errorf("%d conflicts: %+v", s.Conflicts, s)
	}
}

// TestAFileThatLostItsEndIsNotTakenForTheSame, as when the power fails: what is online
// begins with all that is here.
func TestAFileThatLostItsEndIsNotTakenForTheSame(t *testing.T) {
	for _, name := range []string{"f.txt", "f.html", "f.docx"} {
		p := newPair(t, remotetest.Options{Kind: remotetest.Library})
		p.write(name, "all of a text")
		p.sync()
		at, err := os.Stat(p.path(name))
		p.must(err)
		p.must(os.Truncate(p.path(name), 5))
		p.must(os.Chtimes(p.path(name), at.ModTime(), at.ModTime()))
		p.loseDatabase()
		p.try()
		if all := show(p.here()); !strings.Contains(all, "all of a text") {
			t.Errorf("%s: here are %s", name, all)
		}
	}
}
