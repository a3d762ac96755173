package sim

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/syncer"
	real "tandem/syncer/disk"
	"tandem/watcher"
)

var differScripts = flag.Int("differ-scripts", 60, "how many scripts are tried on the simulated disk and on each real one")

// The simulated disk is worth what it has in common with real ones. Here random
// scripts of the engine's verbs, and of what people do in between, run on both:
// every verb must give the same error or none, and everything must look the same
// afterwards: names, kinds, contents, second names, identities, modification
// times.

// A medium is a real file system to compare with.
type medium struct {
	name  string
	mount func(t *testing.T, dir string) // fills an empty directory with a file system; skips where that cannot be
	opt   DiskOptions
}

var media = []medium{
	{"where tests are", func(*testing.T, string) {}, DiskOptions{}},
	{"tmpfs", func(t *testing.T, dir string) { mount(t, "tmpfs", dir, "tmpfs", "size=16m") }, DiskOptions{}},
	{"ext4", image("ext4", 16, "mkfs.ext4", "-q"), DiskOptions{}},
	{"xfs", image("xfs", 320, "mkfs.xfs", "-q"), DiskOptions{}},
	{"btrfs", image("btrfs", 128, "mkfs.btrfs", "-q"), DiskOptions{}},
	{"vfat", image("vfat", 16, "mkfs.vfat"), DiskOptions{Tick: 2 * time.Second, NoExchange: true, NoLinks: true, NoBirth: true, Folds: true}},
}

