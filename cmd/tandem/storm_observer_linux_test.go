package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"tandem/remote/remotetest"
)

// An observer learns from the drive's witness what tandem asked of it.
type observer struct {
	mu       sync.Mutex
	changed  time.Time // the latest request that changes something, or the latest edit
	changes  int       // requests that change something
	over     bool      // nobody edits online any more
	upToDate bool      // the feed was read when nothing had changed for a while
	repeats  int       // later readings that brought items all the same, with nothing changed in between
	listed   map[string]time.Time
	windows  []time.Duration // from the last listing of a folder to its deletion
	unlisted int             // folders deleted without a listing
}

// feedDelay is how long after a change a reading of the feed certainly brings it.
const feedDelay = 2 * time.Second

func (o *observer) see(x remotetest.Exchange) {
	o.mu.Lock()
	defer o.mu.Unlock()
	good := x.Done && x.Status < 300
	switch {
	case x.Route == "children" && x.Method == http.MethodGet && good:
		o.listed[x.ID] = x.At
	case x.Route == "item" && x.Method == http.MethodDelete && x.Folder && good:
		if at, ok := o.listed[x.ID]; ok {
			o.windows = append(o.windows, x.At.Sub(at))
		} else {
			o.unlisted++
		}
	}
	switch {
	case x.Route == "token": // signing in changes nothing on the drive
	case x.Method != http.MethodGet:
		o.stir(x.At)
		o.changes++
	case o.over && x.Route == "delta" && good && x.At.Sub(o.changed) > feedDelay:
		if o.upToDate && x.Items > 1 { // the root is on every page
			o.repeats++
		}
		o.upToDate = true
	}
}

// edited notes that a person has just made an edit, and that it was the last one
// online. It gives the time.
func (o *observer) edited() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.stir(time.Now())
	return o.changed
}

func (o *observer) stir(at time.Time) { o.changed, o.upToDate = at, false }

func (o *observer) lastChange() (at time.Time, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed, o.changes
}

// figures gives, for a report, how long folders had not been listed when they were
// deleted online (the median, the most, and of how many), and the repeats.
func (o *observer) figures() (window string, repeats int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Sorted(slices.Values(o.windows))
	window = "of 0"
	if len(all) > 0 {
		window = fmt.Sprintf("%v, at most %v of %d", all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond), len(all))
	}
	if o.unlisted > 0 {
		window += fmt.Sprintf(" and %d not listed at all", o.unlisted)
	}
	return window, o.repeats
}

// A restWatch finds out when all came to rest.
type restWatch struct {
	unrest time.Time // the latest moment known without rest; at first that of the last edit
	still  time.Duration
}

// rests takes what is seen at a moment: whether both sides are equal, when the
// latest change was sent, and when the pass that is running began (zero: none, or
// an agent). It reports whether everything has been at rest for long enough since
// unrest: a pass in which something was sent must have ended, too.
func (r *restWatch) rests(now time.Time, equal bool, changed, pass time.Time) bool {
	if changed.After(r.unrest) {
		r.unrest = changed
	}
	if !equal || !pass.IsZero() && !pass.After(r.unrest) {
		r.unrest = now
	}
	return now.Sub(r.unrest) > r.still
}
