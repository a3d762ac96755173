package watcher

import (
	"cmp"
	"slices"
	"time"
)

// patience bounds, in settle times, how long a path is held back that never
// gets quiet: a log file that is always written to is told all the same.
const patience = 30

// A fold holds back paths in doubt until each has been quiet for settle. It
// grows with the number of different paths and not with that of changes, so
// nothing that feeds it ever has to wait. It reads no clock.
type fold struct {
	settle time.Duration
	doubts map[string]doubt
}

// A doubt is what came for one path since it was last told.
type doubt struct {
	deep        bool
	first, last time.Time
}

func newFold(settle time.Duration) *fold {
	return &fold{settle: settle, doubts: map[string]doubt{}}
}

// add notes that something happened at path, and with deep perhaps below it.
func (f *fold) add(path string, deep bool, now time.Time) {
	d, known := f.doubts[path]
	if !known {
		d.first = now
	}
	d.last = now
	d.deep = d.deep || deep
	f.doubts[path] = d
}

// addAll notes that anything may have happened anywhere: what is known of
// single paths says nothing more.
func (f *fold) addAll(now time.Time) {
	clear(f.doubts)
	f.add("", true, now)
}

func (f *fold) due(d doubt) time.Time {
	quiet, late := d.last.Add(f.settle), d.first.Add(patience*f.settle)
	if late.Before(quiet) {
		return late
	}
	return quiet
}

// restless lists the paths that are held back because they do not get quiet, with
// when that began.
func (f *fold) restless() map[string]time.Time {
	var paths map[string]time.Time
	for path, d := range f.doubts {
		if d.last.Sub(d.first) >= f.settle/4 {
			if paths == nil {
				paths = map[string]time.Time{}
			}
			paths[path] = d.first
		}
	}
	return paths
}

// wait says how long after now it is worth calling ripe. Each call of either
// looks at all paths, so a stream of new ones is told in a few lots a settle
// time and not one by one.
func (f *fold) wait(now time.Time) time.Duration {
	next := now.Add(f.settle)
	for _, d := range f.doubts {
		if due := f.due(d); due.Before(next) {
			next = due
		}
	}
	return max(next.Sub(now), f.settle/8)
}

// ripe takes off the paths that are due, parents before children.
func (f *fold) ripe(now time.Time) []Event {
	var events []Event
	for path, d := range f.doubts {
		if !f.due(d).After(now) {
			events = append(events, Event{Path: path, Deep: d.deep, At: d.last})
			delete(f.doubts, path)
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Path, b.Path) })
	return events
}
