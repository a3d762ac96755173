package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tandem/watcher"
)

// A place is a claimed folder on a real disk.
type place struct {
	*testing.T
	*Disk
	dir string
}

// eachDisk runs a test on the file system of the temporary directory, and on
// tmpfs where there is one.
func eachDisk(t *testing.T, test func(p place)) {
	t.Run("disk", func(t *testing.T) { test(claimed(t, t.TempDir())) })
	t.Run("memory", func(t *testing.T) {
		dir, err := os.MkdirTemp("/dev/shm", "tandem-")
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		test(claimed(t, dir))
	})
}

func claimed(t *testing.T, dir string) place {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Claim(); err != nil {
		t.Fatal(err)
	}
	return place{t, d, dir}
}

func (p place) write(rel, text string) {
	p.Helper()
	name := filepath.Join(p.dir, rel)
	p.must(os.MkdirAll(filepath.Dir(name), 0o755))
	p.must(os.WriteFile(name, []byte(text), 0o644))
}

func (p place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// holds compares the whole folder but for the private directories and the marker
// with "path: text" lines; directories end with a slash.
func (p place) holds(want ...string) {
	p.Helper()
	if got := tree(p.T, p.dir); !slices.Equal(got, want) {
		p.Errorf("folder holds %q, want %q", got, want)
	}
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		switch {
		case rel == marker || slices.Contains([]string{watcher.Private, tmpDir, stashDir, trashDir}, rel):
		case e.IsDir():
			all = append(all, rel+"/")
		case e.Type().IsRegular():
			text, err := os.ReadFile(name)
			all = append(all, rel+": "+string(text))
			return err
		default:
			all = append(all, rel+": "+e.Type().String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// is checks err against the error wanted, nil included.
func (p place) is(what string, err, want error) {
	p.Helper()
	if !errors.Is(err, want) {
		p.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestARenameMovesFilesAndFolders(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write("d/e/f", "F")
		p.is("file", p.Rename("a", "d/b"), nil)
		p.is("folder", p.Rename("d/e", "g"), nil)
		p.is("into the private area", p.Rename("g/f", stashDir+"/f"), nil)
		p.is("and back", p.Rename(stashDir+"/f", "f"), nil)
		p.holds("d/", "d/b: A", "f: F", "g/")
	})
}

func TestARenameNeverReplaces(t *testing.T) {
	renames := map[string]func(p place, from, to string) error{
		"by the kernel": func(p place, from, to string) error { return p.Rename(from, to) },
		"by hand":       func(p place, from, to string) error { return p.renameCarefully(from, to) },
	}
	for name, rename := range renames {
		t.Run(name, func(t *testing.T) {
			eachDisk(t, func(p place) {
				for _, file := range []string{"a", "b", tmpDir + "/t", stashDir + "/s"} {
					p.write(file, file)
				}
				p.must(os.Mkdir(filepath.Join(p.dir, "d"), 0o755))
				p.must(os.Mkdir(filepath.Join(p.dir, "e"), 0o755))
				before := tree(t, p.dir)
				for _, pair := range [][2]string{{"a", "b"}, {"a", "d"}, {"d", "e"}, {"d", "a"}, {tmpDir + "/t", "a"},
					{tmpDir + "/t", "d"}, {"a", stashDir + "/s"}, {tmpDir + "/t", stashDir + "/s"}} {
					p.is(pair[0]+" → "+pair[1], rename(p, pair[0], pair[1]), fs.ErrExist)
				}
				for _, pair := range [][2]string{{"no", "new"}, {tmpDir + "/no", "new"}, {"a", "no/new"}, {"no/a", "new"}, {tmpDir + "/t", "no/new"}} {
					p.is(pair[0]+" → "+pair[1], rename(p, pair[0], pair[1]), fs.ErrNotExist)
				}
				p.holds(before...)
			})
		})
	}
}

func TestTwoNamesThatDifferInCaseOnlyAreOneWhenTheyAreOneEntry(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write("B", "not a")
		p.must(os.Link(filepath.Join(p.dir, "a"), filepath.Join(p.dir, "A")))
		p.is("second name", p.Rename("a", "A"), fs.ErrExist)
		p.write("b", "b")
		p.is("other file", p.Rename("b", "B"), fs.ErrExist)
		p.is("itself", p.Rename("b", "b"), fs.ErrExist)
		p.holds("A: A", "B: not a", "a: A", "b: b")

		small, err := p.Lstat("b")
		p.must(err)
		large := small
		large.Name = "B" // as a file system shows it that folds case
		if !oneName(small, large) {
			p.Error("one entry was taken for two")
		}
	})
}

func TestTheLadderMovesWhatARenameMoves(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write(tmpDir+"/t", "T")
		p.write("a", "A")
		p.write("d/f", "F")
		p.must(os.MkdirAll(filepath.Join(p.dir, tmpDir, "folder"), 0o700))
		p.is("published", p.renameCarefully(tmpDir+"/t", "t"), nil)
		p.is("moved", p.renameCarefully("a", "d/a"), nil)
		p.is("stashed", p.renameCarefully("d/f", stashDir+"/f"), nil)
		p.is("folder", p.renameCarefully("d", "e"), nil)
		p.is("private folder", p.renameCarefully(tmpDir+"/folder", "g"), nil)
		p.holds(".tandem/stash/f: F", "e/", "e/a: A", "g/", "t: T")
	})
}

