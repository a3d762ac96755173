package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A folder is a directory on disk with a Watcher of it that runs.
type folder struct {
	t   *testing.T
	dir string
	w   *Watcher
}

func watching(t *testing.T, dirs ...string) *folder {
	f := idle(t, dirs...)
	run(t, f.w)
	return f
}

// idle is watching without anybody who takes from the kernel yet.
func idle(t *testing.T, dirs ...string) *folder {
	f := &folder{t: t, dir: t.TempDir()}
	for _, dir := range dirs {
		f.mkdir(dir)
	}
	var err error
	if f.w, err = New(f.dir, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	f.add(append(dirs, "")...)
	return f
}

// run runs w until the test has ended.
func run(t *testing.T, w *Watcher) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (f *folder) path(rel string) string { return filepath.Join(f.dir, rel) }

func (f *folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) add(dirs ...string) {
	f.t.Helper()
	for _, dir := range dirs {
		f.must(f.w.Add(dir))
	}
}

func (f *folder) mkdir(rel string) { f.t.Helper(); f.must(os.MkdirAll(f.path(rel), 0o777)) }

func (f *folder) write(rel string) {
	f.t.Helper()
	f.must(os.WriteFile(f.path(rel), []byte(rel), 0o666))
}

func (f *folder) move(from, to string) {
	f.t.Helper()
	if !filepath.IsAbs(to) {
		to = f.path(to)
	}
	f.must(os.Rename(f.path(from), to))
}

// next gives the next event, which is for this path.
func (f *folder) next(path string) Event {
	f.t.Helper()
	ev := f.event()
	if ev.Path != path {
		f.t.Fatalf("told of %q, want %q", ev.Path, path)
	}
	return ev
}

// until gives the next event for this path, whatever is told before.
func (f *folder) until(path string) Event {
	f.t.Helper()
	for {
		if ev := f.event(); ev.Path == path {
			return ev
		}
	}
}

// all gives the last event for each of these paths once all are told.
func (f *folder) all(paths ...string) map[string]Event {
	f.t.Helper()
	told := map[string]Event{}
	for _, path := range paths {
		for told[path].At.IsZero() {
			ev := f.event()
			told[ev.Path] = ev
		}
	}
	return told
}

func (f *folder) event() Event {
	f.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	select {
	case ev := <-f.w.Events():
		return ev
	case <-ctx.Done():
		f.t.Fatal("nothing is told")
		return Event{}
	}
}

// never makes sure that path is not told: what is written after all else is,
// and path is not before it.
func (f *folder) never(path string) {
	f.t.Helper()
	f.write("~last")
	for ev := f.event(); ev.Path != "~last"; ev = f.event() {
		if ev.Path == path {
			f.t.Fatalf("told of %q", path)
		}
	}
}

func TestAFileWrittenIsTold(t *testing.T) {
	f := watching(t, "a", "a/b")
	f.write("a/b/c")
	if ev := f.next("a/b/c"); time.Since(ev.At) < 10*time.Millisecond {
		t.Errorf("told %v after the write, which is before it was quiet", time.Since(ev.At))
	}
	f.must(os.Chtimes(f.path("a/b/c"), time.Now(), time.Unix(1e9, 0)))
	f.next("a/b/c")
	f.must(os.Remove(f.path("a/b/c")))
	f.next("a/b/c")
}

func TestANewDirectoryIsInDoubtWithAllBelow(t *testing.T) {
	f := watching(t)
	f.mkdir("new/below")
	f.write("new/below/file")
	if ev := f.next("new"); !ev.Deep {
		t.Error("what was made in it before it was added stays unknown")
	}
}

func TestADirectoryMovedWithinTheFolderIsToldUnderBothNames(t *testing.T) {
	f := watching(t, "old", "old/sub")
	f.move("old", "to")
	if told := f.all("old", "to"); !told["to"].Deep {
		t.Error("what it brought along is not looked at")
	}
	f.add("to", "to/sub")
	f.write("to/sub/file")
	f.next("to/sub/file")
}

// A reader that is faster than the kernel's news has added the new name
// already when the old one is forgotten.
func TestADirectoryAddedUnderItsNewNameTooEarlyIsToldAgain(t *testing.T) {
	f := watching(t, "old", "old/sub")
	f.move("old", "to")
	f.add("to", "to/sub")
	f.all("old", "to")
	f.add("to", "to/sub")
	f.write("to/sub/file")
	f.next("to/sub/file")
}

// Where it went is not watched when it goes there, so no news of the new name
// ever comes: news of the old one must not take the watch along.
func TestADirectoryAddedUnderItsNewNameStaysWatched(t *testing.T) {
	f := idle(t, "old")
	f.write("before") // all news after this waits in the kernel until Run takes it
	f.mkdir("to")
	f.move("old", "to/new")
	f.add("to", "to/new")
	run(t, f.w)
	f.until("old")
	f.write("to/new/file")
	f.until("to/new/file")
}

func TestADirectoryMovedOutTellsNothingMore(t *testing.T) {
	f := watching(t, "a", "a/sub")
	out := filepath.Join(t.TempDir(), "out")
	f.move("a", out)
	f.next("a")
	f.must(os.WriteFile(filepath.Join(out, "sub", "secret"), nil, 0o666))
	f.never("a/sub/secret")
}

func TestADirectoryMadeAnewIsWatchedOnceAdded(t *testing.T) {
	f := watching(t, "a")
	f.must(os.Remove(f.path("a")))
	f.mkdir("a")
	if ev := f.next("a"); !ev.Deep {
		t.Error("nobody will read the new directory")
	}
	f.add("a")
	f.write("a/file")
	f.next("a/file")
}

func TestAForgottenDirectoryTellsNothing(t *testing.T) {
	f := watching(t, "a", "a/sub", "ab")
	f.w.Forget("a")
	f.write("a/sub/file")
	f.write("a/file")
	f.write("ab/file")
	f.next("ab/file")
}

func TestThePrivateAreaIsNotWatched(t *testing.T) {
	f := watching(t)
	if err := f.w.Add(Private + "/tmp"); err == nil {
		t.Error("added")
	}
	f.mkdir(Private)
	f.never(Private)
}

func TestADirectoryThatIsNotThereCannotBeAdded(t *testing.T) {
	f := watching(t)
	for _, rel := range []string{"gone", "gone/too"} {
		if err := f.w.Add(rel); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Add(%q) = %v, want not exist", rel, err)
		}
	}
}

