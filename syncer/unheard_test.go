package syncer

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// What is deleted online when the answer is lost, with the process or alone, is
// known to be our doing once the feed tells of its end.

func TestWhatIsPutIntoAFolderComesBackThoughTheAnswerToItsDeleteIsLost(t *testing.T) {
	for how, lose := range map[string]func(p *pair){
		"on the way": func(p *pair) {
			p.online.Fail(remotetest.Fault{Match: "DELETE item", Times: 1, Done: true, Drop: true})
		},
		"as tandem is stopped": func(p *pair) {
			p.stage.on(cue{call: "delete online d", after: true, do: func() error { p.stage.kill(); return p.t.Context().Err() }})
		},
		"as tandem is killed": func(p *pair) {
			p.stage.crashAfter("delete online d")
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/g.txt")
			p.connect() // another process: the folder is no newborn
			p.stage.online = p.client
			p.cfg.Remote = p.stage
			lose(p)
			_, _ = p.try()
			if p.stage.left != "" {
				p.restart()
			}
			for range 3 {
				p.sync()
			}
			p.holds("top/late.txt", "theirs")
			p.same()
			if in := p.intents(); len(in) != 0 {
				t.Errorf("still on record: %+v", in)
			}
		})
	}
}

func TestANewFileThatIsNotFoundYetIsDeletedInTheEnd(t *testing.T) {
	c := newHurried(100)
	p := newPair(t, remotetest.Options{Clock: c.Now})
	p.connectBy(c)
	p.write("o.txt", "other")
	p.sync()
	p.online.Fail(remotetest.Fault{Match: "PUT content", Twist: remotetest.Newborn, For: 4 * time.Second, Times: 1})
	p.write("f.txt", "base")
	p.sync()
	p.remove("f.txt")
	p.onStage().crash("delete online f.txt")
	_, _ = p.try()
	p.connectBy(c) // another process: it does not know what was just made
	p.restart()
	p.cfg.Clock = c
	p.until("it is found", func() bool {
		p.sync()
		return len(p.there()) == 1
	})
	c.forward(25 * time.Hour) // all that is online is listed
	p.sync()
	p.holds("o.txt", "other")
	p.same()
}

func TestAnItemThatCannotBeLookedAtKeepsNothingFromBeingSynced(t *testing.T) {
	for _, status := range []int{403, 423, 500} {
		p := newPair(t, remotetest.Options{})
		c := newHurried(1000)
		p.connectBy(c)
		p.write("f.txt", "base")
		p.sync()
		p.remove("f.txt")
		p.onStage().crash("delete online f.txt")
		_, _ = p.try()
		p.connectBy(c)
		p.restart()
		p.online.Fail(remotetest.Fault{Match: "GET item", Status: status})
		p.write("g.txt", "new")
		_, _ = p.try()
		if p.there()["g.txt"] != "new" {
			t.Errorf("%d: there is %s", status, show(p.there()))
		}
	}
}

// What was in a folder that was deleted online is something new where it comes
// back, whatever the start knows first.
func TestWhatComesBackElsewhereOfAFolderDeletedOnlineIsSent(t *testing.T) {
	for what, rel := range map[string]string{"a file": "c.txt", "a folder": "D"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			out := t.TempDir()
			p.write("F/c.txt", "one")
			p.write("F/D/c.txt", "two")
			p.write("G/o.txt", "other")
			p.sync()
			p.must(os.Rename(filepath.Join(p.dir, "F"), filepath.Join(out, "F")))
			p.onStage().crashAfter("delete online F")
			_, _ = p.try()
			p.must(os.Rename(filepath.Join(out, "F", rel), filepath.Join(p.dir, "G", rel)))
			p.restart()
			if sum := p.sync(); sum.Uploaded != 1 {
				t.Errorf("%d sent, want 1", sum.Uploaded)
			}
			p.same()
		})
	}
}

func TestTheOtherPairOfTheDriveMayBeTheFirstToHear(t *testing.T) {
	p := newPair(t, remotetest.Options{AllTombstones: true})
	p.put("work/d/f.txt", "base")
	p.put("work/o.txt", "other")
	p.put("home/y.txt", "other")
	work, home := p.partner("work"), p.partner("home")
	pass := func(cfg Config) error { _, err := New(cfg).Once(t.Context()); return err }
	p.must(pass(work))
	p.must(pass(home))
	p.must(pass(work))
	p.must(os.RemoveAll(filepath.Join(work.Folder.Path, "d")))
	s := p.onStage()
	s.kill = func() {}
	work.Remote = s
	s.before("delete online d", func() { p.put("work/d/late.txt", "theirs") })
	s.crashAfter("delete online d")
	_ = pass(work)
	p.restart()
	work.Remote, home.Remote, work.DB, home.DB = p.client, p.client, p.db, p.db
	for range 2 {
		p.must(pass(home))
		p.must(pass(work))
	}
	if p.there()["work/late.txt"] != "theirs" {
		t.Errorf("there is %s", show(p.there()))
	}
}
