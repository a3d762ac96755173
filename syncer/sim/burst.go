package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/remote/remotetest"
)

// A planned deed is made up when its time has come, so that it makes sense then.
type planned struct {
	at time.Time
	do func() string
}

// odds are the chances that something happens to an exchange, in a script that is
// made up.
type odds struct{ fault, delay float64 }

// newStack makes up what sort of world of the whole stack a seed is.
func newStack(seed uint64, rnd *rand.Rand) Script {
	s := newScript(seed, rnd)
	s.Until, s.Agent, s.Fair = 0, rnd.IntN(4) > 0, rnd.IntN(2) == 0
	if s.Machines = 0; rnd.IntN(8) == 0 {
		s.Machines = 2
	}
	if s.Lag > 0 && rnd.IntN(2) == 0 {
		s.Lag = 0
	}
	s.Stack = &Stack{Life: time.Duration(10+rnd.IntN([]int{30, 30, 120}[rnd.IntN(3)])) * time.Minute}
	if rnd.IntN(3) == 0 {
		s.Stack.Token = time.Duration(6+rnd.IntN(15)) * time.Minute
	}
	if s.Agent && rnd.IntN(4) > 0 {
		p := &Push{}
		switch rnd.IntN(6) {
		case 0:
			p.Late = time.Duration(1+rnd.IntN(90)) * time.Second
		case 1:
			p.Lossy = true
		}
		s.Stack.Push = p
	}
	if rnd.IntN(4) == 0 {
		s.Stack.Page = 2 + rnd.IntN(4)
	}
	if s.Agent && rnd.IntN(3) == 0 {
		s.Stack.Poll = 3 * time.Second
	}
	if !s.Agent {
		s.Stack.Life /= 8
	}
	return s
}

// imagine plans what people do in a world that is made up: now and then something,
// and in bursts.
func (s *stackWorld) imagine(rnd *rand.Rand) {
	s.odds = odds{fault: []float64{0, 0, .02, .1}[rnd.IntN(4)], delay: []float64{0, .05, .2}[rnd.IntN(3)]}
	life := s.opt.Life
	for at := time.Duration(0); at < life; at += time.Duration(rnd.ExpFloat64() * float64(life/8)) {
		s.add(at, s.deedOf(rnd, ""))
	}
	for range 3 + rnd.IntN(5) {
		at := time.Duration(rnd.Int64N(int64(life)))
		burst := bursts[often[rnd.IntN(len(often))]]
		burst(s, rnd, at)
	}
	for _, odd := range []struct {
		one  int
		what func() string
	}{
		{3, func() string { return "tokens" }},
		{6, func() string { return deed("kill", s.machines[rnd.IntN(len(s.machines))].name) }},
		{10, func() string {
			return deed("power", string(losses[rnd.IntN(len(losses))]), s.machines[rnd.IntN(len(s.machines))].name)
		}},
		{12, func() string { return "cursors" }},
		{6, func() string { return "push down" }},
		{6, func() string { return "push up" }},
		{12, func() string { return deed("overflow", s.machines[rnd.IntN(len(s.machines))].name) }},
	} {
		if rnd.IntN(odd.one) == 0 {
			s.add(time.Duration(rnd.Int64N(int64(life))), odd.what)
		}
	}
	s.inOrder()
}

func (s *stackWorld) inOrder() {
	slices.SortStableFunc(s.plan, func(a, b planned) int { return a.at.Compare(b.at) })
}

func (s *stackWorld) add(at time.Duration, do func() string) {
	s.plan = append(s.plan, planned{start.Add(at.Round(time.Millisecond)), do})
}

// deedOf makes something up for one person, or for anybody.
func (s *stackWorld) deedOf(rnd *rand.Rand, who string) func() string {
	return func() string {
		if who == "there" || who == "" && rnd.IntN(2) == 0 {
			return s.browse(rnd)
		}
		return s.invent(rnd)
	}
}

// often is how often each of the bursts comes.
var often = []int{0, 0, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 6}

