package syncer

import (
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// TestWhatWasTakenInTheEndIsNotUnderWayForEver: a try of a new file got no answer,
// but the next. What then comes to have its name, on either side, is something else.
func TestWhatWasTakenInTheEndIsNotUnderWayForEver(t *testing.T) {
	unheard := &remote.Error{Op: "upload", Status: 503}
	for name, answer := range map[string]func(p *pair, s *stage){
		"it had not been taken": func(p *pair, s *stage) {
			s.on(cue{call: "upload f.txt", after: true, do: func() error { p.must(p.online.Delete("f.txt")); return unheard }})
		},
		"it had been": func(p *pair, s *stage) {
			s.on(cue{call: "upload f.txt", after: true, do: func() error { return unheard }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takenInTheEnd(t, answer)
		})
	}
}

func takenInTheEnd(t *testing.T, answer func(p *pair, s *stage)) {
	p := newPair(t, remotetest.Options{})
	p.write("o.txt", "other")
	p.write("q.txt", "another")
	p.sync()
	clock := newHurried(200)
	p.cfg.Clock = clock
	p.write("f.txt", "one")
	answer(p, p.onStage())
	stop := p.agent(New(p.cfg))
	agreed := func(want int) func() bool {
		return func() bool { n, err := p.db.CountAgreed(p.cfg.Folder.N); p.must(err); return n == want }
	}
	p.until("it is agreed upon", agreed(3))
	if in := p.intents(); len(in) != 0 {
		t.Errorf("still on record: %+v", in)
	}
	p.remove("f.txt")
	clock.forward(25 * time.Hour) // no events here: the daily look sees it
	p.until("it is deleted", agreed(2))
	stop()
	p.cfg.Clock = nil
	p.put("f.txt", "one")
	p.write("f.txt", "nothing to do with it")
	p.sync()
	p.holds("f.txt", "one", "nothing to do with it")
	p.same()
}

// TestANewFileIsUnderWayOnceHoweverOftenItIsTried and not any more when it went
// away meanwhile.
func TestANewFileIsUnderWayOnceHoweverOftenItIsTried(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.sync()
	clock := newHurried(1000)
	p.cfg.Clock = clock
	for _, name := range []string{"a", "b", "c"} {
		p.write(name, name)
	}
	// The service takes them and does not say so; what it has is taken from it again.
	s := p.onStage()
	s.on(cue{call: "upload *", after: true, times: 1 << 30, do: func() error {
		for _, name := range []string{"a", "b", "c"} {
			p.online.Delete(name)
		}
		return &remote.Error{Op: "upload", Status: 503}
	}})
	stop := p.agent(New(p.cfg))
	defer stop()
	p.until("each was tried twice", func() bool {
		return len(s.heard("upload a")) > 1 && len(s.heard("upload b")) > 1 && len(s.heard("upload c")) > 1
	})
	if in := p.intents(); len(in) > 3 {
		t.Errorf("%d are on record for three files", len(in))
	}
	p.remove("a")
	p.remove("b")
	p.remove("c")
	clock.forward(25 * time.Hour)
	p.until("nothing is on record", func() bool { return len(p.intents()) == 0 })
}

// TestALargeFileWhoseAnswerWasLostIsKnownWhateverBecameOfItHere, as a small one is.
func TestALargeFileWhoseAnswerWasLostIsKnownWhateverBecameOfItHere(t *testing.T) {
	for what, change := range map[string]func(p *pair) (now, text string){
		"nothing": func(p *pair) (string, string) { return "f.bin", big("one") },
		"renamed": func(p *pair) (string, string) { p.move("f.bin", "g.bin"); return "g.bin", big("one") },
		"appended": func(p *pair) (string, string) {
			p.write("f.bin", big("one")+"more")
			return "f.bin", big("one") + "more"
		},
		"replaced": func(p *pair) (string, string) { p.save("f.bin", "small"); return "f.bin", "small" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("f.bin", big("one"))
			p.onStage().crashAfter("upload f.bin")
			if _, err := p.try(); err == nil {
				t.Fatal("it was not killed")
			}
			p.restart()
			now, text := change(p)
			if sum := p.sync(); sum.Conflicts != 0 || len(p.there()) != 1 || p.there()[now] != text {
				t.Errorf("%+v\nhere:  %s\nthere: %s", sum, show(p.here()), show(p.there()))
			}
			p.same()
			if in := p.intents(); len(in) != 0 {
				t.Errorf("still on record: %+v", in)
			}
			if left, err := p.db.Sessions(p.cfg.Folder.N); err != nil || len(left) != 0 {
				t.Errorf("still on record: %+v (%v)", left, err)
			}
		})
	}
}
