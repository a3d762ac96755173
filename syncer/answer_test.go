package syncer

import (
	"fmt"
	"maps"
	"strings"
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
		"replaced": func(p *pair) (string, string) { p.save("f.bin", "new"); return "f.bin", "new" },
	} {
		for _, had := range []string{"", "small"} {
			t.Run(fmt.Sprintf("%s, had been %q", what, had), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{})
				if had != "" {
					p.write("f.bin", had)
					p.sync()
				}
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
}

// TestAnEditWhoseAnswerWasLostIsNoConflict with what became of the file since.
func TestAnEditWhoseAnswerWasLostIsNoConflict(t *testing.T) {
	for what, change := range map[string]func(p *pair) map[string]string{
		"nothing": func(*pair) map[string]string { return map[string]string{"f.txt": "v2"} },
		"edited":  func(p *pair) map[string]string { p.write("f.txt", "v3"); return map[string]string{"f.txt": "v3"} },
		"edited and renamed": func(p *pair) map[string]string {
			p.write("f.txt", "v3")
			p.move("f.txt", "g.txt")
			return map[string]string{"g.txt": "v3"}
		},
		"renamed":        func(p *pair) map[string]string { p.move("f.txt", "g.txt"); return map[string]string{"g.txt": "v2"} },
		"saved anew":     func(p *pair) map[string]string { p.save("f.txt", "v3"); return map[string]string{"f.txt": "v3"} },
		"deleted":        func(p *pair) map[string]string { p.remove("f.txt"); return map[string]string{} },
		"as it had been": func(p *pair) map[string]string { p.write("f.txt", "v1"); return map[string]string{"f.txt": "v1"} },
		"renamed online": func(p *pair) map[string]string {
			p.must(p.online.Move("f.txt", "g.txt"))
			p.write("f.txt", "v3")
			return map[string]string{"g.txt": "v3"}
		},
		"edited online, too": func(p *pair) map[string]string {
			p.put("f.txt", "theirs")
			return map[string]string{"f.txt": "theirs", "f (conflict).txt": "v2"}
		},
	} {
		for how, save := range map[string]func(p *pair, text string){
			"in place":      func(p *pair, text string) { p.write("f.txt", text) },
			"by another":    func(p *pair, text string) { p.save("f.txt", text) },
			"and backed up": func(p *pair, text string) { p.move("f.txt", "f.bak"); p.write("f.txt", text) },
		} {
			for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.Business} {
				t.Run(fmt.Sprint(what, ", ", how, ", ", kind), func(t *testing.T) {
					t.Parallel()
					p := newPair(t, remotetest.Options{Kind: kind})
					p.write("o.txt", "other")
					p.write("f.txt", "v1")
					p.age("f.txt")
					p.sync()
					save(p, "v2")
					s := p.onStage()
					if how == "and backed up" { // of neither the answer is heard
						s.before("upload f.txt", func() { p.until("the backup is up", func() bool { return p.there()["f.bak"] != "" }) })
						s.on(cue{call: "upload f.bak", after: true, do: func() error {
							p.until("the edit is up", func() bool { return p.there()["f.txt"] == "v2" })
							return errKilled
						}})
					}
					s.crashAfter("upload f.txt")
					if _, err := p.try(); err == nil {
						t.Fatal("it was not killed")
					}
					p.restart()
					want := change(p)
					want["o.txt"] = "other"
					if how == "and backed up" {
						want["f.bak"] = "v1"
					}
					p.sync()
					got := map[string]string{}
					for name, text := range p.there() {
						if stem, _, ok := strings.Cut(name, " (conflict "); ok {
							name = stem + " (conflict).txt"
						}
						got[name] = text
					}
					if !maps.Equal(got, want) {
						t.Errorf("online is %s, want %s", show(got), show(want))
					}
					p.same()
					if in := p.intents(); len(in) != 0 {
						t.Errorf("still on record: %+v", in)
					}
				})
			}
		}
	}
}
