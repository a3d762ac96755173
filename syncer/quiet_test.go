package syncer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// A paced is an agent of which a test says when it hears of what happens here, and
// when time passes.
type paced struct {
	*pair
	e       *Engine
	clock   *hurried
	watch   told
	outside string
	stop    func()
}

// newPaced starts an agent on a folder d with files, and its subfolder d/s.
func newPaced(t *testing.T, files int) *paced {
	p := newPair(t, remotetest.Options{})
	p.cfg.HoldCount, p.cfg.HoldPercent = 2*files, 100
	for i := range files {
		p.write(fmt.Sprintf("d/%d.txt", i), fmt.Sprint(i))
	}
	p.write("d/s/in.txt", "in")
	p.write("o.txt", "other")
	p.sync()
	p.same()
	s := &paced{pair: p, clock: newHurried(1), watch: told{events: make(chan watcher.Event)}, outside: t.TempDir()}
	s.clock.forward(time.Hour) // no file is young
	p.onStage()
	p.cfg.Clock, p.cfg.Watch, p.cfg.Settle = s.clock, s.watch, time.Minute
	s.e = New(p.cfg)
	s.stop = p.agent(s.e)
	p.until("it is at rest", func() bool { return s.e.Now().Quiet })
	return s
}

// tell lets the agent hear that something happened at a path, and decide.
func (s *paced) tell(rel string) {
	s.watch.events <- watcher.Event{Path: rel, Deep: true}
	s.turn()
}

// sends edits d/1.txt and has its upload wait, before or after the call, until it is
// told to go on.
func (s *paced) sends(moment func(call string, do func())) (goOn func()) {
	wait := make(chan struct{})
	moment("upload 1.txt", func() { <-wait })
	s.write("d/1.txt", "edited")
	s.tell("d/1.txt")
	s.until("it is being sent", func() bool { return len(s.stage.heard("upload 1.txt")) > 0 })
	return func() { close(wait) }
}

// turn lets the agent decide about all it knows.
func (s *paced) turn() {
	for n := s.e.Beats(); s.e.Beats() < n+3; {
		s.e.Nudge()
		runtime.Gosched()
	}
}

// pass lets time pass in steps that are shorter than the quiet period.
func (s *paced) pass(d time.Duration) {
	for ; d > 0; d -= 20 * time.Second {
		s.clock.forward(20 * time.Second)
		s.turn()
	}
}

// rest lets time pass until both sides are equal and the agent is at rest.
func (s *paced) rest() {
	s.t.Helper()
	s.until("both sides are equal", func() bool {
		s.pass(20 * time.Second)
		return maps.Equal(s.here(), s.there()) && s.e.Now().Quiet
	})
}

// took counts the changes online.
func (s *paced) took() map[string]int {
	took := map[string]int{}
	for _, change := range []string{"delete online", "upload", "move online", "mkdir online"} {
		if n := len(s.stage.heard(change + " *")); n > 0 {
			took[change] = n
		}
	}
	return took
}

// TestRenamesWhileARenameIsUnderWay tries all of three renames, the first of which is
// answered after any of the hints that come of them, whichever of two names is heard
// of first.
// What is renamed stays the same item online.
func TestRenamesWhileARenameIsUnderWay(t *testing.T) {
	for kind, at := range map[string]string{"a folder": "d", "a file": "o.txt"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newPaced(t, 3)
			defer s.stop()
			for n := range 8 * 6 * 2 {
				way := s.way(at, 3, n/12)
				at = way[3]
				took := s.walk("move online *", way, 1+n/2%6, n%2 == 0)
				if took["move online"] > 3 || took["upload"]+took["mkdir online"]+took["delete online"] > 0 {
					t.Fatalf("%q, answered after %d hints, new name first %t: it took %v", way, 1+n/2%6, n%2 == 0, took)
				}
			}
		})
	}
}

// TestRenamesOfWhatIsBeingSent tries all of two renames of something new.
func TestRenamesOfWhatIsBeingSent(t *testing.T) {
	for kind, call := range map[string]string{"a folder": "mkdir online *", "a file": "upload *"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newPaced(t, 3)
			defer s.stop()
			want := map[string]int{"upload": 1, "move online": 1}
			for n := range 4 * 4 * 2 {
				at := fmt.Sprint("new", n)
				if kind == "a folder" {
					s.write(at+"/1.txt", "one")
					s.write(at+"/2.txt", "two")
					want = map[string]int{"mkdir online": 1, "upload": 2, "move online": 1}
				} else {
					s.write(at, at)
				}
				way := s.way(at, 2, n/8)
				took := s.walk(call, way, 1+n/2%4, n%2 == 0)
				if took["move online"] == 2 {
					took["move online"] = 1
				}
				if !maps.Equal(took, want) {
					t.Fatalf("%q, answered after %d hints, new name first %t: it took %v, want %v", way, 1+n/2%4, n%2 == 0, took, want)
				}
				s.must(os.Rename(s.path(way[2]), s.path(at))) // out of the way of the next
				s.tell(way[2])
				s.tell(at)
				s.rest()
			}
		})
	}
}

