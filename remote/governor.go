package remote

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A lane bounds how many requests of one sort are under way, and stops them
// all when the service asks for it. Each account has two: Graph itself, and the
// hosts of pre-authenticated addresses, which throttle on their own.
//
// The bound adapts. It starts low, rises with every answer until the first
// throttling (slow start), is halved by that, and creeps up afterwards.
type lane struct {
	clock Clock

	mu      sync.Mutex
	queue   []chan struct{} // who waits for a place, the first come first; closed when it is given one
	busy    int
	limit   float64
	most    float64
	cruise  bool          // the first throttling has been seen: rise slowly
	until   time.Time     // nothing is sent before
	longest time.Duration // see Config.LongestPause
	strikes int           // throttlings since the last good answer
}

const (
	firstLimit = 4
	shortPause = 2 * time.Second // when the service throttles and does not say how long …
	longPause  = 2 * time.Minute // … doubling up to this, so that recovery is noticed soon
)

func newLane(most int, clock Clock, longest time.Duration) *lane {
	return &lane{clock: clock, limit: float64(min(firstLimit, most)), most: float64(most), longest: longest}
}

// enter waits for a pause to end and for a place, and takes it.
func (l *lane) enter(ctx context.Context) error {
	for {
		if err := l.calm(ctx); err != nil {
			return err
		}
		if err := l.take(ctx); err != nil {
			return err
		}
		if l.pause() <= 0 {
			return nil
		}
		l.leave() // throttled while we queued
	}
}

// A Paused is the error of what is not sent because the service asked for a pause
// that is longer than [Config.LongestPause]. It is [ErrThrottled].
type Paused struct{ Until time.Time }

func (p *Paused) Error() string {
	return "throttled by the service until " + p.Until.Local().Format("15:04")
}
func (p *Paused) Is(target error) bool { return target == ErrThrottled }

// calm waits until no pause is in force.
func (l *lane) calm(ctx context.Context) error {
	for d := l.pause(); d > 0; d = l.pause() {
		if l.longest > 0 && d > l.longest {
			return &Paused{l.clock.Now().Add(d)}
		}
		if err := l.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Sub(l.clock.Now())
}

// take waits for a place. Places are given in the order in which they were asked for.
func (l *lane) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	place := make(chan struct{})
	l.mu.Lock()
	l.queue = append(l.queue, place)
	l.admit()
	l.mu.Unlock()
	err := l.clock.Wait(ctx, place)
	if err != nil {
		l.giveUp(place)
	}
	return err
}

// admit gives the free places to those who wait. The caller holds mu.
func (l *lane) admit() {
	for len(l.queue) > 0 && l.busy < int(l.limit) {
		close(l.queue[0])
		l.queue = l.queue[1:]
		l.busy++
	}
}

// giveUp leaves the queue, or the place that was given in that moment.
func (l *lane) giveUp(place chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, place); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		return
	}
	l.busy--
	l.admit()
}

func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.admit()
}

// served notes a good answer to a request that was sent at the given time. One
// sent before a pause says nothing about what is allowed after it.
func (l *lane) served(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sent.Before(l.until) {
		return
	}
	l.strikes = 0
	rise := 1.0
	if l.cruise {
		rise /= l.limit
	}
	l.limit = min(l.limit+rise, l.most)
	l.admit()
}

// throttled stops the lane for as long as the service said, or a growing while
// where it did not say. The many answers to one burst count as one.
func (l *lane) throttled(sent time.Time, asked time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if !sent.Before(l.until) {
		l.cruise = true
		l.strikes++
		l.limit = max(l.limit/2, 1)
		if asked == 0 {
			asked = l.guess()
		}
	}
	if until := now.Add(asked); until.After(l.until) {
		l.until = until
	}
}

// throttled lets the requests of l wait for as long as the service said, and tells who
// wants to know when that is long enough to be seen.
func (c *Client) throttled(l *lane, sent time.Time, asked time.Duration) {
	l.throttled(sent, asked)
	if d := l.pause(); d >= seenPause && c.cfg.Throttled != nil {
		c.cfg.Throttled(c.cfg.Clock.Now().Add(d))
	}
}

// sayAsked tells who wants to know that one request waits for as long as the service said.
func (c *Client) sayAsked(e *Error) {
	if e.RetryAfter >= seenPause && c.cfg.Throttled != nil {
		c.cfg.Throttled(c.cfg.Clock.Now().Add(e.RetryAfter))
	}
}

// seenPause is how long a pause must be for a person to wonder.
const seenPause = 10 * time.Second

// ThrottledUntil is when the service wants to be asked again; zero when it has not said
// so, or that is over.
func (c *Client) ThrottledUntil() time.Time {
	if d := max(c.account.pause(), c.transfers.pause()); d >= seenPause {
		return c.cfg.Clock.Now().Add(d)
	}
	return time.Time{}
}

func (l *lane) guess() time.Duration {
	d := min(shortPause<<min(l.strikes-1, 10), longPause)
	return d/2 + time.Duration(l.clock.Jitter()*float64(d/2))
}
