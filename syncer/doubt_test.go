package syncer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
)

func TestNothingIsDeletedHereWhenTheSyncedFolderIsGoneOnline(t *testing.T) {
	for how, agent := range map[string]bool{"pass": false, "agent": true} {
		t.Run(how, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.put("work/a.txt", "a")
			p.put("work/b.txt", "b")
			p.put("work/c.txt", "c")
			work := p.partner("work")
			_, err := New(work).Once(t.Context())
			p.must(err)
			p.online.Fail(remotetest.Fault{Match: "PERSON rm", Twist: remotetest.Lag, For: time.Hour})
			p.must(p.online.Delete("work"))
			p.must(os.WriteFile(filepath.Join(work.Folder.Path, "a.txt"), []byte("edited here"), 0o666))
			clock := newHurried(20)
			work.Clock = clock
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if agent {
				work.Poll = 5 * time.Second
				t.Log(New(work).Run(ctx))
			} else {
				sum, err := New(work).Once(ctx)
				t.Logf("%+v %v", sum, err)
			}
			for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
				if _, err := os.Stat(filepath.Join(work.Folder.Path, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestNothingIsDeletedHereWhenAnotherPairReadsThatTheSyncedFolderIsGone(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for _, n := range []string{"a", "b", "c", "e"} {
		p.put("work/"+n+".txt", n)
	}
	p.put("home/y.txt", "y")
	work, home := p.partner("work"), p.partner("home")
	work.Feed = new(Feed)
	home.Feed = work.Feed
	_, err := New(work).Once(t.Context())
	p.must(err)
	_, err = New(home).Once(t.Context())
	p.must(err)
	clock := newHurried(20)
	work.Clock, home.Clock = clock, clock
	work.Poll, home.Poll = time.Hour, time.Hour
	p2 := *p
	p2.dir = work.Folder.Path
	e := New(work)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(t.Context()) }()
	p.until("quiet", func() bool { return e.Now().Quiet })
	p.must(p.online.Delete("work"))
	_, err = New(home).Once(t.Context()) // stands for its agent
	p.must(err)
	p2.write("a.txt", "edited here")
	e.inbox <- report{then: func(error) { e.lookAt("a.txt", false); e.local.join() }}
	select {
	case err := <-ended:
		t.Log(err)
	case <-time.After(5 * time.Second):
		t.Log("it goes on")
	}
	if here := p2.here(); len(here) != 4 {
		t.Errorf("here: %s", show(here))
	}
}

func TestWhatIsFoundAgainIsNotLookedFor(t *testing.T) {
	for _, agent := range []bool{false, true} {
		p := newPair(t, remotetest.Options{})
		p.write("o.txt", "other")
		p.write("f.txt", "base")
		p.sync()
		p.sync()
		p.write("f.txt", "edited here")
		p.online.Fail(remotetest.Fault{Match: "PUT content", Status: 404, Times: 1})
		p.online.Fail(remotetest.Fault{Match: "GET item", Status: 404, Times: 1})
		clock := newHurried(50)
		p.cfg.Clock, p.cfg.Poll = clock, 30*time.Second
		n, d := p.online.Count("GET children"), p.online.Count("GET delta")
		start := clock.Now()
		if agent {
			e := New(p.cfg)
			stop := p.agent(e)
			p.until("it is up", func() bool { return p.there()["f.txt"] == "edited here" })
			up := clock.Now().Sub(start)
			p.until("quiet", func() bool { return e.Now().Quiet })
			t.Logf("agent: up after %v, quiet after %v; %d listings, %d readings", up, clock.Now().Sub(start), p.online.Count("GET children")-n, p.online.Count("GET delta")-d)
			if clock.Now().Sub(start)-up > 20*time.Second {
				t.Error("it is looked for long after it was found")
			}
			stop()
		} else {
			sum, err := New(p.cfg).Once(t.Context())
			t.Logf("pass: %v after %v; %d listings; %+v", err, clock.Now().Sub(start), p.online.Count("GET children")-n, sum.Waiting)
		}
	}
}

func TestAListingAloneIsNoProof(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("o.txt", "other")
	p.write("f.txt", "base")
	p.sync()
	p.sync()
	p.write("f.txt", "edited here")
	p.online.Fail(remotetest.Fault{Match: "PUT content", Status: 404, Times: 1})
	p.online.Fail(remotetest.Fault{Match: "GET item", Status: 404, Times: 1})
	clock := newHurried(50)
	p.cfg.Clock, p.cfg.Poll = clock, 30*time.Second
	p.cfg.Remote = leftOut{p.client, "f.txt"}
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is up", func() bool { return p.there()["f.txt"] == "edited here" })
	p.reads(4)
	p.until("quiet", func() bool { return e.Now().Quiet })
	stop()
	if _, err := os.Stat(p.path("f.txt")); err != nil {
		t.Errorf("%v; there: %s", err, show(p.there()))
	}
}

func TestAListingThatFailsIsNoProof(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("o.txt", "other")
	p.write("q.txt", "other")
	p.write("f.txt", "base")
	p.sync()
	p.sync()
	p.write("f.txt", "edited here")
	p.online.Fail(remotetest.Fault{Match: "PUT content", Status: 404, Times: 1})
	p.online.Fail(remotetest.Fault{Match: "GET item", Status: 404, Times: 1})
	p.online.Fail(remotetest.Fault{Match: "GET children", Status: 403})
	clock := newHurried(100)
	p.cfg.Clock, p.cfg.Poll = clock, 30*time.Second
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is up", func() bool { return p.there()["f.txt"] == "edited here" })
	it, _, _ := p.db.BaseAt(p.cfg.Folder.N, p.cfg.Folder.Root, "f.txt")
	gone := false
	end := clock.Now().Add(4 * time.Minute)
	for clock.Now().Before(end) {
		row, _, _ := p.db.Item(it.N)
		gone = gone || row.Gone
		time.Sleep(2 * time.Millisecond)
	}
	_, err := os.Stat(p.path("f.txt"))
	stop()
	if gone || err != nil {
		t.Errorf("taken for gone: %v, %v; there: %s", gone, err, show(p.there()))
	}
}

func TestAFolderThatIsFoundAgainHasWhatIsInIt(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "base")
	p.write("d/g.txt", "base")
	p.write("d/s/h.txt", "base")
	p.write("o.txt", "other")
	p.sync()
	p.sync()
	it, _, err := p.db.ItemByID(p.cfg.Drive.N, func() string { i, err := p.online.Stat("d"); p.must(err); return remote.NormItem(i.ID) }())
	p.must(err)
	id, now := it.ID, true
	clock := newHurried(100)
	p.cfg.Clock, p.cfg.Poll = clock, 5*time.Second
	p.cfg.Remote = hidden{p.client, &id, &now}
	p.write("d/n.txt", "new")
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is believed", func() bool { it, _, _ := p.db.Item(it.N); return it.Gone })
	now = false
	clock.forward(3 * time.Minute)
	p.reads(10)
	p.until("quiet", func() bool { return e.Now().Quiet })
	clock.forward(10 * time.Minute)
	p.reads(10)
	p.until("quiet", func() bool { return e.Now().Quiet })
	stop()
	t.Logf("here:  %s", show(p.here()))
	t.Logf("there: %s", show(p.there()))
	if show(p.here()) != show(p.there()) {
		t.Errorf("the two sides differ, and all is quiet")
	}
}

func TestA404IsBelievedSoon(t *testing.T) {
	for what, pushed := range map[string]bool{"without push": false, "push is lost": true} {
		t.Run(what, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.write("o.txt", "other")
			p.write("f.txt", "base")
			p.sync()
			p.sync()
			clock := newHurried(20)
			p.cfg.Clock, p.cfg.Poll = clock, 30*time.Second
			p.cfg.Pushed = func() bool { return pushed }
			e := New(p.cfg)
			stop := p.agent(e)
			defer stop()
			p.until("quiet", func() bool { return e.Now().Quiet })
			m := p.online.Count("GET delta")
			clock.forward(10 * time.Minute) // a long time nothing happens
			p.until("read anew", func() bool { e.Nudge(); return p.online.Count("GET delta") > m })
			p.must(p.online.Delete("f.txt"))
			p.write("f.txt", "edited here")
			start := clock.Now()
			m = p.online.Count("GET delta")
			e.inbox <- report{then: func(error) { e.lookAt("f.txt", false); e.local.join() }}
			p.until("it is there again", func() bool { return p.there()["f.txt"] == "edited here" })
			t.Logf("after %v, %d readings of the feed", clock.Now().Sub(start), p.online.Count("GET delta")-m)
			if d := clock.Now().Sub(start); d > 15*time.Second {
				t.Errorf("after %v", d)
			}
		})
	}
}

func TestADoubtAboutWhatIsGoneEnds(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("o.txt", "other")
	p.write("f.txt", "base")
	p.sync()
	p.sync()
	clock := newHurried(100)
	p.cfg.Clock, p.cfg.Poll = clock, 5*time.Second
	p.write("f.txt", "edited here")
	s := p.onStage()
	e := New(p.cfg)
	s.after("upload f.txt", func() { // the answer is held up
		n := p.online.Count("GET delta")
		p.must(p.online.Delete("f.txt"))
		p.until("the feed was read", func() bool { return p.online.Count("GET delta") > n+2 })
	})
	stop := p.agent(e)
	p.until("it was deleted here", func() bool { _, err := os.Stat(p.path("f.txt")); return err != nil })
	p.until("quiet", func() bool { return e.Now().Quiet })
	clock.forward(5 * time.Minute)
	n, m := p.online.Count("GET item"), p.online.Count("GET delta")
	p.until("20 more polls", func() bool { return p.online.Count("GET delta") > m+20 })
	t.Logf("%d GET item in %d polls", p.online.Count("GET item")-n, p.online.Count("GET delta")-m)
	stop()
	doubts, _ := p.db.Doubts(p.cfg.Drive.N)
	if len(doubts) > 0 {
		t.Errorf("still in doubt: %+v", doubts)
	}
	p.cfg.Clock = nil
	n = p.online.Count("GET item")
	p.sync()
	p.sync()
	t.Logf("%d GET item in two further passes", p.online.Count("GET item")-n)
}

func TestATimeIsSetInTheEnd(t *testing.T) {
	for _, status := range []int{0, 503} {
		p := newPair(t, remotetest.Options{})
		p.write("f.txt", "mine")
		p.age("f.txt")
		p.online.Fail(remotetest.Fault{Match: "PATCH item", Status: 412, Times: 1})
		if status > 0 {
			p.online.Fail(remotetest.Fault{Match: "PATCH item", Status: status, Times: 1})
		}
		p.cfg.Clock = newHurried(100)
		for range 3 {
			p.sync()
		}
		info, err := p.online.Stat("f.txt")
		p.must(err)
		if time.Since(info.Modified) < time.Minute {
			t.Errorf("%d: online it is said to be from %v", status, info.Modified)
		}
	}
}

func TestWhatComesBackHasItsPlace(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{Seed: seed})
			p.write("top/d/f.txt", "base")
			p.write("top/o.txt", "stays")
			p.sync()
			p.sync()
			p.remove("top/d")
			clock := newHurried(100)
			p.cfg.Clock, p.cfg.Poll = clock, 10*time.Second
			s := p.onStage()
			e := New(p.cfg)
			s.before("delete online d", func() { p.put("top/d/n/x.txt", "theirs"); p.put("top/d/n/y.txt", "theirs 2"); p.reads(3) })
			stop := p.agent(e)
			p.until("the folder is deleted", func() bool { _, there := p.there()["top/d/"]; return !there })
			p.reads(3)
			p.until("quiet", func() bool { return e.Now().Quiet })
			stop()
			if p.there()["top/n/x.txt"] != "theirs" || p.there()["top/n/y.txt"] != "theirs 2" {
				t.Errorf("there: %s", show(p.there()))
			}
			t.Logf("restore requests: %d", p.online.Count("POST restore"))
		})
	}
}

