package syncer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
)

// many is a pair that agrees on a hundred files in four folders, and whose clock
// can be put forward.
func many(t *testing.T) (*pair, *hurried) {
	t.Helper()
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{})
	p.cfg.Clock = clock
	for i := range 100 {
		p.write(fmt.Sprintf("d%d/%d.txt", i%4, i), fmt.Sprint(i))
	}
	p.sync()
	return p, clock
}

func (p *pair) removeSome(from, to int) {
	p.t.Helper()
	for i := from; i < to; i++ {
		p.remove(fmt.Sprintf("d%d/%d.txt", i%4, i))
	}
}

// TestDeletesOfAnHourAreCountedTogether: a slow rm is as much a mistake as a
// quick one.
func TestDeletesOfAnHourAreCountedTogether(t *testing.T) {
	for side, remove := range map[string]func(p *pair, from, to int){
		"here": (*pair).removeSome,
		"online": func(p *pair, from, to int) {
			for i := from; i < to; i++ {
				p.must(p.online.Delete(fmt.Sprintf("d%d/%d.txt", i%4, i)))
			}
		},
	} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			p, clock := many(t)
			remove(p, 0, 15)
			if s := p.sync(); s.DeletedLocal+s.DeletedRemote != 15 || s.Held != 0 {
				t.Fatalf("fifteen deletes came to %+v", s)
			}
			clock.forward(20 * time.Minute)
			remove(p, 15, 30)
			if s := p.sync(); s.DeletedLocal+s.DeletedRemote != 0 || s.Held != 15 {
				t.Fatalf("fifteen more within the hour came to %+v, want them held", s)
			}
		})
	}
}

func TestDeletesOfAnHourAgoDoNotCount(t *testing.T) {
	p, clock := many(t)
	for i := range 3 {
		p.removeSome(15*i, 15*i+15)
		if s := p.sync(); s.DeletedRemote != 15 || s.Held != 0 {
			t.Fatalf("fifteen deletes came to %+v", s)
		}
		clock.forward(61 * time.Minute)
	}
	p.same()
}

func TestDeletesThatAreHeldHoldNothingElse(t *testing.T) {
	p, _ := many(t)
	p.removeSome(0, 60)
	p.write("new.txt", "mine")
	p.put("theirs.txt", "theirs")
	p.write("d1/61.txt", "edited")
	s := p.sync()
	if s.Held != 60 || s.DeletedRemote != 0 || s.Uploaded != 2 || s.Downloaded != 1 {
		t.Fatalf("%+v, want sixty held, two files up and one down", s)
	}
	list, err := p.db.Held(p.cfg.Folder.N)
	p.must(err)
	var keys []int64
	for _, h := range list {
		keys = append(keys, h.Key)
	}
	p.must(p.db.Judge(p.cfg.Folder.N, keys[:30], 1))
	p.must(p.db.Judge(p.cfg.Folder.N, keys[30:], 2))
	if s := p.sync(); s.DeletedRemote != 30 || s.Downloaded != 30 || s.Held != 0 {
		t.Fatalf("%+v, want thirty deleted and thirty brought back", s)
	}
	p.same()
}

func TestADeletedFolderCountsWithAllThatWasInIt(t *testing.T) {
	p, _ := many(t)
	p.remove("d0")
	if s := p.sync(); s.Held == 0 || s.DeletedRemote != 0 {
		t.Errorf("a folder of 25 files came to %+v, want it held", s)
	}
}

// TestTheRootIsLookedAtRightBeforeDeletes: its disk may have gone since the scan.
func TestTheRootIsLookedAtRightBeforeDeletes(t *testing.T) {
	for name, happens := range map[string]func(p *pair){
		"its marker is gone": func(p *pair) { p.must(os.Remove(p.path(".tandem/folder-id"))) },
		"it is gone":         func(p *pair) { p.must(os.Rename(p.dir, p.dir+".away")) },
		"it is another": func(p *pair) {
			p.must(os.Rename(p.dir, p.dir+".away"))
			p.must(os.Mkdir(p.dir, 0o777))
		},
		"it is a file": func(p *pair) {
			p.must(os.Rename(p.dir, p.dir+".away"))
			p.must(os.WriteFile(p.dir, nil, 0o666))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("a.txt", "one")
			p.write("b.txt", "two")
			p.write("c.txt", "three")
			p.sync()
			p.remove("a.txt")
			p.must(p.online.Delete("b.txt"))
			s := p.onStage()
			s.on(cue{call: "identity", skip: 1, do: func() error { happens(p); return nil }})
			var root *RootError
			if _, err := p.try(); !errors.As(err, &root) {
				t.Errorf("the error is %v", err)
			}
			if p.there()["a.txt"] != "one" {
				t.Error("a file was deleted online")
			}
			if n := len(s.heard("rename b.txt *")); n != 0 {
				t.Error("a file was deleted here")
			}
			if held, err := p.db.Held(p.cfg.Folder.N); err != nil || len(held) != 1 {
				t.Errorf("held: %+v (%v)", held, err)
			}
		})
	}
}

func TestAnEmptiedFolderIsHeld(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "one")
	p.write("b.txt", "two")
	p.sync()
	p.remove("a.txt")
	p.remove("b.txt")
	if s := p.sync(); s.Held != 2 || s.DeletedRemote != 0 || !strings.Contains(s.Waiting[0].Why, "emptied since") {
		t.Errorf("%+v, want both held", s)
	}
}

