package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// A stormRun is one storm of TestStorms.
type stormRun struct {
	stormKind
	t        *testing.T
	drive    remotetest.Kind
	rnd      *rand.Rand
	ledger   *ledger
	log      *eventLog
	observer *observer
	m        *world
	here     *localEditor
	online   *remoteEditor

	end      context.CancelFunc // of the program
	ended    sync.WaitGroup
	noKills  atomic.Bool               // from the last edit on
	pass     atomic.Pointer[time.Time] // when the pass that is running began; nil = none, or an agent
	mu       sync.Mutex
	problems []string      // that are found on the way
	rest     time.Duration // from the last edit until everything was at rest; 0 = never
	apart    []string      // paths in which the two sides differed then
}

func newStormRun(t *testing.T, k stormKind, drive remotetest.Kind, seed, n uint64) *stormRun {
	s := &stormRun{
		stormKind: k, t: t, drive: drive, rnd: rand.New(rand.NewPCG(seed, n)),
		ledger: newLedger(), log: &eventLog{start: time.Now()}, observer: &observer{listed: map[string]time.Time{}},
	}
	s.online = &remoteEditor{browser: browser{hand: s.person("eve")}}
	w := &world{dir: t.TempDir()}
	t.Cleanup(w.leave)
	must(t, w.begin(remotetest.Options{Kind: drive, Seed: s.rnd.Uint64(), Latency: 5 * time.Millisecond, Witness: s.witness}))
	s.online.drive = w.drive
	s.m = w.machine(t, "machine")
	aside := s.m.path("ann")
	must(t, os.Mkdir(aside, 0o777))
	s.here = &localEditor{local{s.person("ann"), s.m.path("local"), aside, new(sync.Mutex)}}
	if out, err := s.tandem("sync", "--once").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

func (s *stormRun) person(name string) hand {
	return hand{name: name, rnd: s.dice(), ledger: s.ledger, log: s.log}
}

// dice are for one goroutine.
func (s *stormRun) dice() *rand.Rand { return rand.New(rand.NewPCG(s.rnd.Uint64(), s.rnd.Uint64())) }

// witness is told of every request of tandem's.
func (s *stormRun) witness(x remotetest.Exchange) {
	result := nameOf(string(x.Content))
	switch {
	case !x.Done:
		result = "a fault"
	case x.Items > 0:
		result = fmt.Sprint(x.Items, " items")
	}
	if x.Route != "token" && x.Route != "socket.io" {
		s.log.add("tandem %s %s id %s (%s) %d: %s", x.Method, x.Route, x.ID, x.Path, x.Status, result)
	}
	s.online.see(x)
	s.observer.see(x)
}

// edit starts the program, and lets people and faults at it.
func (s *stormRun) edit() {
	s.setFaults()
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	dice := s.dice()
	s.ended.Go(func() { s.keepRunning(ctx, dice) })
	until := time.Now().Add(time.Duration(*stormSeconds) * time.Second)
	if s.fails { // everything takes longer
		until = until.Add(time.Duration(*stormSeconds) * time.Second)
	}
	var working sync.WaitGroup
	for _, p := range []worker{s.here, s.online} {
		dice := s.dice()
		working.Go(func() { inBursts(p, dice, until) })
	}
	if s.fails || s.late {
		dice := s.dice()
		working.Go(func() { s.holdAnswers(dice, until) })
	}
	working.Wait()
	s.noKills.Store(true)
	s.setFaults() // no more answers are held back for long
}

// stop ends the program for good.
func (s *stormRun) stop() {
	s.end()
	s.ended.Wait()
}

// setFaults sets what goes wrong all the time, and nothing else. Answers take as
// long as on a real line.
func (s *stormRun) setFaults() {
	d := s.m.drive
	d.Calm()
	if !s.push {
		d.Fail(remotetest.Fault{Match: "GET socketIo", Status: http.StatusNotImplemented})
	}
	if s.fails {
		for _, f := range []remotetest.Fault{
			{Chance: 0.5, Match: "GET socket.io", Twist: remotetest.CloseLater, For: 5 * time.Second},
			{Chance: 0.2, Match: "GET socket.io", Twist: remotetest.NoEvents},
			{Chance: 0.015, Status: http.StatusServiceUnavailable},
			{Chance: 0.005, Status: http.StatusInternalServerError},
			{Chance: 0.015, Drop: true},
			{Chance: 0.020, Drop: true, Done: true},
			{Chance: 0.010, Status: http.StatusGatewayTimeout, Done: true},
			{Chance: 0.015, CutAt: 60},
			{Chance: 0.015, Status: http.StatusTooManyRequests, RetryAfter: time.Second},
			{Chance: 0.005, Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Second},
			{Chance: 0.030, Stall: 2 * time.Second},
			{Chance: 0.2, Twist: remotetest.Lag, For: time.Second},
			{Chance: 0.2, Twist: remotetest.Lag, For: time.Second, Match: "PERSON"},
			{Chance: 0.05, Twist: remotetest.Newborn, For: 2 * time.Second},
		} {
			d.Fail(f)
		}
	}
	d.Fail(remotetest.Fault{Chance: 0.3, Stall: 50 * time.Millisecond})
	d.Fail(remotetest.Fault{Chance: 0.1, Stall: 300 * time.Millisecond})
}

// holdAnswers holds single answers back, while everything else goes on: in most
// storms those to changes, for some seconds, so that news of them and of what was
// done after them comes first; in others those to questions; in others any, for up
// to a minute. Those still held when the last edit is made come soon afterwards.
func (s *stormRun) holdAnswers(dice *rand.Rand, until time.Time) {
	changes := []string{"POST batch", "POST batch", "PUT content", "PUT upload", "PATCH item", "DELETE item", "POST children"}
	questions := []string{"GET delta", "GET item", "GET children", "GET content", "download"}
	what, most, gap := changes, 6*time.Second, 700*time.Millisecond
	switch dice.IntN(5) {
	case 0:
		what, most = questions, 4*time.Second
	case 1:
		what, most, gap = slices.Concat(changes, questions), time.Minute, 4*time.Second
	}
	for time.Now().Before(until) {
		long := min(upTo(dice, most), time.Until(until)+lateAtMost)
		s.m.drive.Fail(remotetest.Fault{Match: what[dice.IntN(len(what))], Times: 1, Stall: long})
		<-time.After(min(upTo(dice, 2*gap), time.Until(until)))
	}
}

// tandem is the program in a hurry.
func (s *stormRun) tandem(args ...string) *exec.Cmd {
	usual := s.m.tandem(args...)
	cmd := exec.Command("tandem-in-a-hurry", args...)
	cmd.Dir, cmd.Env = usual.Dir, append(usual.Env, "QUIET="+quietPeriod.String(), "POLL="+pollInterval.String())
	return cmd
}

// keepRunning starts the agent again when it was killed, or one pass after the
// other, until ctx ends.
func (s *stormRun) keepRunning(ctx context.Context, dice *rand.Rand) {
	args := []string{"sync", "-vv"}
	if !s.agent {
		args = append(args, "--once")
	}
	said, err := os.Create(s.m.path("said"))
	must(s.t, err)
	defer said.Close()
	for ctx.Err() == nil {
		cmd := s.tandem(args...)
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			s.t.Error(err)
			return
		}
		began := time.Now()
		if !s.agent {
			s.pass.Store(&began)
		}
		s.log.add("tandem started")
		killed := s.wait(ctx, cmd, 500*time.Millisecond+upTo(dice, 3*time.Second))
		s.pass.Store(nil)
		code := cmd.ProcessState.ExitCode()
		if !killed && (s.agent || code != inSync && code != waits && code != failed) {
			s.problem("it ended by itself with exit code %d, %s s after the start", code, s.log.now())
		}
		if !s.agent || !killed {
			select {
			case <-ctx.Done():
			case <-time.After(upTo(dice, time.Second)):
			}
		}
	}
}

