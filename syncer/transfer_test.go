package syncer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/syncer/transfer"
)

// What people do to a file while it is being sent. It is large, so that it goes
// in pieces, or small, and goes at once.
func TestWhateverIsDoneToAFileThatIsBeingSentIsTheEndOfTheStory(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(p *pair)
		want string // where the file is on both sides in the end; empty: nowhere
	}{
		"it is deleted":            {func(p *pair) { p.remove("d/n.bin") }, ""},
		"it is renamed":            {func(p *pair) { p.move("d/n.bin", "d/m.bin") }, "d/m.bin"},
		"it is moved":              {func(p *pair) { p.move("d/n.bin", "n.bin") }, "n.bin"},
		"its folder is renamed":    {func(p *pair) { p.move("d", "e") }, "e/n.bin"},
		"its folder is deleted":    {func(p *pair) { p.remove("d") }, ""},
		"another one has its name": {func(p *pair) { p.move("d/n.bin", "d/m.bin"); p.write("d/n.bin", "another") }, "d/m.bin"},
	} {
		for size, text := range map[string]string{"small": "mine", "large": big("mine")} {
			for when, edit := range map[string]bool{"new": false, "an edit": true} {
				t.Run(what+", "+size+", "+when, func(t *testing.T) {
					t.Parallel()
					p := newPair(t, remotetest.Options{})
					p.connectBy(newHurried(300))
					p.fill("d/o.txt=o p.txt=p")
					if edit {
						p.put("d/n.bin", "base")
						p.sync()
					}
					p.write("d/n.bin", text)
					p.age("d/n.bin")
					s := p.onStage()
					call, skip := "upload n.bin", 0
					if size == "large" {
						call, skip = "read d/n.bin", 20
					}
					s.on(cue{call: call, skip: skip, do: func() error { c.do(p); return nil }})
					p.sync()
					p.sync()
					p.same()
					here := p.here()
					if c.want != "" && here[c.want] != text {
						t.Errorf("%s holds %.20q", c.want, here[c.want])
					}
					if got, there := here["d/n.bin"]; there && got != "another" {
						t.Errorf("d/n.bin holds %.20q", got)
					}
					if what == "another one has its name" && here["d/n.bin"] != "another" {
						t.Errorf("d/n.bin holds %.20q, want the other one", here["d/n.bin"])
					}
					if n := p.online.Sessions(); n != 0 {
						t.Errorf("%d upload sessions are still open", n)
					}
					for name := range here {
						if strings.Contains(name, "conflict") {
							t.Errorf("a conflict with oneself: %s", name)
						}
					}
				})
			}
		}
	}
}

// TestANewFileThatMeetsItsTwinOnlineIsAgreedUpon: somebody put the same bytes
// there first.
func TestANewFileThatMeetsItsTwinOnlineIsAgreedUpon(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("n.txt", "the same")
	p.onStage().before("upload n.txt", func() { p.put("n.txt", "the same") })
	if s := p.sync(); s.Conflicts != 0 {
		t.Errorf("%d conflicts", s.Conflicts)
	}
	p.holds("n.txt", "the same")
	p.same()
}

// TestAFileThatNeverStopsGrowingWaitsAndHoldsUpNobody is about logs.
func TestAFileThatNeverStopsGrowingWaitsAndHoldsUpNobody(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.Clock = newHurried(100)
	p.write("log", "a line\n")
	p.write("other.txt", "other")
	s := p.onStage()
	grow := func() {
		f, err := os.OpenFile(p.path("log"), os.O_APPEND|os.O_WRONLY, 0)
		p.must(err)
		_, err = f.WriteString("another line\n")
		p.must(errors.Join(err, f.Close()))
	}
	s.on(cue{call: "read log", times: 1 << 30, after: true, do: func() error { grow(); return nil }})
	sum, err := p.try()
	p.must(err)
	if p.there()["other.txt"] != "other" {
		t.Error("the other file waited, too")
	}
	if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "log" || !strings.Contains(sum.Waiting[0].Why, "keeps changing") {
		t.Errorf("waiting: %+v", sum.Waiting)
	}
	if n := len(s.heard("open log")); n > 4*giveUpTry {
		t.Errorf("it was read %d times", n)
	}
	p.onStage()
	p.sync()
	p.same()
}

