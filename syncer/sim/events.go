package sim

import (
	"hash/fnv"
	"slices"
	"time"

	"tandem/remote"
)

// events are what happens by itself, in the order of its times: requests and answers
// that come, timers, notices.
type events struct{ all []*event }

type event struct {
	at time.Time
	do func()
}

func (e *events) add(at time.Time, do func()) *event {
	ev := &event{at, do}
	i := len(e.all)
	for i > 0 && e.all[i-1].at.After(at) { // equal times keep their order
		i--
	}
	e.all = slices.Insert(e.all, i, ev)
	return ev
}

// cancel reports whether it was still to come.
func (e *events) cancel(ev *event) bool {
	i := slices.Index(e.all, ev)
	if i < 0 {
		return false
	}
	e.all = slices.Delete(e.all, i, i+1)
	return true
}

// due lets happen what has its time.
func (e *events) due(now time.Time) {
	for len(e.all) > 0 && !e.all[0].at.After(now) {
		ev := e.all[0]
		e.all = e.all[1:]
		ev.do()
	}
}

// A timer is one of the client's.
type timer struct {
	s     *stackWorld
	f     func()
	event *event
}

func (c slow) AfterFunc(d time.Duration, f func()) remote.Timer {
	s := c.m.stack
	if s == nil {
		return c.WallClock.AfterFunc(d, f)
	}
	t := &timer{s: s, f: f}
	t.Reset(d)
	return t
}

func (t *timer) Stop() bool { return t.s.events.cancel(t.event) }

func (t *timer) Reset(d time.Duration) bool {
	active := t.event != nil && t.Stop()
	t.event = t.s.events.add(t.s.now.Add(d), t.f)
	return active
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}