// An editor that saves by rename does so in the very moment in which the file is
// moved away. Its version is at the old name or the new one, but never nowhere.
func TestTheLadderLosesNoVersionSavedMeanwhile(t *testing.T) {
	eachDisk(t, func(p place) {
		at := func(rel string) string { return filepath.Join(p.dir, rel) }
		for range 1000 {
			p.write("a", "first")
			p.write("draft", "second")
			saved := make(chan error)
			go func() { saved <- os.Rename(at("draft"), at("a")) }()
			moved := p.renameCarefully("a", "b")
			p.must(errors.Join(moved, <-saved))
			if got := tree(p.T, p.dir); !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, ": second") }) {
				p.Fatalf("folder holds %q", got)
			}
			p.must(os.Remove(at("b")))
		}
	})
}

func TestAnExchangeSwapsTwoNames(t *testing.T) {
	eachDisk(t, func(p place) {
		if c, err := p.Caps(); err != nil || !c.Exchange {
			p.Skip("no exchange here: ", err)
		}
		p.write("a", "old")
		p.write(stashDir+"/new", "new")
		p.write("d/f", "F")
		before, err := p.Lstat("a")
		p.must(err)
		p.is("file", p.Exchange(stashDir+"/new", "a"), nil)
		after, err := p.Lstat(stashDir + "/new")
		p.must(err)
		if before.Ino != after.Ino || before.MTime != after.MTime || before.Born != after.Born {
			p.Errorf("came out as %+v, want %+v", after, before)
		}
		p.is("folder and file", p.Exchange("a", "d"), nil)
		p.is("nothing there", p.Exchange("a", "no"), fs.ErrNotExist)
		p.is("nothing here", p.Exchange("no", "a"), fs.ErrNotExist)
		p.holds(".tandem/stash/new: old", "a/", "a/f: F", "d: new")
	})
}

func TestALinkIsASecondNameAndReplacesNothing(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write("b", "B")
		p.is("stashed", p.Link("a", stashDir+"/a"), nil)
		p.is("taken", p.Link("a", "b"), fs.ErrExist)
		p.is("nothing there", p.Link("no", "c"), fs.ErrNotExist)
		p.holds(".tandem/stash/a: A", "a: A", "b: B")
	})
}

func TestOnlyAPrivateFileMayReplace(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write("b", "B")
		p.write(tmpDir+"/new", "new")
		p.is("from the folder", p.Replace("a", "b"), errForeign)
		p.is("from the private area", p.Replace(tmpDir+"/new", "b"), nil)
		p.holds("a: A", "b: new")
	})
}

