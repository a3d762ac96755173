package syncer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"tandem/remote/remotetest"
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

// forgot holds the agent to keeping nothing of what it waited for.
func (s *paced) forgot() {
	s.t.Helper()
	e := s.e
	if left := len(e.wake) + len(e.later) + len(e.with) + len(e.local.going); left > 0 {
		s.t.Errorf("at rest it keeps: to look at %v, to decide %v, with folders %v, going %v",
			e.wake, e.later, e.with, e.local.going)
	}
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
			goOn := make(chan struct{})
			s.stage.before("upload 1.txt", func() { <-goOn })
			s.write("d/1.txt", "edited")
			s.tell("d/1.txt")
			s.until("it is being sent", func() bool { return len(s.stage.heard("upload 1.txt")) > 0 })
			s.remove("d")
			s.tell("d")
			s.pass(2 * time.Minute)
			close(goOn)
		}, map[string]int{"upload": 1, "delete online": 1}},
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
