package watcher

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const settle = time.Second

func TestFiveQuickWritesAreOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFold(settle)
		for range 5 {
			f.add("a", false, time.Now())
			time.Sleep(settle / 5)
		}
		last := time.Now().Add(-settle / 5)
		time.Sleep(f.wait(time.Now()))
		if got, want := time.Since(last), settle; got != want {
			t.Errorf("told after %v of quiet, want %v", got, want)
		}
		want := []Event{{Path: "a", At: last}}
		if got := f.ripe(time.Now()); !slices.Equal(got, want) {
			t.Errorf("ripe = %v, want %v", got, want)
		}
		if got := f.ripe(time.Now().Add(time.Hour)); got != nil {
			t.Errorf("told again: %v", got)
		}
	})
}

func TestAPathThatIsNotQuietIsKnownBeforeItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFold(settle)
		start := time.Now()
		f.add("saved once", false, start)
		for range 5 {
			f.add("log", false, time.Now())
			time.Sleep(settle / 5)
		}
		if got, want := f.restless(), map[string]time.Time{"log": start}; !maps.Equal(got, want) {
			t.Errorf("restless = %v, want %v", got, want)
		}
		time.Sleep(settle)
		f.ripe(time.Now())
		if got := f.restless(); got != nil {
			t.Errorf("restless after it was told: %v", got)
		}
	})
}

func TestAPathThatIsNeverQuietIsToldAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFold(settle)
		start := time.Now()
		var told []time.Duration
		for time.Since(start) < 3*patience*settle {
			f.add("log", false, time.Now())
			time.Sleep(settle / 2)
			if len(f.ripe(time.Now())) > 0 {
				told = append(told, time.Since(start))
			}
		}
		want := []time.Duration{30 * time.Second, 60 * time.Second, 90 * time.Second}
		if !slices.Equal(told, want) {
			t.Errorf("told after %v, want %v", told, want)
		}
	})
}

func TestFolding(t *testing.T) {
	now := time.Unix(1e9, 0)
	later := now.Add(settle)
	for _, test := range []struct {
		name string
		feed func(*fold)
		want []Event
	}{
		{"parents come before what is in them", func(f *fold) {
			f.add("a/b/c", false, now)
			f.add("a", false, now)
			f.add("a/b", false, now)
		}, []Event{{"a", false, now}, {"a/b", false, now}, {"a/b/c", false, now}}},
		{"deep once is deep", func(f *fold) {
			f.add("a", true, now)
			f.add("a", false, now)
		}, []Event{{"a", true, now}}},
		{"what is not yet quiet waits", func(f *fold) {
			f.add("a", false, now)
			f.add("b", false, now.Add(1))
		}, []Event{{"a", false, now}}},
		{"a lost queue puts all in doubt and the rest in the shade", func(f *fold) {
			f.add("a", false, now)
			f.addAll(now)
		}, []Event{{"", true, now}}},
	} {
		f := newFold(settle)
		test.feed(f)
		if got := f.ripe(later); !slices.Equal(got, test.want) {
			t.Errorf("%s: ripe = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAStreamOfNewPathsIsToldInFewLots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFold(settle)
		start, told, lots := time.Now(), 0, 0
		next := start.Add(settle)
		for n := range 10_000 {
			f.add(string(rune(n)), false, time.Now())
			time.Sleep(time.Millisecond)
			if now := time.Now(); !now.Before(next) {
				told += len(f.ripe(now))
				lots++
				next = now.Add(f.wait(now))
			}
		}
		if told < 8000 || lots > 90 {
			t.Errorf("%d told in %d lots, want most of 10000 in about 8 a second", told, lots)
		}
	})
}
