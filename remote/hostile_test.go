package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// What each sort of answer may hold, as remote/answer.go has it, and all that is held
// whatever comes.
const (
	ofError = 64 << 10
	ofOne   = 1 << 20
	ofList  = 16 << 20
	inAll   = 150 << 20
)

// asks are requests, each with what its answer may hold.
var asks = []struct {
	match string
	may   int64
	ask   func(ctx context.Context, b *bench, id string) error
}{
	{"GET delta", ofList, func(ctx context.Context, b *bench, _ string) error {
		_, err := b.Delta(ctx, b.drive, "")
		return err
	}},
	{"GET children", ofList, func(ctx context.Context, b *bench, _ string) error {
		_, err := b.Children(ctx, b.drive, b.root, nil)
		return err
	}},
	{"GET item", ofOne, func(ctx context.Context, b *bench, id string) error {
		_, err := b.Item(ctx, b.drive, id)
		return err
	}},
	{"POST batch", ofList, func(ctx context.Context, b *bench, id string) error {
		_, err := b.SetTimes(ctx, b.drive, []remote.Stamp{{ID: id, MTime: b.clock.Now()}})
		return err
	}},
	{"POST createUploadSession", ofOne, func(ctx context.Context, b *bench, _ string) error {
		_, err := b.Upload(ctx, remote.Upload{Drive: b.drive, ParentID: b.root, Name: "n", Size: 1, Body: strings.NewReader("x"), KeepTimes: true})
		return err
	}},
	{"POST token", ofError, func(ctx context.Context, b *bench, id string) error {
		b.srv.ExpireTokens()
		_, err := b.Item(ctx, b.drive, id)
		return err
	}},
}

// bodies are what too much may be in, each with how it is sent.
var bodies = []remotetest.Twist{
	remotetest.Flood, remotetest.BadText, remotetest.LongText, remotetest.LongNames, remotetest.LongNumber, remotetest.LongMember, remotetest.Escapes,
	remotetest.Deep, remotetest.DeepItems, remotetest.Members, remotetest.Facets, remotetest.Items, remotetest.Blanks, remotetest.PackedNothing,
}

var sent = []struct {
	name   string
	status int
	packed bool
}{{"", 0, false}, {" packed", 0, true}, {" refused", 403, false}}

// TestNoAnswerFillsTheMemory whatever a hostile service sends, packed or not: what is held
// is at most four times of what such an answer may be. The emulator is in the same process;
// some megabytes are its own, and those of the connection.
func TestNoAnswerFillsTheMemory(t *testing.T) {
	const ours = 6 << 20
	for i := range asks {
		for _, twist := range bodies {
			for k := range sent {
				t.Run(fmt.Sprintf("%s %s%s", asks[i].match, twist, sent[k].name), func(t *testing.T) {
					var held, may int64
					for range 5 { // garbage of others may be counted with it now and then, but not each time
						var err error
						if held, may, err = flooded(t, i, twist, k); err == nil {
							t.Fatal("it was taken for an answer")
						}
						if held <= min(4*may+ours, inAll) {
							return
						}
					}
					t.Errorf("%d KiB were held, of an answer that may have %d", held>>10, may>>10)
				})
			}
		}
	}
}

// BenchmarkHostileAnswers tells how much is held of each, and how many times of what may be.
func BenchmarkHostileAnswers(b *testing.B) {
	for i := range asks {
		for _, twist := range bodies {
			for k := range sent {
				b.Run(strings.ReplaceAll(fmt.Sprintf("%s %s%s", asks[i].match, twist, sent[k].name), " ", "_"), func(b *testing.B) {
					var most, may int64
					for range b.N {
						var held int64
						held, may, _ = flooded(b, i, twist, k)
						most = max(most, held)
					}
					b.ReportMetric(float64(most)/(1<<20), "MiB")
					b.ReportMetric(float64(most)/float64(may), "times")
				})
			}
		}
	}
}

// flooded asks once and tells what was held meanwhile, and what might have been.
func flooded(t testing.TB, i int, twist remotetest.Twist, how int) (held, may int64, err error) {
	b := newBench(t, remotetest.Options{})
	id := b.upload(b.root, "a", "x").ID
	b.srv.Fail(remotetest.Fault{Match: asks[i].match, Twist: twist})
	may = asks[i].may
	if sent[how].packed {
		b.srv.Fail(remotetest.Fault{Match: asks[i].match, Twist: remotetest.Packed})
	}
	if status := sent[how].status; status != 0 {
		b.srv.Fail(remotetest.Fault{Match: asks[i].match, Status: status})
		may = ofError
	}
	held = peak(func() { err = asks[i].ask(t.Context(), b, id) })
	return held, may, err
}

// peak tells how many bytes more than before were held at once while f ran, garbage that
// is not yet collected with them.
func peak(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // whatever the environment says
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
	held := peak(func() { _, err = b.Children(t.Context(), b.drive, b.root, nil) })
	if !errors.Is(err, remote.ErrMalformed) || !strings.Contains(err.Error(), "more items in one folder") || held > inAll {
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

// TestNoHostilityDoesHarm to the client: it comes to an end, holds little, and shows
// nothing of the sign-in.
func TestNoHostilityDoesHarm(t *testing.T) {
	for _, h := range remotetest.Hostilities {
		t.Run(h.What, func(t *testing.T) {
			b := newBench(t, remotetest.Options{})
			up := b.upload(b.root, "a", "x")
			access, refresh := b.srv.SignIn("app")
			if err := b.Import(t.Context(), remote.Secret(refresh)); err != nil {
				t.Fatal(err)
			}
			for _, f := range h.Faults {
				b.srv.Fail(f)
			}
			b.srv.ExpireTokens()
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			var errs []error
			before := b.Requests()
			held := peak(func() {
				for _, err := range b.DeltaRun(ctx, b.drive, "") {
					errs = append(errs, err)
				}
				_, children := b.Children(ctx, b.drive, b.root, nil)
				_, one := b.Item(ctx, b.drive, up.ID)
				_, sent := b.Upload(ctx, remote.Upload{Drive: b.drive, ParentID: b.root, Name: "n", Size: 1, Body: strings.NewReader("x"), KeepTimes: true})
				_, stamped := b.SetTimes(ctx, b.drive, []remote.Stamp{{ID: up.ID, MTime: b.clock.Now()}})
				body, fetched := b.Download(ctx, b.drive, up.ID, "", 0)
				if fetched == nil {
					_, fetched = io.Copy(io.Discard, body)
					body.Close()
				}
				errs = append(errs, children, one, sent, stamped, fetched)
			})
			if ctx.Err() != nil || b.Requests()-before > 1000 {
				t.Errorf("no end after %d requests", b.Requests()-before)
			}
			if held > 32<<20 {
				t.Errorf("%d MiB were held", held>>20)
			}
			for _, err := range errs {
				if text := fmt.Sprint(err); strings.Contains(text, access) || strings.Contains(text, refresh) || strings.ContainsAny(text, "\r\n\x1b") {
					t.Errorf("it says %q", text)
				}
			}
		})
	}
}
