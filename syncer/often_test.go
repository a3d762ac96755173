package syncer

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/watcher"
)

// A scribe is an agent beside which a program writes to a file again and again, by a
// clock that nobody waits for.
type scribe struct {
	*paced
	rel     string
	patient bool // time stands still while the agent is at work
}

func newScribe(t *testing.T, rel string, size int) *scribe {
	p := newPair(t, remotetest.Options{})
	p.write(rel, strings.Repeat("x", size))
	p.sync()
	s := &paced{pair: p, clock: newHurried(1), watch: told{events: make(chan watcher.Event)}}
	s.clock.forward(time.Hour)
	p.onStage()
	p.cfg.Clock, p.cfg.Watch, p.cfg.Settle = s.clock, s.watch, time.Second
	s.e = New(p.cfg)
	s.stop = p.agent(s.e)
	p.until("it is at rest", func() bool { return s.e.Now().Quiet })
	return &scribe{paced: s, rel: rel}
}

// add writes a line at the end of the file.
func (s *scribe) add(line string) {
	f, err := os.OpenFile(s.path(s.rel), os.O_APPEND|os.O_WRONLY, 0)
	s.must(err)
	_, err = f.WriteString(line)
	s.must(errors.Join(err, f.Close()))
	s.dated()
}

// overwrite writes a line into the file, which keeps its size.
func (s *scribe) overwrite(line string) {
	f, err := os.OpenFile(s.path(s.rel), os.O_WRONLY, 0)
	s.must(err)
	_, err = f.WriteString(line)
	s.must(errors.Join(err, f.Close()))
	s.dated()
}

// dated gives the file the time of the agent's clock.
func (s *scribe) dated() {
	now := s.clock.Now()
	s.must(os.Chtimes(s.path(s.rel), now, now))
}

// goOn lets write be called every so often, as long as that lasts, and the agent hear of it.
func (s *scribe) goOn(last, every time.Duration, write func()) {
	for ; last > 0; last -= every {
		write()
		s.watch.events <- watcher.Event{Path: s.rel}
		for step := every; step > 0; step -= time.Second {
			s.clock.forward(min(step, time.Second))
			s.turn()
			s.until("it is not at work", func() bool { s.turn(); return !s.patient || s.e.Now().Idle })
		}
	}
}

func (s *scribe) uploads() int { return len(s.stage.heard("upload " + s.rel)) }

func TestAFileThatChangesAllTheTimeIsSentNowAndThen(t *testing.T) {
	for name, test := range map[string]struct {
		size        int
		every, last time.Duration
		least, most int
	}{
		"a log with two lines a second":              {100, 500 * time.Millisecond, 5 * time.Minute, 3, 8},
		"a log with a line every two seconds":        {100, 2 * time.Second, 20 * time.Minute, 4, 30},
		"a large file with a line every two seconds": {20 << 20, 2 * time.Second, 90 * time.Second, 1, 3},
		"a document that is saved every ten minutes": {1000, 10 * time.Minute, 2 * time.Hour, 12, 12},
		"a document that is saved every 30 seconds":  {1000, 30 * time.Second, 10 * time.Minute, 10, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScribe(t, "f", test.size)
			defer s.stop()
			s.patient = true
			told := 0
			s.goOn(test.last, test.every, func() {
				if now := s.e.Now(); !now.Quiet && now.Idle && len(now.Writing) == 1 && !now.Writing[0].By.IsZero() {
					told++
				}
				s.add("line\n")
			})
			if told == 0 && test.every < 5*time.Second {
				t.Error("it was never said to be written to")
			}
			if n := s.uploads(); n < test.least || n > test.most {
				t.Errorf("it was sent %d times in %v, want %d to %d", n, test.last, test.least, test.most)
			}
			s.pass(quietMost)
			s.until("it is at rest", func() bool { s.turn(); return s.e.Now().Quiet })
			s.same()
		})
	}
}

