package remote

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Clock is the client's time and chance. Tests bring their own, so that an
// hour of throttling takes no time.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
	Jitter() float64 // in [0,1)
}

type realClock struct{}

func (realClock) Now() time.Time  { return time.Now() }
func (realClock) Jitter() float64 { return rand.Float64() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
