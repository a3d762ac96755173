package remote

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheNumberOfRequestsAtOnceRisesAndIsHalvedByThrottling(t *testing.T) {
	clock := newStepClock()
	l := newLane(16, clock, 0)
	if l.limit != 4 {
		t.Fatalf("starts at %v, want 4", l.limit)
	}
	for range 20 {
		l.served(clock.Now())
	}
	if l.limit != 16 {
		t.Fatalf("slow start ended at %v, want 16", l.limit)
	}
	burst := clock.Now()
	for range 10 { // the answers to one burst
		l.throttled(burst, time.Second)
	}
	if l.limit != 8 {
		t.Fatalf("one burst of throttling leaves %v, want 8", l.limit)
	}
	clock.Sleep(t.Context(), 2*time.Second)
	for range 8 {
		l.served(clock.Now())
	}
	if l.limit < 8.9 || l.limit > 9 {
		t.Errorf("a round of good answers leads to %v, want about 9", l.limit)
	}
}

func TestALaneHoldsNoMoreThanItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(2, WallClock{}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		entered := 0
		for range 5 {
			go func() {
				if l.enter(ctx) == nil {
					mu.Lock()
					entered++
					mu.Unlock()
				}
			}()
		}
		synctest.Wait()
		if entered != 2 {
			t.Errorf("%d entered, want 2", entered)
		}
		l.leave()
		synctest.Wait()
		if entered != 3 {
			t.Errorf("%d entered after one left, want 3", entered)
		}
		cancel() // those who wait give up; the bubble fails if one does not
	})
}

func TestAGoodAnswerLetsOneMoreIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(16, WallClock{}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		for range 6 {
			go l.enter(ctx)
		}
		synctest.Wait()
		l.served(time.Now())
		if l.busy != 5 || len(l.queue) != 1 {
			t.Errorf("%d are in and %d wait, want 5 and 1", l.busy, len(l.queue))
		}
		cancel()
	})
}

func TestPlacesAreGivenInTheOrderTheyWereAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, WallClock{}, 0)
		impatient, giveUp := context.WithCancel(t.Context())
		var order []int
		for n := range 5 {
			ctx := t.Context()
			if n == 2 {
				ctx = impatient
			}
			go func() {
				if l.take(ctx) == nil {
					order = append(order, n) // the place is what guards it
				}
			}()
			synctest.Wait()
		}
		giveUp()
		for range 4 {
			synctest.Wait()
			l.leave()
		}
		synctest.Wait()
		if want := []int{0, 1, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("went in as %v, want %v", order, want)
		}
		if l.busy != 0 || len(l.queue) != 0 {
			t.Errorf("%d places are taken and %d wait in the end", l.busy, len(l.queue))
		}
	})
}

// lateClock lets who is cancelled find out only when what it waits for is there.
type lateClock struct{ WallClock }

func (lateClock) Wait(ctx context.Context, ready <-chan struct{}) error {
	<-ready
	return ctx.Err()
}

func TestAPlaceThatIsGivenToWhoJustGaveUpGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, lateClock{}, 0)
		if err := l.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		next := false
		go l.take(ctx)
		synctest.Wait()
		go func() { next = l.take(t.Context()) == nil }()
		synctest.Wait()
		cancel()
		l.leave()
		synctest.Wait()
		if !next || l.busy != 1 {
			t.Errorf("the next got it: %t; %d places are taken", next, l.busy)
		}
		l.leave()
	})
}

func TestThrottlingWithoutATimeGrowsAndStaysBelowTwoMinutes(t *testing.T) {
	clock := newStepClock()
	l := newLane(16, clock, 0)
	var last time.Duration
	for range 12 {
		l.throttled(clock.Now(), 0)
		last = l.pause()
		clock.Sleep(t.Context(), last)
	}
	if last != longPause {
		t.Errorf("the twelfth pause is %v, want %v", last, longPause)
	}
	l.served(clock.Now())
	l.throttled(clock.Now(), 0)
	if got := l.pause(); got != shortPause {
		t.Errorf("after a good answer the pause is %v, want %v", got, shortPause)
	}
}

// An hour of throttling takes no time here.
func TestRetryAfterStopsTheWholeAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		at := map[string]time.Duration{}
		throttled := false
		c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !throttled {
				throttled = true
				coded(429, "activityLimitReached", "", "Retry-After", "600")(w, r)
				return
			}
			at[r.URL.Path] = time.Since(start)
			answer(200, `{"id":"x"}`)(w, r)
		}), func(cfg *Config) { cfg.Clock = WallClock{} })
		var wg sync.WaitGroup
		wg.Go(func() { c.Item(t.Context(), "d", "throttled") })
		synctest.Wait()
		wg.Go(func() { c.Item(t.Context(), "d", "other") })
		wg.Go(func() {
			if b, err := c.Download(t.Context(), "d", "i", "https://content.example/x", 0); err == nil {
				b.Close()
			}
		})
		wg.Wait()
		if len(at) != 3 {
			t.Fatalf("answered: %v", at)
		}
		for path, d := range at {
			if d < 600*time.Second {
				t.Errorf("%s was sent after %v, in the pause", path, d)
			}
		}
	})
}

func TestAContentHostThatThrottlesStopsTransfersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		n := 0
		c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "content.example" {
				answer(200, `{"id":"x"}`)(w, r)
				return
			}
			if n++; n == 1 {
				coded(503, "serviceNotAvailable", "", "Retry-After", time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))(w, r)
				return
			}
			answer(200, "content")(w, r)
		}), func(cfg *Config) { cfg.Clock = WallClock{} })
		var wg sync.WaitGroup
		wg.Go(func() {
			b, err := c.Download(t.Context(), "d", "i", "https://content.example/x", 0)
			if err != nil {
				t.Error(err)
				return
			}
			b.Close()
			if d := time.Since(start); d < 89*time.Second {
				t.Errorf("the transfer went on after %v", d)
			}
		})
		synctest.Wait()
		if _, err := c.Item(t.Context(), "d", "i"); err != nil || time.Since(start) > 0 {
			t.Errorf("metadata: %v after %v", err, time.Since(start))
		}
		wg.Wait()
	})
}

// The service is down for six hours; the caller keeps asking. Recovery is
// noticed within two minutes.
func TestALongStormIsSurvivedAndItsEndNoticedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		storm := 6 * time.Hour
		n := 0
		c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			if time.Since(start) < storm {
				coded(509, "bandwidthLimitExceeded", "")(w, r)
				return
			}
			answer(200, `{"id":"x"}`)(w, r)
		}), func(cfg *Config) { cfg.Clock = WallClock{} })
		for {
			_, err := c.Item(t.Context(), "d", "i")
			if err == nil {
				break
			}
			if !errors.Is(err, ErrThrottled) {
				t.Fatal(err)
			}
		}
		if late := time.Since(start) - storm; late > 2*time.Minute {
			t.Errorf("noticed %v after the end", late)
		}
		if n > 600 {
			t.Errorf("%d requests into the storm", n)
		}
	})
}
