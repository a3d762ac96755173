package sim

import (
	"flag"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

var hoursFlag = flag.Float64("hours", 0, "go on with new seeds for so long")

// TestSoak goes on with seeds that nobody has tried. Of each run it crashes one
// version more, at a point and in a way left to chance.
func TestSoak(t *testing.T) {
	if *hoursFlag == 0 {
		t.Skip("make soak HOURS=1")
	}
	first := uint64(time.Now().UnixNano())
	end := time.Now().Add(time.Duration(*hoursFlag * float64(time.Hour)))
	count := tally{began: time.Now()}
	var found atomic.Int64
	each(t, 1<<40, end, func(i int, store *Store) {
		seed := first + uint64(i)
		try := func(r Result) {
			if count.add(r); r.Err != nil && found.Add(1) < 100 {
				t.Logf("seed %d: %v\n%s", seed, r.Err, Shrink(r.Script, store))
			}
		}
		r := Explore(seed, store)
		if try(r); r.Err != nil || r.Effects == 0 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0xc4a5))
		s := r.Script
		s.Crash = Crash{After: 1 + rnd.IntN(r.Effects), Loss: append(losses, "", "")[rnd.IntN(len(losses)+2)], Again: rnd.IntN(40)}
		try(Run(s, store))
	})
	t.Log(&count)
	if n := found.Load(); n > 0 {
		t.Errorf("%d runs broke a promise", n)
	}
}
