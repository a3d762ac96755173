package syncer

import (
	"sync/atomic"
	"time"

	"tandem/syncer/plan"
)

// Progress is how far a run has come, for a person to watch. That of an agent
// begins anew with the first transfer after all was quiet.
type Progress struct {
	Looked int       // things seen on disk so far
	Listed int64     // things the change feed brought so far
	Since  time.Time // when the first of the transfers was planned
	Files  int       // to be transferred in all, as far as is known
	Done   int
	Bytes  int64
	Moved  int64 // bytes transferred so far
}

// progress counts for the screen. Its byte counters are added to by workers,
// everything else belongs to the loop.
type progress struct {
	tell  func(Progress)
	clock Clock
	last  time.Time
	told  Progress
	now   Progress
	ended bool // all was quiet since the last transfer
	up    *atomic.Int64
	down  *atomic.Int64
}

func newProgress(tell func(Progress), clock Clock) progress {
	return progress{tell: tell, clock: clock, up: new(atomic.Int64), down: new(atomic.Int64)}
}

func (p *progress) sent(n int64) { p.up.Add(n) }
func (p *progress) came(n int64) { p.down.Add(n) }

func (p *progress) look(n int) { p.now.Looked += n }

func (p *progress) add(s *step) {
	n, ok := bytesOf(s)
	if !ok {
		return
	}
	if p.ended || p.now.Since.IsZero() {
		p.ended, p.now = false, Progress{Looked: p.now.Looked, Since: p.clock.Now()}
		p.up.Store(0)
		p.down.Store(0)
	}
	p.now.Files++
	p.now.Bytes += n
}

func (p *progress) done(s *step) {
	if _, ok := bytesOf(s); ok {
		p.now.Done++
	}
}

// drop takes a step that was given up out of the count.
func (p *progress) drop(s *step) {
	if n, ok := bytesOf(s); ok {
		p.now.Files--
		p.now.Bytes -= n
	}
}

// bytesOf tells how much a step transfers, and whether it is a transfer at all.
func bytesOf(s *step) (int64, bool) {
	switch s.Op {
	case plan.Upload:
		return s.Local.Size, true
	case plan.Download:
		return max(s.Remote.Size, 0), true
	}
	return 0, false
}

// ahead counts the new files whose turn to be decided has not come. Where there
// are some on either side, most may turn out to be the same; so only the
// difference is shown.
type ahead struct {
	files [2]int
	bytes [2]int64
	each  map[plan.Key]waitsAhead
}

type waitsAhead struct {
	side int // 0 here, 1 online
	size int64
}

func (a *ahead) add(k plan.Key, l plan.Local, r plan.Remote) {
	w := waitsAhead{0, l.Size}
	if l.Kind == plan.None {
		w = waitsAhead{1, max(r.Size, 0)}
	}
	if l.Kind == plan.File || r.Kind == plan.File {
		a.each[k] = w
		a.files[w.side]++
		a.bytes[w.side] += w.size
	}
}

func (a *ahead) drop(k plan.Key) {
	if w, ok := a.each[k]; ok {
		delete(a.each, k)
		a.files[w.side]--
		a.bytes[w.side] -= w.size
	}
}

func (a *ahead) clear() {
	if len(a.each) > 0 {
		*a = ahead{each: map[plan.Key]waitsAhead{}}
	}
}

func apart[N int | int64](of [2]N) N { return max(of[0], of[1]) - min(of[0], of[1]) }

func (p *progress) busy(e *Engine) bool { return p.tell != nil && e.work > 0 }

// show tells the screen what is new, not more often than it can be read but for
// the last of it.
func (p *progress) show(e *Engine) {
	at := p.clock.Now()
	if p.tell == nil || e.work > 0 && at.Sub(p.last) < 100*time.Millisecond {
		return
	}
	if now := p.count(e); now != p.told {
		p.last, p.told = at, now
		p.tell(now)
	}
}

// count adds up what is known so far. What the feed brings to an agent later is
// no part of the work of getting to know the drive.
func (p *progress) count(e *Engine) Progress {
	now := p.now
	if now.Listed = p.told.Listed; !e.listed {
		now.Listed = e.listing.Load()
	}
	now.Moved = p.up.Load() + p.down.Load()
	now.Files += apart(e.ahead.files)
	now.Bytes += apart(e.ahead.bytes)
	return now
}