// way gives the n-th way from one name over so many others, among three.
func (s *paced) way(from string, steps, n int) []string {
	names := []string{"a", "b", "c"}
	way := []string{from}
	for i := range steps {
		at := slices.Index(names, way[i])
		way = append(way, names[(at+1+n>>i&1)%3])
	}
	return way
}

// walk renames what stands at the first name of way to the others, one after the
// other, and says what it took online. The first call of that kind is answered after
// so many hints.
func (s *paced) walk(call string, way []string, answered int, newFirst bool) map[string]int {
	s.t.Helper()
	before, began, goOn := s.took(), len(s.stage.heard(call)), make(chan struct{})
	s.stage.before(call, func() { <-goOn })
	s.tell(way[0])
	for i, to := range way[1:] {
		if i == 1 || call != "move online *" {
			s.until("it is under way online", func() bool { return len(s.stage.heard(call)) > began })
		}
		s.move(way[i], to)
		hints := []string{way[i], to}
		if newFirst {
			slices.Reverse(hints)
		}
		for _, rel := range hints {
			s.tell(rel)
			if answered--; answered == 0 {
				close(goOn)
			}
		}
	}
	s.rest()
	took := s.took()
	for change, n := range before {
		if took[change] -= n; took[change] == 0 {
			delete(took, change)
		}
	}
	return took
}

// TestNothingWaitsUnderAKeyThatIsGivenUp: a second name of a file waits, as online only
// one of the two can be; the first is removed, and so the file was renamed.
func TestNothingWaitsUnderAKeyThatIsGivenUp(t *testing.T) {
	s := newPaced(t, 1)
	s.must(os.Link(s.path("o.txt"), s.path("O.TXT")))
	s.tell("O.TXT")
	s.pass(2 * time.Minute)
	if all := s.waiting(); len(all) != 1 {
		t.Fatalf("%v is not synced, want O.TXT", all)
	}
	s.remove("o.txt")
	s.tell("O.TXT")
	s.tell("o.txt")
	s.rest()
	s.stop()
	if all := s.waiting(); len(all) > 0 || len(s.e.waiting) > 0 {
		t.Errorf("both sides are equal, but not synced is said to be %v, %v", all, s.e.waiting)
	}
	if took, want := s.took(), map[string]int{"move online": 1}; !maps.Equal(took, want) {
		t.Errorf("it took %v, want %v", took, want)
	}
}

// forgot holds the agent to keeping nothing of what it waited for.
func (s *paced) forgot() {
	s.t.Helper()
	e := s.e
	if left := len(e.wake) + len(e.later) + len(e.with) + len(e.creating) + len(e.local.going) + len(e.local.awaits) + len(e.local.sending); left > 0 {
		s.t.Errorf("at rest it keeps: to look at %v, to decide %v, with folders %v, going %v, awaited %v; %v, %v",
			e.wake, e.later, e.with, e.local.going, e.local.awaits, e.creating, e.local.sending)
	}
}

// waiting lists what is on record as not synced.
func (s *paced) waiting() []state.Waiting {
	all, err := s.db.Waitings(s.cfg.Folder.N)
	s.must(err)
	return all
}

