package syncer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// deletedOnline is a pair that agrees on d/f.txt and a few more, and the file
// has been deleted online: the next pass deletes it here.
func deletedOnline(t *testing.T) (*pair, *stage) {
	t.Helper()
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "base")
	p.age("d/f.txt")
	p.write("other.txt", "other")
	p.sync()
	p.same()
	p.must(p.online.Delete("d/f.txt"))
	return p, p.onStage()
}

func TestWhatIsDeletedHereGoesToTheTrash(t *testing.T) {
	p, s := deletedOnline(t)
	s.before("rename d/f.txt trash/d/f.txt", func() {
		in := p.intents()
		if len(in) != 1 || in[0].Op != opDelete || in[0].Path != "d/f.txt" || in[0].Private == "" {
			t.Errorf("nothing on record tells what is about to be moved: %+v", in)
		}
	})
	if sum := p.sync(); sum.DeletedLocal != 1 {
		t.Errorf("%+v", sum)
	}
	if got := p.private("trash"); len(got) != 1 || !strings.HasSuffix(got[0], "d/f.txt") {
		t.Fatalf("in the trash: %q", got)
	} else if text, err := os.ReadFile(p.path(".tandem/trash/" + got[0])); string(text) != "base" {
		t.Errorf("the trash holds %q (%v)", text, err)
	}
	for _, dir := range []string{"syncdir d", "syncdir trash/d"} {
		if len(s.heard(dir)) == 0 {
			t.Errorf("%q did not happen", dir)
		}
	}
	if n := len(s.heard("remove *")); n != 0 {
		t.Errorf("%d files were unlinked", n)
	}
	p.same()
}

// What was to be deleted here is gone when a file has taken the place of its folder.
func TestAFileThatTakesThePlaceOfAFolderEndsWhatIsInIt(t *testing.T) {
	p, s := deletedOnline(t)
	s.before("lstat d/f.txt", func() {
		p.must(os.RemoveAll(p.path("d")))
		p.write("d", "a file")
	})
	if sum := p.sync(); len(sum.Waiting) > 0 {
		t.Errorf("not synced: %+v", sum.Waiting)
	}
	p.sync()
	p.holds("d", "a file")
	p.same()
}

func TestWhatIsSavedInTheLastInstantBeforeADeleteComesBack(t *testing.T) {
	saves := map[string]func(p *pair){
		"in place":    func(p *pair) { p.write("d/f.txt", "mine, saved late") },
		"by a rename": func(p *pair) { p.save("d/f.txt", "mine, saved late") },
		"with the same size and time": func(p *pair) {
			fi, err := os.Stat(p.path("d/f.txt"))
			p.must(err)
			p.write("d/f.txt", "mine")
			p.must(os.Chtimes(p.path("d/f.txt"), fi.ModTime(), fi.ModTime()))
		},
	}
	for how, save := range saves {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p, s := deletedOnline(t)
			s.before("rename d/f.txt trash/d/f.txt", func() { save(p) })
			if sum := p.sync(); sum.DeletedLocal != 0 {
				t.Errorf("it was counted as deleted: %+v", sum)
			}
			if got := p.here()["d/f.txt"]; !strings.HasPrefix(got, "mine") {
				t.Errorf("d/f.txt holds %q", got)
			}
			if len(s.heard("syncdir d")) == 0 {
				t.Error("its name is not on disk")
			}
			p.same()
		})
	}
}

func TestAFileThatTakesTheNameOfOneThatComesBackKeepsIt(t *testing.T) {
	p, s := deletedOnline(t)
	s.before("rename d/f.txt trash/d/f.txt", func() { p.write("d/f.txt", "mine, saved late") })
	s.after("rename d/f.txt trash/d/f.txt", func() { p.write("d/f.txt", "mine, new") })
	p.sync()
	p.holds("d/f.txt", "mine, new", "mine, saved late")
	p.same()
}

func TestAFileThatCannotBeReadIsNotDeleted(t *testing.T) {
	p, s := deletedOnline(t)
	p.cfg.Clock = newHurried(200)
	s.never("open trash/d/f.txt", os.ErrPermission)
	p.sync()
	if got := p.here()["d/f.txt"]; got != "base" {
		t.Errorf("d/f.txt holds %q", got)
	}
}

func TestAFolderWithSomethingNewInItStays(t *testing.T) {
	p, s := deletedOnline(t)
	p.must(p.online.Delete("d"))
	s.before("rmdir d", func() { p.write("d/new.txt", "mine") })
	p.sync()
	if got := p.here(); got["d/new.txt"] != "mine" || got["d/f.txt"] != "" {
		t.Errorf("here: %s", show(got))
	}
	p.same()
}

// TestOneNameIsDeletedTwice by an agent that was not restarted in between.
func TestOneNameIsDeletedTwice(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("other.txt", "other")
	p.cfg.Poll = 10 * time.Millisecond
	stop := p.agent(New(p.cfg))
	for _, text := range []string{"first", "second"} {
		p.put("d/f.txt", text)
		p.until(text+" is here", func() bool { return p.here()["d/f.txt"] == text })
		p.must(p.online.Delete("d/f.txt"))
		p.until(text+" is gone", func() bool { _, there := p.here()["d/f.txt"]; return !there })
	}
	stop()
	if got := p.private("trash"); len(got) != 2 {
		t.Errorf("in the trash: %q, want both", got)
	}
	p.same()
}

// TestAFileInTheTrashMakesRoomForAFolderOfItsName: the trash keeps paths, and
// what was a file may be a folder by now.
func TestAFileInTheTrashMakesRoomForAFolderOfItsName(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d", "a file")
	p.write("other.txt", "other")
	p.sync()
	p.must(p.online.Delete("d"))
	p.cfg.Poll = 10 * time.Millisecond
	stop := p.agent(New(p.cfg))
	p.until("the file is gone", func() bool { _, there := p.here()["d"]; return !there })
	p.put("d/f.txt", "in a folder")
	p.until("the folder is here", func() bool { return p.here()["d/f.txt"] == "in a folder" })
	p.must(p.online.Delete("d"))
	p.until("the folder is gone", func() bool { _, there := p.here()["d/"]; return !there })
	stop()
	if got := p.private("trash"); len(got) != 2 {
		t.Errorf("in the trash: %q, want both", got)
	}
	p.same()
}

func TestAnErrorBeforeADeleteLeavesNothingOnRecord(t *testing.T) {
	p, s := deletedOnline(t)
	s.never("rename d/f.txt trash/d/f.txt", syscall.EIO)
	if _, err := p.try(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the error is %v", err)
	}
	if in := p.intents(); len(in) != 0 {
		t.Errorf("still on record: %+v", in)
	}
	if left, err := os.ReadDir(filepath.Join(p.dir, trashDir)); err != nil || len(left) > 0 {
		t.Errorf("left in the trash: %v, %v", left, err)
	}
	p.onStage()
	p.sync()
	p.same()
	if slices.Contains(p.private("trash"), "d/f.txt") {
		t.Error("it was not deleted in the end")
	}
}
