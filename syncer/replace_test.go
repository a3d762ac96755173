package syncer

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/remote/remotetest"
	"tandem/state"
)

// changedOnline is a pair that agrees on f.txt, whose next version has been put
// online: the next pass replaces the file here.
func changedOnline(t *testing.T) (*pair, *stage) {
	t.Helper()
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "base")
	p.age("f.txt")
	p.sync()
	p.same()
	p.put("f.txt", "theirs")
	return p, p.onStage()
}

// age makes a file old enough for its times to be trusted.
func (p *pair) age(rel string) {
	p.t.Helper()
	then := time.Now().Add(-time.Hour)
	p.must(os.Chtimes(p.path(rel), then, then))
}

func (p *pair) path(rel string) string { return filepath.Join(p.dir, filepath.FromSlash(rel)) }

// save saves a file here, as an editor does that writes a new file and renames
// it over the old one.
func (p *pair) save(rel, text string) {
	p.t.Helper()
	draft := p.path(rel) + "~draft"
	p.must(os.WriteFile(draft, []byte(text), 0o666))
	p.must(os.Rename(draft, p.path(rel)))
}

// copies lists the texts of the conflict copies of a file.
func (p *pair) copies(rel string) []string {
	p.t.Helper()
	stem := strings.TrimSuffix(rel, filepath.Ext(rel)) + " (conflict"
	var texts []string
	tree := p.here()
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if strings.HasPrefix(name, stem) {
			texts = append(texts, tree[name])
		}
	}
	return texts
}

// private lists what is in a folder of the private area, with all below it.
func (p *pair) private(dir string) []string {
	p.t.Helper()
	var names []string
	top := p.path(".tandem/" + dir)
	p.must(filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(top, name)
			names = append(names, rel)
		}
		return err
	}))
	return names
}

// holds fails unless a file here has this text, and no conflict copies but
// those.
func (p *pair) holds(rel, text string, copies ...string) {
	p.t.Helper()
	if got, ok := p.here()[rel]; !ok || got != text {
		p.t.Errorf("%s holds %q, want %q\nhere: %s", rel, got, text, show(p.here()))
	}
	if got := p.copies(rel); !slices.Equal(got, copies) {
		p.t.Errorf("the conflict copies of %s hold %q, want %q", rel, got, copies)
	}
}

func (p *pair) intents() []state.Intent {
	p.t.Helper()
	list, err := p.db.Intents(p.cfg.Folder.N)
	p.must(err)
	return list
}

// TestADownloadIsWholeAndOnDiskBeforeItTakesAName holds the order of P1: a crash
// or a power cut leaves either version whole, and a record of what is where.
func TestADownloadIsWholeAndOnDiskBeforeItTakesAName(t *testing.T) {
	p, s := changedOnline(t)
	p.must(os.Chmod(p.path("f.txt"), 0o640))
	s.before("write tmp", func() {
		for _, name := range p.private("tmp") {
			if fi, err := os.Stat(p.path(".tandem/tmp/" + name)); err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("a half-done download has the mode %v (%v), and others may read it", fi.Mode(), err)
			}
		}
	})
	s.before("exchange stash f.txt", func() {
		in := p.intents()
		if len(in) != 1 || in[0].Op != opReplace || in[0].Path != "f.txt" || in[0].Private == "" {
			t.Errorf("nothing on record tells what is about to be exchanged: %+v", in)
		}
	})
	base := func() string {
		b, _, err := p.db.BaseAt(p.cfg.Folder.N, p.cfg.Folder.Root, "f.txt")
		p.must(err)
		return b.ETag
	}
	old := base()
	s.before("syncdir stash", func() {
		if base() != old {
			t.Error("the agreement was written before the exchange was on disk")
		}
	})
	p.sync()
	p.holds("f.txt", "theirs")
	if base() == old {
		t.Error("nothing was agreed upon")
	}
	order := s.heard("*")
	for _, step := range []string{"create tmp", "write tmp", "settime tmp", "sync tmp", "copyattrs tmp", "sync tmp", "rename tmp stash", "exchange stash f.txt", "syncdir ."} {
		i := slices.Index(order, step)
		if i < 0 {
			t.Fatalf("%q did not happen, or not in its turn\n%s", step, strings.Join(s.heard("*"), "\n"))
		}
		order = order[i+1:]
	}
}

