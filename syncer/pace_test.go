package syncer

import (
	"fmt"
	"testing"
	"time"

	"tandem/remote"
)

func TestTheFeedIsReadSeldomOnlyWhenAllIsQuietAndSomebodyTells(t *testing.T) {
	told, untold := func() bool { return true }, func() bool { return false }
	for _, c := range []struct {
		why    string
		pushed func() bool
		quiet  time.Duration
		poll   time.Duration
		want   time.Duration
	}{
		{"nobody can tell", nil, time.Hour, 30 * time.Second, 30 * time.Second},
		{"the channel is down", untold, time.Hour, 30 * time.Second, 30 * time.Second},
		{"something has just happened", told, time.Minute, 30 * time.Second, 30 * time.Second},
		{"all is quiet", told, 3 * time.Minute, 30 * time.Second, 5 * time.Minute},
		{"it was to be seldom anyway", told, 3 * time.Minute, time.Hour, time.Hour},
	} {
		e := New(Config{Poll: c.poll, Pushed: c.pushed})
		now := time.Now()
		e.happened = now.Add(-c.quiet)
		if got := e.pace(now); got != c.want {
			t.Errorf("%s: pace = %v, want %v", c.why, got, c.want)
		}
	}
}

func TestManyNoticesAreOneReading(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		why      string
		since    time.Duration // the last reading
		inFlight int
		next     time.Duration // the reading that is due anyway
		want     time.Duration
	}{
		{"after a lull at once", time.Minute, 0, time.Hour, 0},
		{"right after another", 300 * time.Millisecond, 0, time.Hour, 700 * time.Millisecond},
		{"while we change things ourselves", 300 * time.Millisecond, 5, time.Hour, 2700 * time.Millisecond},
		{"while we have done so for long", time.Minute, 5, time.Hour, 0},
		{"never later than without", 0, 5, 2 * time.Second, 2 * time.Second},
	} {
		e := New(Config{})
		e.polled, e.nextPoll = start.Add(-c.since), start.Add(c.next)
		for range c.inFlight {
			e.inFlight[new(step)] = struct{}{}
		}
		e.hasten(start, start)
		if got := e.nextPoll.Sub(start); got != c.want {
			t.Errorf("%s: after %v, want %v", c.why, got, c.want)
		}
	}
}

// TestChoresAreDoneWhileTheFeedRests: what a person says of held deletes does
// not wait for the next reading.
func TestChoresAreDoneWhileTheFeedRests(t *testing.T) {
	e := New(Config{Poll: 30 * time.Second})
	now := e.clock.Now()
	e.listed, e.nextPoll, e.chores = true, now.Add(5*time.Minute), now.Add(30*time.Second)
	if d := e.nap(); d > 30*time.Second || d < 29*time.Second {
		t.Errorf("it sleeps for %v, want 30 s", d)
	}
}

// TestAFeedThatMakesNoSenseIsAskedEverMoreSeldom, though notices go on.
func TestAFeedThatMakesNoSenseIsAskedEverMoreSeldom(t *testing.T) {
	e := New(Config{Poll: 30 * time.Second})
	start := e.clock.Now()
	e.polled = start
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		e.feedFailed(&remote.Error{Op: "read the change feed", Status: 200, Message: "x"})
		e.feedFailed(fmt.Errorf("read: %w", remote.ErrMalformed))
		e.hasten(start, start)
		if got := e.nextPoll.Sub(start); got != want {
			t.Errorf("asked again after %v, want %v", got, want)
		}
	}
	if e.nonsense = 0; e.pace(start) != 30*time.Second {
		t.Errorf("after one that makes sense: %v", e.pace(start))
	}
}
