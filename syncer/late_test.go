package syncer

import (
	"context"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/plan"
)

// held lets the answer to a call be late: it is held back, after it was done, until
// somebody online has acted and the feed has told of that.
func (p *pair) held(s *stage, call string, act func()) (release func()) {
	reached, gate := make(chan struct{}), make(chan struct{})
	s.after(call, func() { close(reached); <-gate })
	return func() {
		p.t.Helper()
		select {
		case <-reached:
		case <-time.After(20 * time.Second):
			p.t.Fatalf("%q was never done", call)
		}
		act()
		asked := p.online.Count("GET delta")
		p.until("the feed was read", func() bool { return p.online.Count("GET delta") > asked+2 })
		close(gate)
	}
}

// TestALateAnswerDoesNotOverwriteWhatTheFeedHasToldSince: we change something, the
// answer is held back, somebody changes it online, the feed tells of that, and only
// then we hear our answer. Theirs is newer.
func TestALateAnswerDoesNotOverwriteWhatTheFeedHasToldSince(t *testing.T) {
	ours := map[string]struct {
		begin func(p *pair) // before the agent starts
		call  string        // whose answer is late
	}{
		"a new file":     {func(p *pair) { p.write("a.txt", "ours"); p.age("a.txt") }, "upload a.txt"},
		"an edit":        {func(p *pair) { p.write("a.txt", "base"); p.sync(); p.write("a.txt", "ours") }, "upload a.txt"},
		"its time":       {func(p *pair) { p.write("a.txt", "ours"); p.age("a.txt") }, "set times"},
		"a rename":       {func(p *pair) { p.write("b.txt", "ours"); p.sync(); p.move("b.txt", "a.txt") }, "move online b.txt"},
		"an edit's time": {func(p *pair) { p.write("a.txt", "base"); p.sync(); p.write("a.txt", "ours"); p.age("a.txt") }, "set times"},
		"a move":         {func(p *pair) { p.write("d/a.txt", "ours"); p.sync(); p.move("d/a.txt", "a.txt") }, "move online a.txt"},
	}
	theirs := map[string]struct {
		act  func(p *pair)
		file string // where theirs is then
		text string
	}{
		"is edited":               {func(p *pair) { p.put("a.txt", "theirs") }, "a.txt", "theirs"},
		"is renamed":              {func(p *pair) { p.must(p.online.Move("a.txt", "theirs.txt")) }, "theirs.txt", "ours"},
		"is renamed and edited":   {func(p *pair) { p.must(p.online.Move("a.txt", "theirs.txt")); p.put("theirs.txt", "theirs") }, "theirs.txt", "theirs"},
		"is deleted":              {func(p *pair) { p.must(p.online.Delete("a.txt")) }, "", ""},
		"is deleted and made new": {func(p *pair) { p.must(p.online.Delete("a.txt")); p.put("a.txt", "theirs") }, "a.txt", "theirs"},
	}
	for what, our := range ours {
		for how, their := range theirs {
			t.Run(what+" "+how, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{})
				p.write("other.txt", "other")
				our.begin(p)
				clock := newHurried(20)
				p.cfg.Poll = 2 * time.Second
				p.cfg.Clock = clock
				p.connectBy(clock)
				s := p.onStage()
				release := p.held(s, our.call, func() { their.act(p) })
				e := New(p.cfg)
				stop := p.agent(e)
				release()
				p.until("both sides are as theirs", func() bool {
					here, there := p.here(), p.there()
					return e.Now().Quiet && here[their.file] == their.text && there[their.file] == their.text &&
						len(here) == len(there) && (their.file == "a.txt") == (here["a.txt"] != "")
				})
				if their.file == "" {
					stop()
					return
				}
				// What they saved is in front of whoever edits it here next.
				p.write(their.file, "ours again")
				e.Look()
				p.until("the next edit is online", func() bool { return p.there()[their.file] == "ours again" && e.Now().Quiet })
				stop()
				// What was renamed and edited before its id was known came as something new.
				unknown := what == "a new file" && how == "is renamed and edited"
				for name := range p.here() {
					if strings.Contains(name, "conflict") && !unknown {
						t.Errorf("there is a conflict copy: %s", show(p.here()))
					}
				}
				p.cfg.Clock = nil
				p.connect()
				p.same()
			})
		}
	}
}

// TestAnEditHereWhileAnAnswerIsLateKeepsBoth: whoever edits the file here has not
// seen what was saved online meanwhile.
func TestAnEditHereWhileAnAnswerIsLateKeepsBoth(t *testing.T) {
	for _, call := range []string{"upload a.txt", "set times"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("a.txt", "ours")
			p.age("a.txt")
			clock := newHurried(20)
			p.cfg.Poll = 2 * time.Second
			p.cfg.Clock = clock
			p.connectBy(clock)
			s := p.onStage()
			release := p.held(s, call, func() { p.put("a.txt", "theirs"); p.write("a.txt", "ours too") })
			e := New(p.cfg)
			stop := p.agent(e)
			release()
			e.Look()
			p.until("both are kept, on both sides", func() bool {
				return e.Now().Quiet && p.here()["a.txt"] == "theirs" && p.there()["a.txt"] == "theirs" && len(p.here()) == 2 && len(p.there()) == 2
			})
			stop()
			p.cfg.Clock = nil
			p.connect()
			p.holds("a.txt", "theirs", "ours too")
			p.same()
		})
	}
}

