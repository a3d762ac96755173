package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPauseEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		g := newGate(&pause{Since: start, Until: start.Add(90 * time.Minute)})
		if err := g.pass(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 90*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAPauseWithoutEndIsEndedByAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(&pause{Since: time.Now()})
		time.AfterFunc(1000*time.Hour, func() { g.set(nil) })
		start := time.Now()
		if err := g.pass(t.Context()); err != nil || time.Since(start) != 1000*time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		g.set(&pause{})
		stop()
		if err := g.pass(ctx); err == nil {
			t.Error("an agent that is stopped goes through a shut gate")
		}
	})
}

func TestWhatGoesOnEndsWithAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(nil)
		ctx, cancel := g.whileOpen(t.Context())
		defer cancel()
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("it ended without a pause")
		}
		g.set(nil) // resumed, without having been paused
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("it ended at a word to go on")
		}
		g.set(&pause{})
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("it goes on in a pause")
		}
	})
}