// TestAFileThatChangesAllTheTimeIsSentByTenMinutes, and no two of its versions are
// further apart.
func TestAFileThatChangesAllTheTimeIsSentByTenMinutes(t *testing.T) {
	s := newScribe(t, "f", 5<<20)
	defer s.stop()
	s.patient = true
	last, sent := s.clock.Now(), 0
	s.goOn(40*time.Minute, time.Second, func() {
		s.add("line\n")
		if n := s.uploads(); n != sent {
			last, sent = s.clock.Now(), n
		} else if late := s.clock.Now().Sub(last); late > waitMost+time.Minute {
			t.Fatalf("it was not sent for %v", late)
		}
	})
	if sent < 3 {
		t.Errorf("it was sent %d times", sent)
	}
}

// TestWhatIsBeingWrittenIsSentAsItWas at one moment: lines that are added while it is
// read make the next version.
func TestWhatIsBeingWrittenIsSentAsItWas(t *testing.T) {
	for _, size := range []int{100, 5 << 20} {
		s := newScribe(t, "f", size)
		s.stage.on(cue{call: "read f", times: 1 << 30, do: func() error { s.add("0123456789\n"); return nil }})
		s.goOn(11*time.Minute, 500*time.Millisecond, func() { s.add("0123456789\n") })
		text := s.there()["f"]
		if len(text) <= size || strings.Trim(text, "x0123456789\n") != "" || !strings.HasSuffix(text, "9\n") || len(text[size:])%11 != 0 {
			t.Errorf("online are %d bytes that end in %q", len(text), text[max(0, len(text)-20):])
		}
		s.until("the copies are gone", func() bool { return len(s.private("tmp")) == 0 })
		s.stop()
	}
}

// TestWhatChangesFasterThanItIsReadIsNamed, and sent once it is left alone: no version
// goes online that never stood here.
func TestWhatChangesFasterThanItIsReadIsNamed(t *testing.T) {
	for _, size := range []int{100, 5<<20 + 7} {
		s := newScribe(t, "f", size)
		n, calm := 0, false
		s.stage.on(cue{call: "read on f", times: 1 << 30, do: func() error {
			if n++; !calm {
				s.overwrite(strings.Repeat(string('a'+rune(n%26)), size))
			}
			return nil
		}})
		s.goOn(11*time.Minute, 500*time.Millisecond, func() { n++; s.overwrite(strings.Repeat(string('a'+rune(n%26)), size)) })
		waiting, err := s.db.Waitings(s.cfg.Folder.N)
		s.must(err)
		if len(waiting) != 1 || !strings.Contains(waiting[0].Why, "changes faster") {
			t.Errorf("what waits: %+v", waiting)
		}
		if text := s.there()["f"]; strings.Count(text, text[:1]) != size {
			t.Errorf("online is a version that never was here")
		}
		calm = true
		s.pass(time.Hour)
		s.until("it is sent", func() bool { s.pass(time.Minute); return s.there()["f"] == s.here()["f"] })
		s.stop()
	}
}

// TestASinglePassEndsThoughAFileIsWrittenTo: it sends what is there, and says so.
func TestASinglePassEndsThoughAFileIsWrittenTo(t *testing.T) {
	for _, size := range []int{100, 5 << 20} {
		p := newPair(t, remotetest.Options{})
		clock := newHurried(200)
		p.cfg.Clock = clock
		p.cfg.Settle = time.Second
		p.write("f", strings.Repeat("x", size))
		s := &scribe{paced: &paced{pair: p, clock: clock}, rel: "f"}
		p.onStage()
		for _, look := range []string{"lstat f", "open f"} {
			p.stage.on(cue{call: look, times: 1 << 30, do: func() error { s.add("line\n"); return nil }})
		}
		sum, err := p.try()
		p.stage.cues = nil
		if err != nil || sum.Uploaded != 1 || len(sum.Waiting) != 1 || !strings.Contains(sum.Waiting[0].Why, "being written to") {
			t.Errorf("%+v, %v", sum, err)
		}
		clock.forward(time.Hour)
		p.sync()
		p.same()
	}
}

