package sim

import (
	"maps"
	"slices"
	"time"

	"tandem/syncer"
)

// A rest holds the engines of the whole stack to coming to rest in time: both sides
// are the same, and the engines say so, so long after the last thing that happened.
// What happens is a deed of a person, the end of an answer held back, something that
// fails; the news of it may come late by the feed's lag and the push's.
type rest struct {
	since time.Time // when the last thing happened
	often bool      // since then an engine has said that a file waits because it changes often
	rough bool      // something failed since they were last at rest
	same  bool      // both sides were held to being the same since, …
	held  bool      // … and the engines to saying so
	at    time.Time // since when they are at rest, as far as is known
	stirs int       // changes of either side …
	seen  int       // … when it was last looked whether they are, …
	quiet bool      // … and whether all engines claimed it then
	times []time.Duration

	pending int // exchanges that are delayed
	odd     odd

	idled time.Duration // how long a pass has waited with no request under way
}

// An odd is a twist of the drive that the next few requests may meet, or their parts:
// what they change is late to be found, or changes once more.
type odd struct {
	left int
	by   time.Duration
	ever bool // there was one
}

const mostParts = 20 // of a batch

// pass notes that a request may have met it.
func (o *odd) pass(s *stackWorld) {
	if o.left > 0 {
		o.left--
		s.rest.roughen(s, o.by)
	}
}

const (
	soon     = 5 * time.Second   // with push
	polled   = 10 * time.Second  // after the next reading of the feed, without
	failed   = 150 * time.Second // where answers fail: what is not found then is taken for gone after two minutes
	seldom   = 5 * time.Minute   // how often the feed is read where there is push, whether it tells or not
	coarse   = 4 * time.Second   // what a disk that keeps time in seconds costs, each time that a file is looked at
	patience = 15 * time.Minute  // where how soon does not matter
	restless = 20                // quiet periods that a small file waits at most which was sent again and again
	glance   = 300 * time.Millisecond
)

// bound is how soon both sides have to be at rest.
func (s *stackWorld) bound() time.Duration {
	if s.opt.Lenient {
		return patience
	}
	bound := soon
	switch p := s.opt.Push; {
	case p != nil && p.Lossy:
		bound = seldom + polled
	case p == nil || s.script.Lag > 0 || slices.ContainsFunc(s.machines, func(m *machine) bool { return !m.push.up }):
		if bound = s.script.Lag + s.opt.Poll + polled; p != nil {
			bound += p.Late
		}
	default:
		bound += p.Late
	}
	bound += s.opt.Quiet - time.Second
	if s.script.Disk.Tick >= time.Second {
		bound += 2 * coarse
	}
	if s.rest.often = s.rest.often || s.writing(); s.rest.often {
		bound += restless * s.opt.Quiet
	}
	if s.rest.rough {
		bound = max(bound, failed)
	}
	return bound * time.Duration(len(s.machines)) // what one sends the next one fetches
}

// writing reports whether an engine says that a file changes so often that it waits
// with it.
func (s *stackWorld) writing() bool {
	again := func(w syncer.Writing) bool { return !w.Sent.IsZero() }
	return slices.ContainsFunc(s.machines, func(m *machine) bool {
		return m.loop != nil && slices.ContainsFunc(m.engine.Now().Writing, again)
	})
}

// stir notes that something happens that the engines have to follow, or will in d.
func (s *stackWorld) stir(d time.Duration) {
	r := &s.rest
	r.stirs++
	r.same, r.held, r.often, r.idled = false, false, false, 0
	if t := s.now.Add(d); t.After(r.since) {
		r.since = t
	}
}

// roughen notes that something failed, and that the service wants to be left alone
// for so long.
func (r *rest) roughen(s *stackWorld, wait time.Duration) {
	r.rough = true
	s.stir(wait)
}

// begin notes that a process begins. What a single pass meets is no excuse for the next.
func (r *rest) begin(s *stackWorld) {
	r.rough = r.rough && s.agents()
	s.stir(0)
}

// due is when the engines are next held to being at rest; zero if they are not.
func (r *rest) due(s *stackWorld) time.Time {
	writes := func(p *person) bool { return p.open != nil }
	down := func(m *machine) bool { return m.loop == nil }
	if r.held || r.pending > 0 || !s.agents() || s.over || slices.ContainsFunc(s.people, writes) || slices.ContainsFunc(s.machines, down) {
		return time.Time{}
	}
	if r.same {
		return r.since.Add(max(s.bound(), failed))
	}
	return r.since.Add(s.bound())
}

// watch looks whether both sides are at rest, and holds the engines to it.
func (r *rest) watch(s *stackWorld) {
	if !s.agents() || s.over || s.bad != nil {
		return
	}
	due := r.due(s)
	now := !due.IsZero() && !s.now.Before(due)
	quiet := s.claimed()
	if !now && (r.seen == r.stirs && r.quiet == quiet || s.now.Sub(r.since) < glance) {
		return
	}
	r.seen, r.quiet = r.stirs, quiet
	trouble := s.differs()
	switch {
	case trouble != "":
		r.at = time.Time{}
	case r.at.IsZero():
		r.at = s.now
	}
	if !now {
		return
	}
	if trouble != "" && s.agree() {
		return
	}
	after := s.now.Sub(r.since)
	switch {
	case trouble != "" && quiet:
		s.fail("I42: the engines say in sync, and it is not true: %s (%v after the last thing that happened)", trouble, after)
	case trouble != "":
		s.fail("I47: not at rest in time: %s (%v after the last thing that happened)", trouble, after)
	case quiet:
		r.times = append(r.times, max(0, r.at.Sub(r.since)))
		r.held, r.rough = true, false
	case r.same:
		s.fail("I49: at rest, and an engine is still at work (%v after the last thing that happened)", after)
	}
	r.same = true
}

// agree lets a person agree to the deletes that are held, of which the engines hear
// when they next read the feed. It reports whether there are any.
func (s *stackWorld) agree() (any bool) {
	for _, m := range s.machines {
		any = m.judge() || any
	}
	if any {
		s.stir(s.opt.Poll)
	}
	return any
}

// claimed reports whether all engines say that both sides are in sync.
func (s *stackWorld) claimed() bool {
	return !slices.ContainsFunc(s.machines, func(m *machine) bool { return m.loop == nil || !m.engine.Now().Quiet })
}

// differs says where the two sides are not the same.
func (s *stackWorld) differs() string {
	there := s.onlineTree()
	for _, m := range s.machines {
		if maps.Equal(there, m.disk.tree()) {
			continue
		}
		m.sum.Waiting = m.noted()
		if d := m.differs(); d != "" {
			return d
		}
	}
	return ""
}

// idle holds a single pass to not waiting: it may for the quiet period, and for as
// long as the service has asked for.
func (r *rest) idle(s *stackWorld, to time.Time) {
	if s.agents() || !s.running() || s.flying > 0 {
		return
	}
	from := s.now
	if from.Before(r.since) {
		from = r.since
	}
	if to.After(from) {
		r.idled += to.Sub(from)
	}
	most := s.opt.Quiet + 2*s.script.Disk.Tick + soon
	if r.rough {
		most += failed
	}
	if r.idled > most {
		s.fail("I48: a single pass waits for %v although nothing is under way", r.idled)
	}
}
