package remote_test

import (
	"context"
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
