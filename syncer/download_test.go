package syncer

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tandem/remote/remotetest"
	"tandem/syncer/transfer"
)

// cutOff is a pair whose download of a large file broke off after 10 MiB.
func cutOff(t *testing.T) (*pair, *stage) {
	t.Helper()
	p := newPair(t, remotetest.Options{})
	p.put("f.bin", big("one"))
	p.online.Fail(remotetest.Fault{Match: "GET download", Times: 1, CutAt: 10 << 20})
	p.online.Fail(remotetest.Fault{Match: "GET download", CutAt: -1})
	if _, err := p.try(); err == nil {
		t.Fatal("it did not break off")
	}
	if _, there := p.here()["f.bin"]; there {
		t.Fatal("half a file is here")
	}
	p.online.Calm()
	return p, p.onStage()
}

func (s *stage) downloads(t *testing.T, want ...string) {
	t.Helper()
	if got := s.heard("download f.bin *"); !slices.Equal(got, want) {
		t.Errorf("the downloads are %q, want %q", got, want)
	}
}

func TestADownloadThatBrokeOffGoesOnWhereItStopped(t *testing.T) {
	p, s := cutOff(t)
	sum := p.sync()
	if got := s.heard("download f.bin *"); len(got) != 1 || got[0] == "download f.bin from 0" {
		t.Errorf("the downloads are %q, want one that goes on", got)
	}
	if sum.Downloaded != 1 {
		t.Errorf("%+v", sum)
	}
	p.same()
	if left, err := p.db.Partials(p.cfg.Folder.N); err != nil || len(left)+len(p.private("tmp")) != 0 {
		t.Errorf("left: %+v %q (%v)", left, p.private("tmp"), err)
	}
}

// TestADownloadThatWasKilledGoesOnWhereItStopped: nobody could say how far it
// had come.
func TestADownloadThatWasKilledGoesOnWhereItStopped(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("f.bin", big("one"))
	s := p.onStage()
	s.on(cue{call: "write tmp", skip: 300, do: s.end})
	if _, err := p.try(); err == nil {
		t.Fatal("it was not killed")
	}
	p.restart()
	p.sync()
	if got := p.stage.heard("download f.bin *"); len(got) != 1 || got[0] == "download f.bin from 0" {
		t.Errorf("the downloads are %q, want one that goes on", got)
	}
	p.same()
	if left, err := p.db.Partials(p.cfg.Folder.N); err != nil || len(left)+len(p.private("tmp")) != 0 {
		t.Errorf("left: %+v %q (%v)", left, p.private("tmp"), err)
	}
}

func TestAServerThatIgnoresTheRangeSendsAllOfIt(t *testing.T) {
	p, s := cutOff(t)
	p.online.Fail(remotetest.Fault{Match: "GET download", Twist: remotetest.IgnoreRange})
	p.sync()
	if n := len(s.heard("download f.bin *")); n != 1 {
		t.Errorf("%d downloads, want one", n)
	}
	p.same()
}

func TestAPartOfAnOlderVersionIsThrownAway(t *testing.T) {
	p, s := cutOff(t)
	p.put("f.bin", big("two"))
	p.sync()
	s.downloads(t, "download f.bin from 0")
	p.same()
	if left := p.private("tmp"); len(left) != 0 {
		t.Errorf("left in tmp: %q", left)
	}
}

func TestAPartThatWasDamagedIsNotBuiltUpon(t *testing.T) {
	p, s := cutOff(t)
	for _, name := range p.private("tmp") {
		f, err := os.OpenFile(p.path(".tandem/tmp/"+name), os.O_WRONLY, 0)
		p.must(err)
		_, err = f.WriteAt([]byte("damage"), 1000)
		p.must(errors.Join(err, f.Close()))
	}
	p.sync()
	if got := s.heard("download f.bin *"); len(got) != 2 || got[1] != "download f.bin from 0" {
		t.Errorf("the downloads are %q, want one that goes on and one from the start", got)
	}
	p.same()
}

// TestAPartThatIsAnotherFileIsNotWrittenTo: something else, of the same bytes, bears
// the name under which a download would go on.
func TestAPartThatIsAnotherFileIsNotWrittenTo(t *testing.T) {
	for name, put := range map[string]func(old, new string) error{"a file with another name outside": os.Link, "a file from outside": os.Rename, "a link": os.Symlink} {
		t.Run(name, func(t *testing.T) {
			p, s := cutOff(t)
			part := p.path(".tandem/tmp/" + p.private("tmp")[0])
			outside := p.dir + ".outside"
			text, err := os.ReadFile(part)
			p.must(errors.Join(err, os.WriteFile(outside, text, 0o600), os.Remove(part), put(outside, part))) // in this order: each has a number of its own
			p.sync()
			s.downloads(t, "download f.bin from 0")
			p.same()
			if now, err := os.ReadFile(outside); err == nil && !bytes.Equal(now, text) {
				t.Error("outside it was written to")
			}
			if left := p.private("tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %q", left)
			}
		})
	}
}