func TestADeleteThatTakesLongIsStillOurs(t *testing.T) {
	for _, wait := range []time.Duration{0, 3 * time.Minute} {
		p := newPair(t, remotetest.Options{AllTombstones: true})
		p.write("top/d/f.txt", "base")
		p.write("top/o.txt", "stays")
		p.sync()
		p.sync()
		p.remove("top/d")
		clock := newHurried(100)
		p.cfg.Clock, p.cfg.Poll = clock, 10*time.Second
		s := p.onStage()
		e := New(p.cfg)
		s.before("delete online d", func() {
			clock.forward(wait)
			p.reads(3)
			p.put("top/d/late.txt", "theirs")
		})
		s.after("delete online d", func() { p.reads(3) })
		stop := p.agent(e)
		p.until("the folder is deleted", func() bool { _, there := p.there()["top/d/"]; return !there })
		p.reads(5)
		p.until("quiet", func() bool { return e.Now().Quiet })
		stop()
		if p.there()["top/late.txt"] != "theirs" {
			t.Errorf("after %v: there: %s", wait, show(p.there()))
		}
	}
}

func TestTimesThatCannotBeSetNowAreSetLater(t *testing.T) {
	for _, status := range []int{500, 503, 429} {
		for _, agent := range []bool{false, true} {
			t.Run(fmt.Sprint(status, agent), func(t *testing.T) {
				p := newPair(t, remotetest.Options{})
				for i := range 3 {
					p.write(fmt.Sprintf("f%d.txt", i), "x")
					p.age(fmt.Sprintf("f%d.txt", i))
				}
				clock := newHurried(100)
				p.connectBy(clock)
				p.cfg.Clock, p.cfg.Poll = clock, 30*time.Second
				p.online.Fail(remotetest.Fault{Match: "PATCH item", Status: status, For: 10 * time.Minute})
				start := clock.Now()
				var at []time.Duration
				s := p.onStage()
				s.on(cue{call: "set times", times: 1 << 30, do: func() error { at = append(at, clock.Now().Sub(start).Round(10*time.Millisecond)); return nil }})
				if agent {
					e := New(p.cfg)
					stop := p.agent(e)
					p.until("sent", func() bool { return len(p.there()) == 3 })
					time.Sleep(3 * time.Second)
					w, _ := p.db.Waitings(p.cfg.Folder.N)
					stop()
					t.Logf("%d batches at %v; waiting %+v; running %d inFlight %d busy %d; quiet %v", len(at), at, w, e.running, len(e.inFlight), len(e.busy), e.Now().Quiet)
				} else {
					sum, err := p.try()
					t.Logf("%d batches at %v; %+v %v", len(at), at, sum, err)
				}
				if len(at) > 4 && at[4]-at[0] < time.Second {
					t.Errorf("%v without a pause", at[:5])
				}
			})
		}
	}
}