// TestASaveInTwoStepsIsNoConflict: emptied first, written a moment later.
func TestASaveInTwoStepsIsNoConflict(t *testing.T) {
	for name, between := range map[string]string{"nobody looks in between": "", "the empty file is sent": "upload f.txt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			p.write("f.txt", "")
			s := p.onStage()
			if between == "" {
				s.before("open f.txt", func() { p.write("f.txt", "whole") })
			} else {
				s.after(between, func() { p.write("f.txt", "whole") })
			}
			if sum := p.sync(); sum.Conflicts != 0 {
				t.Errorf("%d conflicts", sum.Conflicts)
			}
			p.holds("f.txt", "whole")
			p.same()
		})
	}
}

// TestAFolderThatSomebodyFillsBeforeItIsDeletedOnlineKeepsWhatTheyPutThere: our
// listing right before finds it.
func TestAFolderThatSomebodyFillsBeforeItIsDeletedOnlineKeepsWhatTheyPutThere(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(p *pair)
		want string
	}{
		"a new file":       {func(p *pair) { p.put("d/e/new.txt", "theirs") }, "d/e/new.txt=theirs g.txt=g"},
		"an edit":          {func(p *pair) { p.put("d/e/f.txt", "edited") }, "d/e/f.txt=edited g.txt=g"},
		"a file moved in":  {func(p *pair) { p.must(p.online.Move("g.txt", "d/e/g.txt")) }, "d/e/g.txt=g"},
		"a file moved out": {func(p *pair) { p.must(p.online.Move("d/e/f.txt", "f.txt")) }, "f.txt=f g.txt=g"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("d/a.txt=a d/e/f.txt=f g.txt=g")
			p.remove("d")
			p.onStage().before("children d", func() { c.do(p) })
			p.sync()
			p.sync()
			if got := tree(p.here()); got != c.want {
				t.Errorf("here is %s, want %s", got, c.want)
			}
			p.same()
		})
	}
}

// TestAConnectionThatBreaksAnywhereCostsNothing: at the first byte, in the
// middle, one before the last.
func TestAConnectionThatBreaksAnywhereCostsNothing(t *testing.T) {
	text := strings.Repeat("theirs, and long ", 1000)
	for _, at := range []int{1, len(text) / 2, len(text) - 1} {
		t.Run(fmt.Sprint("after ", at), func(t *testing.T) {
			t.Parallel()
			p, _ := changedOnline(t)
			p.put("f.txt", text)
			p.online.Fail(remotetest.Fault{Match: "GET download", Times: 1, CutAt: at})
			p.sync()
			p.holds("f.txt", text)
			p.same()
		})
	}
}

// TestAConnectionThatBringsNothingEndsThePass, and half a file is taken for nothing.
func TestAConnectionThatBringsNothingEndsThePass(t *testing.T) {
	p, _ := changedOnline(t)
	p.put("f.txt", "theirs, and long")
	p.online.Fail(remotetest.Fault{Match: "GET download", Times: 1, CutAt: 5})
	p.online.Fail(remotetest.Fault{Match: "GET download", CutAt: -1})
	before := p.online.Count("GET download")
	if _, err := p.try(); err == nil {
		t.Error("half a file was taken for all of it")
	}
	if n := p.online.Count("GET download") - before; n != 1+transfer.MostBreaks {
		t.Errorf("%d downloads were begun", n)
	}
	p.holds("f.txt", "base")
	p.online.Calm()
	p.sync()
	p.holds("f.txt", "theirs, and long")
	p.same()
}

// TestAFileWithoutAHashIsNotPutTogether of what two connections bring.
func TestAFileWithoutAHashIsNotPutTogether(t *testing.T) {
	p, _ := changedOnline(t)
	p.online.Fail(remotetest.Fault{Twist: remotetest.NoHash})
	p.put("f.txt", "theirs, and long")
	p.online.Fail(remotetest.Fault{Match: "GET download", Times: 1, CutAt: 5})
	before := p.online.Count("GET download")
	if _, err := p.try(); err == nil || p.online.Count("GET download") != before+1 {
		t.Errorf("it went on (%v)", err)
	}
	p.sync()
	p.holds("f.txt", "theirs, and long")
}