func TestARangeBeyondTheEndIsAskedForOnce(t *testing.T) {
	p, s := cutOff(t)
	p.online.Fail(remotetest.Fault{Match: "GET download", Times: 1, Status: 416})
	p.sync()
	if n := len(s.heard("download f.bin *")); n != 2 {
		t.Errorf("%d downloads, want one that is refused and one from the start", n)
	}
	p.same()
}

// TestWhatIsNotAsToldNeverReplacesAFile: a proxy's page, a damaged body.
func TestWhatIsNotAsToldNeverReplacesAFile(t *testing.T) {
	for name, fault := range map[string]remotetest.Fault{
		"a page of a portal": {Match: "GET download", Status: 200, Body: "<html>please sign in</html>"},
		"the wrong bytes":    {Match: "GET download", Status: 200, Body: "theirz"},
		"more than there is": {Match: "GET download", Status: 200, Body: "theirs, and a tail"},
		"nothing":            {Match: "GET download", Status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := changedOnline(t)
			p.online.Fail(fault)
			sum, err := p.try()
			if !errors.Is(err, transfer.ErrDamaged) {
				t.Errorf("the error is %v", err)
			}
			p.holds("f.txt", "base")
			if len(sum.Waiting) != 1 || sum.Waiting[0].Path != "f.txt" {
				t.Errorf("waiting: %+v", sum.Waiting)
			}
			if n := len(s.heard("download *")); n != 3 {
				t.Errorf("%d downloads, want three and no more", n)
			}
			if left := p.private("tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %q", left)
			}
			p.online.Calm()
			p.sync()
			p.holds("f.txt", "theirs")
			p.same()
		})
	}
}

// TestAPageOfAPortalIsNoDocument: where bytes may differ from what was told, a
// page that is put in the place of everything comes twice the same, too.
func TestAPageOfAPortalIsNoDocument(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Library})
	p.put("f.docx", "theirs")
	p.online.Fail(remotetest.Fault{Match: "GET download", Status: 200, Body: "\n<!DOCTYPE HTML><title>please sign in</title>"})
	if _, err := p.try(); !errors.Is(err, transfer.ErrDamaged) {
		t.Errorf("the error is %v", err)
	}
	if tree := p.here(); len(tree) != 0 {
		t.Errorf("here: %s", show(tree))
	}
	p.online.Calm()
	p.sync()
	p.same()
}

// TestBytesThatAreNeverAsToldAreTakenWhereTheServiceIsKnownForIt: SharePoint
// rewrites what it is given, and tells the old size and hash for a while.
func TestBytesThatAreNeverAsToldAreTakenWhereTheServiceIsKnownForIt(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Library})
	p.online.Fail(remotetest.Fault{Match: "PERSON put", Twist: remotetest.Lie})
	p.put("f.docx", "what is really there")
	s := p.onStage()
	p.sync()
	if got := p.here()["f.docx"]; got != "what is really there" {
		t.Errorf("here is %q", got)
	}
	if n := len(s.heard("download *")); n != 2 {
		t.Errorf("%d downloads, want two that are the same", n)
	}
	p.same()
}

func TestWhatIsDeletedOnlineDuringItsDownloadDoesNotCome(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("n.txt", "theirs")
	s := p.onStage()
	s.before("download n.txt *", func() { p.must(p.online.Delete("n.txt")) })
	if sum := p.sync(); len(sum.Waiting) != 0 {
		t.Errorf("waiting: %+v", sum.Waiting)
	}
	p.same()
	if left := p.private("tmp"); len(left) != 0 {
		t.Errorf("left in tmp: %q", left)
	}
}

func TestWhatIsChangedOnlineDuringItsDownloadComesAsItIsNow(t *testing.T) {
	p, s := changedOnline(t)
	s.before("download f.txt *", func() { p.put("f.txt", "theirs, again") })
	p.sync()
	p.sync()
	p.holds("f.txt", "theirs, again")
	p.same()
}

func TestWhatIsMovedOnlineDuringItsDownloadArrives(t *testing.T) {
	p, s := changedOnline(t)
	s.before("download f.txt *", func() { p.must(p.online.Move("f.txt", "g.txt")) })
	p.sync()
	p.sync()
	p.holds("g.txt", "theirs")
	p.same()
	if tree := p.here(); len(tree) != 1 {
		t.Errorf("here: %s", strings.TrimSpace(show(tree)))
	}
}
