package main

import (
	"context"
	"sync"
	"time"
)

// signInAgain is how often the agent sees whether somebody has signed in.
const signInAgain = time.Minute

// A company is the keepers of an agent. While one of them works, those that lack
// a sign-in wait for it; when none does, there is nothing to wait with.
type company struct {
	mu     sync.Mutex
	living int
	alone  chan struct{} // closed when none is living
}

func newCompany(n int) *company { return &company{living: n, alone: make(chan struct{})} }

// leave is for one that has nothing more to do.
func (c *company) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.living--; c.living == 0 {
		close(c.alone)
	}
}

// wait waits until it is time to try again. It says no when there is nobody to
// wait with, or ctx ends.
func (c *company) wait(ctx context.Context, retry <-chan struct{}) bool {
	c.leave()
	select {
	case <-ctx.Done():
		return false
	case <-c.alone:
		return false
	case <-retry:
	case <-time.After(signInAgain):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.living <= 0 {
		return false
	}
	c.living++
	return true
}