func TestADirectoryIsMadeOnce(t *testing.T) {
	eachDisk(t, func(p place) {
		e, err := p.Mkdir("d")
		p.must(err)
		if again, err := p.Lstat("d"); err != nil || again != e || e.Kind != watcher.Dir || e.Name != "d" {
			p.Errorf("Mkdir = %+v, Lstat = %+v, %v", e, again, err)
		}
		umask := syscall.Umask(0)
		syscall.Umask(umask)
		if e.Mode != uint32(0o777&^umask) {
			p.Errorf("mode = %o", e.Mode)
		}
		p.write("f", "")
		for rel, want := range map[string]error{"d": fs.ErrExist, "f": fs.ErrExist, "no/d": fs.ErrNotExist, ".tandem/d": errPrivate, ".TANDEM": errPrivate} {
			_, err := p.Mkdir(rel)
			p.is(rel, err, want)
		}
		p.holds("d/", "f: ")
	})
}

func TestOnlyAnEmptyDirectoryIsRemoved(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("full/f", "F")
		p.must(os.Mkdir(filepath.Join(p.dir, "empty"), 0o755))
		p.must(os.Mkdir(filepath.Join(p.dir, "pipes"), 0o755))
		p.must(syscall.Mkfifo(filepath.Join(p.dir, "pipes/p"), 0o600))
		p.must(os.Symlink("empty", filepath.Join(p.dir, "link")))
		for rel, want := range map[string]error{"full": syscall.ENOTEMPTY, "pipes": syscall.ENOTEMPTY, "full/f": syscall.ENOTDIR,
			"link": syscall.ENOTDIR, "no": fs.ErrNotExist, "empty": nil} {
			p.is(rel, p.Rmdir(rel), want)
		}
		p.holds("full/", "full/f: F", "link: L---------", "pipes/", "pipes/p: p---------")
	})
}

func TestOnlyWhatIsPrivateIsUnlinked(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write(trashDir+"/b", "B")
		p.must(os.Symlink("../../a", filepath.Join(p.dir, trashDir, "link")))
		for _, rel := range []string{"a", "", ".tandem", ".tandem/..", ".tandem/../a", ".Tandem/trash/b", "./.tandem/trash/b"} {
			if err := p.Remove(rel); err == nil {
				p.Errorf("removed %q", rel)
			}
		}
		p.is("private file", p.Remove(trashDir+"/b"), nil)
		p.is("private link", p.Remove(trashDir+"/link"), nil)
		p.is("gone", p.Remove(trashDir+"/b"), fs.ErrNotExist)
		if p.Remove(trashDir) == nil {
			p.Error("a directory was unlinked")
		}
		p.holds("a: A")
	})
}

// verbs are all that change anything, each applied to a path that must not do.
var verbs = map[string]func(d *Disk, rel string) error{
	"rename from":     func(d *Disk, rel string) error { return d.Rename(rel, "new") },
	"rename to":       func(d *Disk, rel string) error { return d.Rename("a", rel) },
	"exchange":        func(d *Disk, rel string) error { return d.Exchange("a", rel) },
	"exchange with":   func(d *Disk, rel string) error { return d.Exchange(rel, "a") },
	"link from":       func(d *Disk, rel string) error { return d.Link(rel, "new") },
	"link to":         func(d *Disk, rel string) error { return d.Link("a", rel) },
	"replace with":    func(d *Disk, rel string) error { return d.Replace(rel, "a") },
	"replace":         func(d *Disk, rel string) error { return d.Replace(tmpDir+"/t", rel) },
	"mkdir":           func(d *Disk, rel string) error { _, err := d.Mkdir(rel); return err },
	"rmdir":           func(d *Disk, rel string) error { return d.Rmdir(rel) },
	"remove":          func(d *Disk, rel string) error { return d.Remove(rel) },
	"create":          func(d *Disk, rel string) error { _, err := d.Create(rel); return err },
	"append":          func(d *Disk, rel string) error { _, err := d.Append(rel); return err },
	"private mkdir":   func(d *Disk, rel string) error { return d.MkdirPrivate(rel) },
	"private listing": func(d *Disk, rel string) error { _, err := d.PrivateDir(rel); return err },
}

