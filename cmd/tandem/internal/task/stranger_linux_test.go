package task_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote/remotetest"
)

var raceMinutes = flag.Float64("race-minutes", 0, "how long another user attacks each time; 0 = some seconds")

// A stranger is another user of this machine.
const stranger = 65533

// beStranger runs act as that user, on a thread of its own which then ends.
func beStranger(t *testing.T, act func()) (done chan struct{}) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user, too")
	}
	done = make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		for _, call := range [][2]uintptr{{unix.SYS_SETGROUPS, 0}, {unix.SYS_SETRESGID, stranger}, {unix.SYS_SETRESUID, stranger}} {
			args := [3]uintptr{call[1], call[1], call[1]}
			if _, _, errno := unix.RawSyscall(call[0], args[0], args[1], args[2]); errno != 0 {
				t.Error(errno)
				return
			}
		}
		act()
	}()
	return done
}

// letIn opens the way to a directory: temporary ones are their maker's alone.
func letIn(t *testing.T, dir string) {
	t.Helper()
	for ; strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
}

const lure = ".tandem/tasks" // where the stranger hopes that something passes by

// TestAMarkerOfAnotherUserIsNone: in a directory that all may write to, everybody can
// make a marker, and all that is below it would pass through their hands.
func TestAMarkerOfAnotherUserIsNone(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("tool.sh", "mine alone")
	letIn(t, b.dir)
	shared, own := filepath.Join(b.dir, "shared"), filepath.Join(b.dir, "shared/own")
	must(t, os.MkdirAll(own, 0o700))
	must(t, os.Chmod(shared, 0o777|os.ModeSticky))
	<-beStranger(t, func() {
		must(t, os.MkdirAll(filepath.Join(shared, lure), 0o777))
		must(t, os.WriteFile(filepath.Join(shared, ".tandem/folder-id"), nil, 0o666))
	})
	into := b.land(t, "shared/own")
	if into.Synced {
		t.Error("it counts as a synced folder")
	}
	b.get(t, into, b.items(t))
	if got := b.read(t, "shared/own/tool.sh"); got != "mine alone" || b.outcome() != "tool.sh done" {
		t.Errorf("%q, %s", got, b.outcome())
	}
}

// TestAPrivateAreaThatOthersMayWriteToIsRefused: with words that say what to do.
func TestAPrivateAreaThatOthersMayWriteToIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		mode os.FileMode
		uid  int
		want string
	}{
		"it belongs to another":           {0o700, stranger, ""},
		"so, and anybody may write to it": {0o777, stranger, ""},
		"others may write to it":          {0o777, 0, "may be written to by others, who could exchange what passes through it; if all in it is yours: chmod -R go= "},
		"a group may":                     {0o770, 0, "may be written to by others"},
		"others may only read it":         {0o755, 0, ""},
	} {
		for _, dir := range []string{".tandem", ".tandem/tasks"} {
			t.Run(name+"/"+dir, func(t *testing.T) {
				if os.Geteuid() != 0 {
					t.Skip("only root can act as another user, too")
				}
				b := newBench(t, remotetest.Options{})
				b.srv.Put("f", "mine alone")
				at := filepath.Join(b.dir, "in", dir)
				must(t, os.MkdirAll(at, 0o700))
				must(t, os.Chmod(at, c.mode))
				must(t, os.Chown(at, c.uid, c.uid))
				b.get(t, b.land(t, "in"), b.items(t))
				_, err := os.Stat(filepath.Join(b.dir, "in/f"))
				if (err == nil) != (c.want == "") {
					t.Errorf("it came: %v; %+v", err == nil, b.results)
				}
				if len(b.results) != 1 || !strings.Contains(b.results[0].Why, c.want) {
					t.Errorf("%+v", b.results)
				}
			})
		}
	}
}

// TestAnotherUserWhoExchangesNamesGetsNothing: who may write to the directory that
// things come into exchanges the private area in it, again and again, for one that
// is open to them, or for a link to a tree outside. They read nothing that is not
// theirs to read, and outside nothing changes.
func TestAnotherUserWhoExchangesNamesGetsNothing(t *testing.T) {
	for name, where := range map[string]struct {
		dir  string // what may be written to, below the top
		mode os.FileMode
		into string
	}{
		"where things come into":                 {"shared", 0o777, "shared"},
		"so, where only the owner may remove":    {"shared", 0o777 | os.ModeSticky, "shared"},
		"above":                                  {"shared", 0o777, "shared/own"},
		"above, where only the owner may remove": {"shared", 0o777 | os.ModeSticky, "shared/own"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, remotetest.Options{})
			b.srv.Put("small", "mine alone")
			b.srv.Put("large", strings.Repeat("mine alone", 1<<20)) // one that is gone on with
			letIn(t, b.dir)
			must(t, os.MkdirAll(filepath.Join(b.dir, where.into), 0o700))
			dir := filepath.Join(b.dir, where.dir)
			must(t, os.Chmod(dir, where.mode))
			outside := t.TempDir()
			letIn(t, outside)
			for _, rel := range []string{"tasks/a", "tmp/a", "a"} {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(outside, rel)), 0o755))
				must(t, os.WriteFile(filepath.Join(outside, rel), []byte("canary"), 0o644))
			}
			want := sums(t, outside)
			items := b.items(t)

			var end atomic.Bool
			a := &attack{dir: dir, outside: outside}
			done := beStranger(t, func() {
				for !end.Load() {
					a.round()
				}
			})
			mode := uint32(0o644) // of no use to them where they cannot go
			if where.into == where.dir {
				mode = 0o600
			}
			came, began := 0, time.Now()
			for time.Since(began) < max(3*time.Second, time.Duration(*raceMinutes*float64(time.Minute))) {
				into, err := task.Land(filepath.Join(b.dir, where.into), mode, nil)
				if err != nil {
					continue
				}
				get := task.Get{From: b.Drive, Into: into, Overwrite: task.Always, Force: true, Report: b.report()}
				get.Run(t.Context(), items)
				into.Close()
				for _, r := range b.results {
					if r.Done != task.Done {
						continue
					}
					came++
					if where.into == where.dir {
						continue // what has its name there they may move
					}
					if text := b.read(t, where.into+"/"+r.Path); strings.ReplaceAll(text, "mine alone", "") != "" {
						t.Fatalf("%q is %.30q", r.Path, text)
					}
				}
			}
			end.Store(true)
			<-done
			if a.read != "" {
				t.Errorf("they read %s", a.read)
			}
			if got := sums(t, outside); got != want {
				t.Errorf("outside became\n%s, was\n%s", got, want)
			}
			if where.into != where.dir && came == 0 {
				t.Error("nothing came")
			}
			t.Logf("%d files came through %d attacks", came, a.rounds)
		})
	}
}