// bursts are what people do in a short time, up to 55 things a second.
var bursts = []func(s *stackWorld, rnd *rand.Rand, at time.Duration){
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // anything
		gap := time.Second / time.Duration([]int{2, 10, 55}[rnd.IntN(3)])
		for range 5 + rnd.IntN(50) {
			at += gap
			s.add(at, s.deedOf(rnd, ""))
		}
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // one file, by everybody
		name := string("abcd"[rnd.IntN(4)])
		for range 4 + rnd.IntN(16) {
			at += time.Duration(rnd.ExpFloat64() * float64(700*time.Millisecond))
			who := []string{"here", "there", "also"}[rnd.IntN(3)]
			verb := []string{"write", "write", "save", "rm"}[rnd.IntN(4)]
			if who == "there" {
				verb = []string{"write", "write", "idwrite", "idwrite", "rm"}[rnd.IntN(5)]
			}
			s.add(at, func() string { return deed(who, verb, name) })
		}
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // a folder with files, that soon gets another name or goes, on either side
		dir, n := string("DEF"[rnd.IntN(3)]), 2+rnd.IntN(12)
		who := []string{"here", "there"}[rnd.IntN(2)]
		s.add(at, func() string { return deed(who, "mkdir", dir) })
		for i := range n {
			at += 18 * time.Millisecond
			s.add(at, func() string { return deed(who, "write", path.Join(dir, fmt.Sprintf("f%d", i))) })
		}
		for range 1 + rnd.IntN(4) {
			at += time.Duration(rnd.ExpFloat64() * float64(2*time.Second))
			who := []string{"here", "there"}[rnd.IntN(2)]
			to := string("DEFG"[rnd.IntN(4)])
			from := dir
			switch rnd.IntN(5) {
			case 0:
				s.add(at, func() string { return deed(who, "rm", from) })
			case 1:
				file := path.Join(dir, fmt.Sprintf("f%d", rnd.IntN(n)))
				s.add(at, func() string { return deed(who, "write", file) })
			case 2:
				file := path.Join(dir, fmt.Sprintf("f%d", rnd.IntN(n)))
				s.add(at, func() string { return deed("there", "idwrite", file) })
			default:
				s.add(at, func() string { return deed(who, "mv", from, to) })
				dir = to
			}
		}
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // people who go for what was just sent
		for range 3 + rnd.IntN(10) {
			s.add(at, s.deedOf(rnd, "here"))
			for range 1 + rnd.IntN(3) {
				s.add(at+time.Second+time.Duration(rnd.ExpFloat64()*float64(time.Second/2)), func() string { return s.pounce(rnd) })
			}
			at += time.Duration(rnd.ExpFloat64() * float64(3*time.Second))
		}
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // an answer comes late about what others have changed meanwhile
		name := string("abcd"[rnd.IntN(4)])
		match := []string{"PUT content", "POST batch", "PATCH item"}[rnd.IntN(3)]
		if !strings.HasPrefix(s.script.Drive, "personal") && match != "PATCH item" {
			match = "PUT upload"
		}
		by := upTo(rnd, []time.Duration{5 * time.Second, 50 * time.Second}[rnd.IntN(2)])
		hold := deed("online", "hold", "match="+match, "for="+by.Round(time.Millisecond).String())
		if rnd.IntN(8) == 0 {
			by = upTo(rnd, 5*time.Minute)
			hold = deed("online", "hold", "match="+match, "for="+by.Round(time.Second).String(), "drip")
		}
		change := func(who string, verbs ...string) func() string {
			verb, to := verbs[rnd.IntN(len(verbs))], string("abcdD"[rnd.IntN(5)])
			return func() string {
				if strings.HasSuffix(verb, "mv") {
					return deed(who, verb, name, to)
				}
				return deed(who, verb, name)
			}
		}
		s.add(at, func() string { return hold })
		if match == "PATCH item" {
			s.add(at, change("here", "mv"))
		} else {
			s.add(at, change("here", "write", "save"))
		}
		s.add(at+upTo(rnd, 3*time.Second), func() string { return "there look" })
		s.add(at+time.Second+upTo(rnd, 3*time.Second), change("there", "write", "idwrite", "idwrite", "idmv", "rm"))
		s.add(at+by+upTo(rnd, 20*time.Second), change("also", "write", "save", "rm", "mv"))
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // a folder is deleted that others still save in
		dir, n := string("DEF"[rnd.IntN(3)]), 1+rnd.IntN(5)
		file := func() string { return path.Join(dir, fmt.Sprintf("f%d", rnd.IntN(n+1))) }
		for i := range n {
			s.add(at, func() string { return deed("here", "mkdir", dir) })
			s.add(at, func() string { return deed("here", "write", path.Join(dir, fmt.Sprintf("f%d", i))) })
		}
		at += 5*time.Second + upTo(rnd, time.Minute)
		if rnd.IntN(2) == 0 {
			by := upTo(rnd, 4*time.Second)
			s.add(at, func() string { return deed("online", "late", "match=DELETE item", "for="+by.String()) })
		} else {
			n := rnd.IntN(3)
			s.add(at, func() string { return deed("online", "match=DELETE item", "status=503", fmt.Sprintf("times=%d", n+1)) })
		}
		s.add(at, func() string { return deed("here", "rm", dir) })
		for range 1 + rnd.IntN(4) {
			s.add(at+time.Second+upTo(rnd, 5*time.Second), func() string { return deed("there", "write", file()) })
		}
	},
	func(s *stackWorld, rnd *rand.Rand, at time.Duration) { // a folder is deleted online, again and again, and brought back, while somebody goes on in it here
		dir := string("DEF"[rnd.IntN(3)])
		file := func() string { return path.Join(dir, string("abc"[rnd.IntN(3)])) }
		s.add(at, func() string { return deed("here", "mkdir", dir) })
		for range 2 + rnd.IntN(4) {
			s.add(at, func() string { return deed("here", "write", file()) })
		}
		at += 3*time.Second + upTo(rnd, time.Minute)
		for range 3 + rnd.IntN(8) {
			at += time.Duration(rnd.ExpFloat64() * float64(2*time.Second))
			s.add(at, func() string {
				switch rnd.IntN(6) {
				case 0, 1:
					return deed("there", "rm", dir)
				case 2:
					return deed("there", "back", dir)
				case 3:
					return deed("there", "write", file())
				}
				return deed("here", "write", file())
			})
		}
	},
}

