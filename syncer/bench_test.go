package syncer

import (
	"testing"

	"tandem/remote/remotetest"
)

// BenchmarkFirstDownload brings 10,000 small files in 1,000 folders here.
func BenchmarkFirstDownload(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		p.must(p.online.Fill("a", 10_000, 1_000, 64))
		b.StartTimer()
		if s := p.sync(); s.Downloaded != 10_000 {
			b.Fatalf("%+v", s)
		}
	}
}

// BenchmarkNothingToDo looks at 10,000 files in 1,000 folders that are in sync.
func BenchmarkNothingToDo(b *testing.B) {
	p := newPair(b, remotetest.Options{})
	p.must(p.online.Fill("a", 10_000, 1_000, 64))
	p.sync()
	for b.Loop() {
		if s := p.sync(); s.Requests != 1 {
			b.Fatalf("%+v", s)
		}
	}
}
