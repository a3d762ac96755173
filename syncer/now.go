package syncer

import (
	"sync"
	"time"
)

// Now is how a running engine stands.
type Now struct {
	Quiet    bool      // nothing is left to do but what waits, as far as is known
	Read     time.Time // when the reading of the change feed began that all of this is known from; zero before the first
	Looked   time.Time // when the whole folder was last looked at
	Trouble  string    // why the change feed could not be read since …
	Failed   time.Time // … when that was last tried
	Progress Progress
}

// Now tells how the engine stands. It may be called from anywhere. Whether the
// folder is still where it was is looked at afresh.
func (e *Engine) Now() (now Now) {
	if last := e.stands.Load(); last != nil {
		now = *last
	}
	if err := e.inPlace(); err != nil {
		now.Quiet, now.Trouble, now.Failed = false, err.Error(), e.clock.Now()
		e.Nudge() // the loop finds out more
	}
	return now
}

// Beats counts the turns of the loop and the steps of what it does at a stretch:
// an engine whose count stands still although it was nudged hangs.
func (e *Engine) Beats() int64 { return e.beats.Load() }

// publish lets others see how things stand before the loop goes to sleep.
func (e *Engine) publish() {
	now := Now{Quiet: e.settled(), Read: e.feed.readAt(), Looked: e.walked, Trouble: e.unread, Failed: e.unreadAt, Progress: e.progress.count(e)}
	e.progress.ended = e.progress.ended || now.Quiet
	if !e.listed {
		now.Read = time.Time{} // what another pair has read is not taken over yet
	}
	if was := e.stands.Load(); was == nil || *was != now {
		e.stands.Store(&now)
	}
}

// settled says that nothing goes on and nothing is due soon. A reading of the feed
// is no work until it brings some, and what waits is looked at again in its time.
func (e *Engine) settled() bool {
	reading := 0
	if e.polling {
		reading = 1
	}
	if !e.listed || e.work > reading || e.ready.len() > 0 || len(e.dirty)+len(e.local.look)+len(e.local.deep) > 0 ||
		len(e.known.keys)+len(e.fresh.keys)+len(e.hashing)+len(e.toHash)+len(e.again)+len(e.later) > 0 || e.seeking() || e.inDoubt {
		return false
	}
	for k := range e.wake {
		if _, waits := e.waiting[e.local.key(k)]; !waits {
			return false
		}
	}
	return true
}

// An asked is what others want of the loop.
type asked struct {
	mu     sync.Mutex
	look   bool      // at both sides
	notice time.Time // something has changed online before then
}

// Look has both sides looked at as a whole, at once.
func (e *Engine) Look() {
	e.asks.mu.Lock()
	e.asks.look = true
	e.asks.mu.Unlock()
	e.Nudge()
}

// Notice says that something may have changed online until at: the change feed
// is read soon.
func (e *Engine) Notice(at time.Time) {
	e.asks.mu.Lock()
	e.asks.notice = at
	e.asks.mu.Unlock()
	e.Nudge()
}

// Nudge makes the loop turn once.
func (e *Engine) Nudge() {
	select {
	case e.nudged <- struct{}{}:
	default: // it will turn anyway
	}
}

// heed does what others want.
func (e *Engine) heed() {
	e.asks.mu.Lock()
	look, notice := e.asks.look, e.asks.notice
	e.asks.look, e.asks.notice = false, time.Time{}
	e.asks.mu.Unlock()
	now := e.clock.Now()
	switch {
	case look:
		e.walked, e.noticed, e.nextPoll = now, now, now
		e.lookAt("", true)
		e.join()
	case !notice.IsZero():
		e.hasten(notice, now)
	}
}
