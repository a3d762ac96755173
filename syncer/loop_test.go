package syncer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/plan"
)

// counted lets a test wait for all workers of an engine.
func counted(p *pair) *sync.WaitGroup {
	var all sync.WaitGroup
	p.cfg.Spawn = func(work func()) { all.Go(work) }
	return &all
}

// within fails when what takes longer than any machine needs.
func within(t *testing.T, what string, wait func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: no end", what)
	}
}

// TestAWorkerThatOutlivesItsRunEndsAndDoesNothingMore: the run does not wait for
// ever for one that hangs in a call, and what that call brings can no longer be
// recorded.
func TestAWorkerThatOutlivesItsRunEndsAndDoesNothingMore(t *testing.T) {
	p, s := changedOnline(t)
	p.cfg.Clock = newHurried(100)
	workers := counted(p)
	hangs, goOn := make(chan struct{}), make(chan struct{})
	s.before("copyattrs tmp", func() { close(hangs); <-goOn })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := New(p.cfg).Once(ctx)
		ended <- err
	}()
	<-hangs
	cancel()
	within(t, "the run", func() {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the run ended with %v", err)
		}
	})
	close(goOn)
	within(t, "the worker", workers.Wait)
	if n := len(s.heard("exchange *")); n != 0 {
		t.Error("a file was replaced with nobody to record it")
	}
	p.holds("f.txt", "base")
	p.onStage()
	p.sync()
	p.holds("f.txt", "theirs")
	p.same()
}

