package syncer

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// big is a file that goes up, or comes down, in several pieces: two fragments
// of an upload session.
func big(seed string) string { return strings.Repeat(seed+"........", 12<<20/len(seed+"........")) }

func TestAFileThatChangesWhileItIsReadGoesUpWhole(t *testing.T) {
	for name, call := range map[string]string{"while it is open": "open f.txt", "half way": "read on f.txt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("f.txt", "one one one one")
			s := p.onStage()
			s.after(call, func() { p.write("f.txt", "two two two two") })
			s.before(call, func() { p.write("f.txt", "two two two two") })
			s.after("upload f.txt", func() {
				if got := p.there()["f.txt"]; got != "two two two two" {
					t.Errorf("a version was online that never was here: %q", got)
				}
			})
			p.sync()
			p.sync()
			p.same()
			if got := p.there()["f.txt"]; got != "two two two two" {
				t.Errorf("online is %q", got)
			}
		})
	}
}

// TestWhatWasSentIsWhatIsAgreedUpon: a save in the moment of the answer is the
// next version.
func TestWhatWasSentIsWhatIsAgreedUpon(t *testing.T) {
	for how, save := range map[string]func(p *pair){
		"in place":                  func(p *pair) { p.write("f.txt", "two") },
		"in place, by an old clock": func(p *pair) { p.write("f.txt", "two"); p.age("f.txt") },
		"by a rename":               func(p *pair) { p.save("f.txt", "two") },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("f.txt", "one")
			s := p.onStage()
			s.before("upload f.txt", func() { save(p) })
			if sum := p.sync(); sum.Uploaded != 2 {
				t.Errorf("%d uploads in the pass, want the version that was read and the next", sum.Uploaded)
			}
			if got := p.there()["f.txt"]; got != "two" {
				t.Errorf("online is %q", got)
			}
			p.same()
		})
	}
}

func TestALargeFileThatChangesUnderItsUploadIsNotPublishedTorn(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.bin", big("one"))
	s := p.onStage()
	s.on(cue{call: "read f.bin", skip: 20, do: func() error { p.write("f.bin", big("two")); return nil }})
	p.sync()
	if p.there()["f.bin"] != big("two") {
		t.Error("online is not the last version")
	}
	if old, err := p.online.Versions("f.bin"); err != nil || len(old) != 0 {
		t.Errorf("%d earlier versions were online (%v)", len(old), err)
	}
	if n := p.online.Sessions(); n != 0 {
		t.Errorf("%d upload sessions are still open", n)
	}
	p.same()
}

// killedInSession is a pair that was killed when the first of two pieces was up.
func killedInSession(t *testing.T, opt remotetest.Options, before func(p *pair)) *pair {
	t.Helper()
	p := newPair(t, opt)
	p.write("other.txt", "other")
	before(p)
	p.sync()
	p.write("f.bin", big("one"))
	s := p.onStage()
	p.online.ResetCounts()
	p.online.Fail(remotetest.Fault{Match: "PUT upload", After: 1, Drop: true})
	s.on(cue{call: "read f.bin", do: func() error {
		go func() {
			p.until("the first piece is up", func() bool { return p.online.Count("PUT upload") >= 2 })
			s.end()
		}()
		return nil
	}})
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.online.Calm()
	p.online.ResetCounts()
	p.restart()
	return p
}

// TestALargeUploadGoesOnAfterARestart also where the program was killed.
func TestALargeUploadGoesOnAfterARestart(t *testing.T) {
	for name, before := range map[string]func(p *pair){
		"of a new file": func(*pair) {},
		"of an edit":    func(p *pair) { p.write("f.bin", "small") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := killedInSession(t, remotetest.Options{}, before)
			p.sync()
			if n := p.online.Count("PUT upload"); n != 1 {
				t.Errorf("%d pieces were sent after the restart, want the one that was missing", n)
			}
			if n := p.online.Count("POST createUploadSession"); n != 0 {
				t.Errorf("%d sessions were opened, want the old one to be gone on with", n)
			}
			p.same()
			if left, err := p.db.Sessions(p.cfg.Folder.N); err != nil || len(left) != 0 {
				t.Errorf("still on record: %+v (%v)", left, err)
			}
		})
	}
}