func TestOneDoubtHoldsUpNoOther(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "a")
	p.write("b.txt", "b")
	p.sync()
	p.sync()
	clock := newHurried(60)
	p.cfg.Clock, p.cfg.Poll = clock, 5*time.Second
	s := p.onStage()
	e := New(p.cfg)
	release := make(chan struct{})
	root := p.cfg.Folder.Root
	a, _, _ := p.db.BaseAt(p.cfg.Folder.N, root, "a.txt")
	b, _, _ := p.db.BaseAt(p.cfg.Folder.N, root, "b.txt")
	var ids []string
	for _, n := range []int64{a.N, b.N} {
		it, _, _ := p.db.Item(n)
		ids = append(ids, it.ID)
		p.must(p.db.Update(func(tx *state.Tx) error { return tx.PutDoubt(p.cfg.Drive.N, state.Doubt{N: n, ID: it.ID, Why: "x"}) }))
	}
	first := "a.txt"
	if ids[1] < ids[0] {
		first = "b.txt"
	}
	s.after("item "+first, func() { <-release })
	stop := p.agent(e)
	p.until("it is asked", func() bool { return len(s.heard("item "+first)) > 0 })
	p.reads(10)
	if d, _ := p.db.Doubts(p.cfg.Drive.N); len(d) > 1 {
		t.Errorf("both are still in doubt after 10 readings: asked %q", s.heard("item *"))
	}
	close(release)
	stop()
}