// TestManyWorkersThatOutliveTheirRunEnd: there are more of them than the inbox
// has room for reports.
func TestManyWorkersThatOutliveTheirRunEnd(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.must(p.online.Fill("d", 100, 0, 10))
	p.cfg.Parallel = 100
	p.cfg.Clock = newHurried(100)
	workers := counted(p)
	s := p.onStage()
	var there sync.WaitGroup
	there.Add(100)
	goOn := make(chan struct{})
	s.on(cue{call: "settime tmp", times: 100, do: func() error { there.Done(); <-goOn; return nil }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := New(p.cfg).Once(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the run ended with %v", err)
		}
	}()
	within(t, "the downloads", there.Wait)
	cancel()
	within(t, "the run", func() { <-ended })
	close(goOn)
	within(t, "the workers", workers.Wait)
}

// TestOneRowThatIsRefusedDoesNotUndoTheOthers: rows of many workers share one
// transaction.
func TestOneRowThatIsRefusedDoesNotUndoTheOthers(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	e := New(p.cfg)
	refused := errors.New("refused")
	said := map[string]error{}
	note := func(name string, row func(*state.Tx) error) report {
		return report{tx: row, then: func(err error) { said[name] = err }}
	}
	put := func(path string) func(*state.Tx) error {
		return func(tx *state.Tx) error {
			return tx.PutConflict(p.cfg.Folder.N, state.Conflict{Path: path, At: time.Now()})
		}
	}
	e.inbox <- note("bad", func(tx *state.Tx) error { return errors.Join(put("bad")(tx), refused) })
	e.inbox <- note("last", put("last"))
	e.commit(note("first", put("first")))
	list, err := p.db.Conflicts(p.cfg.Folder.N)
	p.must(err)
	if len(list) != 2 || list[0].Path != "first" || list[1].Path != "last" {
		t.Errorf("on record: %+v, want the first and the last", list)
	}
	if !errors.Is(said["bad"], refused) || said["first"] != nil || said["last"] != nil {
		t.Errorf("the workers were told %v", said)
	}
}

// TestAnAgreementBesideARowThatIsRefusedIsKnown: what is decided next starts from it.
func TestAnAgreementBesideARowThatIsRefusedIsKnown(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f", "text")
	p.sync()
	e := New(p.cfg)
	rows, err := p.db.BaseChildren(p.cfg.Folder.N, p.cfg.Folder.Root)
	if p.must(err); len(rows) != 1 {
		t.Fatalf("agreed upon: %+v", rows)
	}
	was, _ := e.local.base(plan.Key(rows[0].N))
	is := was
	is.ETag = "another"
	e.inbox <- report{tx: func(tx *state.Tx) error { return tx.PutBase(p.cfg.Folder.N, is) }}
	e.commit(report{tx: func(*state.Tx) error { return errors.New("refused") }, then: func(error) {}})
	if now, _ := e.local.base(plan.Key(was.N)); now.ETag != is.ETag {
		t.Errorf("it goes by %q, agreed upon is %q", now.ETag, is.ETag)
	}
}

// TestOneAgreementThatIsRefusedDoesNotUndoTheOthers: what is the same on both sides is
// agreed upon together.
func TestOneAgreementThatIsRefusedDoesNotUndoTheOthers(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for _, name := range []string{"a", "b", "c", "d"} {
		p.write(name, "the same")
		p.put(name, "the same")
	}
	file := filepath.Join(t.TempDir(), "tandem.db")
	p.must(p.db.CopyTo(file))
	raw, err := sql.Open("sqlite", file)
	p.must(err)
	_, err = raw.Exec("CREATE TRIGGER refuse BEFORE INSERT ON base WHEN new.local_name='a' BEGIN SELECT raise(ABORT, 'refused'); END")
	p.must(errors.Join(err, raw.Close()))
	p.reopen(file)
	var log bytes.Buffer
	p.cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.try()
	rows, err := p.db.BaseChildren(p.cfg.Folder.N, p.cfg.Folder.Root)
	if p.must(err); len(rows) != 3 {
		t.Errorf("agreed upon are %d of the other three: %+v", len(rows), rows)
	}
	for _, name := range []string{"b", "c", "d"} {
		if n := strings.Count(log.String(), "msg=planned action=agreed path="+name); n != 1 {
			t.Errorf("%q was agreed upon %d times", name, n)
		}
	}
}

// TestRowsThatAreWrittenASecondTimeAreTheSame: a batch that failed is written
// again row by row.
func TestRowsThatAreWrittenASecondTimeAreTheSame(t *testing.T) {
	p, s := changedOnline(t)
	p.cfg.Parallel = 1
	var e *Engine
	sent := make(chan struct{}, 100)
	p.cfg.Spawn = func(work func()) {
		go func() {
			work()
			sent <- struct{}{}
		}()
	}
	refused := errors.New("refused")
	s.on(cue{call: "open stash", after: true, do: func() error {
		for len(sent) > 0 {
			<-sent
		}
		e.inbox <- report{then: func(error) {
			<-sent // the loop waits for the worker's report, which shares a batch with one that is refused
			e.inbox <- report{tx: func(*state.Tx) error { return refused }}
		}}
		return nil
	}})
	e = New(p.cfg)
	if _, err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := p.intents(); len(in) != 1 || in[0].Op != opStashed {
		t.Errorf("on record: %+v, want the replaced version in the stash and nothing else", in)
	}
	p.holds("f.txt", "theirs")
}

// TestManyFilesAreMadeDurableTogether: a folder is synced for a batch, not for
// each file in it.
func TestManyFilesAreMadeDurableTogether(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.must(p.online.Fill("d", 64, 0, 10))
	p.cfg.Parallel = 64
	s := p.onStage()
	var all sync.WaitGroup
	all.Add(64)
	s.on(cue{call: "rename tmp d/*", times: 64, do: func() error { all.Done(); all.Wait(); return nil }})
	p.sync()
	if n := len(s.heard("syncdir d")); n > 32 {
		t.Errorf("the folder was synced %d times for 64 files that came together", n)
	}
	p.same()
}

// TestAPassEndsThoughOneItemNeedsAnotherThatIsLeft to the next run: two names
// are to be swapped, and the first step fails each time.
func TestAPassEndsThoughOneItemNeedsAnotherThatIsLeft(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Clock = newHurried(100)
	p.write("a.txt", "one")
	p.write("b.txt", "two")
	p.sync()
	p.must(p.online.Move("a.txt", "c.txt"))
	p.must(p.online.Move("b.txt", "a.txt"))
	p.must(p.online.Move("c.txt", "b.txt"))
	p.onStage().never("rename * .tandem-swap-*", syscall.EIO)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := New(p.cfg).Once(ctx); !errors.Is(err, syscall.EIO) {
		t.Errorf("the pass ended with %v", err)
	}
	p.onStage()
	p.sync()
	p.same()
}