// wait waits until cmd ends, and kills it after a while in a storm with kills, or
// when ctx ends.
func (s *stormRun) wait(ctx context.Context, cmd *exec.Cmd, life time.Duration) (killed bool) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var kill <-chan time.Time
	if s.kills {
		kill = time.After(life)
	}
	for {
		select {
		case <-ended:
			s.log.add("tandem ended: %v", cmd.ProcessState)
			return false
		case <-kill:
			if s.noKills.Load() {
				continue
			}
		case <-ctx.Done():
		}
		cmd.Process.Kill()
		<-ended
		s.log.add("tandem was killed")
		return true
	}
}

func (s *stormRun) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// comeToRest waits until everything is at rest. Where that does not make both sides
// equal, the person here goes on with the files that differ: if tandem takes two
// versions for one, the next edit destroys the one that nobody sees here.
func (s *stormRun) comeToRest() {
	s.rest = s.awaitRest(s.still(), s.patience())
	s.apart = differing(s.localTree(), s.onlineTree())
	switch {
	case len(s.apart) > 0:
		for _, path := range s.apart {
			if !strings.HasSuffix(path, "/") {
				s.here.writeInPlace(s.m.path("local/" + path))
			}
		}
		s.awaitRest(s.still(), cmp.Or(*stormPatience, 20*time.Second))
	case s.agent && !s.kills && !s.late && !s.fails:
		s.folderCosts()
	}
}

