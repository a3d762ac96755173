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

// BenchmarkAgent sends files that are made while the agent watches.
func BenchmarkAgent(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{Latency: 30 * time.Millisecond})
		w, err := watcher.New(p.dir, time.Millisecond)
		p.must(err)
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(b.Context())
		go func() { ended <- w.Run(ctx) }()
		p.cfg.Watch = w
		stop := p.agent(New(p.cfg))
		b.StartTimer()
		for n := range *files {
			p.write(fmt.Sprintf("d%d/f%d", n/30, n), fmt.Sprint(n))
			if n%30 == 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
		for len(p.online.List()) < *files+(*files+29)/30 {
			time.Sleep(100 * time.Millisecond)
		}
		stop()
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
		_, err = p.db.MergeDelta(drive.N, state.Merge{Cursor: r.cursor, Full: r.full, At: e.clock.Now()})
		p.must(err)
	}
}
