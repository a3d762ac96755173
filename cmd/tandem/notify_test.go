package main

import "testing"

// A wheel turns when nudged, unless it is stuck.
type wheel struct {
	turns int64
	stuck bool
}

func (w *wheel) Beats() int64 { return w.turns }
func (w *wheel) Nudge() {
	if !w.stuck {
		w.turns++
	}
}

func TestOneLoopThatHangsStopsThePulse(t *testing.T) {
	a, b := new(wheel), new(wheel)
	loops := []turning{a, b}
	p := newPulse(func() []turning { return loops })
	feel := func(what string, want bool) {
		t.Helper()
		if got := p.felt(); got != want {
			t.Errorf("%s: felt = %v, want %v", what, got, want)
		}
	}
	feel("at the start", true)
	feel("both turn", true)
	b.stuck = true
	feel("one has turned for the last time", true)
	feel("one hangs", false)
	feel("it still hangs", false)
	loops = []turning{a}
	feel("it has ended", true)
	loops = []turning{a, new(wheel)}
	feel("another has begun", true)
	feel("both turn again", true)
	loops = nil
	feel("none runs", true)
}
