package syncer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// TestAFileThatIsMovedDuringTheScanIsNotMissed in either direction: from a
// folder that was read into one that was not, and the other way round. Either way
// it is the same file, moved, however long ago that was when a plan is made.
func TestAFileThatIsMovedDuringTheScanIsNotMissed(t *testing.T) {
	for name, way := range map[string][2]string{
		"from what was read":          {"list b", "a"},
		"from what was not read":      {"list b", "b"},
		"of a folder that was read":   {"list b", "deep a"},
		"of a folder that was unread": {"list b", "deep b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("a/one.txt", "one")
			p.write("a/in/deep.txt", "deep one")
			p.sync() // a is read before b, for it was agreed upon first
			p.write("b/two.txt", "two")
			p.write("b/on/deep.txt", "deep two")
			p.sync()
			p.cfg.Settle = time.Nanosecond // nothing is looked at again because it is young
			s := p.onStage()
			s.before(way[0], func() {
				switch way[1] {
				case "a":
					p.move("a/one.txt", "b/moved.txt")
				case "b":
					p.move("b/two.txt", "a/moved.txt")
				case "deep a":
					p.move("a/in", "b/in")
				case "deep b":
					p.move("b/on", "a/on")
				}
			})
			sum := p.sync()
			if sum.Moved != 1 || sum.Uploaded+sum.CreatedFolders+sum.DeletedRemote != 0 {
				t.Errorf("%+v, want one move", sum)
			}
			p.sync()
			p.same()
		})
	}
}

// TestWhatMovesOnAsAnAgentStartsIsMoved: the event that tells where to comes a quiet
// period later, and the scan has been everywhere by then.
func TestWhatMovesOnAsAnAgentStartsIsMoved(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.HoldCount = 1000
	p.write("a/0.txt", "0")
	p.sync() // a is read before b, for it was agreed upon first
	const files = 8
	for i := 1; i < files; i++ {
		p.write(fmt.Sprintf("b/%d.txt", i), fmt.Sprint(i))
	}
	p.sync()
	watch := told{events: make(chan watcher.Event, files)}
	clock := newHurried(1)
	clock.forward(time.Hour) // no file is young
	p.cfg.Clock, p.cfg.Watch, p.cfg.Settle = clock, watch, time.Minute
	s := p.onStage()
	moved := 0
	s.on(cue{call: "list b", times: files - 1, do: func() error {
		moved++
		p.move(fmt.Sprintf("b/%d.txt", moved), fmt.Sprintf("a/%d.txt", moved))
		return nil
	}})
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it has read the feed", func() bool { return !e.Now().Read.IsZero() })
	clock.forward(time.Minute + 8*time.Second)
	watch.events <- watcher.Event{Path: "a", Deep: true}
	p.until("both sides are equal", func() bool {
		clock.forward(time.Second)
		return maps.Equal(p.here(), p.there())
	})
	stop()
	if moved < 3 || len(s.heard("move online *")) != moved || len(s.heard("upload *"))+len(s.heard("delete online *")) > 0 {
		t.Errorf("%d were moved, and it took %v moves, %v uploads and %v deletes", moved, s.heard("move online *"), s.heard("upload *"), s.heard("delete online *"))
	}
}

// TestALogThatIsRotatedKeepsItsIdentity: the path says who a file is.
func TestALogThatIsRotatedKeepsItsIdentity(t *testing.T) {
	for name, open := range map[string]func(p *pair){
		"while nobody looked": func(p *pair) { p.move("f.log", "f.log~"); p.write("f.log", "new lines") },
		"by an editor":        func(p *pair) { p.must(os.Link(p.path("f.log"), p.path("f.log~"))); p.save("f.log", "new lines") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("f.log", "old lines")
			p.sync()
			was, err := p.online.Stat("f.log")
			p.must(err)
			open(p)
			p.sync()
			is, err := p.online.Stat("f.log")
			p.must(err)
			if is.ID != was.ID {
				t.Error("f.log is another item online")
			}
			if got := p.there(); got["f.log"] != "new lines" || got["f.log~"] != "old lines" {
				t.Errorf("there: %s", show(got))
			}
			p.same()
		})
	}
}