func TestASessionIsGivenUpWhenItsFileIsAnotherByNow(t *testing.T) {
	for what, change := range map[string]func(p *pair){
		"edited":  func(p *pair) { p.write("f.bin", big("two")) },
		"deleted": func(p *pair) { p.remove("f.bin") },
		"small":   func(p *pair) { p.write("f.bin", "small") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := killedInSession(t, remotetest.Options{}, func(*pair) {})
			change(p)
			p.sync()
			p.same()
			if n := p.online.Sessions(); n != 0 {
				t.Errorf("%d upload sessions are still open", n)
			}
			if left, err := p.db.Sessions(p.cfg.Folder.N); err != nil || len(left) != 0 {
				t.Errorf("still on record: %+v (%v)", left, err)
			}
		})
	}
}

// TestASessionThatRanOutIsBegunAnew while nobody was looking.
func TestASessionThatRanOutIsBegunAnew(t *testing.T) {
	clock := newHurried(1)
	p := killedInSession(t, remotetest.Options{Clock: clock.Now}, func(*pair) {})
	clock.forward(30 * 24 * time.Hour)
	p.cfg.Clock = clock
	p.online.ResetCounts()
	p.must(p.client.LoginBrowser(t.Context(), browse))
	p.sync()
	if n := p.online.Count("POST createUploadSession"); n != 1 {
		t.Errorf("%d sessions were opened, want a new one", n)
	}
	p.same()
	if left, err := p.db.Sessions(p.cfg.Folder.N); err != nil || len(left) != 0 {
		t.Errorf("still on record: %+v (%v)", left, err)
	}
}

// TestAnEditOfALargeFileWhoseSessionsDriftGoesUpInOneRequest: some drives change
// an item's eTag whenever a session for it is opened.
func TestAnEditOfALargeFileWhoseSessionsDriftGoesUpInOneRequest(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Business})
	p.cfg.Clock = newHurried(100)
	p.write("f.bin", big("one"))
	p.sync()
	p.same()
	p.online.Fail(remotetest.Fault{Match: "POST createUploadSession", Twist: remotetest.SessionDrift})
	p.write("f.bin", big("two"))
	p.sync()
	if p.there()["f.bin"] != big("two") {
		t.Error("the edit is not online")
	}
	p.online.Calm()
	p.same()
}

// TestAnotherOpenSessionIsWaitedFor: work drives allow one for a file, and the
// address of somebody else's is not known.
func TestAnotherOpenSessionIsWaitedFor(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Business})
	p.online.Fail(remotetest.Fault{Match: "POST createUploadSession", Status: 409, Code: "nameAlreadyExists", Inner: "uploadSessionInProgress"})
	p.write("f.bin", big("one"))
	p.write("other.txt", "other")
	sum, err := p.try()
	if !errors.Is(err, remote.ErrBusySession) && !errors.Is(err, remote.ErrExists) {
		t.Errorf("the error is %v", err)
	}
	if len(sum.Waiting) == 0 {
		t.Errorf("nothing is said of the file that waits: %+v", sum)
	}
	if n := p.online.Count("POST createUploadSession"); n > 2*giveUpTry {
		t.Errorf("it was tried %d times", n)
	}
	p.online.Calm()
	p.sync()
	p.same()
}

// The answer to a change may be lost together with the process; the next start
// finds it done.
func TestAFileWhoseAnswerWasLostIsNotSentAgain(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/n.txt", "mine")
	p.onStage().crashAfter("upload n.txt")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	if sum := p.sync(); sum.Uploaded+sum.Downloaded+sum.Conflicts != 0 {
		t.Errorf("%+v", sum)
	}
	p.same()
}

