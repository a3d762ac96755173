package syncer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/watcher"
)

// TestTheAgentMissesNothing that people do here, in the ways that events tell of
// badly: the kernel's own events, on a real disk.
func TestTheAgentMissesNothing(t *testing.T) {
	for name, do := range map[string]func(p *pair, outside string){
		"a folder is made and filled at once": func(p *pair, _ string) {
			for i := range 200 {
				p.write(fmt.Sprintf("new/%d/f.txt", i), "mine")
			}
		},
		"a tree is moved in": func(p *pair, outside string) {
			for i := range 100 {
				name := filepath.Join(outside, "tree", fmt.Sprint(i%10), fmt.Sprint(i, ".txt"))
				p.must(os.MkdirAll(filepath.Dir(name), 0o777))
				p.must(os.WriteFile(name, []byte("mine"), 0o666))
			}
			p.must(os.Rename(filepath.Join(outside, "tree"), p.path("tree")))
		},
		"a folder is moved out, and written to there": func(p *pair, outside string) {
			p.must(os.Rename(p.path("d"), filepath.Join(outside, "d")))
			p.must(os.WriteFile(filepath.Join(outside, "d", "more.txt"), []byte("not ours"), 0o666))
		},
		"a folder is moved and filled under its new name": func(p *pair, _ string) {
			p.move("d", "e/d2")
			p.write("e/d2/more.txt", "mine")
			p.write("e/d2/sub/more.txt", "mine")
		},
		"a folder is removed and made anew": func(p *pair, _ string) {
			p.remove("d")
			p.write("d/anew.txt", "mine")
		},
		"a file is gone before anybody looks": func(p *pair, _ string) {
			for range 50 {
				p.write("flash.txt", "mine")
				p.remove("flash.txt")
			}
		},
		"a file is saved by a rename, again and again": func(p *pair, _ string) {
			for i := range 50 {
				p.save("d/f.txt", fmt.Sprint("mine ", i))
			}
		},
		"names go round": func(p *pair, _ string) {
			p.move("d/f.txt", "t")
			p.move("e/g.txt", "d/f.txt")
			p.move("t", "e/g.txt")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.cfg.HoldCount, p.cfg.HoldPercent = 1000, 100
			p.fill("d/f.txt=f d/h.txt=h e/g.txt=g o.txt=o")
			w, err := watcher.New(p.dir, time.Millisecond)
			p.must(err)
			ended := make(chan error, 1)
			go func() { ended <- w.Run(t.Context()) }()
			t.Cleanup(func() { <-ended })
			p.cfg.Watch = w
			p.cfg.Clock = newHurried(20) // a file that changes under the hand is left alone for a while
			p.cfg.Poll = time.Second
			stop := p.agent(New(p.cfg))
			p.put("started.txt", "yes")
			p.until("it has started", func() bool { return p.here()["started.txt"] == "yes" })
			outside := t.TempDir()
			do(p, outside)
			p.until("both sides are equal", func() bool { return maps.Equal(p.here(), p.there()) })
			p.write("last.txt", "still watched")
			p.until("last.txt is online", func() bool { return p.there()["last.txt"] != "" })
			stop()
			if _, there := p.there()["d/more.txt"]; there {
				t.Error("what was written outside was sent")
			}
			p.cfg.Watch, p.cfg.Clock = nil, nil
			p.same()
		})
	}
}

// deaf is a watch that nothing comes from: a network disk that others write to,
// a program that writes through memory.
type deaf struct{}

func (deaf) Add(string) error               { return nil }
func (deaf) Forget(string)                  {}
func (deaf) Events() <-chan watcher.Event   { return nil }
func (deaf) Restless() map[string]time.Time { return nil }

// told is a watch of which a test says what it tells.
type told struct {
	deaf
	events chan watcher.Event
}

func (t told) Events() <-chan watcher.Event   { return t.events }
func (t told) Restless() map[string]time.Time { return nil }

// BenchmarkDeepLook has an agent, to which events were lost, look at a folder in
// which much is new and something missing everywhere.
func BenchmarkDeepLook(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		p := newPair(b, remotetest.Options{})
		p.must(p.online.Fill("d", *files, *files/10, 64))
		p.sync()
		watch := told{events: make(chan watcher.Event, 1)}
		p.cfg.Watch = watch
		stop := p.agent(New(p.cfg))
		p.put("started.txt", "yes")
		await(func() bool { return p.here()["started.txt"] == "yes" })
		for rel := range p.here() {
			if dir, is := strings.CutSuffix(rel, "/"); is && dir != "d" {
				in, err := os.ReadDir(p.path(dir))
				p.must(err)
				p.remove(dir + "/" + in[0].Name())
				for n := range 10 {
					p.write(fmt.Sprintf("%s/new%d", dir, n), fmt.Sprint(n))
				}
			}
		}
		before := len(p.online.List())
		b.StartTimer()
		watch.events <- watcher.Event{Deep: true}
		await(func() bool { return len(p.online.List()) > before })
		b.StopTimer()
		stop()
		b.StartTimer()
	}
}

// TestNothingIsThoughtToBeInWhatIsNoFolderAnyMore, though events still tell of it.
func TestNothingIsThoughtToBeInWhatIsNoFolderAnyMore(t *testing.T) {
	for name, replace := range map[string]func(p *pair){
		"a file": func(p *pair) { p.write("d", "file") },
		"a link": func(p *pair) { p.must(os.Symlink(t.TempDir(), p.path("d"))) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.cfg.HoldCount = 1000
			p.fill("d/f.txt=f g.txt=g")
			watch := told{events: make(chan watcher.Event, 10)}
			p.cfg.Watch, p.cfg.Poll = watch, 20*time.Millisecond
			e := New(p.cfg)
			stop := p.agent(e)
			p.put("started.txt", "yes")
			p.until("it has started", func() bool { return p.here()["started.txt"] == "yes" })
			p.remove("d")
			replace(p)
			watch.events <- watcher.Event{Path: "d"}
			watch.events <- watcher.Event{Path: "d/new.txt"}
			p.put("heard.txt", "yes")
			p.until("it has heard of it", func() bool { return p.here()["heard.txt"] == "yes" })
			stop()
			if k, ok := e.local.find("d/new.txt"); ok {
				t.Errorf("d/new.txt is thought to be there: %+v", e.local.Local(k))
			}
		})
	}
}

func TestWhatNoEventTellsOfIsFoundOnceADay(t *testing.T) {
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{})
	p.fill("d/f.txt=f g.txt=g")
	p.cfg.Clock = clock
	p.cfg.Watch = deaf{}
	p.cfg.Poll = 20 * time.Millisecond
	stop := p.agent(New(p.cfg))
	p.put("started.txt", "yes")
	p.until("it has started", func() bool { return p.here()["started.txt"] == "yes" })
	p.write("d/n.txt", "new")
	p.write("d/f.txt", "edited")
	p.remove("g.txt")
	clock.forward(25 * time.Hour)
	p.until("both sides are equal", func() bool { return maps.Equal(p.here(), p.there()) })
	stop()
	p.cfg.Watch, p.cfg.Clock = nil, nil
	p.same()
}