func TestANewFileIsWholeAndOnDiskBeforeItTakesAName(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.before("syncdir .", func() {
		if n, err := p.db.CountBelow(p.cfg.Folder.N, p.cfg.Folder.Root, ""); err != nil || n != 0 {
			t.Errorf("the agreement was written before the name was on disk (%v)", err)
		}
	})
	p.sync()
	order := s.heard("*")
	for _, step := range []string{"create tmp", "write tmp", "sync tmp", "rename tmp n.txt", "syncdir ."} {
		i := slices.Index(order, step)
		if i < 0 {
			t.Fatalf("%q did not happen, or not in its turn\n%s", step, strings.Join(s.heard("*"), "\n"))
		}
		order = order[i+1:]
	}
	p.same()
}

func TestWhatIsSavedInTheLastInstantBeforeAReplacementIsKept(t *testing.T) {
	saves := map[string]func(p *pair){
		"in place":           func(p *pair) { p.write("f.txt", "mine, saved late") },
		"by a rename":        func(p *pair) { p.save("f.txt", "mine, saved late") },
		"of a copied file":   func(p *pair) { p.save("f.txt", "mine, saved late"); p.age("f.txt") },
		"with the same size": func(p *pair) { p.write("f.txt", "mine"); p.age("f.txt") },
	}
	for how, save := range saves {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			s.before("exchange stash f.txt", func() { save(p) })
			if sum := p.sync(); sum.Conflicts != 1 {
				t.Errorf("%d conflicts were told, want 1", sum.Conflicts)
			}
			mine := "mine, saved late"
			if how == "with the same size" {
				mine = "mine"
			}
			p.holds("f.txt", "theirs", mine)
			p.same()
			if len(s.heard("exchange*")) != 1 {
				t.Error("the save did not meet the exchange")
			}
		})
	}
}

// TestASaveOfTheSameSizeAndTimeIsFoundByItsBytes is about what no look at a file
// can tell: only the bytes that came out of the exchange do.
func TestASaveOfTheSameSizeAndTimeIsFoundByItsBytes(t *testing.T) {
	p, s := changedOnline(t)
	s.before("exchange stash f.txt", func() {
		fi, err := os.Stat(p.path("f.txt"))
		p.must(err)
		p.write("f.txt", "mine")
		p.must(os.Chtimes(p.path("f.txt"), fi.ModTime(), fi.ModTime()))
	})
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}

func TestWhatIsSavedOverAReplacementIsAnEditOfIt(t *testing.T) {
	saves := map[string]func(p *pair){
		"in place":                   func(p *pair) { p.write("f.txt", "mine, after") },
		"by a rename":                func(p *pair) { p.save("f.txt", "mine, after") },
		"in place with an old time":  func(p *pair) { p.write("f.txt", "mine, after"); p.age("f.txt") },
		"by a rename of an old file": func(p *pair) { p.save("f.txt", "mine, after"); p.age("f.txt") },
	}
	for how, save := range saves {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			s.after("exchange stash f.txt", func() { save(p) })
			p.sync()
			p.sync()
			p.holds("f.txt", "mine, after")
			p.same()
		})
	}
}

func TestWhatIsSavedOverANewFileIsAnEditOfIt(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.after("rename tmp n.txt", func() { p.write("n.txt", "mine, after"); p.age("n.txt") })
	p.sync()
	p.sync()
	p.holds("n.txt", "mine, after")
	p.same()
}

func TestAFileMadeInTheLastInstantKeepsItsNameFromADownload(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.before("rename tmp n.txt", func() { p.write("n.txt", "mine") })
	p.sync()
	p.holds("n.txt", "theirs", "mine")
	p.same()
	if left := p.private("tmp"); len(left) != 0 {
		t.Errorf("left in tmp: %q", left)
	}
}

func TestAFolderMadeInTheLastInstantStays(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.before("rename tmp n.txt", func() { p.write("n.txt/in.txt", "mine") })
	p.sync()
	p.same()
	if !p.kept("mine") || !p.kept("theirs") {
		t.Errorf("something is lost\nhere: %s", show(p.here()))
	}
}

