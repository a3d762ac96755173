package main

import (
	"context"
	"time"
)

// A network that comes has many addresses and routes; calm is how long none
// must have followed, at most so often.
const (
	calm      = time.Second
	calmAtMax = 10 * time.Second
)

// followNetwork has every folder look at the drive as soon as there is a network
// again, until ctx ends: at login it comes later than the agent, and after a
// machine has slept.
func (a *agent) followNetwork(ctx context.Context) {
	changes := make(chan struct{}, 1)
	go settled(ctx, changes, a.tryAgain)
	err := networkChanges(ctx, func() {
		select {
		case changes <- struct{}{}:
		default:
		}
	})
	if err != nil && a.screen.verbose > 1 {
		a.screen.say("changes of the network are not noticed: %v", err)
	}
}

// settled calls do once changes have calmed down, and not again too soon.
func settled(ctx context.Context, changes <-chan struct{}, do func()) {
	var due <-chan time.Time
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
			due = time.After(max(calm, calmAtMax-time.Since(last)))
		case <-due:
			due, last = nil, time.Now()
			do()
		}
	}
}

// tryAgain goes back to what could not be reached.
func (a *agent) tryAgain() {
	for _, k := range a.keepers {
		if e := k.running(); e != nil {
			e.Notice(time.Now())
		} else {
			k.lookNow()
		}
	}
}
