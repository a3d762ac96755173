package syncer

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/plan"
)

// The service deletes a folder with all that is in it by then, and has no guard
// against what comes between our look and our request.

// tooLate is a pair of which folder top/d, deleted here, gets a file online in the
// moment that it is deleted there. Another file stays.
func tooLate(t *testing.T, opt remotetest.Options, stays string) *pair {
	t.Helper()
	p := newPair(t, opt)
	p.write("top/d/f.txt", "base")
	p.write(stays, "stays")
	p.sync()
	p.remove("top/d")
	p.onStage().before("delete online d", func() { p.put("top/d/late.txt", "theirs") })
	return p
}

func TestWhatIsPutIntoAFolderAsItIsDeletedOnlineComesBack(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/g.txt")
	p.sync()
	p.sync() // its end is told only now
	p.sync()
	if text := p.here()["top/late.txt"]; text != "theirs" {
		t.Errorf("here is %s", show(p.here()))
	}
	p.same()
}

func TestWhatComesBackWhereItsNameIsTakenGetsAnother(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/late.txt")
	p.sync()
	p.sync() // its end is told only now
	p.sync()
	p.holds("top/late.txt", "stays")
	if !p.kept("theirs") {
		t.Errorf("here is %s", show(p.here()))
	}
	p.same()
}

func TestWhatCannotBeRestoredIsSaidToBeInTheRecycleBin(t *testing.T) {
	p := tooLate(t, remotetest.Options{Kind: remotetest.Business}, "top/g.txt")
	var said bytes.Buffer
	p.cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
	p.sync()
	p.sync()
	if !strings.Contains(said.String(), "recycle bin") {
		t.Errorf("nothing was said of it: %s", said.String())
	}
	p.same()
}

func TestADryRunRestoresNothing(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/g.txt")
	p.sync()
	_, _, err := New(p.cfg).DryRun(t.Context())
	p.must(err)
	if n := p.online.Count("POST restore"); n > 0 {
		t.Errorf("%d restored", n)
	}
}

// On a drive that gives nothing back, what stands here of it is all there is.

func TestWhatWasBeingFetchedAsItWentWithADeletedFolderIsKept(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Business})
	p.write("x.txt", "base")
	p.write("d/f.txt", "base2")
	p.write("o.txt", "other")
	p.sync()
	p.connect()
	p.cfg.Clock = newHurried(100)
	s := p.onStage()
	p.put("x.txt", "theirs")
	p.remove("d")
	release := make(chan struct{})
	s.before("download x.txt*", func() { <-release })
	s.before("delete online d", func() { p.must(p.online.Move("x.txt", "d/x.txt")) })
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("deleted online", func() bool { _, there := p.there()["d/"]; return !there })
	asked := p.online.Count("GET delta")
	p.until("the feed was read, more than once", func() bool { return p.online.Count("GET delta") > asked+2 })
	close(release)
	p.until("it is there again", func() bool { return p.there()["x.txt"] != "" })
	p.until("all is quiet", func() bool { return e.Now().Quiet })
	stop()
	if p.here()["x.txt"] == "" {
		t.Errorf("here is %s", show(p.here()))
	}
	p.same()
}

// The feed tells of the move before the folder's delete is answered. Then the answer
// takes it along, and the feed has nothing more to tell of it; or the feed tells of the
// folder's end first.
func TestWhatWasSeenToMoveIntoAFolderThatIsBeingDeletedIsKept(t *testing.T) {
	for first, late := range map[string]bool{"the answer": false, "the feed": true} {
		t.Run(first+" comes first", func(t *testing.T) {
			p := newPair(t, remotetest.Options{Kind: remotetest.Business})
			p.write("x.txt", "mine")
			p.write("d/f.txt", "base")
			p.write("o.txt", "other")
			p.sync()
			p.sync()
			p.cfg.Clock = newHurried(100)
			s := p.onStage()
			e := New(p.cfg)
			p.remove("d")
			read := func() {
				asked := p.online.Count("GET delta")
				p.until("the feed was read", func() bool { return p.online.Count("GET delta") > asked+2 })
			}
			s.before("delete online d", func() {
				p.must(p.online.Move("x.txt", "d/x.txt"))
				read()
			})
			if late {
				s.after("delete online d", read)
			}
			stop := p.agent(e)
			p.until("it is there again", func() bool { return p.there()["x.txt"] != "" && p.there()["d/"] == "" })
			p.until("all is quiet", func() bool { return e.Now().Quiet })
			stop()
			p.holds("x.txt", "mine")
			p.same()
		})
	}
}

