package syncer

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/watcher"
)

var files = flag.Int("files", 10_000, "how many files the benchmarks are about; a tenth as many folders")

// BenchmarkFirstDownload brings a drive here.
func BenchmarkFirstDownload(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		p.must(p.online.Fill("a", *files, *files/10, 64))
		b.StartTimer()
		if s := p.sync(); s.Downloaded != *files {
			b.Fatalf("%+v", s)
		}
	}
}

// BenchmarkFirstUpload brings a folder online.
func BenchmarkFirstUpload(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		furnish(p)
		p.must(p.online.Delete("a"))
		b.StartTimer()
		if s := p.sync(); s.Uploaded != *files {
			b.Fatalf("%+v", s)
		}
	}
}

// BenchmarkAgentSends sends files that are made while the agent watches.
func BenchmarkAgentSends(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{Latency: 30 * time.Millisecond})
		stop := p.watching()
		b.StartTimer()
		for n := range *files {
			p.write(fmt.Sprintf("d%d/f%d", n/30, n), fmt.Sprint(n))
		}
		await(func() bool { return len(p.online.List()) >= *files+(*files+29)/30 })
		stop()
	}
}

// BenchmarkAgentMoves moves a folder with all that is in it.
func BenchmarkAgentMoves(b *testing.B) {
	p := newPair(b, remotetest.Options{})
	p.must(p.online.Fill("d0", *files, *files/10, 64))
	p.sync()
	stop := p.watching()
	for n := 0; b.Loop(); n++ {
		to := fmt.Sprint("d", n+1)
		p.move(fmt.Sprint("d", n), to)
		await(func() bool { return p.online.List()[0] == to+"/" })
	}
	stop()
}

// await waits for as long as it takes.
func await(done func() bool) {
	for range time.Tick(10 * time.Millisecond) {
		if done() {
			return
		}
	}
}

// watching runs an agent that the kernel tells of changes, until the returned
// function is called.
func (p *pair) watching() (stop func()) {
	w, err := watcher.New(p.dir, time.Millisecond)
	p.must(err)
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	p.cfg.Watch = w
	end := p.agent(New(p.cfg))
	return func() {
		end()
		cancel()
		<-ended
	}
}

// BenchmarkFirstMeeting finds out that a folder and a drive hold the same.
func BenchmarkFirstMeeting(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		furnish(p)
		b.StartTimer()
		if s := p.sync(); s.Uploaded+s.Downloaded+s.Conflicts != 0 {
			b.Fatalf("%+v", s)
		}
	}
}

// furnish puts the same tree on both sides.
func furnish(p *pair) {
	p.must(p.online.Fill("a", *files, *files/10, 64))
	for path, text := range p.online.Tree() {
		name := filepath.Join(p.dir, path)
		if strings.HasSuffix(path, "/") {
			p.must(os.MkdirAll(name, 0o777))
			continue
		}
		p.must(os.MkdirAll(filepath.Dir(name), 0o777))
		p.must(os.WriteFile(name, []byte(text), 0o666))
	}
}

// BenchmarkNothingToDo looks at two sides that are the same.
func BenchmarkNothingToDo(b *testing.B) {
	p := newPair(b, remotetest.Options{})
	p.must(p.online.Fill("a", *files, *files/10, 64))
	p.sync()
	for b.Loop() {
		if s := p.sync(); s.Requests != 1 {
			b.Fatalf("%+v", s)
		}
	}
}

// BenchmarkListing reads a drive's feed into the state.
func BenchmarkListing(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		p.must(p.online.Fill("a", *files, *files/10, 64))
		drive, err := p.db.Drive(p.cfg.Drive.N)
		p.must(err)
		e := New(p.cfg)
		b.StartTimer()
		r, err := e.readFeed(b.Context(), drive, "")
		p.must(err)
		_, err = p.db.MergeDelta(b.Context(), drive.N, state.Merge{Cursor: r.cursor, Full: r.full, At: e.clock.Now()})
		p.must(err)
	}
}
