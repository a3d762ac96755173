package syncer

import (
	"time"

	"tandem/syncer/plan"
	"tandem/watcher"
)

// A file that changes often is sent ever more seldom: its quiet period grows with its
// size and with how often it was sent, and shrinks with each minute in which nobody
// changes it. One that is never quiet for that long is sent all the same once it has
// waited long enough: what it is at that moment, see still.
const (
	quietMost   = 5 * time.Minute
	waitMost    = 10 * time.Minute // from the first change that is not online
	quietTurns  = 30               // quiet periods that a file waits at most
	costBytes   = 1 << 20          // bytes that are worth waiting a second for
	oftenMost   = 20
	habitCooled = time.Minute // without a change, by which a habit loses one
)

// A habit is how often a file was sent lately because it had changed.
type habit struct {
	sent    int       // times, less the minutes in which it was left alone
	changed time.Time // when it last had, as far as was seen
	at      time.Time // when it was sent last
}

// cooled is the habit at that time, if nothing has changed since.
func (h habit) cooled(now time.Time) habit {
	if idle := int(now.Sub(h.changed) / habitCooled); idle > 0 {
		h.sent = max(0, h.sent-idle)
	}
	return h
}

// quietPeriod is how long file k must be left alone before it is sent, and how long
// it waits for that at most.
func (t *local) quietPeriod(k plan.Key, size int64) (quiet, most time.Duration) {
	cost := t.settle + time.Duration(size/costBytes)*time.Second
	quiet = min(quietMost, t.settle+time.Duration(max(0, t.habits[k].sent-1))*cost)
	if t.once { // somebody waits for the end
		return t.settle, quietTurns * t.settle
	}
	return quiet, min(waitMost, quietTurns*max(cost, quiet))
}

// changed notes that file k is, as of e, not what was sent, and when it may be: once
// nobody has changed it for its quiet period. The clock is the file's own, so one that
// is copied here with an old mtime is judged by its ctime. Where that clock is coarse a
// later change may have left no trace yet, so what is read is read after its next tick.
func (t *local) changed(k plan.Key, it *item, e watcher.Entry) {
	now := t.now()
	last := time.Unix(0, max(e.MTime, e.CTime))
	if last.After(now) {
		last = now // a clock that was set back must not keep the file waiting
	}
	now = now.Round(0)                                                              // the file's times know no other clock
	wasQuiet := !it.young.IsZero() && !it.changing && last.Sub(it.young) > t.settle // and was not sent all the same
	if it.since.IsZero() || it.since.After(now) || wasQuiet {
		it.since = now
	}
	if h, ok := t.habits[k]; ok && (last.After(h.changed) || h.changed.After(now)) {
		h = h.cooled(last)
		h.changed = last
		t.habits[k] = h
	}
	quiet, most := t.quietPeriod(k, e.Size)
	it.young, it.changing = last.Add(quiet+tick(e.MTime, e.CTime)), false
	if late := it.since.Add(most); late.Before(it.young) {
		it.young, it.changing = late, true
	}
}

// wasSent notes that file k has been sent, what was there before too if edit. What
// changed since is not online.
func (t *local) wasSent(k plan.Key, edit bool) {
	now := t.now().Round(0)
	if edit {
		h, ok := t.habits[k]
		if !ok {
			h.changed = now
		}
		h.at = now
		h.sent = min(oftenMost, h.cooled(now).sent+1)
		t.habits[k] = h
	}
	if it, ok := t.diff[k]; ok && it.kind == plan.File {
		it.since, it.changing, it.torn = now, false, false
	}
}

// postpone lets file k, which was not sent, be left alone or wait for as long once more.
// When it changed while it was sent, it is sent from a copy.
func (t *local) postpone(k plan.Key, torn bool) {
	it, ok := t.diff[k]
	if !ok || it.kind != plan.File {
		return
	}
	it.torn = it.torn || torn
	if it.changing {
		quiet, _ := t.quietPeriod(k, it.print.Size)
		it.since, it.changing = t.now().Round(0), false
		it.young = it.since.Add(quiet)
	}
}

// hurry lets all files that change often be sent now: a person asks for it.
func (t *local) hurry() {
	now := t.now()
	for k, it := range t.diff {
		if it.kind == plan.File && it.edit && it.young.After(now) && t.habits[k].sent > 0 {
			it.young, it.changing = now, true
			t.touch(k)
		}
	}
}

// forgetHabits forgets the files that were left alone for long enough.
func (t *local) forgetHabits(now time.Time) {
	for k, h := range t.habits {
		if h.cooled(now).sent == 0 {
			delete(t.habits, k)
		}
	}
}
