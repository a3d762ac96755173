package syncer

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
)

var twice = flag.Bool("twice", false, "kill every start after a crash at every step of it as well; some minutes")

// A crashStory is one thing that a pass does, to be cut short at every step.
type crashStory struct {
	before func(p *pair)       // what both sides have
	then   func(p *pair)       // what people do next
	limit  func(s *stage)      // what the file system cannot do
	at     string              // right before which call …
	save   func(p *pair)       // … somebody saves
	early  map[string]string   // what both sides come to when it did not come to that
	want   map[string]string   // what both sides come to
	copies map[string][]string // the conflict copies, by the file
	trash  []string            // texts that are in the trash at the end
}

var crashStories = map[string]crashStory{
	"a download replaces a file": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs") },
		want:   map[string]string{"f.txt": "theirs"},
	},
	"a download meets an edit": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs"); p.write("f.txt", "mine") },
		want:   map[string]string{"f.txt": "theirs"},
		copies: map[string][]string{"f.txt": {"mine"}},
	},
	"a download meets a save in the last instant": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs") },
		at:     "exchange stash f.txt",
		save:   func(p *pair) { p.write("f.txt", "mine") },
		early:  map[string]string{"f.txt": "theirs"},
		want:   map[string]string{"f.txt": "theirs"},
		copies: map[string][]string{"f.txt": {"mine"}},
	},
	"a download replaces a file by links": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs") },
		limit:  func(s *stage) { s.never("exchange *", errors.ErrUnsupported) },
		want:   map[string]string{"f.txt": "theirs"},
	},
	"a download meets an edit by links": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs"); p.write("f.txt", "mine") },
		limit:  func(s *stage) { s.never("exchange *", errors.ErrUnsupported) },
		want:   map[string]string{"f.txt": "theirs"},
		copies: map[string][]string{"f.txt": {"mine"}},
	},
	"a download replaces a file by renames": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs") },
		limit: func(s *stage) {
			s.never("exchange *", errors.ErrUnsupported)
			s.never("link *", syscall.EPERM)
		},
		want: map[string]string{"f.txt": "theirs"},
	},
	"a download meets an edit by renames": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.put("f.txt", "theirs"); p.write("f.txt", "mine") },
		limit: func(s *stage) {
			s.never("exchange *", errors.ErrUnsupported)
			s.never("link *", syscall.EPERM)
		},
		want:   map[string]string{"f.txt": "theirs"},
		copies: map[string][]string{"f.txt": {"mine"}},
	},
	"new things come down": {
		before: func(p *pair) { p.write("o.txt", "other") },
		then:   func(p *pair) { p.put("d/n.txt", "theirs") },
		want:   map[string]string{"o.txt": "other", "d/": "", "d/n.txt": "theirs"},
	},
	"a folder goes here": {
		before: func(p *pair) { p.write("d/f.txt", "base"); p.age("d/f.txt"); p.write("o.txt", "other") },
		then:   func(p *pair) { p.must(p.online.Delete("d")) },
		want:   map[string]string{"o.txt": "other"},
		trash:  []string{"base"},
	},
	"a delete meets a save in the last instant": {
		before: func(p *pair) { p.write("d/f.txt", "base"); p.age("d/f.txt"); p.write("o.txt", "other") },
		then:   func(p *pair) { p.must(p.online.Delete("d/f.txt")) },
		at:     "rename d/f.txt trash/d/f.txt",
		save:   func(p *pair) { p.write("d/f.txt", "mine") },
		early:  map[string]string{"o.txt": "other", "d/": ""},
		want:   map[string]string{"o.txt": "other", "d/": "", "d/f.txt": "mine"},
	},
	"a folder goes online": {
		before: func(p *pair) { p.write("d/f.txt", "base"); p.write("o.txt", "other") },
		then:   func(p *pair) { p.remove("d") },
		want:   map[string]string{"o.txt": "other"},
	},
	"new things go up": {
		before: func(p *pair) { p.write("o.txt", "other") },
		then:   func(p *pair) { p.write("d/n.txt", "mine"); p.age("d/n.txt") },
		want:   map[string]string{"o.txt": "other", "d/": "", "d/n.txt": "mine"},
	},
	"an edit goes up": {
		before: func(p *pair) { p.write("f.txt", "base"); p.age("f.txt") },
		then:   func(p *pair) { p.write("f.txt", "mine") },
		want:   map[string]string{"f.txt": "mine"},
	},
	"a folder is moved here": {
		before: func(p *pair) { p.write("d/f.txt", "base"); p.write("e/o.txt", "other") },
		then:   func(p *pair) { p.must(p.online.Move("d", "e/g")) },
		want:   map[string]string{"e/": "", "e/o.txt": "other", "e/g/": "", "e/g/f.txt": "base"},
	},
	"a folder is moved online": {
		before: func(p *pair) { p.write("d/f.txt", "base"); p.write("e/o.txt", "other") },
		then:   func(p *pair) { p.move("d", "e/g") },
		want:   map[string]string{"e/": "", "e/o.txt": "other", "e/g/": "", "e/g/f.txt": "base"},
	},
	"two files change names here": {
		before: func(p *pair) { p.write("a.txt", "one"); p.write("b.txt", "two") },
		then: func(p *pair) {
			p.must(p.online.Move("a.txt", "c.txt"))
			p.must(p.online.Move("b.txt", "a.txt"))
			p.must(p.online.Move("c.txt", "b.txt"))
		},
		want: map[string]string{"a.txt": "two", "b.txt": "one"},
	},
	"two files change names online": {
		before: func(p *pair) { p.write("a.txt", "one"); p.write("b.txt", "two") },
		then:   func(p *pair) { p.move("a.txt", "c.txt"); p.move("b.txt", "a.txt"); p.move("c.txt", "b.txt") },
		want:   map[string]string{"a.txt": "two", "b.txt": "one"},
	},
}

