package syncer

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/plan"
)

// TestAReasonIsInWordsAndSaidOnce: a person is shown no code of the service's, and
// no reason twice.
func TestAReasonIsInWordsAndSaidOnce(t *testing.T) {
	e := &Engine{tries: map[plan.Key]int{}, local: new(local)}
	codes := regexp.MustCompile(`\b[1-5]\d\d\b|itemNotFound|nameAlreadyExists|invalidRequest|uploadSession|generalException`)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&remote.Error{Op: "upload", Status: 400, Code: "invalidRequest", Message: "The name is bad"}, "the service does not let tandem send it: The name is bad"},
		{&remote.Error{Op: "upload", Status: 400, Code: "invalidRequest"}, "the service does not let tandem send it"},
		{&remote.Error{Op: "upload", Status: 404, Code: "itemNotFound"}, "the service refuses it, though all there is as expected"},
		{&remote.Error{Op: "upload", Status: 409, Code: "nameAlreadyExists"}, "the service refuses it, though all there is as expected"},
		{&remote.Error{Op: "upload", Status: 409, Code: "nameAlreadyExists", Message: "An upload session already exists for this file"}, "an earlier upload of it is still open online"},
		{&remote.Error{Op: "upload", Status: 412, Code: "resourceModified"}, "the service refuses it, though all there is as expected"},
		{&remote.Error{Op: "upload", Status: 429}, "the service asks to wait"},
		{&remote.Error{Op: "upload", Status: 500, Code: "generalException"}, "upload: unexpected response from the service"},
		{&remote.Error{Op: "upload", Status: 507, Code: "quotaLimitReached"}, "the drive is full; free space there"},
		{fmt.Errorf("keep your version of %q: %w", "a", errors.New("broken")), `keep your version of "a": broken`},
	} {
		why, _, _ := e.explain(&step{Action: plan.Action{Op: plan.Upload}}, tt.err)
		if why != tt.want || codes.MatchString(why) {
			t.Errorf("%v: %q, want %q", tt.err, why, tt.want)
		}
		item := &ItemError{Path: "a", Why: why, Err: tt.err}
		if item.Error() != `"a": `+tt.want || !errors.Is(item, tt.err) {
			t.Errorf("it ends the pass as %s", item)
		}
		for _, part := range strings.Split(why, ": ") {
			if strings.Count(why, part) > 1 {
				t.Errorf("%q is said twice: %s", part, why)
			}
		}
	}
}

// TestARefusedDeleteIsToldAsOne, with what the service says: it is on hold, or Bob has it.
func TestARefusedDeleteIsToldAsOne(t *testing.T) {
	for name, test := range map[string]struct {
		fault remotetest.Fault
		want  string
	}{
		"on legal hold": {
			remotetest.Fault{Match: "DELETE item", Status: 403, Body: `{"error":{"code":"accessDenied","message":"The item is on legal hold"}}`},
			"no permission to delete it online, as it was deleted here: The item is on legal hold"},
		"checked out": {
			remotetest.Fault{Match: "DELETE item", Status: 423, Body: `{"error":{"code":"resourceLocked","message":"The file is checked out by Bob"}}`},
			"somebody has it open or checked out online; waiting to delete it online, as it was deleted here: The file is checked out by Bob"},
		"kept for seven years": {
			remotetest.Fault{Match: "DELETE item", Status: 400, Body: `{"error":{"code":"invalidRequest","message":"A retention label keeps it"}}`},
			"the service does not let tandem delete it online, as it was deleted here: A retention label keeps it"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=f g.txt=g")
			p.remove("f.txt")
			p.online.Fail(test.fault)
			s, _ := p.try()
			if len(s.Waiting) != 1 || s.Waiting[0].Why != test.want {
				t.Errorf("waiting: %+v, want %s", s.Waiting, test.want)
			}
			p.online.Calm()
			p.sync()
			p.same()
		})
	}
}