func TestAFileWhoseAnswerWasLostIsKnownByItsInodeUnderAnotherName(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("n.txt", "mine")
	p.onStage().crashAfter("upload n.txt")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	p.move("n.txt", "renamed.txt")
	if sum := p.sync(); sum.Uploaded+sum.Downloaded+sum.Conflicts != 0 || sum.Moved != 1 {
		t.Errorf("%+v, want one move", sum)
	}
	if in := p.intents(); len(in) != 0 {
		t.Errorf("still on record: %+v", in)
	}
	p.same()
}

// It is the same item, but not the same bytes, nor perhaps the same file: many
// programs save by putting a new one in its place.
func TestAFileThatWasEditedSinceItsAnswerWasLostIsNoConflict(t *testing.T) {
	const edited = "mine, edited since"
	for how, edit := range map[string]func(p *pair) (now string){
		"under its name":     func(p *pair) string { p.write("n.txt", edited); return "n.txt" },
		"under another name": func(p *pair) string { p.move("n.txt", "other.txt"); p.write("other.txt", edited); return "other.txt" },
		"by another file":    func(p *pair) string { p.write("n.tmp", edited); p.move("n.tmp", "n.txt"); return "n.txt" },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{})
			p.write("n.txt", "mine")
			p.onStage().crashAfter("upload n.txt")
			if _, err := p.try(); err == nil {
				t.Fatal("it was not killed")
			}
			p.restart()
			now := edit(p)
			p.age(now)
			if sum := p.sync(); sum.Conflicts != 0 || p.there()[now] != edited || len(p.there()) != 1 {
				t.Errorf("%+v\nhere:  %s\nthere: %s", sum, show(p.here()), show(p.there()))
			}
			p.same()
		})
	}
}

func TestAFolderWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/n.txt", "mine")
	p.onStage().crashAfter("mkdir online d")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	if sum := p.sync(); sum.CreatedFolders != 0 || sum.Uploaded != 1 {
		t.Errorf("%+v, want the file up and no folder made", sum)
	}
	p.same()
}

func TestAMoveWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("d/f.txt", "mine")
	p.sync()
	p.move("d", "e")
	p.onStage().crashAfter("move online d")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	if sum := p.sync(); sum.Moved+sum.Uploaded+sum.Downloaded+sum.DeletedLocal+sum.DeletedRemote != 0 {
		t.Errorf("%+v, want nothing done", sum)
	}
	p.same()
}

func TestADeleteWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "mine")
	p.write("other.txt", "other")
	p.sync()
	p.remove("f.txt")
	p.onStage().crashAfter("delete online f.txt")
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	if sum := p.sync(); sum.Uploaded+sum.Downloaded+sum.DeletedRemote != 0 {
		t.Errorf("%+v, want nothing done", sum)
	}
	if in := p.intents(); len(in) != 0 {
		t.Errorf("still on record: %+v", in)
	}
	p.same()
}

func TestAnUploadThatMeetsANewVersionOnlineKeepsBoth(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("f.txt", "base")
	p.sync()
	p.write("f.txt", "mine")
	s := p.onStage()
	s.before("upload f.txt", func() { p.put("f.txt", "theirs") })
	p.sync()
	p.holds("f.txt", "theirs", "mine")
	p.same()
}

func TestANewFileThatMeetsANewOneOnlineKeepsBoth(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("n.txt", "mine")
	s := p.onStage()
	s.before("upload n.txt", func() { p.put("n.txt", "theirs") })
	p.sync()
	p.holds("n.txt", "theirs", "mine")
	p.same()
}

func TestAFileThatIsBeingWrittenIsNotSentBeforeItIsLeftAlone(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.cfg.Settle = time.Hour
	p.write("f.txt", "half")
	s := p.onStage()
	stop := p.agent(New(p.cfg))
	p.until("the feed was read", func() bool { return len(s.heard("delta")) > 0 })
	p.must(os.WriteFile(p.path("f.txt"), []byte("whole"), 0o666))
	if n := len(s.heard("upload *")); n != 0 {
		t.Errorf("%d uploads of a file that was written a moment ago", n)
	}
	stop()
	clock.forward(2 * time.Hour)
	p.sync()
	if got := p.there()["f.txt"]; got != "whole" {
		t.Errorf("online is %q", got)
	}
}