// TestAStartAfterACrashEndsWhatWasBegun kills each story at each of its steps,
// right before it and right after it, and half of the starts after that too.
func TestAStartAfterACrashEndsWhatWasBegun(t *testing.T) {
	for name, story := range crashStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := story.play(t, 0, false)
			steps := p.stage.done
			if len(steps) == 0 {
				t.Fatal("nothing was done")
			}
			story.check(p)
			for i, step := range steps {
				if strings.HasSuffix(step, " tmp") && !*twice && step != "write tmp" {
					continue // what is half done in tmp means nothing
				}
				t.Run(fmt.Sprintf("before %d, %s", i+1, step), func(t *testing.T) { story.crash(t, i+1, false) })
				t.Run(fmt.Sprintf("after %d, %s", i+1, step), func(t *testing.T) { story.crash(t, i+1, true) })
			}
		})
	}
}

// play makes the story's pass on a stage, to be killed at its n-th deed.
func (c crashStory) play(t *testing.T, n int, after bool) *pair {
	p := newPair(t, remotetest.Options{})
	p.cfg.Parallel = 1
	c.before(p)
	p.sync()
	c.then(p)
	s := p.onStage()
	if c.limit != nil {
		c.limit(s)
	}
	if c.save != nil {
		s.before(c.at, func() { c.save(p); p.saved = true })
	}
	s.killAt(n, after)
	if _, err := p.try(); n == 0 {
		p.must(err)
	}
	return p
}

func (c crashStory) crash(t *testing.T, n int, after bool) {
	p := c.play(t, n, after)
	if !p.stage.dead { // one step less than last time: whether times are due depends on the second
		c.check(p)
		return
	}
	p.restart()
	for step := 1; *twice || step == 1 && after; step++ {
		if !*twice {
			step = n // another one each time
		}
		p.stage.killAt(step, n%2 == 0)
		if _, err := p.try(); !p.stage.dead {
			p.must(err)
			break
		}
		p.restart()
		if !*twice {
			break
		}
	}
	p.stage.killAt(0, false)
	c.check(p)
}