// TestALockThatStaysAnHourIsForAPerson: until then it is what happens every day.
func TestALockThatStaysAnHourIsForAPerson(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=f")
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.write("f.txt", "mine")
	p.online.Fail(remotetest.Fault{Match: "PUT content", Status: 423, Body: `{"error":{"code":"resourceLocked","message":"Checked out by Bob"}}`})
	for _, minutes := range []time.Duration{0, 5, 50, 4} {
		clock.forward(minutes * time.Minute)
		if s, err := p.try(); err != nil || s.NeedsPerson() || len(s.Waiting) != 1 {
			t.Errorf("after %d minutes more: %+v, %v", minutes, s, err)
		}
	}
	clock.forward(2 * time.Minute)
	s, err := p.try()
	if err != nil || !s.NeedsPerson() || !strings.Contains(s.Waiting[0].Why, "waiting to send it: Checked out by Bob") {
		t.Errorf("after an hour: %+v, %v", s, err)
	}
}

// TestWhatIsNotSyncedHasAName, also when it has gone on both sides while it was on its
// way, when nothing but its place is known of it, and when it is the folder itself.
func TestWhatIsNotSyncedHasAName(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/new.txt", "text")
	full := &remote.Error{Op: "upload", Status: 507}
	for name, tt := range map[string]struct {
		tries int
		err   error
		why   string
	}{
		"it failed":          {0, full, "the drive is full; free space there"},
		"it keeps changing":  {giveUpTry, errSuperseded, "it keeps changing; it is synced once it is left alone"},
		"it is not found":    {0, errNotFound, notFoundNow},
		"it failed in words": {0, errors.New("broken"), "broken"},
	} {
		for _, from := range []string{"d/new.txt", ""} {
			var logged strings.Builder
			p.cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
			e := New(p.cfg)
			p.must(e.scan(t.Context()))
			e.once = true
			k, ok := e.local.find("d/new.txt")
			if !ok {
				t.Fatal("it was not seen")
			}
			d, _ := e.local.find("d")
			s := &step{Action: plan.Action{Op: plan.Upload, Key: k, To: plan.Place{Parent: d, Name: "new.txt"}}, from: from}
			e.tries[k] = tt.tries
			e.local.vanish(k)
			e.trouble(s, outcome{err: tt.err, unfound: []string{p.cfg.Drive.RootID}}, false)
			if w := e.waiting[k]; w.Path != "d/new.txt" || w.Why != tt.why {
				t.Errorf("%s: not synced: %q: %s", name, w.Path, w.Why)
			}
			if strings.Contains(logged.String(), `path=""`) {
				t.Errorf("%s: logged %s", name, &logged)
			}
		}
	}
	e := New(p.cfg)
	e.note(e.root, e.pathOf(e.root), notFoundNow, false, 0)
	e.held[e.root] = state.Held{Key: int64(e.root), Why: "the folder is missing"}
	s, err := e.summary(time.Now(), 0, nil)
	p.must(err)
	for _, w := range s.Waiting {
		if w.Path != p.cfg.Folder.Path {
			t.Errorf("of the folder itself: not synced: %q: %s", w.Path, w.Why)
		}
	}
}

// TestAMoveIsLoggedWithBothNames, whichever side it is made on.
func TestAMoveIsLoggedWithBothNames(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("a/old.txt", "one")
	p.write("b/other.txt", "two")
	p.sync()
	var logged strings.Builder
	p.cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	p.move("a/old.txt", "b/new.txt")
	p.must(p.online.Move("b/other.txt", "a/another.txt"))
	p.sync()
	p.same()
	for _, want := range []string{
		`msg="moved online" from=a/old.txt path=b/new.txt why="moved here"`,
		`msg="moved here" from=b/other.txt path=a/another.txt why="moved online"`,
	} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("no %s in\n%s", want, &logged)
		}
	}
}
