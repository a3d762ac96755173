package remote

import (
	"fmt"
	"testing"
	"time"
)

func TestANewbornIsOneForTwoMinutesWhateverElseIsBorn(t *testing.T) {
	var now time.Time
	n := newborns{now: func() time.Time { return now }}
	const every = 7 * time.Second
	for i := range 200 {
		now = now.Add(every)
		n.add(fmt.Sprint(i))
		for old := range i + 1 {
			age := time.Duration(i-old) * every
			if got, want := n.has(fmt.Sprint(old)), age <= 2*time.Minute; got != want {
				t.Fatalf("newborn after %v: %v, want %v", age, got, want)
			}
		}
		if known := len(n.born) + len(n.elder); known > int(4*time.Minute/every)+2 {
			t.Fatalf("%d are remembered", known)
		}
	}
}
