package syncer

import "time"

// How often the change feed is read: as Config.Poll says while things happen or
// when nobody tells of changes, seldom when all is quiet and somebody does.
const (
	pollQuiet = 5 * time.Minute
	lull      = 2 * time.Minute // how long nothing must have happened; the feed is behind a notice by up to a minute
	noticeGap = time.Second     // between two readings that notices ask for …
	ownGap    = 3 * time.Second // … while we change things ourselves, of which we are told too

	longestRest = time.Hour // after readings that made no sense, one after the other
)

// pace is how long after a reading the next one is due.
func (e *Engine) pace(now time.Time) time.Duration {
	if e.nonsense > 0 {
		return max(min(e.cfg.Poll<<min(e.nonsense, 10), longestRest), e.cfg.Poll)
	}
	if e.cfg.Pushed != nil && e.cfg.Pushed() && now.Sub(e.happened) > lull {
		return max(pollQuiet, e.cfg.Poll)
	}
	return e.cfg.Poll
}

// hasten has the feed read soon, as something has changed online before at.
func (e *Engine) hasten(at, now time.Time) {
	e.noticed, e.happened = at, now
	if e.nonsense > 0 {
		return // it rests, whatever it says
	}
	gap := noticeGap
	if len(e.inFlight) > 0 {
		gap = ownGap
	}
	due := e.polled.Add(gap)
	if due.Before(now) {
		due = now
	}
	if due.Before(e.nextPoll) {
		e.nextPoll = due
	}
}