// folderCosts sees what a whole folder costs an agent that is left in peace: what
// is renamed or deleted as one must not cost a request for each file in it.
func (s *stormRun) folderCosts() {
	const files, most = 20, 2
	dir, other := s.m.path("local/many"), s.m.path("local/renamed")
	must(s.t, os.Mkdir(dir, 0o777))
	for n := range files {
		s.here.save(filepath.Join(dir, fmt.Sprint(n)))
	}
	s.awaitRest(s.still(), s.patience())
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"renamed twice within the quiet period", func() {
			s.here.move(dir, dir+".tmp")
			<-time.After(quietPeriod / 3)
			s.here.move(dir+".tmp", other)
		}},
		{"deleted with rm -r", func() { s.here.clear(other) }},
	} {
		_, before := s.observer.lastChange()
		step.do()
		s.awaitRest(pollInterval+time.Second, s.patience())
		if _, n := s.observer.lastChange(); n-before > most {
			s.problem("a folder of %d files, %s: %d requests that change something, want at most %d", files, step.what, n-before, most)
		}
	}
}

// awaitRest waits, from an edit just made, until everything is at rest, and gives
// how long that took; 0 if patience ended before.
func (s *stormRun) awaitRest(still, patience time.Duration) time.Duration {
	edited := s.observer.edited()
	w := restWatch{edited, still}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for now := edited; now.Sub(edited) < patience; now = <-tick.C {
		equal := len(differing(s.localTree(), s.onlineTree())) == 0
		changed, _ := s.observer.lastChange()
		var pass time.Time
		if began := s.pass.Load(); began != nil {
			pass = *began
		}
		if w.rests(now, equal, changed, pass) {
			return max(w.unrest.Sub(edited), time.Millisecond)
		}
	}
	return 0
}

func (s *stormRun) patience() time.Duration {
	return cmp.Or(*stormPatience, s.bound()+20*time.Second)
}

// localTree looks again when something was moved away in the middle of it.
func (s *stormRun) localTree() map[string]string {
	for {
		if tree, err := contents(s.m.path("local")); err == nil {
			return tree
		}
	}
}

func (s *stormRun) onlineTree() map[string]string {
	tree := map[string]string{}
	for path, text := range s.m.drive.Tree() {
		tree[strings.TrimPrefix(path, "/")] = text
	}
	return tree
}

// report says what is wrong, and gives the storm's line. Nobody is at work any more.
func (s *stormRun) report() string {
	v := s.ledger.judge(found{s.localTree(), s.onlineTree(), private(s.m.path("local")), s.m.drive.Binned(), s.m.drive.Kept()})
	for _, name := range v.lost {
		s.problem("lost: %s, %s\n%s", name, s.ledger.origin(name), strings.Join(s.log.about(name, 40), "\n"))
	}
	for _, what := range v.torn {
		s.problem("torn: %s", what)
	}
	if len(s.apart) > 0 {
		s.problem("the two sides differ in %q", s.apart)
	}
	alone := 0
	for _, name := range v.weak {
		events := strings.Join(s.log.about(name, 12), "\n")
		if s.log.deletedAlone(name) { // the request could have named the version that it meant
			alone++
			s.problem("deleted online, which nobody did, and only in the recycle bin: %s\n%s", name, events)
		} else {
			s.t.Logf("deleted online with its folder, and only in the recycle bin: %s\n%s", name, events)
		}
	}
	window, repeats := s.observer.figures()
	if repeats > 0 && !s.fails {
		s.problem("%d readings of the feed brought what an earlier one had brought already", repeats)
	}
	rest := s.rest.Round(100 * time.Millisecond).String()
	switch {
	case s.rest == 0:
		rest = "never"
		s.problem("not at rest %v after the last edit", s.patience())
	case s.rest > s.bound():
		s.problem("at rest %s after the last edit, want %s", rest, s.bound())
	}
	if *stormLogs != "" {
		must(s.t, s.writeLogs(*stormLogs))
	}
	result := "ok  "
	for _, what := range s.problems {
		s.t.Error(what)
		result = "FAIL"
	}
	_, changes := s.observer.lastChange()
	line := fmt.Sprintf("%s %-23s %-12s edits %d here %d online, versions %d (%d live), lost %d, torn %d, apart %d, trash %d, weak %d (%d alone), window %s, repeats %d, rest %s of %s, requests %d (%d changes)",
		result, s.stormKind, s.drive, s.here.edits, s.online.edits, len(s.ledger.versions), s.ledger.live(), len(v.lost), len(v.torn), len(s.apart), len(v.trash), len(v.weak), alone,
		window, repeats, rest, s.bound(), s.m.drive.Requests(), changes)
	s.t.Log(line)
	return line
}

// writeLogs keeps what happened: what was done, and what tandem said.
func (s *stormRun) writeLogs(dir string) error {
	name := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "_", ",", "").Replace(s.t.Name()))
	said, err := os.ReadFile(s.m.path("said"))
	lines := slices.Concat(s.log.lines, []string{""})
	return errors.Join(err, os.MkdirAll(dir, 0o777), os.WriteFile(name+".log", []byte(strings.Join(lines, "\n")), 0o666), os.WriteFile(name+".said", said, 0o666))
}