// many is more than the kernel's queue holds, and named so that no two are told
// as one.
const many = 20_000

func (f *folder) writeMany() {
	f.t.Helper()
	if limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events"); err != nil || string(limit) != "16384\n" {
		f.t.Skip("not the queue this test is made for")
	}
	for n := range many {
		f.must(os.WriteFile(f.path(fmt.Sprintf("d/%05d", n)), nil, 0o666))
	}
}

func TestASlowReaderMissesNothing(t *testing.T) {
	f := watching(t, "d")
	f.writeMany()
	f.write("~last")
	told := map[string]bool{}
	for !told["~last"] || len(told) <= many {
		ev := <-f.w.Events()
		if ev.Path == "" {
			t.Skip("this machine was too busy to keep up with itself")
		}
		told[ev.Path] = true
	}
}

func TestALostQueuePutsEverythingInDoubt(t *testing.T) {
	f := idle(t, "d")
	f.writeMany()
	run(t, f.w)
	if ev := f.until(""); !ev.Deep {
		t.Error("only the folder itself is in doubt")
	}
	f.add("", "d")
	f.write("d/file")
	f.until("d/file")
}

// polling is a Watcher that the kernel grants nothing, of an empty folder that
// has not changed for long.
func polling(t *testing.T) *Watcher {
	t.Helper()
	w, err := New(t.TempDir(), settle)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.kernel.Close(); err != nil {
		t.Fatal(err)
	}
	w.kernel = nil
	return w
}

func TestADirectoryBeyondTheLimitIsPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := polling(t)
		top := w.root.Path()
		for _, dir := range []string{"a", "b", "c"} {
			if err := errors.Join(os.Mkdir(filepath.Join(top, dir), 0o777), w.Add(dir)); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.Polling(); got != 3 {
			t.Errorf("Polling = %d, want 3", got)
		}
		run(t, w)
		if err := errors.Join(os.WriteFile(filepath.Join(top, "b", "file"), nil, 0o666), os.Remove(filepath.Join(top, "c"))); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"b", "c"} {
			if ev := <-w.Events(); ev.Path != want || !ev.Deep {
				t.Errorf("told %+v, want all below %q", ev, want)
			}
		}
		if got := w.Polling(); got != 2 {
			t.Errorf("Polling = %d, want 2: one is gone", got)
		}
	})
}
