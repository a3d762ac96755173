package watcher

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The limit is that of a user namespace of the test's own, in which it runs
// itself once more.
func TestTheKernelsLimitOfWatchesIsMet(t *testing.T) {
	const inside = "WATCHER_TEST_LIMIT"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if _, ran := err.(*exec.ExitError); err != nil && !ran {
			t.Skip("no user namespace:", err)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const limit = 3
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", fmt.Append(nil, limit), 0); err != nil {
		t.Skip(err)
	}
	f := watching(t, "a", "b", "c", "d", "e")
	if got, want := f.w.Polling(), 6-limit; got != want {
		t.Errorf("Polling = %d, want %d", got, want)
	}
	f.write("a/file")
	f.next("a/file")

	// Once there is room again, what is added is watched.
	f.w.Forget("a")
	f.w.Forget("b")
	f.add("e")
	if got, want := f.w.Polling(), 6-limit-1; got != want {
		t.Errorf("Polling = %d, want %d", got, want)
	}
	f.write("e/file")
	f.next("e/file")
}

func TestADirectoryThatMayNotBeReadIsToldOnceItMay(t *testing.T) {
	f := watching(t)
	f.must(os.MkdirAll(f.path("a/below"), 0o777))
	f.must(os.Chmod(f.path("a"), 0))
	f.must(os.Chmod(filepath.Dir(f.dir), 0o755)) // the way to the folder is open to anybody
	f.next("a")
	asNobody(t, func() { f.add("a") })
	f.must(os.Chmod(f.path("a"), 0o777))
	if ev := f.next("a"); !ev.Deep {
		t.Error("nobody will look at what is in it")
	}
}

func TestALinkIsNotWatched(t *testing.T) {
	f := watching(t)
	f.must(os.Symlink(t.TempDir(), f.path("link")))
	if err := f.w.Add("link"); err == nil {
		t.Error("added")
	}
}

// Directories that are moved and removed while others are added bring news of
// watches that are gone already, and errors out of turn.
func TestAStormOfMovesEnds(t *testing.T) {
	f := watching(t)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case ev := <-f.w.Events():
				_ = f.w.Add(ev.Path)
			case <-stop:
				return
			}
		}
	}()
	for n := range 500 {
		a, b := fmt.Sprintf("a%d", n), fmt.Sprintf("b%d", n)
		f.mkdir(filepath.Join(a, "sub"))
		_ = f.w.Add(a)
		_ = f.w.Add(a + "/sub")
		f.move(a, b)
		f.must(os.RemoveAll(f.path(b)))
	}
}

func BenchmarkAdd(b *testing.B) {
	dir := b.TempDir()
	w, err := New(dir, time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer w.kernel.Close()
	defer w.root.Close()
	names := make([]string, 10_000)
	for n := range names {
		names[n] = fmt.Sprintf("d%04d", n)
		if err := os.Mkdir(filepath.Join(dir, names[n]), 0o777); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			if err := w.Add(name); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		w.Forget("")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(names)), "ns/dir")
}
