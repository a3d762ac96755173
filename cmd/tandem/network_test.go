package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyChangesOfTheNetworkAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		changes := make(chan struct{}, 1)
		var done []time.Duration
		go settled(t.Context(), changes, func() { done = append(done, time.Since(start)) })
		for range 3 {
			changes <- struct{}{}
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		changes <- struct{}{} // soon after
		time.Sleep(time.Minute)
		changes <- struct{}{}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{1600 * time.Millisecond, 11600 * time.Millisecond, 63900 * time.Millisecond}
		if !slices.Equal(done, want) {
			t.Errorf("the drive was looked at after %v, want %v", done, want)
		}
	})
}