// TestA404ThatPassesDeletesNothing: the service says so of things that are
// there.
func TestA404ThatPassesDeletesNothing(t *testing.T) {
	for _, match := range []string{"GET download", "GET item", "GET content", "PATCH item", "GET children", "PUT content", "DELETE item"} {
		t.Run(match, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.connectBy(newHurried(300))
			p.fill("a.txt=a b.txt=b c.txt=c d/e.txt=e f.txt=f")
			p.put("a.txt", "theirs")
			p.write("b.txt", "mine")
			p.move("c.txt", "c2.txt")
			p.remove("d")
			p.online.Fail(remotetest.Fault{Match: match, Times: 2, Status: 404})
			p.try()
			p.online.Calm()
			s := p.sync()
			if s.DeletedLocal != 0 {
				t.Errorf("%+v", s)
			}
			p.sync()
			if got := tree(p.here()); got != "a.txt=theirs b.txt=mine c2.txt=c f.txt=f" {
				t.Errorf("here is %s", got)
			}
		})
	}
}

// TestALockIsWaitedFor: the document is open in a browser.
func TestALockIsWaitedFor(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=other")
	p.write("f.txt", "mine")
	p.write("g.txt", "mine, too")
	p.online.Fail(remotetest.Fault{Match: "f.txt", Status: 423})
	p.online.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Status: 423})
	s, err := p.try()
	if err != nil {
		t.Errorf("a lock is no error: %v", err)
	}
	if len(s.Waiting) != 1 || !strings.Contains(s.Waiting[0].Why, "waiting to send it") || s.Uploaded != 1 {
		t.Errorf("%+v", s)
	}
	p.online.Calm()
	p.sync()
	p.same()
}

// TestWhatTheDriveRefusesWaitsAloneAndNothingIsUndone: a full drive, a folder
// that may only be read, one that must not be deleted.
func TestWhatTheDriveRefusesWaitsAloneAndNothingIsUndone(t *testing.T) {
	for name, c := range map[string]struct {
		fault remotetest.Fault
		why   string
	}{
		"the drive is full":              {remotetest.Fault{Match: "PUT content", Status: 507, Code: "quotaLimitReached"}, "the drive is full"},
		"files may only be read there":   {remotetest.Fault{Match: "PUT content", Status: 403, Code: "accessDenied"}, "no permission"},
		"names may not be changed there": {remotetest.Fault{Match: "PATCH item", Status: 403, Code: "accessDenied"}, "no permission"},
		"folders may not be deleted":     {remotetest.Fault{Match: "DELETE item", Status: 403, Code: "accessDenied"}, "no permission"},
		"what is downloaded is blocked":  {remotetest.Fault{Match: "GET download", Status: 403, Code: "accessDenied"}, "no permission"},
		"folders may not be made":        {remotetest.Fault{Match: "POST children", Status: 403, Code: "accessDenied"}, "no permission"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.connectBy(newHurried(300))
			p.fill("a.txt=a b.txt=b c.txt=c d/e.txt=e f.txt=f")
			p.put("a.txt", "theirs")
			p.write("b.txt", "mine")
			p.move("c.txt", "c2.txt")
			p.remove("d")
			p.must(os.Mkdir(p.path("new"), 0o777))
			p.online.Fail(c.fault)
			var first Summary
			for range 3 {
				s, _ := p.try()
				if first.Folder == "" {
					first = s
				}
				if s.Conflicts != 0 || s.DeletedLocal != 0 {
					t.Errorf("%+v", s)
				}
			}
			if len(first.Waiting) != 1 || !strings.Contains(first.Waiting[0].Why, c.why) {
				t.Errorf("waiting: %+v", first.Waiting)
			}
			if p.here()["b.txt"] != "mine" || p.here()["c2.txt"] != "c" {
				t.Errorf("what was done here was undone: %s", show(p.here()))
			}
			done := 0
			for path, text := range map[string]string{"b.txt": "mine", "c2.txt": "c", "new/": ""} {
				if got, ok := p.there()[path]; ok && got == text {
					done++
				}
			}
			if _, still := p.there()["d/e.txt"]; !still {
				done++
			}
			if p.here()["a.txt"] == "theirs" {
				done++
			}
			if done != 4 {
				t.Errorf("%d of the other four were done\nhere:  %s\nthere: %s", done, show(p.here()), show(p.there()))
			}
			p.online.Calm()
			p.sync()
			p.same()
		})
	}
}

