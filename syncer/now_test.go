package syncer

import (
	"sync/atomic"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// TestAnAgentSaysThatItIsQuietOnlyWhenItIs: from before the first look at either
// side until both are the same.
func TestAnAgentSaysThatItIsQuietOnlyWhenItIs(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("theirs.txt", "theirs")
	p.write("mine.txt", "mine")
	e := New(p.cfg)
	if now := e.Now(); now.Quiet || !now.Read.IsZero() {
		t.Errorf("before it runs it stands at %+v", now)
	}
	start := time.Now()
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	now := e.Now()
	if p.here()["theirs.txt"] != "theirs" || p.there()["mine.txt"] != "mine" {
		t.Errorf("it is quiet with %s here and %s there", show(p.here()), show(p.there()))
	}
	if now.Read.Before(start) || now.Looked.Before(start) || now.Trouble != "" || now.Progress.Done != 2 {
		t.Errorf("it stands at %+v", now)
	}
	p.put("more.txt", "more")
	e.Look()
	p.until("it has counted anew", func() bool { now := e.Now().Progress; return now.Files == 1 && now.Done == 1 && now.Moved == 4 })
	stop()
	p.same()
}

// TestAFileThatIsStillBeingWrittenIsWork: it will be sent once it is left alone.
func TestAFileThatIsStillBeingWrittenIsWork(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Settle = time.Hour
	e := New(p.cfg)
	p.write("mine.txt", "mine")
	stop := p.agent(e)
	p.until("it has looked", func() bool { return !e.Now().Read.IsZero() })
	looked := e.Now().Looked
	e.Look()
	p.until("it has looked again", func() bool { return e.Now().Looked.After(looked) })
	if e.Now().Quiet {
		t.Error("it is quiet while a file waits to be sent")
	}
	stop()
}

// TestAnAgentLooksAtBothSidesWhenTold, long before it would by itself, and
// without a watcher's word.
func TestAnAgentLooksAtBothSidesWhenTold(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Poll = time.Hour
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	p.put("theirs.txt", "theirs")
	p.write("mine.txt", "mine")
	e.Look()
	p.until("both have all", func() bool { return p.here()["theirs.txt"] == "theirs" && p.there()["mine.txt"] == "mine" })
	stop()
	p.same()
}

// TestAnAgentReadsTheFeedAtANotice, and once more when the notice came while it
// was reading.
func TestAnAgentReadsTheFeedAtANotice(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Poll = time.Hour
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	p.online.ResetCounts()
	for _, name := range []string{"a", "b", "c"} {
		p.put(name, name)
		e.Notice(time.Now())
	}
	p.until("all is here", func() bool { return len(p.here()) == 3 })
	if n := p.online.Count("GET delta"); n > 3 {
		t.Errorf("three notices had the feed read %d times", n)
	}
	stop()
	p.same()
}

// TestAnIdleAgentHasNothingToTell: what it reads from time to time is no work.
func TestAnIdleAgentHasNothingToTell(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Poll = 10 * time.Millisecond
	var told atomic.Int64
	p.cfg.Progress = func(Progress) { told.Add(1) }
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	before := told.Load()
	p.online.ResetCounts()
	p.until("it has polled", func() bool { return p.online.Count("GET delta") > 3 })
	stop()
	if n := told.Load(); n > before {
		t.Errorf("it had something to tell %d times", n-before)
	}
}

// TestAnAgentThatCannotReadTheFeedSaysSo until it can again.
func TestAnAgentThatCannotReadTheFeedSaysSo(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Poll = 10 * time.Millisecond
	p.cfg.Clock = newHurried(1)
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	p.online.Fail(remotetest.Fault{Match: "GET delta", Times: 3, Status: 403})
	p.until("it says so", func() bool { return e.Now().Trouble != "" })
	p.until("it can again", func() bool { return e.Now().Trouble == "" })
	stop()
}

// TestALoopThatHangsDoesNotBeat, however it is nudged, and one with nothing to do
// does.
func TestALoopThatHangsDoesNotBeat(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Poll = time.Hour
	s := p.onStage()
	e := New(p.cfg)
	stop := p.agent(e)
	p.until("it is quiet", func() bool { return e.Now().Quiet })
	was := e.Beats()
	e.Nudge()
	p.until("it beats", func() bool { return e.Beats() > was })

	hangs, goOn := make(chan struct{}), make(chan struct{})
	s.before("list *", func() { close(hangs); <-goOn })
	e.Look()
	<-hangs
	was = e.Beats()
	e.Nudge()
	if e.Beats() != was {
		t.Error("it beats while it hangs")
	}
	close(goOn)
	p.until("it beats again", func() bool { return e.Beats() > was })
	stop()
}
