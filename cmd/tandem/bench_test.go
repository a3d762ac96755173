package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// The figures of docs/architecture.md, measured from outside: tandem runs as a
// process of its own against the emulator, and the kernel says what it used.
// make bench prints them.

func newWorld(b *testing.B, opt remotetest.Options) *world {
	b.Helper()
	w := &world{dir: b.TempDir()}
	b.Cleanup(w.leave)
	must(b, w.begin(opt))
	must(b, w.signIn(nil))
	must(b, os.Mkdir(w.path("local"), 0o777))
	return w
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// cost is what one run of a program took.
type cost struct {
	wall, cpu time.Duration
	peak      float64 // MB
}

func spent(b *testing.B, cmd *exec.Cmd) cost {
	b.Helper()
	cmd.Stdout = io.Discard
	var talk strings.Builder
	cmd.Stderr = &talk
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, talk.String())
	}
	return cost{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peakMB(cmd.ProcessState)}
}

// furnished makes the same tree online and here: 100,000 files in 10,000 folders.
func furnished(b *testing.B) *world {
	w := newWorld(b, remotetest.Options{})
	must(b, w.drive.Fill("tree", 100_000, 10_000, 100))
	tree := w.drive.Tree()
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		name := w.path("local/" + path)
		if strings.HasSuffix(path, "/") {
			must(b, os.MkdirAll(name, 0o777))
		} else {
			must(b, os.WriteFile(name, []byte(tree[path]), 0o666))
		}
	}
	return w
}

func BenchmarkNothingToDo(b *testing.B) {
	w := furnished(b)
	must(b, w.sync([]string{"0"}))
	for b.Loop() {
		ours := spent(b, w.tandem("sync", "--once"))
		must(b, w.sync([]string{"0"}))
		must(b, w.did([]string{"nothing"}))
		find := spent(b, exec.Command("find", w.path("local"), "-printf", `%s %T@ %i %p\n`))
		b.ReportMetric(ours.cpu.Seconds(), "cpu-s")
		b.ReportMetric(ours.wall.Seconds(), "wall-s")
		b.ReportMetric(ours.cpu.Seconds()/find.cpu.Seconds(), "x-find")
		b.ReportMetric(ours.peak, "peak-MB")
		b.ReportMetric(float64(w.last.Requests), "requests")
	}
}

func BenchmarkFirstMeetingOfEqualTrees(b *testing.B) {
	w := furnished(b)
	for b.Loop() {
		must(b, os.RemoveAll(w.path("state/tandem/tandem.db")))
		ours := spent(b, w.tandem("sync", "--once"))
		b.ReportMetric(ours.wall.Seconds(), "wall-s")
		b.ReportMetric(ours.cpu.Seconds(), "cpu-s")
		b.ReportMetric(ours.peak, "peak-MB")
	}
}

// A dry run on an empty folder lists the whole drive into the state, and plans
// to fetch it.
func BenchmarkListing(b *testing.B) {
	w := newWorld(b, remotetest.Options{})
	must(b, w.drive.Fill("tree", 100_000, 10_000, 100))
	for b.Loop() {
		ours := spent(b, w.tandem("sync", "--dry-run"))
		b.ReportMetric(ours.wall.Seconds(), "wall-s")
		b.ReportMetric(ours.cpu.Seconds(), "cpu-s")
		b.ReportMetric(ours.peak, "peak-MB")
	}
}

func BenchmarkOneFileChanged(b *testing.B) {
	w := newWorld(b, remotetest.Options{})
	must(b, w.edit([]string{"local/f.txt", "base"}))
	must(b, w.sync([]string{"0"}))
	for n := 0; b.Loop(); n++ {
		must(b, w.edit([]string{"local/f.txt", fmt.Sprint("edit ", n)}))
		must(b, w.sync([]string{"0"}))
		must(b, w.did([]string{"uploaded", "1"}))
		b.ReportMetric(float64(w.last.Requests), "requests")
		b.ReportMetric(w.last.Seconds, "wall-s")
	}
}

func BenchmarkFolderOf1000Renamed(b *testing.B) {
	w := newWorld(b, remotetest.Options{})
	for n := range 1000 {
		must(b, w.edit([]string{fmt.Sprintf("local/d0/%d.txt", n), fmt.Sprint(n)}))
	}
	must(b, w.sync([]string{"0"}))
	for n := 0; b.Loop(); n++ {
		must(b, os.Rename(w.path(fmt.Sprintf("local/d%d", n)), w.path(fmt.Sprintf("local/d%d", n+1))))
		must(b, w.sync([]string{"0"}))
		must(b, w.did([]string{"moved", "1", "uploaded", "0"}))
		b.ReportMetric(float64(w.last.Requests), "requests")
	}
}

// 2,000 files of 4 KiB in 100 folders, each request taking 60 ms. The ideal is
// what sixteen requests at once would take if they did nothing but wait.
func BenchmarkSmallFiles(b *testing.B) {
	const latency = 60 * time.Millisecond
	for _, name := range []string{"personal", "personal-old", "business", "library"} {
		kind, err := remotetest.ParseKind(name)
		must(b, err)
		report := func(b *testing.B, w *world) {
			ideal := float64(w.last.Requests) * latency.Seconds() / 16
			b.ReportMetric(float64(w.last.Requests)/2000, "requests/file")
			b.ReportMetric(w.last.Seconds, "wall-s")
			b.ReportMetric(w.last.Seconds/ideal, "x-ideal")
		}
		b.Run("up/"+name, func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, remotetest.Options{Kind: kind, Latency: latency})
				for n := range 2000 {
					file := w.path(fmt.Sprintf("local/d%d/%d.bin", n%100, n))
					must(b, os.MkdirAll(filepath.Dir(file), 0o777))
					must(b, os.WriteFile(file, []byte(strings.Repeat(fmt.Sprintf("%08d", n), 512)), 0o666))
				}
				must(b, w.sync([]string{"0"}))
				must(b, w.did([]string{"uploaded", "2000"}))
				report(b, w)
			}
		})
		b.Run("down/"+name, func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, remotetest.Options{Kind: kind, Latency: latency})
				must(b, w.drive.Fill("", 2000, 100, 4096))
				must(b, w.sync([]string{"0"}))
				must(b, w.did([]string{"downloaded", "2000"}))
				report(b, w)
			}
		})
	}
}