// TestAMoveIsSeenHoweverLateItsSecondNameIs: the two events of a rename need not
// come together.
func TestAMoveIsSeenHoweverLateItsSecondNameIs(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "text")
	p.sync()
	e := New(p.cfg)
	p.must(e.scan(t.Context()))
	f, _ := e.local.find("d/f.txt")
	p.move("d", "e")
	for _, event := range []string{"d", "e"} {
		e.lookAt(event, false)
		e.local.join()
	}
	if at := e.local.path(f); at != "e/f.txt" {
		t.Errorf("the file is at %q, want it followed", at)
	}
}

// TestALogThatIsRotatedBeforeOurEyesKeepsItsIdentity: the rename is seen before
// the new file is there.
func TestALogThatIsRotatedBeforeOurEyesKeepsItsIdentity(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.log", "old lines")
	p.sync()
	e := New(p.cfg)
	p.must(e.scan(t.Context()))
	look := func(paths ...string) {
		for _, rel := range paths {
			e.lookAt(rel, false)
		}
		e.local.join()
	}
	k, _ := e.local.find("f.log")
	p.move("f.log", "f.log~")
	look("f.log", "f.log~")
	if at := e.local.path(k); at != "f.log~" {
		t.Fatalf("the log is at %q, want it followed", at)
	}
	p.write("f.log", "new lines")
	look("f.log")
	if at := e.local.path(k); at != "f.log" {
		t.Errorf("the log is at %q, want it where it was", at)
	}
	if other, ok := e.local.find("f.log~"); !ok || other == k || !e.local.diff[other].fresh {
		t.Error("the old lines are no new file")
	}
}

// TestWhatWasMovedIntoAFolderThatWasAwayIsFollowedWhenThatIsBack: an action on it ended
// meanwhile.
func TestWhatWasMovedIntoAFolderThatWasAwayIsFollowedWhenThatIsBack(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("X/a=1 F/o=2")
	e := New(p.cfg)
	p.must(e.scan(t.Context()))
	look := func(paths ...string) {
		for _, rel := range paths {
			e.lookAt(rel, true)
		}
		e.join()
	}
	k, ok := e.local.find("X/a")
	if !ok {
		t.Fatal("it is not known")
	}
	e.busy[k]++
	p.move("X/a", "F/b")
	look("X/a", "F/b")
	outside := filepath.Join(t.TempDir(), "F")
	p.must(os.Rename(p.path("F"), outside))
	look("F")
	drop(e.busy, k)
	look()
	p.must(os.Rename(outside, p.path("F")))
	look("F")
	if now, _ := e.local.find("F/b"); now != k {
		t.Errorf("it is item %d, and was %d", now, k)
	}
}

// TestWhatWasNewInAFolderGoesWithoutIt: the folder is renamed, and what was new in it is
// removed, while an action is at work on it.
func TestWhatWasNewInAFolderGoesWithoutIt(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("F/o=2")
	e := New(p.cfg)
	p.must(e.scan(t.Context()))
	k, _ := e.local.find("F")
	e.busy[k]++
	p.must(os.Mkdir(p.path("F/new"), 0o755))
	e.lookAt("F/new", false)
	p.move("F", "G")
	p.remove("G/new")
	e.lookAt("F", false)
	e.lookAt("G", false)
	e.join()
	drop(e.busy, k)
	e.join()
	if now, _ := e.local.find("G"); now != k {
		t.Fatal("the folder was not followed")
	}
	if _, ok := e.local.find("G/new"); ok {
		t.Error("what was removed is there")
	}
}

