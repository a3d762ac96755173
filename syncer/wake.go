package syncer

import (
	"slices"
	"time"

	"tandem/syncer/plan"
)

// askWaiting lets what waits be decided again once anything has changed: what
// stood in its way may be gone. The more there is of it the more seldom.
func (e *Engine) askWaiting(now time.Time) {
	if e.once || !e.stirred || now.Before(e.stirAt) {
		return
	}
	e.stirred = false
	e.stirAt = now.Add(time.Second + time.Duration(len(e.waiting))*time.Millisecond)
	for k := range e.waiting {
		e.dirty[k] = struct{}{}
	}
}

// lookLater has k looked at again at that time.
func (e *Engine) lookLater(k plan.Key, at time.Time) {
	if len(e.wake) == 0 || at.Before(e.wakeAt) {
		e.wakeAt = at
	}
	e.wake[k] = at
}

func (e *Engine) awake(now time.Time) {
	if len(e.wake) == 0 || e.wakeAt.After(now) {
		return
	}
	e.wakeAt = time.Time{}
	var due []plan.Key
	for k, at := range e.wake {
		if !at.After(now) {
			due = append(due, k)
			delete(e.wake, k)
		} else if e.wakeAt.IsZero() || at.Before(e.wakeAt) {
			e.wakeAt = at
		}
	}
	slices.Sort(due)
	for _, k := range due {
		e.relook(k)
	}
}

// relook looks at a file again that was too young to act upon.
func (e *Engine) relook(k plan.Key) {
	k = e.local.key(k)
	if it, ok := e.local.diff[k]; ok && it.kind != plan.None && e.busy[k] == 0 {
		e.lookAt(e.local.path(k), false)
	}
	e.dirty[k] = struct{}{}
}

// nap is how long nothing is due.
func (e *Engine) nap() time.Duration {
	d := time.Hour
	now := e.clock.Now()
	if !e.polling && e.polls() { // a reading under way may take longer than the time to the next
		d = e.nextPoll.Sub(now)
	}
	if !e.once && !e.polling {
		d = min(d, e.chores.Sub(now))
	}
	if len(e.ready.stamp) > 0 {
		d = min(d, max(e.stampBy.Sub(now), e.stampAt.Sub(now)))
	}
	if len(e.wake) > 0 {
		d = min(d, e.wakeAt.Sub(now))
	}
	if !e.searchAt.IsZero() {
		d = min(d, e.searchAt.Sub(now))
	}
	if !e.once && e.stirred && len(e.waiting) > 0 {
		d = min(d, e.stirAt.Sub(now))
	}
	if e.inDoubt {
		return time.Millisecond
	}
	if len(e.again)+len(e.later) > 0 || e.progress.busy(e) {
		d = min(d, 100*time.Millisecond)
	}
	return max(d, time.Millisecond)
}

// polls says that the feed is to be read again.
func (e *Engine) polls() bool { return !e.once || !e.listed || e.seeking() }
