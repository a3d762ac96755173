package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatDoesNotEndIsCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration // to end, once it is told to
		want  int
		after time.Duration
	}{
		"it ends at once":     {0, 5, 0},
		"it ends in time":     {time.Second, 5, time.Second},
		"it ends in an hour":  {time.Hour, 1, endWithin},
		"it had ended before": {-time.Hour, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan int, 1)
				told := time.Now().Add(2 * time.Hour)
				time.AfterFunc(time.Until(told), stop)
				time.AfterFunc(time.Until(told)+c.takes, func() { ended <- 5 })
				code := inTime(ctx, ended, func() int { return 1 })
				if took := max(0, time.Since(told)); code != c.want || took != c.after {
					t.Errorf("exit code %d after %v, want %d after %v", code, took, c.want, c.after)
				}
				time.Sleep(2 * time.Hour) // for what still goes on here
			})
		})
	}
}
