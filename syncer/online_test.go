package syncer

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// behind is a pair whose feed goes on telling, for an hour and to whoever reads
// it anew as well, what was before our changes.
func behind(t *testing.T) (*pair, *hurried) {
	t.Helper()
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{Clock: clock.Now})
	p.cfg.Clock = clock
	p.write("f.txt", "base")
	p.write("d/g.txt", "other")
	p.write("gone.txt", "deleted later")
	p.sync()
	p.same()
	p.connect() // what was made a moment ago is looked for more than once
	for _, change := range []string{"PUT content", "PATCH item", "DELETE item", "POST batch", "POST children"} {
		p.online.Fail(remotetest.Fault{Match: change, Twist: remotetest.Lag, For: 50 * time.Minute})
	}
	return p, clock
}

// TestAFeedThatIsBehindUndoesNothingOfOurs reads stale pages, with the cursor and
// from the start, before and after the time in which an echo is expected.
func TestAFeedThatIsBehindUndoesNothingOfOurs(t *testing.T) {
	for name, deed := range map[string]func(p *pair){
		"an edit":        func(p *pair) { p.write("f.txt", "mine") },
		"a move":         func(p *pair) { p.move("f.txt", "d/moved.txt") },
		"a folder moved": func(p *pair) { p.move("d", "e") },
		"a delete":       func(p *pair) { p.remove("gone.txt") },
		"a new file":     func(p *pair) { p.write("n/new.txt", "mine") },
		"all of it": func(p *pair) {
			p.write("f.txt", "mine")
			p.move("d", "e")
			p.remove("gone.txt")
			p.write("n/new.txt", "mine")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, clock := behind(t)
			deed(p)
			want := p.here()
			p.sync()
			for _, pass := range []struct {
				wait   time.Duration
				afresh bool
			}{{0, false}, {0, true}, {3 * time.Minute, false}, {3 * time.Minute, true}, {time.Hour, false}, {0, true}} {
				clock.forward(pass.wait)
				if pass.afresh {
					p.online.ExpireCursors()
				}
				if s := p.sync(); s.Uploaded+s.Downloaded+s.Moved+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote+s.Conflicts != 0 {
					t.Errorf("%+v: a further pass did something: %+v", pass, s)
				}
				if here, there := show(p.here()), show(p.there()); here != show(want) || there != show(want) {
					t.Fatalf("%+v: the two sides hold\nhere:  %s\nthere: %s\nwant %s", pass, here, there, show(want))
				}
			}
		})
	}
}

// TestNothingIsDoneBeforeTheFeedWasReadToItsEnd: what is not known cannot be
// taken for absent.
func TestNothingIsDoneBeforeTheFeedWasReadToItsEnd(t *testing.T) {
	for name, fault := range map[string]remotetest.Fault{
		"an error":            {Match: "GET delta", Status: 504},
		"a page of a portal":  {Match: "GET delta", Status: 200, Body: "<html>please sign in</html>"},
		"an empty answer":     {Match: "GET delta", Status: 200, Body: "{}"},
		"no link":             {Match: "GET delta", Twist: remotetest.NoLink},
		"a circle":            {Match: "GET delta", Twist: remotetest.LinkLoop},
		"an error half way":   {Match: "GET delta", After: 1, Status: 400}, // the first page is an empty one
		"nothing ever":        {Match: "GET delta", Status: 404},
		"a start for ever":    {Match: "GET delta", Status: 410},
		"a start elsewhere":   {Match: "GET delta", Status: 410, Fresh: true},
		"both links at once":  {Match: "GET delta", Twist: remotetest.BothLinks},
		"a broken connection": {Match: "GET delta", CutAt: 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{PageSize: 2})
			for i := range 5 {
				p.write(fmt.Sprintf("%d.txt", i), "base")
			}
			p.sync()
			p.remove("0.txt")
			p.write("1.txt", "mine")
			p.must(p.online.Delete("2.txt"))
			p.put("3.txt", "theirs")
			p.put("6.txt", "theirs")
			p.put("7.txt", "theirs")
			p.online.Fail(fault)
			if fault.After > 0 {
				p.online.Fail(remotetest.Fault{Match: "GET delta", Times: 1, Twist: remotetest.EmptyPage})
			}
			here, there := show(p.here()), show(p.there())
			s := p.onStage()
			p.cfg.Clock = newHurried(100)
			if _, err := p.try(); err == nil {
				t.Error("the pass says that all is well")
			}
			if show(p.here()) != here || show(p.there()) != there {
				t.Errorf("something was done\nhere:  %s\nthere: %s", show(p.here()), show(p.there()))
			}
			if done := slices.DeleteFunc(slices.Clone(s.done), func(call string) bool { return strings.HasSuffix(call, "private") }); len(done) != 0 {
				t.Errorf("something was done: %q", done)
			}
			p.online.Calm()
			p.onStage()
			p.cfg.Clock = nil
			p.sync()
			p.same()
		})
	}
}