func TestNoVerbTakesAPathThatIsNotPlainOrNotOurs(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.write("d/x", "X")
		p.write(tmpDir+"/t", "T")
		p.must(os.Symlink("d", filepath.Join(p.dir, "link")))
		before := tree(t, p.dir)
		bad := []string{"", ".", "..", "../x", "/", "/x", "x/", "d//x", "d/./x", "d/../x", "x\x00", ".tandem", ".Tandem", ".TANDEM/tmp/t",
			".tandem/", ".tandem/..", ".tandem/../x", ".tandem//tmp", ".tandem/tmp/../../x", "link/x", "link/y", strings.Repeat("n", 256)}
		for name, verb := range verbs {
			for _, rel := range bad {
				if err := verb(p.Disk, rel); err == nil {
					p.Errorf("%s took %.40q", name, rel)
				}
			}
		}
		p.holds(before...)
	})
}

func TestNamesAreBytes(t *testing.T) {
	eachDisk(t, func(p place) {
		for _, name := range []string{"\xff\xfe", "a\nb", "-rf", " ", strings.Repeat("n", 255), "tandem.", ".tandem2"} {
			p.write("f", "F")
			p.is(name, p.Rename("f", name), nil)
			_, err := p.Mkdir("d")
			p.must(err)
			p.is(name, p.Rename(name, "d/"+name), nil)
			p.is(name, p.Rename("d/"+name, tmpDir+"/f"), nil)
			p.is(name, p.Remove(tmpDir+"/f"), nil)
			p.is(name, p.Rmdir("d"), nil)
		}
		p.holds()
	})
}

func TestPrivateDirectoriesAreMadeWithThoseAbove(t *testing.T) {
	eachDisk(t, func(p place) {
		for range 2 {
			p.is("nested", p.MkdirPrivate(trashDir+"/2026/11"), nil)
		}
		p.write(trashDir+"/2026/f", "F")
		if p.MkdirPrivate(trashDir+"/2026/f/g") == nil || p.MkdirPrivate(trashDir+"/2026/f") == nil {
			p.Error("made a directory where a file stands")
		}
		entries, err := p.PrivateDir(trashDir + "/2026")
		if err != nil || len(entries) != 2 {
			p.Errorf("PrivateDir = %v, %v", entries, err)
		}
		if e, err := p.Lstat(trashDir + "/2026/11"); err != nil || e.Mode != 0o700 {
			p.Errorf("Lstat = %+v, %v", e, err)
		}
		p.is("sync", p.SyncDir(trashDir+"/2026"), nil)
		p.is("sync of nothing", p.SyncDir("no"), fs.ErrNotExist)
	})
}

func TestADiskServesOpenFilesByWhatTheyAreNotByName(t *testing.T) {
	eachDisk(t, func(p place) {
		f, err := p.Create(tmpDir + "/f")
		p.must(err)
		defer f.Close()
		_, err = f.Write([]byte("ours"))
		p.must(err)
		p.must(p.Rename(tmpDir+"/f", "f"))
		p.must(os.WriteFile(filepath.Join(p.dir, "other"), []byte("an editor's"), 0o644))
		p.must(os.Rename(filepath.Join(p.dir, "other"), filepath.Join(p.dir, "f")))
		e, err := f.Stat()
		if there, _ := p.Lstat("f"); err != nil || e.Size != 4 || e.Ino == there.Ino {
			p.Errorf("Stat = %+v, %v; under the name stands %+v", e, err, there)
		}
	})
}

func TestFreeSpaceIsTold(t *testing.T) {
	eachDisk(t, func(p place) {
		bytes, inodes, err := p.Free()
		if err != nil || bytes == 0 || inodes == 0 {
			p.Errorf("Free = %d, %d, %v", bytes, inodes, err)
		}
	})
}