// TestAFolderThatTakesThePlaceToWhichAnotherWasMovedIsNotThat, whichever of their new names
// is seen first.
func TestAFolderThatTakesThePlaceToWhichAnotherWasMovedIsNotThat(t *testing.T) {
	for _, order := range [][]string{{"C", "D", "B"}, {"D", "C", "B"}, {"B", "D", "C"}} {
		p := newPair(t, remotetest.Options{})
		p.fill("A/a=1 B/b=2")
		e := New(p.cfg)
		p.must(e.scan(t.Context()))
		a, _ := e.local.find("A")
		b, _ := e.local.find("B")
		look := func(paths ...string) {
			for _, rel := range paths {
				e.lookAt(rel, false)
				e.join()
			}
		}
		p.move("A", "C")
		look("A", "C")
		p.move("C", "D")
		p.move("B", "C")
		for _, rel := range order {
			look(rel)
			if k, ok := e.local.find("D"); ok && k != a {
				t.Errorf("%v: after %s it is another folder", order, rel)
			}
		}
		nowA, _ := e.local.find("D")
		nowB, _ := e.local.find("C")
		if nowA != a || nowB != b {
			t.Errorf("%v: they are %d and %d, and were %d and %d", order, nowA, nowB, a, b)
		}
	}
}

// TestAConflictCopyIsAFileOfItsOwn: it has the inode that the base remembers,
// and is no move of the file all the same, whenever it was made.
func TestAConflictCopyIsAFileOfItsOwn(t *testing.T) {
	for _, call := range []string{"", "rename stash f (conflict*", "syncdir stash"} {
		t.Run("killed before "+call, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			was, err := p.online.Stat("f.txt")
			p.must(err)
			p.write("f.txt", "mine")
			if call != "" {
				s.crash(call)
				if _, err := p.try(); err == nil {
					t.Fatal("it was not killed")
				}
				p.restart()
			}
			p.sync()
			p.holds("f.txt", "theirs", "mine")
			is, err := p.online.Stat("f.txt")
			p.must(err)
			if is.ID != was.ID {
				t.Error("the file itself became the copy online")
			}
			p.same()
		})
	}
}

func TestAConflictOfAConflictCopyKeepsBothAsWell(t *testing.T) {
	p, _ := changedOnline(t)
	p.write("f.txt", "mine")
	p.sync()
	for name := range p.here() {
		if name != "f.txt" {
			p.write(name, "mine again")
			p.put(name, "theirs again")
		}
	}
	p.sync()
	for _, text := range []string{"theirs", "mine again", "theirs again"} {
		if !p.kept(text) {
			t.Errorf("%q is lost\nhere: %s", text, show(p.here()))
		}
	}
	if n := len(p.here()); n != 3 {
		t.Errorf("%d files, want 3: %s", n, show(p.here()))
	}
	p.same()
}

// TestAYoungTimeProvesNothing: a file may be written twice within one step of
// the disk's clock, and looks the same then.
func TestAYoungTimeProvesNothing(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	young := time.Now().Add(time.Hour)
	p.write("f.txt", "one")
	p.must(os.Chtimes(p.path("f.txt"), young, young))
	p.cfg.Disk = coarse{p.disk}
	p.sync()
	p.write("f.txt", "two")
	p.must(os.Chtimes(p.path("f.txt"), young, young))
	if s := p.sync(); s.Uploaded != 1 || p.there()["f.txt"] != "two" {
		t.Errorf("%+v, want the second version sent; there: %s", s, show(p.there()))
	}
}

// coarse is a disk whose clock stands still: all changes have one ctime.
type coarse struct{ FS }

func (d coarse) ReadDir(rel string, buf []watcher.Entry) ([]watcher.Entry, error) {
	all, err := d.FS.ReadDir(rel, buf)
	for i := range all {
		all[i].CTime = 1
	}
	return all, err
}

func (d coarse) Lstat(rel string) (watcher.Entry, error) {
	e, err := d.FS.Lstat(rel)
	e.CTime = 1
	return e, err
}

func (d coarse) Open(rel string) (disk.File, error) {
	f, err := d.FS.Open(rel)
	return coarseFile{f}, err
}

type coarseFile struct{ disk.File }

func (f coarseFile) Stat() (watcher.Entry, error) {
	e, err := f.File.Stat()
	e.CTime = 1
	return e, err
}
