package remote_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// What each sort of answer may hold, as remote/answer.go has it.
const (
	ofError = 64 << 10
	ofOne   = 1 << 20
	ofList  = 16 << 20
)

// TestNoAnswerFillsTheMemory whatever a hostile service sends, packed or not: what is held
// is at most four times of what such an answer may be. The emulator is in the same process;
// some megabytes are its own, and those of the connection.
func TestNoAnswerFillsTheMemory(t *testing.T) {
	const ours = 6 << 20
	asks := []struct {
		match  string
		may    int64
		listed bool
		ask    func(ctx context.Context, b *bench, id string) error
	}{
		{"GET delta", ofList, true, func(ctx context.Context, b *bench, _ string) error {
			_, err := b.Delta(ctx, b.drive, "")
			return err
		}},
		{"GET children", ofList, true, func(ctx context.Context, b *bench, _ string) error {
			_, err := b.Children(ctx, b.drive, b.root)
			return err
		}},
		{"GET item", ofOne, false, func(ctx context.Context, b *bench, id string) error {
			_, err := b.Item(ctx, b.drive, id)
			return err
		}},
		{"POST batch", ofList, true, func(ctx context.Context, b *bench, id string) error {
			_, err := b.SetTimes(ctx, b.drive, []remote.Stamp{{ID: id, MTime: b.clock.Now()}})
			return err
		}},
		{"POST createUploadSession", ofOne, false, func(ctx context.Context, b *bench, _ string) error {
			_, err := b.Upload(ctx, remote.Upload{Drive: b.drive, ParentID: b.root, Name: "n", Size: 1, Body: strings.NewReader("x"), KeepTimes: true})
			return err
		}},
		{"POST token", ofError, false, func(ctx context.Context, b *bench, id string) error {
			b.srv.ExpireTokens()
			_, err := b.Item(ctx, b.drive, id)
			return err
		}},
	}
	for _, ask := range asks {
		for _, twist := range []remotetest.Twist{remotetest.Flood, remotetest.BadText, remotetest.LongText, remotetest.Deep, remotetest.Members, remotetest.Blanks, remotetest.PackedNothing} {
			for _, how := range []struct {
				name   string
				status int
				packed bool
			}{{"", 0, false}, {" packed", 0, true}, {" refused", 403, false}} {
				t.Run(fmt.Sprintf("%s %s%s", ask.match, twist, how.name), func(t *testing.T) {
					b := newBench(t, remotetest.Options{})
					id := b.upload(b.root, "a", "x").ID
					b.srv.Fail(remotetest.Fault{Match: ask.match, Twist: twist})
					may := ask.may
					if how.packed {
						b.srv.Fail(remotetest.Fault{Match: ask.match, Twist: remotetest.Packed})
					}
					if how.status != 0 {
						b.srv.Fail(remotetest.Fault{Match: ask.match, Status: how.status})
						may = ofError
					}
					var err error
					began := time.Now()
					held := peak(func() { err = ask.ask(t.Context(), b, id) })
					if err == nil {
						t.Error("it was taken for an answer")
					}
					if held > 4*may+ours {
						t.Errorf("%d KiB were held, of an answer that may have %d", held>>10, may>>10)
					}
					if d := time.Since(began); d > 10*time.Second {
						t.Errorf("it took %v", d)
					}
				})
			}
		}
	}
}

// peak tells how many bytes more than before were held at once while f ran.
func peak(f func()) int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return int64(max(most.Load(), before) - before)
}

// TestNoListingGoesOnForEver: pages with nothing on them, each of which leads to another,
// or more items in a folder than anybody has.
func TestNoListingGoesOnForEver(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Fail(remotetest.Fault{Match: "GET delta", Twist: remotetest.EmptyPage})
	pages := 0
	var err error
	for _, err = range b.DeltaRun(t.Context(), b.drive, "") {
		pages++
	}
	if !errors.Is(err, remote.ErrMalformed) || !strings.Contains(err.Error(), "500 pages in a row with nothing on them") || pages != 500 {
		t.Errorf("%d pages, then %v", pages, err)
	}
	b.srv.Fail(remotetest.Fault{Match: "GET children", Twist: remotetest.Crowd})
	before := b.Requests()
	held := peak(func() { _, err = b.Children(t.Context(), b.drive, b.root) })
	if !errors.Is(err, remote.ErrMalformed) || !strings.Contains(err.Error(), "more items in one folder") || held > 300<<20 {
		t.Errorf("%d MiB after %d requests, then %v", held>>20, b.Requests()-before, err)
	}
}

// TestAnEndWithoutMeaningCostsNoRequests: a token that is said to live for no time, or for
// ever, is used like any other.
func TestAnEndWithoutMeaningCostsNoRequests(t *testing.T) {
	for _, twist := range []remotetest.Twist{remotetest.ShortLived, remotetest.Eternal} {
		b := newBench(t, remotetest.Options{})
		b.srv.Fail(remotetest.Fault{Match: "POST token", Twist: twist})
		b.srv.ExpireTokens()
		for range 10 {
			if _, err := b.Root(t.Context(), b.drive); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.srv.Count("POST token"); n > 3 {
			t.Errorf("%s: %d tokens were asked for", twist, n)
		}
	}
}
