package sim

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStore is a store for a test, in memory where there is such a place. Task
// carries out the task lines of scripts; nil: there are none.
func TestStore(t testing.TB, task func(*Errand) error) *Store {
	t.Helper()
	dir := t.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "sim"); err == nil {
		dir = shm
		t.Cleanup(func() { os.RemoveAll(shm) })
	}
	s := NewStore(dir)
	s.Task = task
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Each does work n times, or until end or the test has failed, as many at once as
// there are processors, each of which has a store.
func Each(t *testing.T, n int, end time.Time, task func(*Errand) error, work func(i int, store *Store)) {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		store := TestStore(t, task)
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !t.Failed() && (end.IsZero() || time.Now().Before(end)); i = next.Add(1) - 1 {
				stuck := time.AfterFunc(2*time.Minute, func() { fmt.Fprintf(os.Stderr, "%s: number %d has been under way for two minutes\n", t.Name(), i) })
				work(int(i), store)
				stuck.Stop()
			}
		})
	}
	all.Wait()
}

// ShowOne shows every step of one run, and the script cut down to what matters:
// that of a seed, or without one that in a file. With neither the test is skipped.
func ShowOne(t *testing.T, store *Store, seed uint64, file string) {
	t.Helper()
	var s Script
	switch {
	case seed != 0:
		s = Explore(seed, store).Script
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = ParseScript(string(text)); err != nil {
			t.Fatal(err)
		}
	default:
		t.Skip("for looking at one run: -seed N or -play FILE")
	}
	show(t, store, s)
}

func show(t *testing.T, store *Store, s Script) {
	t.Helper()
	r := Play(s, store)
	t.Logf("%s\n%s", strings.Join(r.Log, "\n"), Shrink(s, store))
	if r.Err != nil {
		t.Error(r.Err)
	}
}