func mount(t *testing.T, source, dir, kind, options string) {
	t.Helper()
	if err := syscall.Mount(source, dir, kind, 0, options); err != nil {
		t.Skipf("no %s can be mounted here: %v", kind, err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// image makes a file system in a file, and mounts it.
func image(kind string, mb int64, mkfs string, args ...string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if os.Geteuid() != 0 {
			t.Skip("only root may mount")
		}
		if _, err := exec.LookPath(mkfs); err != nil {
			t.Skipf("%s is not installed", mkfs)
		}
		file := filepath.Join(t.TempDir(), "image")
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, mb<<20)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(mkfs, append(args, file)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := exec.Command("mount", "-o", "loop", "-t", kind, file, dir).CombinedOutput(); err != nil {
			t.Skipf("no %s can be mounted here: %s", kind, out)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
}

func TestTheSimulatedDiskIsLikeRealOnes(t *testing.T) {
	for _, m := range media {
		t.Run(m.name, func(t *testing.T) {
			dir := t.TempDir()
			m.mount(t, dir)
			for seed := range *differScripts {
				top := filepath.Join(dir, fmt.Sprint(seed))
				if err := os.Mkdir(top, 0o777); err != nil {
					t.Fatal(err)
				}
				compare(t, m, top, uint64(seed))
				if err := os.RemoveAll(top); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func compare(t *testing.T, m medium, top string, seed uint64) {
	t.Helper()
	d, err := real.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Claim(); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"tmp", "stash", "trash"} {
		if err := d.MkdirPrivate(private + "/" + sub); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(Script{Drive: "personal", Disk: m.opt}, nil)
	simulated := w.machines[0].disk
	two := twoDisks{real: d, top: top, sim: fsys{simulated}, disk: simulated}
	rnd := rand.New(rand.NewPCG(seed, 6))
	var script []string
	for range 40 {
		line := anything(rnd, m.opt)
		script = append(script, strings.Join(line, " "))
		w.now = w.now.Add(time.Minute)
		got, want := two.onSim(line), two.onReal(line)
		if class(got) != class(want) {
			t.Fatalf("%q gives %v in the simulator and %v on %s\n%s", script[len(script)-1], got, want, m.name, strings.Join(script, "\n"))
		}
		if w.bad != nil {
			t.Fatalf("%v\n%s", w.bad, strings.Join(script, "\n"))
		}
		if sim, real := two.simTree(), two.realTree(t); !slices.Equal(sim, real) {
			t.Fatalf("after %q\nsimulated %q\n%s %q\n%s", script[len(script)-1], sim, m.name, real, strings.Join(script, "\n"))
		}
	}
}

// anything makes up a verb of the engine, or something that a person does.
func anything(rnd *rand.Rand, opt DiskOptions) []string {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	open := func() string { return pick("a", "b", "A", "d", "d/a", "d/b", "d/e", "d/e/a", "e", "e/a") }
	hidden := func() string {
		return private + "/" + pick("tmp/x", "tmp/y", "stash/x", "stash/y", "trash/d/a", "trash/a")
	}
	switch rnd.IntN(13) {
	case 0, 1:
		return []string{"create", pick(private+"/tmp/x", private+"/tmp/y", private+"/stash/x"), pick("one", "other", "long content")}
	case 2:
		return []string{"rename", hidden(), open()}
	case 3:
		return []string{"rename", open(), hidden()}
	case 4, 5:
		return []string{"rename", open(), open()}
	case 6:
		return []string{"exchange", private + "/" + pick("stash/x", "stash/y"), open()}
	case 7:
		return []string{"link", open(), private + "/" + pick("stash/x", "stash/y")}
	case 8:
		return []string{"mkdir", open()}
	case 9:
		return []string{"rmdir", open()}
	case 10:
		return []string{"remove", hidden()}
	case 11:
		return []string{"write", open(), pick("mine", "yours", "a longer text")}
	}
	return []string{"mkdirs", private + "/trash/" + pick("d", "d/a", "e/f")}
}

// twoDisks are a simulated and a real one that everything is done to.
type twoDisks struct {
	real *real.Disk
	top  string
	sim  fsys
	disk *disk
}

func (two *twoDisks) onSim(line []string) error {
	if line[0] != "write" {
		return verbs(two.sim, line)
	}
	in, err := two.disk.at(line[1])
	if errors.Is(err, fs.ErrNotExist) {
		in, err = two.disk.create(line[1], 0o644)
	}
	if err == nil && in.dir {
		err = syscall.EISDIR
	}
	if err == nil {
		two.disk.write(in, 0, []byte(line[2]))
	}
	return err
}

func (two *twoDisks) onReal(line []string) error {
	if line[0] != "write" {
		return verbs(two.real, line)
	}
	return os.WriteFile(filepath.Join(two.top, line[1]), []byte(line[2]), 0o644)
}

// stamp is a modification time that every medium keeps.
const stamp = 1_700_000_000 * int64(time.Second)

func verbs(f syncer.FS, line []string) error {
	switch line[0] {
	case "create":
		file, err := f.Create(line[1])
		if err != nil {
			return err
		}
		_, err = io.WriteString(file, line[2])
		return errors.Join(err, file.SetMTime(time.Unix(0, stamp)), file.Sync(), file.Close())
	case "rename":
		return f.Rename(line[1], line[2])
	case "exchange":
		return f.Exchange(line[1], line[2])
	case "link":
		return f.Link(line[1], line[2])
	case "mkdir":
		_, err := f.Mkdir(line[1])
		return err
	case "rmdir":
		return f.Rmdir(line[1])
	case "remove":
		return f.Remove(line[1])
	case "mkdirs":
		return f.MkdirPrivate(line[1])
	}
	panic("no verb " + line[0])
}

// class is what the engine makes of an error.
func class(err error) string {
	for _, c := range []error{
		errors.ErrUnsupported, fs.ErrNotExist, syscall.ENOTEMPTY, fs.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.EINVAL, fs.ErrPermission,
	} {
		if errors.Is(err, c) {
			return c.Error()
		}
	}
	if err != nil {
		return "another error"
	}
	return ""
}

// simTree and realTree list everything, one line each: path, kind, content, the
// first of the names that it has, and the time if that was set.
func (two *twoDisks) simTree() []string {
	seen := map[uint64]string{}
	var lines []string
	for _, rel := range two.simPaths() {
		in, _ := two.disk.at(rel)
		e := two.disk.look(path.Base(rel), in)
		lines = append(lines, describe(rel, e, string(in.data), seen))
	}
	return lines
}

func (two *twoDisks) simPaths() []string {
	var all []string
	two.disk.walk("", two.disk.root, true, func(rel string, _ *inode) { all = append(all, rel) })
	slices.Sort(all)
	return all
}

func (two *twoDisks) realTree(t *testing.T) []string {
	t.Helper()
	seen := map[uint64]string{}
	var lines, all []string
	err := filepath.WalkDir(two.top, func(name string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(two.top, name); err == nil && rel != "." && rel != private+"/folder-id" {
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	for _, rel := range all {
		e, err := two.real.Lstat(rel)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		if e.Kind == watcher.File {
			b, err := os.ReadFile(filepath.Join(two.top, rel))
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		lines = append(lines, describe(rel, e, text, seen))
	}
	return lines
}

func describe(rel string, e watcher.Entry, text string, seen map[uint64]string) string {
	if e.Kind == watcher.Dir {
		return rel + "/"
	}
	if seen[e.Ino] == "" {
		seen[e.Ino] = rel
	}
	line := fmt.Sprintf("%s = %q, %d bytes, %d names, the same as %s", rel, text, e.Size, e.NLink, seen[e.Ino])
	if e.MTime == stamp {
		line += ", stamped"
	}
	return line
}
