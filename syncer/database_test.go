package syncer

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tandem/remote/remotetest"
	"tandem/state"
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
	p, s := changedOnline(t)
	s.before("exchange stash f.txt", func() { p.write("f.txt", "mine, saved late") })
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
	if !slices.Contains(slices.Collect(maps.Values(p.here())), "mine, saved late") {
		t.Errorf("a version is lost\nhere: %s", show(p.here()))
	}
	p.same()
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
