package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Stack makes a world that of the whole stack: the verbs of the engine go on at
// the same time through the real client, with its request limiter, its retries,
// batches and sessions, and each HTTP exchange takes its time. So time goes by
// itself, nobody says who goes on, and the lines of the script happen at times.
//
//	engine ─► remote.Client ─► exchange ─ up ─► remotetest.Drive ─ down ─► exchange ─► …
//	  ▲            │ Sleep, Wait, AfterFunc                                     ▲
//	push         events                                                      delays
//
// What has to be at rest, and how soon, is held in rest.go.
type Stack struct {
	Life  time.Duration // how long people go on; 0: until the last line
	Push  *Push         // nil: there is none
	Token time.Duration // how long access tokens live; 0: an hour
	Quiet time.Duration // the quiet period; 0: a second
	Poll  time.Duration // how often the change feed is asked; 0: every 30 s, as the program does
	Page  int           // how many items a page of the feed has, at least two; 0: as many as are asked for

	Lenient bool // only that nothing is lost and both sides become the same is held, not how soon and at what cost
}

// A Push tells the engines that something has changed online.
type Push struct {
	Late  time.Duration
	Lossy bool // every other notice gets lost
}

// option reads one of the words behind "stack".
func (s *Stack) option(key, value string) (err error) {
	if s == nil {
		return fmt.Errorf("no such option: %q", key)
	}
	switch key {
	case "push":
		s.Push = &Push{}
		if value, s.Push.Lossy = strings.CutSuffix(value, ",lossy"); value != "" {
			s.Push.Late, err = time.ParseDuration(value)
		}
	case "token":
		s.Token, err = time.ParseDuration(value)
	case "quiet":
		s.Quiet, err = time.ParseDuration(value)
	case "poll":
		s.Poll, err = time.ParseDuration(value)
	case "page":
		s.Page, err = strconv.Atoi(value)
	case "lenient":
		s.Lenient = true
	default:
		err = fmt.Errorf("no such option: %q", key)
	}
	return err
}

func (s *Stack) String() string {
	text := " stack"
	if p := s.Push; p != nil {
		text += fmt.Sprintf(" push=%v", p.Late)
		if p.Lossy {
			text += ",lossy"
		}
	}
	for _, o := range []struct {
		name  string
		value time.Duration
	}{{"until", s.Life}, {"token", s.Token}, {"quiet", s.Quiet}, {"poll", s.Poll}} {
		if o.value > 0 {
			text += fmt.Sprintf(" %s=%v", o.name, o.value)
		}
	}
	if s.Page > 0 {
		text += fmt.Sprintf(" page=%d", s.Page)
	}
	if s.Lenient {
		text += " lenient"
	}
	return text
}

// A stackWorld is what a world has when it is one of the whole stack.
type stackWorld struct {
	*world
	opt    Stack
	events events
	rest   rest

	delays    []*delay
	flying    int            // exchanges that have not been answered
	times     map[string]int // exchanges so far, by their name
	exchanges int
	held      int // answers that came late

	seen    map[string]string   // ids of items as a person's browser last listed them, by path
	thrown  map[string][]string // ids of what people deleted online, by path
	back    bool                // somebody has brought something back
	latest  []string            // ids that were last changed by an engine
	entries int                 // of the feed, that engines have read

	plan []planned // what people will do, when the script is made up
	odds odds
	met  int // exchanges that chance has been asked about
}

func newStackWorld(w *world, opt Stack) *stackWorld {
	opt.Quiet, opt.Poll = cmp.Or(opt.Quiet, time.Second), cmp.Or(opt.Poll, 30*time.Second)
	return &stackWorld{world: w, opt: opt, times: map[string]int{}, seen: map[string]string{}, thrown: map[string][]string{}}
}

// goesOn says that people are not done.
func (w *world) goesOn() bool {
	if s := w.stack; s != nil {
		return w.now.Sub(start) < s.opt.Life || w.next < len(w.script.Lines) || len(s.plan) > 0
	}
	return w.step <= w.script.Until || w.next < len(w.script.Lines)
}

