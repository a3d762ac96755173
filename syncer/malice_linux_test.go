package syncer

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer/plan"
)

// BenchmarkNestedFolders brings folders here that are nested so deep; each is 400.
func BenchmarkNestedFolders(b *testing.B) {
	for _, deep := range []int{100, 200, 400} {
		b.Run(fmt.Sprint(deep), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p := newPair(b, remotetest.Options{})
				p.must(p.online.Nest("", deep))
				b.StartTimer()
				if s := p.sync(); s.CreatedFolders != deep {
					b.Fatalf("%+v", s)
				}
			}
		})
	}
}

// BenchmarkTwins meets so many files of one folded name in one folder.
func BenchmarkTwins(b *testing.B) {
	for _, many := range []int{1000, 2000, 5000, 10_000} {
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p := newPair(b, remotetest.Options{})
				p.must(p.online.PutTwins("", many))
				b.StartTimer()
				ctx, stop := context.WithTimeout(b.Context(), 30*time.Second)
				s, err := New(p.cfg).Once(ctx)
				stop()
				b.Log(err, s.Downloaded, len(s.Waiting))
			}
		})
	}
}

// TestTenThousandTwinsCostSecondsAndEndWhenToldTo: files of one name, as the service takes
// it, in one folder.
func TestTenThousandTwinsCostSecondsAndEndWhenToldTo(t *testing.T) {
	const twins = 10_000 // far more than are decided at once
	p := newPair(t, remotetest.Options{})
	p.must(p.online.PutTwins("", twins))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan time.Time, 1)
	var before time.Duration
	go func() {
		await(func() bool { return p.online.Count("GET item") > 100 })
		before = worked()
		ended <- time.Now()
		stop()
	}()
	if _, err := New(p.cfg).Once(ctx); err == nil {
		t.Fatal("it was done before it could be stopped")
	}
	if took := time.Since(<-ended); took > 2*time.Second && worked()-before > 2*time.Second || took > 10*time.Second { // others may be at work on this machine
		t.Errorf("it went on for %v after it was told to stop", took)
	}
	before = worked()
	ctx, stop = context.WithTimeout(t.Context(), 5*time.Minute) // others may be at work on this machine
	defer stop()
	s, err := New(p.cfg).Once(ctx)
	p.must(err)
	p.must(p.db.Check())
	if took := worked() - before; took > 30*time.Second {
		t.Errorf("it took %v of work", took)
	}
	if s.Downloaded > 1 || len(s.Waiting) != twins-1 {
		t.Errorf("%d came, %d wait", s.Downloaded, len(s.Waiting))
	}
}

// TestWhatWaitsForSomethingBusyLeavesItTime the more of it there is.
func TestWhatWaitsForSomethingBusyLeavesItTime(t *testing.T) {
	e := New(Config{})
	for k := range 10_000 {
		e.later[plan.Key(k+1)] = struct{}{}
	}
	now := e.clock.Now()
	e.askAgain()
	if rest := e.askAt.Sub(now); rest < time.Second || rest > 2*time.Second {
		t.Errorf("it is decided again after %v", rest)
	}
}

// TestDeepFoldersAreNoWorkBeyondTheirNumber: each is in the one before.
func TestDeepFoldersAreNoWorkBeyondTheirNumber(t *testing.T) {
	const deep = 400
	p := newPair(t, remotetest.Options{})
	p.must(p.online.Nest("", deep))
	before := worked()
	if s := p.sync(); s.CreatedFolders != deep {
		t.Errorf("%d folders were made", s.CreatedFolders)
	}
	if took := worked() - before; took > 6*time.Second {
		t.Errorf("it took %v of work", took)
	}
}

// worked is how much this process has worked so far, whatever else the machine does.
func worked() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano())
}