func TestAnEmptiedDriveIsHeld(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "one")
	p.write("b.txt", "two")
	p.sync()
	p.must(p.online.Delete("a.txt"))
	p.must(p.online.Delete("b.txt"))
	if s := p.sync(); s.Held != 2 || s.DeletedLocal != 0 {
		t.Errorf("%+v, want both held", s)
	}
}

func TestWhatCannotBeReadIsNotTakenForDeleted(t *testing.T) {
	for name, call := range map[string]string{"a folder": "list d", "a file's entry": "lstat d/f.txt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("d/f.txt", "one")
			p.write("b.txt", "two")
			p.sync()
			s := p.onStage()
			s.never(call, os.ErrPermission)
			if sum := p.sync(); sum.DeletedRemote+sum.DeletedLocal != 0 {
				t.Errorf("%+v", sum)
			}
			if p.there()["d/f.txt"] != "one" {
				t.Errorf("there: %s", show(p.there()))
			}
			p.onStage()
			p.same()
		})
	}
}

// TestTooManyOpenFilesIsNoAbsence: the scan cannot go on, and says so.
func TestTheScanOfAFolderThatBreaksOffProvesNothing(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a/f.txt", "one")
	p.write("b/g.txt", "two")
	p.write("c.txt", "three")
	p.sync()
	s := p.onStage()
	s.never("list [ab]", errors.New("too many open files"))
	sum, err := p.try()
	if sum.DeletedRemote != 0 || !slices.Equal([]string{"one", "two", "three"}, []string{p.there()["a/f.txt"], p.there()["b/g.txt"], p.there()["c.txt"]}) {
		t.Errorf("%+v (%v)\nthere: %s", sum, err, show(p.there()))
	}
	if err == nil && len(sum.Waiting) == 0 {
		t.Error("the pass says that all is well")
	}
}

// TestAStepReplacesOnlyTheVersionItWasPlannedUpon, also when a newer one has
// become known by the time that it begins.
func TestAStepReplacesOnlyTheVersionItWasPlannedUpon(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b")
	p.write("a.txt", "a here")
	p.write("b.txt", "b here")
	p.cfg.Parallel = 1
	s := p.onStage()
	s.before("upload a.txt", func() {
		p.put("a.txt", "a theirs")
		p.put("b.txt", "b theirs")
		for _, name := range []string{"a.txt", "b.txt"} {
			info, err := p.online.Stat(name)
			p.must(err)
			now, err := p.client.Item(t.Context(), p.cfg.Drive.ID, info.ID)
			p.must(err)
			row, _, err := p.db.ItemByID(p.cfg.Drive.N, info.ID)
			p.must(err)
			row.ETag, row.Size, row.Hash, row.MTime = now.ETag, now.Size, now.Hash, now.MTime.UnixNano()
			p.must(p.db.Update(func(tx *state.Tx) error {
				_, _, err := tx.Hear(row, state.Telling{Source: state.Look, Since: p.db.Moment()})
				return err
			}))
		}
	})
	p.sync()
	p.sync()
	kept := slices.Collect(maps.Values(p.there()))
	for _, text := range []string{"a here", "a theirs", "b here", "b theirs"} {
		if !slices.Contains(kept, text) {
			t.Errorf("%q is not online; there are %q", text, kept)
		}
	}
}

// TestWhatGitKeepsIsOneThingToTheGuard, however much of it goes, and however much of
// it makes up a folder.
func TestWhatGitKeepsIsOneThingToTheGuard(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.HoldCount, p.cfg.HoldPercent = 3, 50
	for i := range 30 {
		p.write(fmt.Sprintf("d/.git/objects/%d", i), fmt.Sprint(i))
	}
	for i := range 7 {
		p.write(fmt.Sprintf("d/code%d", i), fmt.Sprint(i))
	}
	p.sync()
	for i := range 20 {
		p.remove(fmt.Sprintf("d/.git/objects/%d", i))
	}
	p.sync()
	p.same()
	for i := range 3 {
		p.remove(fmt.Sprintf("d/code%d", i))
	}
	p.sync()
	p.same()
	p.write("d/code0", "anew")
	p.sync()
	for i := 3; i < 7; i++ {
		p.remove(fmt.Sprintf("d/code%d", i))
	}
	p.remove("d/.git/objects/29")
	p.sync()
	if n := len(p.there()); n != len(p.here())+5 {
		t.Errorf("%d items are online and %d here: the deletes were not held together", n, len(p.here()))
	}
}

// TestAFolderThatIsEmptiedFileByFileIsHeldAsAWhole: the first files do not go online
// before the last are seen to be gone.
func TestAFolderThatIsEmptiedFileByFileIsHeldAsAWhole(t *testing.T) {
	const files = 8
	s := newPaced(t, files)
	all := s.there()
	gone := []string{"o.txt", "d/s/in.txt", "d/s"}
	for i := range files {
		gone = append(gone, fmt.Sprintf("d/%d.txt", i))
	}
	for _, rel := range append(gone, "d") {
		s.remove(rel)
		s.tell(rel)
		s.pass(20 * time.Second)
	}
	s.until("all is held", func() bool {
		s.pass(20 * time.Second)
		held, err := s.db.Held(s.cfg.Folder.N)
		s.must(err)
		return len(held) == 2
	})
	s.stop()
	if !maps.Equal(s.there(), all) {
		t.Errorf("online are %v, want %v", s.there(), all)
	}
}
