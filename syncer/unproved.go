package syncer

import (
	"errors"
	"maps"
	"time"

	"tandem/syncer/plan"
)

// errNotFound says that the service does not find what an action is about. That
// is no proof that it is gone: for up to two minutes what was just made is not
// found, whoever made it, and now and then something old is not. So the item stays
// as it is known until the feed says that it is gone, or the service has not
// found it for longer than that.
var errNotFound = errors.New("not found online")

const (
	infancy = 2 * time.Minute // how long the service may not find what is there
	lapse   = time.Hour       // two times that it was not found have nothing to do with each other
)

// unproved is what was not found online, and the actions that came upon it. They
// are tried again each time that the feed has been read.
type unproved struct {
	since map[string]time.Time // by the id
	steps map[plan.Key]struct{}
}

func newUnproved() unproved {
	return unproved{since: map[string]time.Time{}, steps: map[plan.Key]struct{}{}}
}

// believes says whether an item that was not found has not been for long enough.
// The feed is read at once when that is news.
func (e *Engine) believes(id string) bool {
	now := e.clock.Now()
	maps.DeleteFunc(e.unproved.since, func(_ string, since time.Time) bool { return now.Sub(since) > lapse })
	since, ok := e.unproved.since[id]
	if !ok {
		e.unproved.since[id], since = now, now
	}
	long := now.Sub(since) > infancy
	if !ok || long {
		e.nextPoll = now
	}
	return long
}

// prove lets k wait until the feed has been read.
func (e *Engine) prove(k plan.Key) {
	e.leave(k)
	e.note(k, "the service does not find it at the moment; it is asked again", false, 0)
	e.unproved.steps[k] = struct{}{}
}

// tryUnproved tries again what the feed was to prove.
func (e *Engine) tryUnproved() {
	for k := range e.unproved.steps {
		delete(e.rest, k)
		e.dirty[e.local.key(k)] = struct{}{}
	}
	clear(e.unproved.steps)
}