// sums is a tree outside, by the hashes of what is in it.
func sums(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			fmt.Fprintln(&all, path)
			return err
		}
		text, err := os.ReadFile(path)
		info, statErr := d.Info()
		if err == nil && statErr == nil {
			fmt.Fprintf(&all, "%s %v %x\n", path, info.Mode(), sha256.Sum256(text))
		}
		return err
	}))
	return all.String()
}

// An attack is what another user does in a directory that they may write to.
type attack struct {
	dir, outside string

	rounds int
	read   string // what they got to see
}

// round puts a lure in the place of the private area, looks at what comes into it,
// puts something else in its place, and gives the name back.
func (a *attack) round() {
	a.rounds++
	area, aside, link := filepath.Join(a.dir, ".tandem"), filepath.Join(a.dir, "aside"), filepath.Join(a.dir, "link")
	_ = os.Rename(area, aside) // where they may
	_ = os.MkdirAll(filepath.Join(a.dir, lure), 0o777)
	_ = os.Chmod(area, 0o777)
	_ = os.Chmod(filepath.Join(a.dir, lure), 0o777)
	_ = os.WriteFile(filepath.Join(area, "folder-id"), []byte(strings.Repeat("0", 32)), 0o666)
	for range 20 {
		a.look(filepath.Join(a.dir, lure))
	}
	_ = os.Symlink(a.outside, link)
	_ = os.Rename(area, filepath.Join(a.dir, "lure"))
	_ = os.Rename(link, area)
	a.look(area)
	_ = os.Remove(area)
	_ = os.Rename(aside, area)
	a.look(filepath.Join(a.dir, lure))
	_ = os.Rename(filepath.Join(a.dir, "lure"), filepath.Join(area, "..", "lure-of-old"))
	_ = os.RemoveAll(filepath.Join(a.dir, "lure-of-old"))
}

// look reads what is in a directory that was meant to be private, and exchanges it.
func (a *attack) look(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "mine") {
			a.read = file
		}
		evil := file + ".evil"
		if os.WriteFile(evil, []byte("evil"), 0o777) == nil {
			_ = os.Rename(evil, file)
		}
	}
}

// TestWhereAnotherUserHasThePrivateAreaAnotherIsMade: they can make one in a directory
// that all may write to, as /tmp, and so can whoever puts a file or a link there. What
// comes passes by elsewhere, and nothing is left.
func TestWhereAnotherUserHasThePrivateAreaAnotherIsMade(t *testing.T) {
	for name, taken := range map[string]func(shared string) error{
		"a directory":             func(shared string) error { return os.MkdirAll(filepath.Join(shared, lure), 0o777) },
		"one that nobody may see": func(shared string) error { return os.Mkdir(filepath.Join(shared, ".tandem"), 0) },
		"a file":                  func(shared string) error { return os.WriteFile(filepath.Join(shared, ".tandem"), nil, 0o666) },
		"a link":                  func(shared string) error { return os.Symlink(shared, filepath.Join(shared, ".tandem")) },
		"and one with a name like ours": func(shared string) error {
			return errors.Join(os.MkdirAll(filepath.Join(shared, lure), 0o777), os.MkdirAll(filepath.Join(shared, ".tandem-0123456789abcdef01234567/tasks"), 0o777))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, remotetest.Options{})
			b.srv.Put("small", "mine alone")
			b.srv.Put("large", strings.Repeat("mine alone", 1<<20))
			letIn(t, b.dir)
			shared := filepath.Join(b.dir, "shared")
			must(t, os.Mkdir(shared, 0o700))
			must(t, os.Chmod(shared, 0o777|os.ModeSticky))
			<-beStranger(t, func() {
				if err := taken(shared); err != nil {
					t.Error(err)
				}
			})
			was := tree(t, shared)
			b.write(t, "shared/small", "old")
			into := b.land(t, "shared")
			get := task.Get{From: b.Drive, Into: into, Force: true, Overwrite: task.Always, Report: b.report()}
			get.Run(t.Context(), b.items(t))
			must(t, into.Close())
			if got := b.outcome(); got != "large done, small done" {
				t.Errorf("%s; %+v", got, b.results)
			}
			want := append(was, "large", "small")
			slices.Sort(want)
			if got := tree(t, shared); !slices.Equal(got, want) {
				t.Errorf("there is %q, want %q", got, want)
			}
		})
	}
}

// tree lists what is in a directory, at any depth.
func tree(t *testing.T, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." {
			all = append(all, rel)
		}
		return err
	}))
	slices.Sort(all)
	return all
}