func (p *pair) reads(n int) {
	m := p.online.Count("GET delta")
	p.until("the feed was read", func() bool { return p.online.Count("GET delta") >= m+n })
}

type leftOut struct {
	Drive
	name string
}

func (d hidden) Item(ctx context.Context, drive, id string) (remote.Item, error) {
	if err := d.lost(id); err != nil {
		return remote.Item{}, err
	}
	return d.Drive.Item(ctx, drive, id)
}

type hidden struct {
	Drive
	id  *string
	now *bool
}

func (d hidden) lost(id string) error {
	if *d.now && id == *d.id {
		return &remote.Error{Op: "x", Status: 404, Code: "itemNotFound"}
	}
	return nil
}

func (d hidden) Children(ctx context.Context, drive, id string, wanted func(remote.Item) bool) ([]remote.Item, error) {
	if err := d.lost(id); err != nil {
		return nil, err
	}
	all, err := d.Drive.Children(ctx, drive, id, wanted)
	if *d.now {
		all = slices.DeleteFunc(all, func(it remote.Item) bool { return it.ID == *d.id })
	}
	return all, err
}

func (d leftOut) Children(ctx context.Context, drive, id string, wanted func(remote.Item) bool) ([]remote.Item, error) {
	all, err := d.Drive.Children(ctx, drive, id, wanted)
	return slices.DeleteFunc(all, func(it remote.Item) bool { return it.Name == d.name }), err
}