func TestALinkMadeInTheLastInstantIsNotWrittenThrough(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	outside := filepath.Join(t.TempDir(), "outside.txt")
	p.must(os.WriteFile(outside, []byte("not ours"), 0o666))
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.before("rename tmp n.txt", func() { p.must(os.Symlink(outside, p.path("n.txt"))) })
	p.sync()
	if text, err := os.ReadFile(outside); string(text) != "not ours" {
		t.Errorf("the file outside holds %q (%v)", text, err)
	}
	if to, err := os.Readlink(p.path("n.txt")); to != outside {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
}

// TestAProgramThatStillHasTheOldFileOpenLosesNothing is the save that comes when
// the name has long been another file's.
func TestAProgramThatStillHasTheOldFileOpenLosesNothing(t *testing.T) {
	p, _ := changedOnline(t)
	clock := newHurried(1)
	p.cfg.Clock = clock
	editor, err := os.OpenFile(p.path("f.txt"), os.O_WRONLY, 0)
	p.must(err)
	defer editor.Close()
	p.sync()
	p.holds("f.txt", "theirs")
	if got := p.private("stash"); len(got) != 1 {
		t.Fatalf("in the stash: %q, want the old file", got)
	}

	clock.forward(2 * stashFor)
	p.sync()
	if got := p.private("stash"); len(got) != 1 {
		t.Fatalf("in the stash: %q, want the old file as long as it is open", got)
	}

	_, err = editor.WriteAt([]byte("mine"), 0)
	p.must(err)
	p.must(editor.Close())
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
	if got := p.private("stash"); len(got) != 0 {
		t.Errorf("in the stash: %q, want nothing", got)
	}
}

func TestAReplacedVersionIsRemovedOnceNobodyCanWriteToIt(t *testing.T) {
	p, _ := changedOnline(t)
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.sync()
	p.sync()
	if got := p.private("stash"); len(got) != 1 {
		t.Fatalf("in the stash: %q, want the old file for a while", got)
	}
	clock.forward(2 * stashFor)
	p.sync()
	if got := p.private("stash"); len(got) != 0 {
		t.Errorf("in the stash: %q, want nothing", got)
	}
	if in := p.intents(); len(in) != 0 {
		t.Errorf("still on record: %+v", in)
	}
	p.same()
}

// TestAWriteBetweenTwoLooksAtTheStashIsSeen: a program may write and close the
// file between the look at its bytes and the look at who has it open.
func TestAWriteBetweenTwoLooksAtTheStashIsSeen(t *testing.T) {
	p, _ := changedOnline(t)
	clock := newHurried(1)
	p.cfg.Clock = clock
	editor, err := os.OpenFile(p.path("f.txt"), os.O_WRONLY, 0)
	p.must(err)
	defer editor.Close()
	p.sync()
	clock.forward(2 * stashFor)
	s := p.onStage()
	s.before("quiet stash", func() {
		_, err := editor.WriteAt([]byte("mine"), 0)
		p.must(err)
		p.must(editor.Close())
	})
	p.sync()
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}

// The ladder of P1: what is saved in the last instant is kept on each rung.
func TestWithoutAnExchangeTheOldVersionIsKeptAllTheSame(t *testing.T) {
	rungs := map[string]func(s *stage){
		"links": func(s *stage) { s.never("exchange *", errors.ErrUnsupported) },
		"renames": func(s *stage) {
			s.never("exchange *", errors.ErrUnsupported)
			s.never("link *", syscall.EPERM)
		},
	}
	for rung, limit := range rungs {
		for when, call := range map[string]string{"before it is set aside": "rename stash stash.new", "never": ""} {
			t.Run(rung+", a save "+when, func(t *testing.T) {
				t.Parallel()
				p, s := changedOnline(t)
				limit(s)
				var mine []string
				if call != "" {
					mine = []string{"mine, saved late"}
					s.before(call, func() { p.write("f.txt", mine[0]) })
				}
				p.sync()
				p.holds("f.txt", "theirs", mine...)
				p.same()
				if rung == "links" && len(s.heard("replace stash.new f.txt")) == 0 {
					t.Error("the rung was not taken")
				}
				if rung == "renames" && len(s.heard("rename f.txt stash")) == 0 {
					t.Error("the rung was not taken")
				}
			})
		}
	}
}

// TestAFileMadeInTheGapOfTheLastRungCostsNobodyAVersion: where a file system has
// neither exchange nor links the name is free for an instant.
func TestAFileMadeInTheGapOfTheLastRungCostsNobodyAVersion(t *testing.T) {
	p, s := changedOnline(t)
	s.never("exchange *", errors.ErrUnsupported)
	s.never("link *", syscall.EPERM)
	s.before("rename f.txt stash", func() { p.write("f.txt", "mine, saved late") })
	s.before("rename stash.new f.txt", func() { p.write("f.txt", "mine, in the gap") })
	p.sync()
	p.sync()
	for _, text := range []string{"mine, saved late", "mine, in the gap"} {
		if !slices.Contains(slices.Collect(maps.Values(p.here())), text) {
			t.Errorf("%q is lost\nhere: %s", text, show(p.here()))
		}
	}
	p.same()
	if p.here()["f.txt"] == "" {
		t.Errorf("f.txt is gone\nhere: %s", show(p.here()))
	}
}

// TestARungThatBreaksLeavesTheFileAsItWas: an error half way down must neither
// lose the version here nor leave the name empty, nor be tried for ever.
func TestARungThatBreaksLeavesTheFileAsItWas(t *testing.T) {
	for name, broken := range map[string]struct {
		call  string
		links bool // the file system has some
	}{
		"exchanging":       {"exchange stash f.txt", true},
		"making room":      {"rename stash stash.new", true},
		"replacing":        {"replace stash.new f.txt", true},
		"setting aside":    {"rename f.txt stash", false},
		"putting in place": {"rename stash.new f.txt", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			if name != "exchanging" {
				s.never("exchange *", errors.ErrUnsupported)
			}
			if !broken.links {
				s.never("link *", syscall.EPERM)
			}
			s.never(broken.call, syscall.EIO)
			if _, err := p.try(); !errors.Is(err, syscall.EIO) {
				t.Errorf("the error is %v", err)
			}
			p.holds("f.txt", "base")
			if left := append(p.private("stash"), p.private("tmp")...); len(left) != 0 {
				t.Errorf("left in the private area: %q", left)
			}
			p.onStage()
			p.sync()
			p.holds("f.txt", "theirs")
			p.same()
		})
	}
}

