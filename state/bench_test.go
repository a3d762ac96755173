//go:build unix

package state

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// cpu is what this process has used up so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkFirstListingOf100kItems(b *testing.B) {
	pages := bigFeed(100_000)
	for b.Loop() {
		b.StopTimer()
		s := newStore(b)
		runtime.GC()
		b.StartTimer()
		start := cpu()
		for _, p := range pages {
			s.must(s.db.StageDelta(s.drive, p))
		}
		staged := cpu()
		_, err := s.db.MergeDelta(context.Background(), s.drive, Merge{Cursor: "c", Full: true, At: s.now})
		s.must(err)
		b.ReportMetric((staged - start).Seconds(), "stage-cpu-s")
		b.ReportMetric((cpu() - staged).Seconds(), "merge-cpu-s")
	}
}

func BenchmarkSecondListingOf100kItems(b *testing.B) {
	pages := bigFeed(100_000)
	s := newStore(b)
	for _, p := range pages {
		s.must(s.db.StageDelta(s.drive, p))
	}
	s.merge(Merge{Cursor: "c", Full: true})
	for b.Loop() {
		start := cpu()
		for _, p := range pages {
			s.must(s.db.StageDelta(s.drive, p))
		}
		m, err := s.db.MergeDelta(context.Background(), s.drive, Merge{Cursor: "d", Full: true, At: s.now})
		if s.must(err); m.Changed != 0 {
			b.Fatalf("an equal listing changed %d items", m.Changed)
		}
		b.ReportMetric((cpu() - start).Seconds(), "cpu-s")
	}
}

func BenchmarkWalkOf100kAgreements(b *testing.B) {
	s := newStore(b)
	s.must(s.db.Update(func(tx *Tx) error {
		for i := range int64(100_000) {
			name := fmt.Sprintf("a file of some length %06d.txt", i)
			if err := tx.PutBase(s.folder, Base{
				N: i + 1000, Parent: i/10 + 1000, LocalName: name, RemoteName: name, Fold: name, Kind: kindFile, Ino: uint64(i), Born: i * 1e9,
				Size: i, MTime: i * 1e9, CTime: i * 1e9, Hash: fmt.Sprintf("%020d", i), RemoteHash: fmt.Sprintf("%020d", i), ETag: "e",
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	b.ReportAllocs()
	start, rounds := cpu(), 0
	for b.Loop() {
		n := 0
		for _, err := range s.db.WalkBase(s.folder) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100_001 {
			b.Fatalf("walked %d rows", n)
		}
		rounds++
	}
	b.ReportMetric((cpu()-start).Seconds()/float64(rounds), "cpu-s/op")
}

func BenchmarkOneAgreementDurably(b *testing.B) {
	s := newStore(b)
	for b.Loop() {
		s.must(s.db.Update(func(tx *Tx) error {
			return tx.PutBase(s.folder, Base{N: 77, Parent: s.root, LocalName: "a", Fold: "a", Kind: kindFile, MTime: int64(b.N)})
		}))
	}
}

func BenchmarkItemByKey(b *testing.B) {
	s := newStore(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := s.db.Item(s.root); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