func TestWhatAnotherPairHasOfWhatWentWithADeletedFolderIsKept(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Business})
	p.put("work/d/f.txt", "base")
	p.put("work/o.txt", "other")
	p.put("home/x.txt", "mine")
	p.put("home/y.txt", "other")
	work, home := p.partner("work"), p.partner("home")
	pass := func(cfg Config) Summary {
		t.Helper()
		sum, err := New(cfg).Once(t.Context())
		p.must(err)
		return sum
	}
	pass(work)
	pass(home)
	pass(work)
	p.must(os.RemoveAll(filepath.Join(work.Folder.Path, "d")))
	s := p.onStage()
	work.Remote = s
	s.before("delete online d", func() { p.must(p.online.Move("home/x.txt", "work/d/x.txt")) })
	pass(work)
	pass(work)
	if sum := pass(home); sum.DeletedLocal != 0 || sum.Uploaded != 1 {
		t.Errorf("%+v, want it sent anew", sum)
	}
	if p.there()["home/x.txt"] != "mine" {
		t.Errorf("there is %s", show(p.there()))
	}
}

// A folder that was deleted online, and is made anew for what is kept in it, is another
// folder than the one that somebody brings back, before we know that it was made or
// afterwards.
func TestAFolderThatComesBackBesideTheOneThatWasMadeAnewIsAnother(t *testing.T) {
	for _, when := range []string{"before", "at once", "afterwards"} {
		t.Run(when, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.write("d/f.txt", "base")
			p.write("d/s/g.txt", "base")
			p.write("o.txt", "other")
			p.sync()
			p.sync()
			p.cfg.Clock = newHurried(50)
			s := p.onStage()
			e := New(p.cfg)
			stop := p.agent(e)
			p.until("quiet", func() bool { return e.Now().Quiet })
			old, err := p.online.Stat("d")
			p.must(err)
			restore := func() {
				_, err = p.online.Restore(old.ID)
				p.must(err)
				read := p.online.Count("GET delta")
				p.until("the feed was read", func() bool { return p.online.Count("GET delta") > read+2 })
			}
			if when == "before" {
				s.after("mkdir online d", restore)
			}
			p.write("d/new.txt", "new")
			p.must(p.online.Delete("d"))
			e.inbox <- report{then: func(error) { e.lookAt("d/new.txt", false); e.join() }}
			p.until("it is made anew", func() bool { return p.there()["d/new.txt"] == "new" })
			if when == "at once" {
				restore()
			}
			p.until("quiet", func() bool { return e.Now().Quiet })
			if when == "afterwards" {
				restore()
			}
			p.until("it is here again", func() bool { return p.here()["d 1/f.txt"] == "base" && p.here()["d 1/s/g.txt"] == "base" })
			p.until("quiet", func() bool { return e.Now().Quiet })
			stop()
			if n := p.online.Count("POST children"); n > 4 {
				t.Errorf("%d folders were made online", n)
			}
			p.holds("d/new.txt", "new")
			p.same()
		})
	}
}

// What the feed tells of is there by itself, whatever was made in its place before.
func TestWhatIsToldOfAgainGoesByItsOwnKey(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "base")
	p.sync()
	d, ok, err := p.db.BaseAt(p.cfg.Folder.N, p.cfg.Folder.Root, "d")
	if p.must(err); !ok {
		t.Fatal("d is not agreed upon")
	}
	e := New(p.cfg)
	k, other := plan.Key(d.N), plan.Key(p.db.NextKey())
	e.local.bind[k] = other
	p.must(p.db.Update(func(tx *state.Tx) error { return tx.MarkDirty(p.cfg.Folder.N, d.N) }))
	e.loadDirty()
	if got := e.local.key(k); got != k {
		t.Errorf("it goes by %d, want %d", got, k)
	}
}