// TestWhoAsksHasAFileSentThatChangesOften at once.
func TestWhoAsksHasAFileSentThatChangesOften(t *testing.T) {
	s := newScribe(t, "f", 40<<20)
	defer s.stop()
	s.patient = true
	s.goOn(30*time.Second, 2*time.Second, func() { s.add("line\n") })
	sent := s.uploads()
	if len(s.e.Now().Writing) != 1 {
		t.Fatalf("%+v", s.e.Now())
	}
	s.e.Look()
	s.until("it is sent", func() bool { s.turn(); return s.uploads() > sent })
}

// TestAFileThatChangesOnBothSidesIsNotFetchedOverAndOver while it is written to here.
func TestAFileThatChangesOnBothSidesIsNotFetchedOverAndOver(t *testing.T) {
	for name, theirs := range map[string]string{"of another size": "theirs", "of the same size": strings.Repeat("0", 1000)} {
		t.Run(name, func(t *testing.T) {
			s := newScribe(t, "f", 1000)
			defer s.stop()
			s.put("f", theirs)
			n := 0
			s.goOn(11*time.Minute, 500*time.Millisecond, func() { n++; s.overwrite(strings.Repeat(string('a'+rune(n%26)), 1000)) })
			if fetched, opened := len(s.stage.heard("download *")), len(s.stage.heard("open f")); fetched > 30 || opened > 200 {
				t.Errorf("it was fetched %d times, and opened %d times", fetched, opened)
			}
			s.until("both are kept", func() bool { s.pass(time.Minute); return len(s.here()) == 2 && s.e.Now().Quiet })
			s.same()
		})
	}
}

// TestWhatIsAddedAndThenPointedToIsSentWhole, as in a database: what the first bytes
// speak of is there.
func TestWhatIsAddedAndThenPointedToIsSentWhole(t *testing.T) {
	s := newScribe(t, "f", 100)
	defer s.stop()
	s.stage.on(cue{call: "read f", times: 1, do: func() error {
		s.add("the block")
		s.overwrite("more than 100")
		return nil
	}})
	s.goOn(time.Minute, 500*time.Millisecond, func() {
		if s.uploads() == 0 {
			s.overwrite("less")
		}
		if text := s.there()["f"]; strings.HasPrefix(text, "more") && !strings.HasSuffix(text, "the block") {
			t.Fatalf("online is %q", text)
		}
	})
	s.until("it is sent", func() bool { s.pass(time.Minute); return strings.HasSuffix(s.there()["f"], "the block") })
}

// TestAFileThatCouldNotBeSentIsLeftItsQuietPeriodAgain when it changes later.
func TestAFileThatCouldNotBeSentIsLeftItsQuietPeriodAgain(t *testing.T) {
	s := newScribe(t, "f", 100)
	defer s.stop()
	s.stage.never("upload f", remote.ErrLocked)
	s.goOn(time.Second, time.Second, func() { s.add("edited") })
	s.until("it was tried", func() bool { s.pass(20 * time.Second); return s.uploads() > 0 })
	s.stage.mu.Lock()
	s.stage.cues = nil
	s.stage.mu.Unlock()
	s.must(os.Truncate(s.path("f"), 0))
	s.dated()
	s.e.Look()
	s.turn()
	s.must(os.WriteFile(s.path("f"), []byte("saved"), 0o600))
	s.dated()
	s.e.Look()
	s.until("it is sent", func() bool { s.pass(20 * time.Second); return s.there()["f"] == "saved" })
	if old, err := s.online.Versions("f"); err != nil || len(old) > 2 {
		t.Errorf("%d versions are online (%v), one of them empty", len(old), err)
	}
}