// TestA404IsBelievedAsSoonAsTheFeedSaysTheSame: a file that was just sent is deleted
// online. Neither its neighbours nor the pass wait for that.
func TestA404IsBelievedAsSoonAsTheFeedSaysTheSame(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "a")
	p.write("b.txt", "b")
	p.age("a.txt")
	p.age("b.txt")
	start := time.Now()
	s := p.onStage()
	s.before("set times", func() { p.must(p.online.Delete("b.txt")) })
	before := p.client.Requests()
	sum, err := p.try()
	p.must(err)
	if took := time.Since(start); took >= listAfter {
		t.Errorf("the pass took %v", took)
	}
	if n := p.client.Requests() - before; n > 10 {
		t.Errorf("%d requests", n)
	}
	if len(sum.Waiting) > 0 || p.here()["b.txt"] != "" {
		t.Errorf("waiting %v, here %s", sum.Waiting, show(p.here()))
	}
	info, err := p.online.Stat("a.txt")
	p.must(err)
	if age := time.Since(info.Modified); age < time.Minute {
		t.Errorf("its neighbour got its time %v ago", age)
	}
	p.same()
}

// TestWhatWeDidComesBackInTheFeedOnce, and is not read again.
func TestWhatWeDidComesBackInTheFeedOnce(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for i := range 30 {
		p.write(strings.Repeat("x", i+1), "new")
	}
	p.sync()
	p.sync()
	read := &readFeed{Drive: p.cfg.Remote}
	p.cfg.Remote = read
	for range 3 {
		p.sync()
	}
	if read.entries > 3 { // the root comes with every answer
		t.Errorf("three passes with nothing to do read %d entries of the feed", read.entries)
	}
}

// readFeed counts what the feed brings.
type readFeed struct {
	Drive
	entries int
}

func (c *readFeed) Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error) {
	page, err := c.Drive.Delta(ctx, drive, link)
	c.entries += len(page.Items)
	return page, err
}

// TestAfterA412TheAgreementIsTheMeasure: what was planned upon may be what somebody
// has saved since.
func TestAfterA412TheAgreementIsTheMeasure(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a.txt", "ours")
	p.sync()
	e := New(p.cfg)
	info, err := p.online.Stat("a.txt")
	p.must(err)
	agreed, err := p.client.Item(t.Context(), p.cfg.Drive.ID, info.ID)
	p.must(err)
	row, _, err := p.db.ItemByID(p.cfg.Drive.N, info.ID)
	p.must(err)
	b, _, err := p.db.Base(p.cfg.Folder.N, row.N)
	p.must(err)
	p.put("a.txt", "mine") // of the same size
	theirs, err := p.client.Item(t.Context(), p.cfg.Drive.ID, info.ID)
	p.must(err)
	for name, now := range map[string]struct {
		planned remote.Item
		base    state.Base
		want    bool
	}{
		"planned upon what was agreed upon": {agreed, b, false},
		"planned upon what they saved":      {theirs, b, false},
		"agreed upon what they saved":       {agreed, state.Base{N: b.N, RemoteSize: theirs.Size, RemoteHash: theirs.Hash}, true},
	} {
		r := itemRow(now.planned)
		j := job{base: now.base, id: info.ID, Action: plan.Action{Remote: plan.Remote{
			Place: plan.Place{Name: "a.txt"}, Kind: plan.File, Content: plan.Content{Size: r.Size, MTime: r.MTime, Hash: plan.Hash(r.Hash)},
		}}}
		if _, err := e.drifted(t.Context(), &j); (err == nil) != now.want {
			t.Errorf("%s: %v, want to go on: %v", name, err, now.want)
		}
	}
}

// TestTwoDifferentContentsAreNoAgreement on a drive that keeps what it is given.
func TestTwoDifferentContentsAreNoAgreement(t *testing.T) {
	for kind, want := range map[remotetest.Kind]bool{remotetest.Personal: false, remotetest.Business: true} {
		p := newPair(t, remotetest.Options{Kind: kind})
		p.write("a.txt", "ours")
		p.sync()
		e := New(p.cfg)
		info, err := p.online.Stat("a.txt")
		p.must(err)
		row, _, err := p.db.ItemByID(p.cfg.Drive.N, info.ID)
		p.must(err)
		b, _, err := p.db.Base(p.cfg.Folder.N, row.N)
		p.must(err)
		at := plan.Place{Parent: plan.Key(row.Parent), Name: "a.txt"}
		j := job{base: b, from: plan.Key(row.N), parent: at.Parent, Action: plan.Action{
			Op: plan.Adopt, Key: plan.Key(row.N), To: at,
			Local:  plan.Local{Place: at, Kind: plan.File, Content: plan.Content{Size: 4, Hash: plan.Hash(b.Hash)}},
			Remote: plan.Remote{Place: at, Kind: plan.File, Content: plan.Content{Size: 4, Hash: plan.Hash(strings.Repeat("x", 20))}},
		}}
		p.must(p.db.Update(e.agree(j).tx))
		if _, agreed, err := p.db.Base(p.cfg.Folder.N, row.N); agreed != want || err != nil {
			t.Errorf("%v: agreed upon: %v, want %v (%v)", kind, agreed, want, err)
		}
	}
}
