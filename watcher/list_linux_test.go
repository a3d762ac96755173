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

// walk reads every directory below the root and counts the entries.
func walk(t testing.TB, r *Root) int {
	count := 0
	todo := []string{""}
	var buf []Entry
	for len(todo) > 0 {
		rel := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var err error
		if buf, err = r.ReadDir(rel, buf); err != nil {
			t.Fatal(err)
		}
		count += len(buf)
		for _, e := range buf {
			if e.Kind == Dir {
				todo = append(todo, filepath.Join(rel, e.Name))
			}
		}
	}
	return count
}

// BenchmarkWalk reads a tree of 100,000 files in 10,000 directories, and lets
// find do the same work. It reports the CPU time of either and their ratio, each
// the best of the rounds: elapsed time says more about who else is at work.
func BenchmarkWalk(b *testing.B) {
	find, err := exec.LookPath("find")
	if err != nil {
		b.Skip(err)
	}
	dir := b.TempDir()
	const dirs, files = 10_000, 10
	for i := range dirs {
		sub := filepath.Join(dir, fmt.Sprintf("folder-%03d/folder-%05d", i/100, i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range files {
			write(b, filepath.Join(sub, fmt.Sprintf("a-file-of-usual-name-%06d", i*files+j)), "")
		}
	}
	r, err := OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if got, want := walk(b, r), dirs*files+dirs+dirs/100; got != want {
		b.Fatalf("%d entries, want %d", got, want)
	}
	ours, theirs := time.Hour, time.Hour
	b.ReportAllocs()
	for b.Loop() {
		before := cpu(b)
		walk(b, r)
		ours = min(ours, cpu(b)-before)
		b.StopTimer()
		cmd := exec.Command(find, dir, "-printf", "%s %T@ %i %p\\n")
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		theirs = min(theirs, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		b.StartTimer()
	}
	b.ReportMetric(float64(ours.Microseconds())/(dirs*files), "cpu-µs/file")
	b.ReportMetric(float64(theirs.Microseconds())/(dirs*files), "find-cpu-µs/file")
	b.ReportMetric(float64(ours)/float64(theirs), "×find")
}

// cpu is the CPU time this process has taken so far.
func cpu(t testing.TB) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