func TestAReplacedFileKeepsItsModeAndAttributes(t *testing.T) {
	p, _ := changedOnline(t)
	p.must(os.Chmod(p.path("f.txt"), 0o751))
	marked := unix.Setxattr(p.path("f.txt"), "user.tandem.test", []byte("kept"), 0) == nil
	p.sync()
	p.holds("f.txt", "theirs")
	fi, err := os.Stat(p.path("f.txt"))
	p.must(err)
	if fi.Mode().Perm() != 0o751 {
		t.Errorf("the mode is %v, want that of the file before it", fi.Mode())
	}
	if value := make([]byte, 10); marked {
		if n, err := unix.Getxattr(p.path("f.txt"), "user.tandem.test", value); err != nil || string(value[:n]) != "kept" {
			t.Errorf("the attribute is %q (%v)", value[:max(n, 0)], err)
		}
	}
}

func TestANewFileHasTheModeThatNewFilesGet(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.FileMode = 0o640
	p.put("n.txt", "theirs")
	p.sync()
	if fi, err := os.Stat(p.path("n.txt")); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (%v)", fi.Mode(), err)
	}
}

// TestANewFileHasTheACLThatItsFolderGives: not that of the private area, which it
// came from.
func TestANewFileHasTheACLThatItsFolderGives(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.must(os.Mkdir(p.path("team"), 0o755))
	p.sync()
	const access, given = "system.posix_acl_access", "system.posix_acl_default"
	acl := []byte("\x02\x00\x00\x00" + // version 2; tag, permissions, id:
		"\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x07\x00\x4d\x00\x00\x00" + // owner rwx, user 77 rwx
		"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x07\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff") // group r-x, mask rwx, others nothing
	if err := unix.Setxattr(p.path("team"), given, acl, 0); err != nil {
		t.Skip("no ACLs here: ", err)
	}
	p.must(os.WriteFile(p.path("team/model"), nil, 0o666))
	p.put("team/n.txt", "theirs")
	p.put("n.txt", "theirs")
	p.sync()
	model, is, plain := make([]byte, 100), make([]byte, 100), make([]byte, 100)
	n, err := unix.Getxattr(p.path("team/model"), access, model)
	p.must(err)
	if m, err := unix.Getxattr(p.path("team/n.txt"), access, is); err != nil || string(is[:m]) != string(model[:n]) {
		t.Errorf("the ACL is %x (%v), any program's is %x", is[:max(m, 0)], err, model[:n])
	}
	if m, err := unix.Getxattr(p.path("n.txt"), access, plain); err == nil {
		t.Errorf("the ACL is %x where the folder gives none", plain[:m])
	}
	p.same()
}