// TestAnItemThatKeepsRefusingIsTriedMoreAndMoreSlowly: the delay must grow, and
// a single pass must end.
func TestAnItemThatKeepsRefusingIsTriedMoreAndMoreSlowly(t *testing.T) {
	for name, fault := range map[string]remotetest.Fault{
		"412": {Match: "PUT content", Status: 412},
		"404": {Match: "PUT content", Status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			clock := newHurried(1000)
			p.cfg.Clock = clock
			p.write("f.txt", "base")
			p.write("other.txt", "base")
			p.sync()
			p.connect() // what was made a moment ago is looked for more than once
			p.online.Fail(fault)
			p.write("f.txt", "mine")
			s := p.onStage()
			var mu sync.Mutex
			var at []time.Time
			s.on(cue{call: "upload f.txt", times: 1 << 30, do: func() error {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, clock.Now())
				return nil
			}})
			p.cfg.Watch = deaf{}
			stop := p.agent(New(p.cfg))
			tries := func() []time.Time {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(at)
			}
			p.until("it was tried six times", func() bool { return len(tries()) >= 6 })
			stop()
			all := tries()
			for i := 4; i < 6; i++ {
				before, now := all[i-1].Sub(all[i-2]), all[i].Sub(all[i-1])
				if before < 3*time.Minute || now < before*3/2 {
					t.Errorf("before try %d it rested for %v, and before that for %v", i+1, now, before)
				}
			}
			waiting, err := p.db.Waitings(p.cfg.Folder.N)
			p.must(err)
			if len(waiting) != 1 || waiting[0].Path != "f.txt" || waiting[0].Next.IsZero() {
				t.Errorf("waiting are %+v", waiting)
			}
			p.cfg.Clock, p.cfg.Watch = nil, nil
			p.online.Calm()
			p.onStage()
			p.sync()
			p.same()
		})
	}
}

// TestAFolderIsDeletedOnlineOnlyWithWhatIsKnownToBeInIt: the service takes all
// that is in it along.
func TestAFolderIsDeletedOnlineOnlyWithWhatIsKnownToBeInIt(t *testing.T) {
	for name, others := range map[string]struct {
		do   func(p *pair)
		keep string
	}{
		"something new":          {func(p *pair) { p.put("d/new.txt", "theirs") }, "d/new.txt"},
		"something new deep":     {func(p *pair) { p.put("d/e/new.txt", "theirs") }, "d/e/new.txt"},
		"something edited":       {func(p *pair) { p.put("d/f.txt", "theirs") }, "d/f.txt"},
		"something edited, deep": {func(p *pair) { p.put("d/e/g.txt", "theirs") }, "d/e/g.txt"},
		"something moved there": {func(p *pair) {
			p.put("o.txt", "theirs")
			p.must(p.online.Move("o.txt", "d/o.txt"))
		}, "d/o.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("d/f.txt", "base")
			p.write("d/e/g.txt", "base")
			p.write("o.txt", "base")
			p.write("p.txt", "base")
			p.sync()
			p.remove("d")
			s := p.onStage()
			s.before("children d", func() { others.do(p) })
			p.sync()
			p.sync()
			if got := p.there()[others.keep]; got != "theirs" {
				t.Errorf("%s holds %q\nthere: %s", others.keep, got, show(p.there()))
			}
			p.same()
		})
	}
}

func TestAFolderThatCannotBeListedIsNotDeleted(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "base")
	p.write("o.txt", "base")
	p.sync()
	p.remove("d")
	p.online.Fail(remotetest.Fault{Match: "GET children", Status: 400})
	if sum, err := p.try(); err == nil && len(sum.Waiting) == 0 {
		t.Error("the pass says that all is well")
	}
	if p.there()["d/f.txt"] != "base" {
		t.Errorf("there: %s", show(p.there()))
	}
	p.online.Calm()
	p.sync()
	p.same()
}

// TestAFolderThatIsMadeAnewWhileItIsDeletedOnlineIsBothInTheEnd: nothing is
// planned for what is under way.
func TestAFolderThatIsMadeAnewWhileItIsDeletedOnlineIsThereInTheEnd(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "base")
	p.write("o.txt", "base")
	p.sync()
	p.remove("d")
	p.cfg.Poll = 10 * time.Millisecond
	s := p.onStage()
	e := New(p.cfg)
	again := make(chan struct{})
	s.before("delete online d", func() {
		p.write("d/f.txt", "mine")
		close(again)
	})
	stop := p.agent(e)
	<-again
	p.until("the folder is gone", func() bool { return len(s.heard("delete online d")) > 0 })
	stop()
	p.sync()
	p.same()
	if got := p.there()["d/f.txt"]; got != "mine" {
		t.Errorf("there: %s", show(p.there()))
	}
}

// TestTimesAreNotSetOnAVersionThatIsNewer: times are sent after the content, and
// somebody may have been faster.
func TestTimesAreNotSetOnAVersionThatIsNewer(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "mine")
	p.age("f.txt")
	s := p.onStage()
	s.before("set times", func() { p.put("f.txt", "theirs") })
	p.sync()
	p.sync()
	p.holds("f.txt", "theirs")
	info, err := p.online.Stat("f.txt")
	p.must(err)
	if time.Since(info.Modified) > time.Minute {
		t.Errorf("their version is said to be from %v", info.Modified)
	}
	p.same()
}

