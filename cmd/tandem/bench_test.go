package main

import (
	"encoding/json"
	"fmt"
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

func newWorld(b testing.TB, opt remotetest.Options) *world {
	b.Helper()
	w := &world{dir: b.TempDir()}
	b.Cleanup(w.leave)
	must(b, w.begin(opt))
	must(b, w.signIn(nil))
	must(b, os.Mkdir(w.path("local"), 0o777))
	return w
}

func must(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// cost is what one run of a program took.
type cost struct {
	Wall, CPU time.Duration
	Peak      float64 // MB
}

func spent(b *testing.B, cmd *exec.Cmd) (c cost) {
	b.Helper()
	under := exec.Command("measured", cmd.Args...)
	under.Dir, under.Env = cmd.Dir, cmd.Env
	var out, talk strings.Builder
	under.Stdout, under.Stderr = &out, &talk
	if err := under.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, talk.String())
	}
	must(b, json.Unmarshal([]byte(out.String()), &c))
	return c
}

// measured runs a program and says what it took. It is a process of its own
// because the kernel counts the memory of whoever starts a program as the
// program's, and the process with the emulator in it is large.
func measured() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	used := cmd.ProcessState
	if err := json.NewEncoder(os.Stdout).Encode(cost{time.Since(start), used.UserTime() + used.SystemTime(), peakMB(used)}); err != nil {
		panic(err)
	}
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
		report(b, ours)
		b.ReportMetric(ours.CPU.Seconds()/find.CPU.Seconds(), "x-find")
		b.ReportMetric(float64(w.last.Requests), "requests")
		b.ReportMetric(float64(answered(b, w, "status").Milliseconds()), "status-ms")
	}
}

// answered is the median of how long a command takes to answer.
func answered(b *testing.B, w *world, args ...string) time.Duration {
	b.Helper()
	var took []time.Duration
	for range 21 {
		start := time.Now()
		must(b, w.tandem(args...).Run())
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// BenchmarkFirstDownload and BenchmarkFirstUpload are about a tree as large as
// that of the others, which takes some minutes.
func BenchmarkFirstDownload(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, remotetest.Options{})
		must(b, w.drive.Fill("tree", 100_000, 10_000, 100))
		report(b, spent(b, w.tandem("sync", "--once")))
	}
}

func BenchmarkFirstUpload(b *testing.B) {
	for b.Loop() {
		w := furnished(b)
		must(b, w.drive.Delete("tree"))
		report(b, spent(b, w.tandem("sync", "--once")))
	}
}

func report(b *testing.B, c cost) {
	b.ReportMetric(c.Wall.Seconds(), "wall-s")
	b.ReportMetric(c.CPU.Seconds(), "cpu-s")
	b.ReportMetric(c.Peak, "peak-MB")
}

func BenchmarkFirstMeetingOfEqualTrees(b *testing.B) {
	w := furnished(b)
	for b.Loop() {
		must(b, os.RemoveAll(w.path("state/tandem/tandem.db")))
		report(b, spent(b, w.tandem("sync", "--once")))
	}
}

// BenchmarkListing lists a drive into the state, of which an empty folder is
// synced.
func BenchmarkListing(b *testing.B) {
	w := newWorld(b, remotetest.Options{})
	must(b, w.drive.Fill("tree", 100_000, 10_000, 100))
	_, err := w.drive.Mkdir("empty")
	must(b, err)
	file := w.path("config/tandem/config.toml")
	text, err := os.ReadFile(file)
	must(b, err)
	must(b, os.WriteFile(file, append(text, "remote = \"/empty\"\n"...), 0o666))
	for b.Loop() {
		must(b, os.RemoveAll(w.path("state/tandem/tandem.db")))
		report(b, spent(b, w.tandem("sync", "--once")))
	}
}

// BenchmarkDryRun says what a first download would bring.
func BenchmarkDryRun(b *testing.B) {
	w := newWorld(b, remotetest.Options{})
	must(b, w.drive.Fill("tree", 100_000, 10_000, 100))
	for b.Loop() {
		report(b, spent(b, w.tandem("sync", "--dry-run")))
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
		perFile := func(b *testing.B, w *world) {
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
				perFile(b, w)
			}
		})
		b.Run("down/"+name, func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, remotetest.Options{Kind: kind, Latency: latency})
				must(b, w.drive.Fill("", 2000, 100, 4096))
				must(b, w.sync([]string{"0"}))
				must(b, w.did([]string{"downloaded", "2000"}))
				perFile(b, w)
			}
		})
	}
}