// TestAReplacementLeavesTheOtherNamesOfAFileAlone: two names of one inode are
// two items.
func TestAReplacementLeavesTheOtherNamesOfAFileAlone(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "base")
	p.must(os.Link(p.path("f.txt"), p.path("g.txt")))
	p.sync()
	p.same()
	p.put("f.txt", "theirs")
	p.sync()
	p.holds("f.txt", "theirs")
	p.holds("g.txt", "base")
	p.same()
	p.remove("g.txt")
	if s := p.sync(); s.DeletedRemote != 1 || s.Moved != 0 {
		t.Errorf("the other name's end was taken for something else: %+v", s)
	}
	p.same()
}

// TestANewNameOfAFileWithSeveralIsNoMove: which of them it came from cannot be
// told.
func TestANewNameOfAFileWithSeveralIsNoMove(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "base")
	p.must(os.Link(p.path("f.txt"), p.path("g.txt")))
	p.sync()
	p.remove("g.txt")
	p.must(os.Link(p.path("f.txt"), p.path("n.txt")))
	if s := p.sync(); s.Moved != 0 || s.Uploaded != 1 || s.DeletedRemote != 1 {
		t.Errorf("%+v, want one file gone and one new", s)
	}
	p.same()
}

func TestAFullDiskHoldsOneDownloadAndNothingElse(t *testing.T) {
	for _, call := range []string{"create tmp", "write tmp", "sync tmp"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			p.write("mine.txt", "mine")
			s.fail(call, syscall.ENOSPC)
			sum, err := p.try()
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the error is %v", err)
			}
			if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "f.txt" || !strings.Contains(sum.Waiting[0].Why, "full") {
				t.Errorf("waiting: %+v", sum.Waiting)
			}
			p.holds("f.txt", "base")
			if p.there()["mine.txt"] != "mine" {
				t.Error("the upload waited, too")
			}
			if left := p.private("tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %q", left)
			}
			p.sync()
			p.same()
		})
	}
}

func TestADownloadThatWouldFillTheDiskIsNotBegun(t *testing.T) {
	p, s := changedOnline(t)
	p.cfg.Disk = brim{s}
	if _, err := p.try(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v", err)
	}
	if n := len(s.heard("download *")); n != 0 {
		t.Errorf("%d downloads were begun", n)
	}
	p.holds("f.txt", "base")
}

// brim is a disk with hardly any room.
type brim struct{ FS }

func (brim) Free() (bytes, inodes uint64, err error) { return 3, 3, nil }

// TestAFileThatCouldNotBeMadeDurableIsThrownAway: after an error of fsync a
// second one that succeeds proves nothing.
func TestAFileThatCouldNotBeMadeDurableIsThrownAway(t *testing.T) {
	p, s := changedOnline(t)
	s.fail("sync tmp", syscall.EIO)
	if _, err := p.try(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the error is %v", err)
	}
	p.holds("f.txt", "base")
	if n := len(s.heard("sync tmp")); n != 1 {
		t.Errorf("the file was synced %d times, want once and thrown away", n)
	}
	if left := p.private("tmp"); len(left) != 0 {
		t.Errorf("left in tmp: %q", left)
	}
	p.sync()
	p.holds("f.txt", "theirs")
	p.same()
}

// TestAnAgreementIsNotWrittenWhenItsFolderCouldNotBeMadeDurable: the name may
// not be there after a power cut.
func TestAnAgreementIsNotWrittenWhenItsFolderCouldNotBeMadeDurable(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.fail("syncdir .", syscall.EIO)
	if _, err := p.try(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the error is %v", err)
	}
	if n, err := p.db.CountBelow(p.cfg.Folder.N, p.cfg.Folder.Root, ""); err != nil || n != 0 {
		t.Errorf("%d agreements were written (%v)", n, err)
	}
	p.sync()
	p.same()
}

// TestAFolderMovedUnderAReplacementBringsNothingPrivateToLight is about the file
// that made way in that instant: what stands in the private area has the inode
// of an item, and is none.
func TestAFolderMovedUnderAReplacementBringsNothingPrivateToLight(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("D/f.txt", "old")
	p.age("D/f.txt")
	p.sync()
	p.same()
	p.put("D/f.txt", "theirs")
	s := p.onStage()
	s.before("syncdir D", func() { p.move("D", "E") })
	p.sync()
	p.sync()
	p.holds("E/f.txt", "theirs")
	if calls := s.heard("lstat .tandem*"); len(calls) != 0 {
		t.Errorf("the private area was looked at: %q", calls)
	}
	p.same()
}