// TestAnEndOfTheSignInStopsEverythingAndLosesNothing, in whichever request it
// shows.
func TestAnEndOfTheSignInStopsEverythingAndLosesNothing(t *testing.T) {
	for _, match := range []string{"GET delta", "PUT content", "PATCH item", "DELETE item"} {
		t.Run(match, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("a.txt=a b.txt=b c.txt=c f.txt=f")
			p.write("a.txt", "mine")
			p.move("b.txt", "b2.txt")
			p.remove("c.txt")
			p.online.Fail(remotetest.Fault{Match: match, Status: 401})
			p.online.Fail(remotetest.Fault{Match: "POST token", Status: 400, Code: "invalid_grant"})
			sum, err := p.try()
			if !errors.Is(err, remote.ErrSignIn) {
				t.Errorf("the error is %v", err)
			}
			if len(sum.Waiting) != 0 {
				t.Errorf("files were blamed for it: %+v", sum.Waiting)
			}
			if got := tree(p.here()); got != "a.txt=mine b2.txt=b f.txt=f" {
				t.Errorf("here is %s", got)
			}
			p.online.Calm()
			p.connect()
			p.must(p.client.LoginBrowser(t.Context(), browse))
			p.sync()
			p.same()
			if got := tree(p.here()); got != "a.txt=mine b2.txt=b f.txt=f" {
				t.Errorf("here is %s", got)
			}
		})
	}
}

// TestAStormOfRefusalsIsSatOutByTheAgent, which goes on soon after its end and
// has not asked without end.
func TestAStormOfRefusalsIsSatOutByTheAgent(t *testing.T) {
	clock := newHurried(1500)
	p := newPair(t, remotetest.Options{Clock: clock.Now, AccessLife: 1000 * time.Hour})
	p.connectBy(clock)
	p.fill("a.txt=a f.txt=f")
	p.cfg.Clock = clock
	p.online.ResetCounts()
	begun := clock.Now()
	p.online.Fail(remotetest.Fault{Match: "*", Status: 503, For: 3 * time.Hour})
	p.write("n.txt", "new")
	stop := p.agent(New(p.cfg))
	p.until("n.txt is online", func() bool { return p.there()["n.txt"] == "new" })
	took := clock.Now().Sub(begun)
	stop()
	if took < 3*time.Hour || took > 3*time.Hour+15*time.Minute {
		t.Errorf("it was sent after %v of a storm of three hours", took)
	}
	if n := p.online.Requests(); n > 8*180 {
		t.Errorf("%d requests in three hours in which nothing was answered, more than eight a minute", n)
	}
	p.cfg.Clock = nil
	p.same()
}

// TestADiskThatFailsIsNoReasonToDelete: what cannot be listed or read now is
// unknown, not absent.
func TestADiskThatFailsIsNoReasonToDelete(t *testing.T) {
	for name, c := range map[string]struct {
		call string
		err  error
	}{
		"no descriptors are left for a folder": {"list d", syscall.EMFILE},
		"nor in the whole system":              {"list d", syscall.ENFILE},
		"a folder's blocks are bad":            {"list d", syscall.EIO},
		"a folder may not be read":             {"list d", syscall.EACCES},
		"a network disk has lost it":           {"list d", syscall.ESTALE},
		"memory is short":                      {"list d", syscall.ENOMEM},
		"a deep folder cannot be listed":       {"list d/e", syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("d/a.txt=a d/e/f.txt=f g.txt=g h.txt=h")
			p.remove("h.txt")
			s := p.onStage()
			s.never(c.call, c.err)
			sum, _ := p.try()
			if sum.DeletedRemote != 1 || tree(p.there()) != "d/a.txt=a d/e/f.txt=f g.txt=g" {
				t.Errorf("%+v, want h.txt to be deleted and nothing else\nthere: %s", sum, show(p.there()))
			}
			if len(sum.Waiting) == 0 {
				t.Error("nothing is said of it")
			}
			p.must(p.online.Delete("d"))
			if sum, _ := p.try(); p.here()["d/a.txt"] == "" && name != "a deep folder cannot be listed" || p.here()["d/e/f.txt"] == "" {
				t.Errorf("what cannot be read was deleted: %+v\nhere: %s", sum, show(p.here()))
			}
			p.onStage()
			p.sync()
			p.same()
		})
	}
}