func (d hidden) Upload(ctx context.Context, u remote.Upload) (remote.Uploaded, error) {
	if err := d.lost(u.ParentID); err != nil {
		return remote.Uploaded{}, err
	}
	return d.Drive.Upload(ctx, u)
}

// TestAPassLeavesWhatNobodyFindsToTheNext: the feed has raised a doubt about a folder,
// the service does not find it, and nobody tells that it is gone.
func TestAPassLeavesWhatNobodyFindsToTheNext(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "f")
	p.sync()
	p.sync()
	d, _, err := p.db.BaseAt(p.cfg.Folder.N, p.cfg.Folder.Root, "d")
	p.must(err)
	it, _, err := p.db.Item(d.N)
	p.must(err)
	p.must(p.db.Update(func(tx *state.Tx) error {
		return tx.PutDoubt(p.cfg.Drive.N, state.Doubt{N: d.N, ID: it.ID, Why: "another item of the same name has come"})
	}))
	p.online.Fail(remotetest.Fault{Match: "GET item", Status: 404})
	clock := newHurried(50)
	p.cfg.Clock = clock
	start := clock.Now()
	sum, err := New(p.cfg).Once(t.Context())
	p.must(err)
	if d := clock.Now().Sub(start); d > 3*passLimit {
		t.Errorf("it took %v", d)
	}
	if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "d" {
		t.Errorf("the pass says of it: %+v", sum.Waiting)
	}
	p.holds("d/f.txt", "f")
	p.online.Calm()
	if sum := p.sync(); len(sum.Waiting) != 0 {
		t.Errorf("the next pass still waits: %+v", sum.Waiting)
	}
	p.holds("d/f.txt", "f")
	p.same()
}