func TestTimesThatWereNotSetInACrashAreSetLater(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "mine")
	p.age("f.txt")
	s := p.onStage()
	s.crash("set times")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	p.sync()
	info, err := p.online.Stat("f.txt")
	p.must(err)
	if time.Since(info.Modified) < time.Minute {
		t.Errorf("online it is said to be from %v", info.Modified)
	}
	p.same()
}

// TestWhatHasNoHashOnlineIsComparedByItsBytes when its time does not tell.
func TestWhatHasNoHashOnlineIsComparedByItsBytes(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.online.Fail(remotetest.Fault{Match: "*", Twist: remotetest.NoHash})
	p.write("equal.txt", "the same")
	p.age("equal.txt")
	p.put("equal.txt", "the same")
	p.write("apart.txt", "ours")
	p.age("apart.txt")
	p.put("apart.txt", "them")
	p.sync()
	p.holds("equal.txt", "the same")
	p.holds("apart.txt", "them", "ours")
	p.same()
}

// TestWhatTheServiceWritesIntoAFileIsNoEdit: neither side's version is sent back
// to the other.
func TestWhatTheServiceWritesIntoAFileIsNoEdit(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "a minute later": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newHurried(1)
			p := newPair(t, remotetest.Options{Kind: remotetest.Library, Clock: clock.Now})
			p.cfg.Clock = clock
			p.online.Fail(remotetest.Fault{Match: "POST createUploadSession", Twist: remotetest.Enrich, For: wait})
			p.online.Fail(remotetest.Fault{Match: "PUT upload", Twist: remotetest.Enrich, For: wait})
			p.online.Fail(remotetest.Fault{Match: "PUT content", Twist: remotetest.Enrich, For: wait})
			p.write("f.docx", "mine")
			p.sync()
			for range 3 {
				clock.forward(2 * time.Minute)
				if s := p.sync(); s.Uploaded+s.Conflicts != 0 {
					t.Errorf("it was sent again: %+v", s)
				}
			}
			if got := p.here()["f.docx"]; !strings.HasSuffix(got, "mine") {
				t.Errorf("here is %q", got)
			}
			if old, err := p.online.Versions("f.docx"); err != nil || len(old) > 1 {
				t.Errorf("there are %d earlier versions online (%v)", len(old), err)
			}
		})
	}
}

// TestAnOldAddressIsNotUsed: addresses of contents are as good as keys, and are
// forgotten after half an hour.
func TestAnOldAddressIsNotUsed(t *testing.T) {
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{})
	p.cfg.Clock = clock
	p.cfg.Poll = 10 * time.Millisecond
	p.put("n.txt", "theirs")
	var used []remote.Secret
	s := p.onStage()
	p.cfg.Remote = addresses{s, &used}
	failed := make(chan struct{})
	s.on(cue{call: "create tmp", do: func() error { close(failed); return syscall.ENOSPC }})
	stop := p.agent(New(p.cfg))
	<-failed
	clock.forward(addressLife + time.Minute)
	p.until("the file is here", func() bool {
		clock.forward(time.Minute) // after which a full disk is tried again
		return p.here()["n.txt"] != ""
	})
	p.put("m.txt", "theirs")
	p.until("the next one is here", func() bool { return p.here()["m.txt"] != "" })
	stop()
	if len(used) != 2 || used[0] != "" || used[1] == "" {
		t.Errorf("%d addresses were used; want the old one forgotten and the new one used", len(used))
	}
}

// addresses notes with which addresses contents are asked for.
type addresses struct {
	Drive
	used *[]remote.Secret
}

func (a addresses) Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error) {
	*a.used = append(*a.used, address)
	return a.Drive.Download(ctx, drive, id, address, offset)
}

// TestAFolderThatTurnsUpWhileItIsDeletedOnlineIsSent anew: both halves of a move
// need not be seen together.
func TestAFolderThatTurnsUpWhileItIsDeletedOnlineIsSent(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.HoldCount, p.cfg.HoldPercent = 1000, 100
	p.fill("d/f.txt=f d/sub/g.txt=g e/h.txt=h")
	p.cfg.Poll = time.Hour
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	away := filepath.Join(t.TempDir(), "d")
	p.must(os.Rename(p.path("d"), away))
	p.online.ResetCounts()
	p.online.Fail(remotetest.Fault{Match: "DELETE item", Times: 1, Stall: time.Second})
	e.Look()
	p.until("it is being deleted online", func() bool { return p.online.Count("DELETE item") > 0 })
	p.must(os.Rename(away, p.path("e/d2")))
	p.write("e/d2/new.txt", "new")
	e.Look()
	p.until("both sides are equal", func() bool { return maps.Equal(p.here(), p.there()) })
	stop()
	p.holds("e/d2/f.txt", "f")
	p.same()
}
