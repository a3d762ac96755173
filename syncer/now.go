package syncer

import (
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/syncer/plan"
)

// Now is how a running engine stands.
type Now struct {
	Quiet    bool      // nothing is left to do but what waits, as far as is known
	Read     time.Time // when the reading of the change feed began that all of this is known from; zero before the first
	Looked   time.Time // when the whole folder was last looked at
	Trouble  string    // why the change feed could not be read since …
	Failed   time.Time // … when that was last tried
	Progress Progress
	Writing  []Writing // files that are sent once they are left alone, some of them
	More     int       // further such files
	Idle     bool      // nothing is left to do but to wait for these
}

// Writing is a file that is being written, or changes often.
type Writing struct {
	Path  string    `json:"path"`
	Since time.Time `json:"since"`         // the first change that is not online
	Sent  time.Time `json:"sent,omitzero"` // when an earlier version was, if that was lately
	By    time.Time `json:"by,omitzero"`   // when it is sent at the latest, as it is then
}

// Now tells how the engine stands. It may be called from anywhere. Whether the
// folder is still where it was is looked at afresh, and what is written to just now.
func (e *Engine) Now() (now Now) {
	if last := e.stands.Load(); last != nil {
		now = *last
	}
	if e.cfg.Watch != nil {
		now.hear(e.cfg.Watch.Restless())
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
	now := Now{Idle: e.idles(), Read: e.feed.readAt(), Looked: e.walked, Trouble: e.unread, Failed: e.unreadAt, Progress: e.progress.count(e)}
	writing, others := e.writing()
	now.Idle = now.Idle && others == 0
	now.Quiet = now.Idle && len(writing) == 0
	now.list(writing)
	e.progress.ended = e.progress.ended || now.Quiet
	if !e.listed {
		now.Read = time.Time{} // what another pair has read is not taken over yet
	}
	e.stands.Store(&now)
}

// idles says that nothing goes on. A reading of the feed is no work until it brings
// some.
func (e *Engine) idles() bool {
	reading := 0
	if e.polling {
		reading = 1
	}
	return e.listed && e.work <= reading && e.ready.len() == 0 && len(e.dirty)+len(e.local.look)+len(e.local.deep) == 0 &&
		len(e.known.keys)+len(e.fresh.keys)+len(e.hashing)+len(e.toHash)+len(e.again)+len(e.later) == 0 && !e.seeking() && !e.inDoubt
}

// writing lists the files that are due once they are left alone, and counts what else
// is due soon. What waits is looked at again in its time.
func (e *Engine) writing() (files []Writing, others int) {
	if len(e.wake) > writingMost {
		return nil, len(e.wake) // people do not write so many
	}
	now := e.clock.Now()
	for k := range e.wake {
		k = e.local.key(k)
		if _, waits := e.waiting[k]; waits {
			continue
		}
		it := e.local.diff[k]
		if it == nil || it.kind != plan.File || !it.young.After(now) {
			others++
			continue
		}
		_, most := e.local.quietPeriod(k, it.print.Size)
		files = append(files, Writing{Path: e.local.path(k), Since: it.since, Sent: e.local.habits[k].at, By: it.since.Add(most)})
	}
	return files, others
}

// writingMost is how many files are looked through for those that are being written,
// and writingShown how many of these are shown.
const (
	writingMost  = 1000
	writingShown = 5
)

// list shows some files that are being written.
func (n *Now) list(files []Writing) {
	slices.SortFunc(files, func(a, b Writing) int { return strings.Compare(a.Path, b.Path) })
	shown := min(writingShown, len(files))
	n.Writing, n.More = slices.Clip(files[:shown]), len(files)-shown
}

// hear adds what the watcher holds back.
func (n *Now) hear(restless map[string]time.Time) {
	files := n.Writing
	for path, since := range restless {
		if !slices.ContainsFunc(n.Writing, func(w Writing) bool { return w.Path == path }) {
			files = append(files, Writing{Path: path, Since: since})
		}
	}
	more := n.More
	n.list(files)
	n.More += more
	n.Quiet = n.Quiet && len(files) == 0
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
		e.local.hurry()
	case !notice.IsZero():
		e.hasten(notice, now)
	}
}
