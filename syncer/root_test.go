package syncer

import (
	"errors"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer/disk"
)

// An afternoon of edits on both sides.
func edited(t *testing.T) *pair {
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b c.txt=c d/e.txt=e d/f.txt=f m.txt=m n.txt=n o/p.txt=p")
	p.cfg.HoldPercent = 100
	p.sync()
	p.write("a.txt", "edited here")
	p.write("new.txt", "new here")
	p.write("d/large.bin", big("new here"))
	p.remove("b.txt")
	p.move("m.txt", "d/moved.txt")
	p.age("a.txt")
	p.put("c.txt", "edited there")
	p.put("o/new.txt", "new there")
	p.put("o/large.bin", big("new there"))
	p.must(p.online.Delete("n.txt"))
	p.must(p.online.Move("d/e.txt", "o/e.txt"))
	return p
}

// The folder is moved away at whatever call, and a folder with its marker and
// nothing else stands in its place: neither of the two is changed any more, and
// when the right one is back all goes on.
func TestWheneverTheFolderIsTakenAwayNothingIsDoneElsewhere(t *testing.T) {
	t.Parallel()
	p := edited(t)
	p.cfg.Parallel = 1 // no other action is between its last look and what it does
	s := p.onStage()
	p.sync()
	want := p.there()
	calls := slices.Compact(slices.Sorted(slices.Values(s.heard("*"))))
	if len(calls) < 40 {
		t.Fatalf("only %d calls: %q", len(calls), calls)
	}
	var reached atomic.Int64
	t.Cleanup(func() {
		if n := int(reached.Load()); n < len(calls)*9/10 {
			t.Errorf("the folder was taken away at %d of %d calls only", n, len(calls))
		}
	})
	for _, call := range calls {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			p := edited(t)
			p.cfg.Parallel = 1
			s := p.onStage()
			var left map[string]string
			s.on(cue{call: call, do: func() error {
				marker, err := os.ReadFile(p.path(".tandem/folder-id"))
				p.must(errors.Join(err, os.Rename(p.dir, p.dir+".away")))
				p.must(os.MkdirAll(p.path(".tandem"), 0o700))
				p.must(os.WriteFile(p.path(".tandem/folder-id"), marker, 0o666))
				left = p.elsewhere()
				return nil
			}})
			_, err := p.try()
			if left == nil {
				t.Skip("another order this time") // most must not be: see reached
			}
			reached.Add(1)
			if root := (*RootError)(nil); !errors.As(err, &root) || !root.Away {
				t.Errorf("the error is %v", err)
			}
			if now := p.elsewhere(); !maps.Equal(now, left) {
				t.Errorf("changed where it is now:\nwas %s\nis  %s", show(left), show(now))
			}
			if here := p.here(); len(here) > 0 {
				t.Errorf("changed what took its place: %s", show(here))
			}
			p.must(errors.Join(os.RemoveAll(p.dir), os.Rename(p.dir+".away", p.dir)))
			p.disk, err = disk.Open(p.dir)
			p.must(err)
			p.cfg.Disk, p.cfg.Remote, p.stage = p.disk, p.client, nil
			p.sync()
			p.sync()
			p.same()
			if there := p.there(); !maps.Equal(there, want) {
				t.Errorf("in the end there is %s, want %s", show(there), show(want))
			}
		})
	}
}

// elsewhere is what the folder holds that was moved away.
func (p *pair) elsewhere() map[string]string {
	moved := *p
	moved.dir += ".away"
	return moved.here()
}

// leftBehind starts an agent and, once it is at rest, moves its folder away.
func (p *pair) leftBehind() (e *Engine, ended chan error) {
	p.cfg.Poll = time.Hour
	e, ended = New(p.cfg), make(chan error, 1)
	go func() { ended <- e.Run(p.t.Context()) }()
	p.until("all is quiet", func() bool { return e.Now().Quiet })
	p.must(os.Rename(p.dir, p.dir+".away"))
	return e, ended
}

// An agent that nothing was told of its folder's end says so to who asks.
func TestAnAgentWhoseFolderIsAwayIsNotQuiet(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b")
	p.sync()
	e, ended := p.leftBehind()
	if now := e.Now(); now.Quiet || now.Trouble == "" {
		t.Errorf("%+v", now)
	}
	select { // being asked, it has looked
	case err := <-ended:
		if root := (*RootError)(nil); !errors.As(err, &root) || !root.Away {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
	if held, err := p.db.Held(p.cfg.Folder.N); err != nil || len(held) != 1 {
		t.Errorf("held: %+v, %v", held, err)
	}
}

// That a folder is away is said of the folder, once, and not of each thing in it.
func TestAFolderThatIsAwayIsNoTroubleOfItsItems(t *testing.T) {
	away := func(t *testing.T, p *pair, err error) {
		if root := (*RootError)(nil); !errors.As(err, &root) || !root.Away {
			t.Errorf("the error is %v", err)
		}
		if all, err := p.db.Waitings(p.cfg.Folder.N); err != nil || len(all) > 0 {
			t.Errorf("waiting: %+v, %v", all, err)
		}
	}
	t.Run("an action is under way", func(t *testing.T) {
		p := edited(t)
		p.onStage().before("open a.txt", func() { p.must(os.Rename(p.dir, p.dir+".away")) })
		sum, err := p.try()
		away(t, p, err)
		if len(sum.Waiting) > 1 || sum.Uploaded > 0 {
			t.Errorf("%+v", sum)
		}
	})
	t.Run("an agent looks at it", func(t *testing.T) {
		p := newPair(t, remotetest.Options{})
		p.fill("a.txt=a b.txt=b")
		p.sync()
		e, ended := p.leftBehind()
		e.Look()
		away(t, p, <-ended)
	})
}

// A shuffled folder is another one each time its marker is looked at.
type shuffled struct {
	FS
	there, back func()
}

func (s shuffled) Identity() (disk.Identity, error) {
	s.there()
	defer s.back()
	return s.FS.Identity()
}

// TestTheMarkerIsThatOfTheFolderThatWasOpened: somebody exchanges names between the
// opening of the folder and the look at its marker, and back.
func TestTheMarkerIsThatOfTheFolderThatWasOpened(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b")
	p.sync()
	real, decoy := p.dir+".true", p.dir+".decoy"
	p.must(errors.Join(os.Rename(p.dir, real), os.Mkdir(p.dir, 0o700)))
	p.write("a.txt", "of no interest to anybody")
	p.write("private.txt", "mine alone")
	var err error
	p.disk, err = disk.Open(p.dir)
	p.must(err)
	p.cfg.Disk = shuffled{p.disk,
		func() { p.must(errors.Join(os.Rename(p.dir, decoy), os.Rename(real, p.dir))) },
		func() { p.must(errors.Join(os.Rename(p.dir, real), os.Rename(decoy, p.dir))) },
	}
	online, here := p.there(), p.here()
	_, err = p.try()
	if root := (*RootError)(nil); !errors.As(err, &root) || !root.Away {
		t.Errorf("the error is %v", err)
	}
	if now := p.there(); !maps.Equal(now, online) {
		t.Errorf("online became %s", show(now))
	}
	if now := p.here(); !maps.Equal(now, here) {
		t.Errorf("here became %s", show(now))
	}
}