func TestAFileThatCannotBeReadToItsEndIsNotSentShort(t *testing.T) {
	for _, size := range []string{"small", "large"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.cfg.Clock = newHurried(300)
			text := "mine"
			if size == "large" {
				text = big("mine")
			}
			p.write("f.bin", text)
			p.write("g.txt", "other")
			s := p.onStage()
			skip := 0
			if size == "large" {
				skip = 30
			}
			s.on(cue{call: "read f.bin", skip: skip, times: 1 << 30, do: func() error { return syscall.EIO }})
			sum, _ := p.try()
			if got, there := p.there()["f.bin"]; there {
				t.Errorf("%d bytes of %d were sent", len(got), len(text))
			}
			if p.there()["g.txt"] != "other" {
				t.Error("the other file waited, too")
			}
			if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "f.bin" {
				t.Errorf("waiting: %+v", sum.Waiting)
			}
			p.onStage()
			p.sync()
			p.same()
		})
	}
}

// TestADiskThatTakesNoWritesAnyMoreStillSends: it was mounted read-only after an
// error, or has no room for this user.
func TestADiskThatTakesNoWritesAnyMoreStillSends(t *testing.T) {
	for name, c := range map[string]struct {
		err error
		why string
	}{
		"read-only":      {syscall.EROFS, "read-only"},
		"over its quota": {syscall.EDQUOT, "full"},
		"not ours":       {syscall.EACCES, "permission"},
		"broken":         {syscall.EIO, "input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.fill("a.txt=a b.txt=b c.txt=c d/e.txt=e")
			p.put("a.txt", "theirs")
			p.must(p.online.Delete("c.txt"))
			p.must(p.online.Move("d", "d2"))
			p.write("b.txt", "mine")
			s := p.onStage()
			for _, call := range []string{"create *", "rename c.txt *", "rename d d2"} {
				s.never(call, c.err)
			}
			sum, _ := p.try()
			if p.there()["b.txt"] != "mine" {
				t.Error("the upload waited, too")
			}
			if got := tree(p.here()); got != "a.txt=a b.txt=mine c.txt=c d/e.txt=e" {
				t.Errorf("here is %s", got)
			}
			said := 0
			for _, w := range sum.Waiting {
				if strings.Contains(w.Why, c.why) {
					said++
				}
			}
			if said != 3 {
				t.Errorf("waiting: %+v", sum.Waiting)
			}
			p.onStage()
			p.sync()
			p.same()
		})
	}
}

// TestAFolderThatCannotBeReadIsOneLine however much is in it, and what waited with
// it comes once it can be read.
func TestAFolderThatCannotBeReadIsOneLine(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("d/a.txt=a d/b.txt=b d/e/f.txt=f g.txt=g")
	for _, name := range []string{"d/a.txt", "d/b.txt", "d/e/f.txt", "d/new.txt"} {
		p.put(name, "theirs")
	}
	p.onStage().never("list d", syscall.EACCES)
	for range 2 {
		sum := p.sync()
		if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "d" || !sum.NeedsPerson() {
			t.Errorf("waiting: %+v", sum.Waiting)
		}
		if rows, err := p.db.Waitings(p.cfg.Folder.N); err != nil || len(rows) != 1 {
			t.Errorf("on record: %+v, %v", rows, err)
		}
	}
	p.onStage()
	if sum := p.sync(); len(sum.Waiting) != 0 {
		t.Errorf("still waiting: %+v", sum.Waiting)
	}
	p.holds("d/e/f.txt", "theirs")
	p.holds("d/new.txt", "theirs")
	p.same()
}