// TestAFolderThatIsGoneGoesWithAllThatIsInIt: what is in it is neither deleted nor
// sent one by one, whatever becomes of the folder.
func TestAFolderThatIsGoneGoesWithAllThatIsInIt(t *testing.T) {
	const files = 30
	for name, test := range map[string]struct {
		do   func(s *paced)
		want map[string]int
	}{
		"it comes back under another name": {func(s *paced) {
			s.must(os.Rename(s.path("d"), filepath.Join(s.outside, "d")))
			s.tell("d")
			s.must(os.Rename(filepath.Join(s.outside, "d"), s.path("d2")))
			s.tell("d2")
		}, map[string]int{"move online": 1}},
		"it is deleted": {func(s *paced) {
			s.remove("d")
			s.tell("d")
		}, map[string]int{"delete online": 1}},
		"it is deleted file by file, for longer than the quiet period": {func(s *paced) {
			for i := range files {
				s.remove(fmt.Sprintf("d/%d.txt", i))
				s.tell(fmt.Sprintf("d/%d.txt", i))
				s.pass(20 * time.Second)
			}
			s.remove("d")
			s.tell("d")
		}, map[string]int{"delete online": 1}},
		"it is deleted while a file in it is sent": {func(s *paced) {
			goOn := s.sends(s.stage.before)
			s.remove("d")
			s.tell("d")
			s.pass(2 * time.Minute)
			goOn()
		}, map[string]int{"upload": 1, "delete online": 1}},
		"it is renamed while a file in it is sent": {func(s *paced) {
			goOn := s.sends(s.stage.before)
			s.move("d", "d2")
			s.tell("d2")
			s.pass(2 * time.Minute)
			goOn()
		}, map[string]int{"upload": 1, "move online": 1}},
		"it is renamed while a file in it is sent that is saved anew": {func(s *paced) {
			goOn := s.sends(s.stage.before)
			s.move("d", "d2")
			s.write("d2/new", "edited once more")
			s.move("d2/new", "d2/1.txt")
			s.tell("d2")
			s.pass(2 * time.Minute)
			goOn()
		}, map[string]int{"upload": 2, "move online": 1}},
		"it is renamed while a file in it is sent, and both answers are recorded together": {func(s *paced) {
			sent, moved, holds, record := s.sends(s.stage.after), make(chan struct{}), make(chan struct{}), make(chan struct{})
			s.stage.after("move online d", func() { <-moved })
			s.move("d", "d2")
			s.write("d2/new", "edited once more")
			s.move("d2/new", "d2/1.txt")
			s.tell("d2")
			s.pass(2 * time.Minute)
			s.until("it is being moved", func() bool { s.turn(); return len(s.stage.heard("move online d")) > 0 })
			s.e.inbox <- report{then: func(error) { close(holds); <-record }}
			<-holds
			for _, end := range []func(){sent, func() { close(moved) }} {
				told := len(s.e.inbox)
				end()
				s.until("its end is told", func() bool { return len(s.e.inbox) > told })
			}
			close(record)
		}, map[string]int{"upload": 2, "move online": 1}},
		"it comes back while an action is at work there, with something new in it": {func(s *paced) {
			s.write("d/new.txt", "new")
			looked := make(chan struct{})
			s.e.inbox <- report{then: func(error) { // while an action is at work under the folder's name
				at := plan.Place{Parent: s.e.root, Name: "d"}
				s.e.slots[at]++
				s.e.lookAt("d", true)
				drop(s.e.slots, at)
				close(looked)
			}}
			<-looked
		}, map[string]int{"upload": 1}},
		"it comes back, and something in it was edited online": {func(s *paced) {
			s.must(os.Rename(s.path("d"), filepath.Join(s.outside, "d")))
			s.tell("d")
			s.put("d/1.txt", "theirs")
			at := s.clock.Now()
			s.pass(40 * time.Second)
			s.until("it is heard of", func() bool { s.turn(); return s.e.Now().Read.After(at) })
			s.must(os.Rename(filepath.Join(s.outside, "d"), s.path("d")))
			s.tell("d")
		}, map[string]int{}},
		"it is deleted, but something in it was edited online": {func(s *paced) {
			s.put("d/1.txt", "theirs")
			s.remove("d")
			s.tell("d")
		}, map[string]int{"delete online": files}},
		"it is renamed while it is renamed online": {func(s *paced) {
			goOn := make(chan struct{})
			s.stage.before("move online d", func() { <-goOn })
			s.move("d", "d2")
			s.tell("d2")
			s.until("it is being moved", func() bool { return len(s.stage.heard("move online d")) > 0 })
			s.move("d2", "d3")
			s.tell("d3")
			s.tell("d2")
			s.pass(2 * time.Minute)
			close(goOn)
		}, map[string]int{"move online": 2}},
		"it is renamed and back while it is renamed online": {func(s *paced) {
			goOn := make(chan struct{})
			s.stage.before("move online d", func() { <-goOn })
			s.move("d", "d2")
			s.tell("d2")
			s.until("it is being moved", func() bool { return len(s.stage.heard("move online d")) > 0 })
			s.move("d2", "d3")
			s.tell("d2")
			s.tell("d3")
			s.move("d3", "d2")
			s.tell("d3")
			s.tell("d2")
			s.pass(2 * time.Minute)
			close(goOn)
		}, map[string]int{"move online": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPaced(t, files)
			test.do(s)
			s.rest()
			s.pass(2 * time.Minute)
			s.stop()
			s.forgot()
			if took := s.took(); !maps.Equal(took, test.want) {
				t.Errorf("it took %v, want %v", took, test.want)
			}
		})
	}
}