// upTo is a time up to so long.
func upTo(rnd *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(int64(most))).Round(time.Millisecond)
}

// browse makes up what a person online does, by path or by id: on the listing that
// the browser shows, which may be old.
func (s *stackWorld) browse(rnd *rand.Rand) string {
	switch n := rnd.IntN(12); {
	case n == 0 || len(s.seen) == 0:
		return "there look"
	case n < 5:
		return s.pounce(rnd)
	case n == 11 && len(s.thrown) > 0:
		binned := slices.Sorted(maps.Keys(s.thrown))
		return deed("there", "back", binned[rnd.IntN(len(binned))])
	case n < 8:
		listed := slices.Sorted(maps.Keys(s.seen))
		p := listed[rnd.IntN(len(listed))]
		switch verb := []string{"idwrite", "idwrite", "idmv", "idrm"}[rnd.IntN(4)]; verb {
		case "idmv":
			return deed("there", verb, p, path.Join(dirOf(p), string("abcdDEF"[rnd.IntN(7)])))
		default:
			return deed("there", verb, p)
		}
	}
	return s.inventAt(nil, rnd)
}

// pounce makes up what a person online does to what an engine has just changed there.
func (s *stackWorld) pounce(rnd *rand.Rand) string {
	var paths []string
	ids := s.ids()
	for p, id := range ids {
		if slices.Contains(s.latest, id) {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return "there look"
	}
	slices.Sort(paths)
	p := paths[rnd.IntN(len(paths))]
	switch n := rnd.IntN(10); {
	case n < 5 && !s.isDir(p):
		return deed("there", "write", p)
	case n < 7:
		return deed("there", "mv", p, path.Join(dirOf(p), string("abcdDEF"[rnd.IntN(7)])))
	case n < 9:
		return deed("there", "rm", p)
	default:
		return deed("there", "write", path.Join(p, string("abcd"[rnd.IntN(4)])))
	}
}

// mishap makes up what happens to an exchange; mostly nothing.
func (o odds) mishap(rnd *rand.Rand) string {
	match := "match=" + []string{
		"*", "*", "PUT content", "GET delta", "GET download", "DELETE item", "PATCH item", "POST children", "GET item", "POST batch", "GET children", "PUT upload",
	}[rnd.IntN(12)]
	times := fmt.Sprintf("times=%d", 1+rnd.IntN(2))
	switch p := rnd.Float64(); {
	case p < o.fault:
		switch rnd.IntN(10) {
		case 0:
			return deed("online", match, times, "status=503")
		case 1:
			return deed("online", match, "status=429", fmt.Sprintf("wait=%ds", 1+rnd.IntN(20)))
		case 2, 3:
			return deed("online", match, "done", "drop")
		case 4:
			return deed("online", match, "drop")
		case 5:
			return deed("online", match, times, "status=504", "done")
		case 6:
			return deed("online", match, "cut=10")
		case 7:
			return deed("online", "hang", match)
		case 8:
			return deed("online", "hang", match, "done")
		default:
			return deed("online", match, "status=500")
		}
	case p < o.fault+o.delay:
		by := "for=" + time.Duration(float64(time.Second)*[]float64{.3, .5, 1, 2, 5, 40}[rnd.IntN(6)]*(.5+rnd.Float64())).Round(time.Millisecond).String()
		switch n := rnd.IntN(24); {
		case n == 0:
			return deed("online", "hold", match, fmt.Sprintf("for=%ds", 30+rnd.IntN(270)), "drip")
		case n < 4:
			return deed("online", "match=*", "twist="+string([]remotetest.Twist{remotetest.Newborn, remotetest.Lag, remotetest.BumpLater}[rnd.IntN(3)]), "for=20s", times)
		case n < 8:
			return deed("online", "late", match, by)
		default:
			return deed("online", "hold", match, by)
		}
	}
	return ""
}
