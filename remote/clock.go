package remote

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Clock is the client's time and chance. Whatever the client waits for, but an
// answer, it waits for by its clock; so tests that bring their own decide what
// happens meanwhile, and an hour of throttling takes no time.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
	Wait(ctx context.Context, ready <-chan struct{}) error // until it is closed
	AfterFunc(d time.Duration, f func()) Timer
	Jitter() float64 // in [0,1)
}

// A Timer calls a function once its time is up; [*time.Timer] is the real one.
type Timer interface {
	Reset(d time.Duration) bool
	Stop() bool
}

// WallClock is the real one.
type WallClock struct{}

func (WallClock) Now() time.Time                            { return time.Now() }
func (WallClock) Jitter() float64                           { return rand.Float64() }
func (WallClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

func (WallClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (WallClock) Wait(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// within gives ctx an end by the client's clock.
func (c *Client) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := c.cfg.Clock.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { t.Stop(); cancel(nil) }
}
