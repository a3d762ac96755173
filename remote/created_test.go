package remote

import (
	"fmt"
	"testing"
	"time"
)

func TestWhatWasCreatedIsRememberedForTwoMinutesWhateverElseIs(t *testing.T) {
	var now time.Time
	n := created{now: func() time.Time { return now }, life: 2 * time.Minute}
	const every = 7 * time.Second
	for i := range 200 {
		now = now.Add(every)
		n.add(fmt.Sprint(i))
		for old := range i + 1 {
			age := time.Duration(i-old) * every
			if got, want := n.has(fmt.Sprint(old)), age <= 2*time.Minute; got != want {
				t.Fatalf("remembered after %v: %v, want %v", age, got, want)
			}
		}
		if known := len(n.young) + len(n.elder); known > int(4*time.Minute/every)+2 {
			t.Fatalf("%d are remembered", known)
		}
	}
}