// happen lets happen what the script, or the plan of people and chance, has for now.
func (s *stackWorld) happen() {
	if s.pick == nil {
		for ; s.next < len(s.script.Lines) && s.script.Lines[s.next].Time <= s.now.Sub(start); s.next++ {
			s.carryOut(s.script.Lines[s.next].Do)
		}
		return
	}
	for len(s.plan) > 0 && !s.plan[0].at.After(s.now) {
		p := s.plan[0]
		s.plan = s.plan[1:]
		do := p.do()
		s.write(do)
		if who, verb, _ := strings.Cut(do, " "); strings.HasPrefix(verb, "open ") { // nobody forgets to close
			s.add(s.now.Sub(start)+time.Duration(s.pick.Int64N(int64(3*time.Second))), func() string { return who + " close" })
			s.inOrder()
		}
	}
	for ; s.met < s.exchanges && !s.quiet; s.met++ {
		if do := s.odds.mishap(s.pick); do != "" {
			s.write(do)
		}
	}
}

// advance makes one step: time goes on to when something happens, that does, and
// somebody goes on. It goes no further than to the given time, if there is one.
func (s *stackWorld) advance(to time.Time) {
	s.now = s.now.Add(tick)
	if len(s.able()) == 0 {
		next, ok := s.nextTime(to)
		if !ok {
			s.fail("nobody can go on: %s", s.names())
			return
		}
		if next.After(s.now) {
			s.rest.idle(s, next)
			s.now = next
		}
	}
	s.rest.watch(s)
	s.world.happen()
	s.events.due(s.now)
	s.bury()
	if s.bad != nil || slices.ContainsFunc(s.machines, func(m *machine) bool { return m.dead }) {
		return
	}
	if able := s.able(); len(able) > 0 {
		s.goOn(s.choose(able))
	}
	if s.changed {
		s.rest.stirs++
	}
	s.ask()
	if s.step > 1_000_000 {
		s.fail("no end is in sight")
	}
}

// nextTime is when something happens next.
func (s *stackWorld) nextTime(to time.Time) (time.Time, bool) {
	next := to
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, p := range s.procs {
		if !p.until.IsZero() {
			sooner(p.until)
		}
	}
	if len(s.events.all) > 0 {
		sooner(s.events.all[0].at)
	}
	if s.pick == nil && s.next < len(s.script.Lines) {
		sooner(start.Add(s.script.Lines[s.next].Time))
	}
	if len(s.plan) > 0 {
		sooner(s.plan[0].at)
	}
	if t := s.rest.due(s); !t.IsZero() {
		sooner(t)
	}
	return next, !next.IsZero()
}

// order carries out the lines that only the whole stack knows: "push down" and
// "push up"; "count", which counts anew; and "expect", which holds a script to how
// often something was asked for since, at most.
func (s *stackWorld) order(word []string) error {
	if s == nil {
		return fmt.Errorf("only in the whole stack: %q", word[0])
	}
	switch {
	case word[0] == "push" && len(word) > 1:
		for _, m := range s.machines {
			m.pushUp(word[1] == "up")
		}
	case word[0] == "count":
		s.online.ResetCounts()
		s.entries = 0
	case word[0] == "expect" && len(word) == 3:
		most, err := strconv.Atoi(word[2])
		if err != nil {
			return err
		}
		n := s.online.Count(word[1])
		switch word[1] {
		case "requests":
			n = s.online.Requests()
		case "entries":
			n = s.entries
		}
		if n > most {
			s.fail("I46: %d times %q, expected at most %d", n, word[1], most)
		}
	default:
		return fmt.Errorf("no such order: %q", word)
	}
	return nil
}

// chance is a number from 0 to 1 that depends on the seed and on what it is for
// alone, so that a script that is cut down keeps its times.
func (s *stackWorld) chance(what string, n int) float64 {
	return rand.New(rand.NewPCG(s.script.Seed, hash(what)+uint64(n))).Float64()
}

// elapse lets time go by while no pass is made.
func (s *stackWorld) elapse(d time.Duration) {
	for end := s.now.Add(d); s.bad == nil && s.now.Before(end); {
		s.advance(end)
		for _, m := range s.machines {
			m.reap()
		}
	}
}

// calm waits, once people and faults have stopped, until the engines have been held
// to being at rest, and for a while longer: they have to stay so.
func (s *stackWorld) calm() {
	if !s.quiet {
		s.stop()
		s.calmAt = time.Time{}
	}
	if !s.rest.held {
		s.calmAt = time.Time{}
		return
	}
	if s.calmAt.IsZero() {
		s.calmAt = s.now.Add(2 * s.opt.Poll)
		s.events.add(s.calmAt, func() {})
	}
	if !s.now.Before(s.calmAt) {
		s.close()
	}
}