// check fails unless both sides have come to what the story says, nothing is
// lost and nothing is left lying about.
func (c crashStory) check(p *pair) {
	p.t.Helper()
	want, copied := c.want, c.copies
	if c.save != nil && !p.saved {
		want, copied = c.early, nil
	}
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.sync()
	clock.forward(2 * stashFor)
	p.sync()
	p.same()
	got := p.here()
	copies := map[string][]string{}
	maps.DeleteFunc(got, func(name, text string) bool {
		of, _, ok := strings.Cut(name, " (conflict ")
		if ok {
			copies[of+".txt"] = append(copies[of+".txt"], text)
		}
		return ok
	})
	if !maps.Equal(got, want) || !maps.EqualFunc(copies, copied, slices.Equal) {
		p.t.Errorf("both sides hold\n%s and the copies %q, want\n%s and %q", show(got), copies, show(want), copied)
	}
	if left := append(p.private("tmp"), p.private("stash")...); len(left) != 0 {
		p.t.Errorf("left in the private area: %q", left)
	}
	if in := p.intents(); len(in) != 0 {
		p.t.Errorf("still on record: %+v", in)
	}
	var binned []string
	for _, name := range p.private("trash") {
		text, err := os.ReadFile(p.path(".tandem/trash/" + name))
		p.must(err)
		binned = append(binned, string(text))
	}
	for _, text := range c.trash {
		if !slices.Contains(binned, text) {
			p.t.Errorf("%q is not in the trash: %q", text, binned)
		}
	}
}

// TestAVersionWhoseFolderIsNoneAnyMoreIsKeptNearby: the file that is to go back
// was set aside in a run that was killed, and its folder has changed since.
func TestAVersionWhoseFolderIsNoneAnyMoreIsKeptNearby(t *testing.T) {
	for name, change := range map[string]func(p *pair){
		"it is gone":      func(p *pair) { p.remove("d") },
		"it is a file":    func(p *pair) { p.remove("d"); p.write("d", "a file") },
		"it is a link":    func(p *pair) { p.remove("d"); p.must(os.Symlink(t.TempDir(), p.path("d"))) },
		"it was moved":    func(p *pair) { p.move("d", "e") },
		"nothing changed": func(*pair) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := deletedOnline(t)
			s.before("rename d/f.txt *", func() { p.write("d/f.txt", "mine, saved late") })
			s.crashAfter("rename d/f.txt *")
			if _, err := p.try(); err == nil {
				t.Fatal("it was not killed")
			}
			p.restart()
			change(p)
			p.sync()
			if !slices.Contains(slices.Collect(maps.Values(p.here())), "mine, saved late") {
				t.Errorf("a version did not come back\nhere: %s", show(p.here()))
			}
			if in := p.intents(); len(in) != 0 {
				t.Errorf("still on record: %+v", in)
			}
		})
	}
}

// TestOneVersionThatCannotBePutBackStopsNothingElse: it stays where it is, is
// told, and has its turn at the next start.
func TestOneVersionThatCannotBePutBackStopsNothingElse(t *testing.T) {
	p, s := changedOnline(t)
	p.write("f.txt", "mine")
	s.crashAfter("exchange *")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	p.stage.never("rename stash f (conflict*", syscall.EIO)
	p.write("other.txt", "other")
	if _, err := p.try(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the error is %v", err)
	}
	if p.there()["other.txt"] != "other" {
		t.Error("another file was not sent")
	}
	p.onStage()
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}

// TestAnAgentPutsInOrderLaterWhatItCannotNow without a restart.
func TestAnAgentPutsInOrderLaterWhatItCannotNow(t *testing.T) {
	p, s := changedOnline(t)
	p.write("f.txt", "mine")
	p.cfg.Clock = newHurried(100)
	p.cfg.Poll = time.Second
	s.fail("rename stash f (conflict*", syscall.EIO)
	stop := p.agent(New(p.cfg))
	p.until("the version is back", func() bool { return len(p.copies("f.txt")) == 1 })
	stop()
	p.onStage()
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}

// TestWhatLiesInTheStashOutlivesThatTheAgreementsAreForgotten, as when a person
// says that a replaced folder is meant: the old versions make no copies.
func TestWhatLiesInTheStashOutlivesThatTheAgreementsAreForgotten(t *testing.T) {
	p, _ := changedOnline(t)
	clock := newHurried(1)
	p.cfg.Clock = clock
	editor, err := os.OpenFile(p.path("f.txt"), os.O_WRONLY, 0)
	p.must(err)
	defer editor.Close()
	p.sync()
	p.must(p.db.Update(func(tx *state.Tx) error { return tx.ForgetAgreements(p.cfg.Folder.N) }))
	if s := p.sync(); s.Conflicts != 0 {
		t.Errorf("an old version became a copy: %s", show(p.here()))
	}
	_, err = editor.WriteAt([]byte("mine"), 0)
	p.must(errors.Join(err, editor.Close()))
	clock.forward(2 * stashFor)
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}
