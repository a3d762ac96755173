package syncer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// TestAnEditThatHidesItsTimeIsSeen: the size and the time are those of the
// version before it.
func TestAnEditThatHidesItsTimeIsSeen(t *testing.T) {
	for how, save := range map[string]func(p *pair){
		"in place":    func(p *pair) { p.write("f.txt", "mine") },
		"by a rename": func(p *pair) { p.save("f.txt", "mine") },
	} {
		t.Run(how, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			fi, err := os.Stat(p.path("f.txt"))
			p.must(err)
			save(p)
			p.must(os.Chtimes(p.path("f.txt"), fi.ModTime(), fi.ModTime()))
			if s := p.sync(); s.Uploaded != 1 {
				t.Errorf("%+v, want one upload", s)
			}
			p.holds("f.txt", "mine")
			p.same()
		})
	}
}

// TestTimesThatAllShiftAtOnceSendNothing: a disk without time zones at the end
// of summer, a restored backup.
func TestTimesThatAllShiftAtOnceSendNothing(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour back": -time.Hour, "an hour forward": time.Hour, "a year back": -8760 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("a.txt=a b.txt=b d/c.txt=c d/e/f.txt=f")
			for rel := range p.here() {
				if !strings.HasSuffix(rel, "/") {
					fi, err := os.Stat(p.path(rel))
					p.must(err)
					p.must(os.Chtimes(p.path(rel), fi.ModTime().Add(by), fi.ModTime().Add(by)))
				}
			}
			if s := p.sync(); s.BytesUp+s.BytesDown != 0 || s.Conflicts+s.DeletedRemote+s.DeletedLocal != 0 {
				t.Errorf("%+v", s)
			}
			p.same()
		})
	}
}

// TestOddTimesAreStableAfterOneRoundTrip: what either side makes of a time that
// it cannot keep is nobody's edit.
func TestOddTimesAreStableAfterOneRoundTrip(t *testing.T) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library} {
		for name, at := range map[string]time.Time{
			"the epoch":             time.Unix(0, 0),
			"before the epoch":      time.Date(1950, 5, 5, 5, 5, 5, 0, time.UTC),
			"after 2106":            time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC),
			"a part of a second":    time.Unix(1700000000, 123456789),
			"one nanosecond before": time.Unix(1700000000, 999999999),
			"in the future":         time.Now().Add(1000 * time.Hour),
			"of no clock":           time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC),
			"after 2262":            time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
			"the last of all":       time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		} {
			t.Run(kind.String()+", "+name, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{Kind: kind})
				p.write("up.txt", "mine")
				p.must(unix.UtimesNanoAt(unix.AT_FDCWD, p.path("up.txt"), []unix.Timespec{{Sec: at.Unix()}, {Sec: at.Unix(), Nsec: int64(at.Nanosecond())}}, 0)) // Chtimes reaches no further than 2262
				p.sync()
				p.sync()
				p.same()
				p.put("up.txt", "theirs")
				p.online.Touch("up.txt", at) // some drives refuse such a time, and keep their own
				p.sync()
				p.sync()
				p.holds("up.txt", "theirs")
				fi, err := os.Stat(p.path("up.txt"))
				p.must(err)
				if !remote.SameTime(fi.ModTime(), at) {
					t.Errorf("the time here is %v", fi.ModTime())
				}
				p.same()
			})
		}
	}
}

// TestAClockThatJumpsChangesNoDecision: times of different machines, or of one
// at different hours, are compared for nothing.
func TestAClockThatJumpsChangesNoDecision(t *testing.T) {
	for name, by := range map[string]time.Duration{"a year forward": 8760 * time.Hour, "a year back": -8760 * time.Hour, "back to the epoch": -time.Duration(time.Now().UnixNano())} {
		t.Run(name, func(t *testing.T) {
			clock := newHurried(1)
			p := newPair(t, remotetest.Options{})
			p.cfg.Clock = clock
			p.fill("a.txt=a b.txt=b c.txt=c d.txt=d")
			clock.forward(by)
			p.write("a.txt", "mine")
			p.put("a.txt", "theirs")
			p.put("b.txt", "edited online")
			p.write("c.txt", "edited here")
			p.must(p.online.Delete("d.txt"))
			p.sync()
			p.holds("a.txt", "theirs", "mine")
			p.holds("b.txt", "edited online")
			p.holds("c.txt", "edited here")
			p.same()
			clock.forward(-by)
			p.write("a.txt", "mine again")
			p.put("a.txt", "theirs again")
			p.sync()
			if n := len(p.copies("a.txt")); n != 2 || p.here()["a.txt"] != "theirs again" {
				t.Errorf("%d conflict copies, want both\nhere: %s", n, show(p.here()))
			}
			if _, there := p.here()["d.txt"]; there {
				t.Error("d.txt is back")
			}
			p.same()
		})
	}
}

// TestAMachineThatSleptPollsOnce when it wakes, and not for every time it missed.
func TestAMachineThatSleptPollsOnce(t *testing.T) {
	clock := newHurried(1)
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b")
	p.cfg.Clock = clock
	p.cfg.Poll = 50 * time.Millisecond
	stop := p.agent(New(p.cfg))
	p.put("c.txt", "before")
	p.until("c.txt is here", func() bool { return p.here()["c.txt"] == "before" })
	p.cfg.Poll = time.Hour
	stop()

	stop = p.agent(New(p.cfg))
	p.put("d.txt", "while it starts")
	p.online.ResetCounts()
	clock.forward(12 * time.Hour)
	p.put("e.txt", "while it slept")
	clock.forward(time.Hour)
	p.until("both are here", func() bool {
		clock.forward(time.Second)
		return p.here()["d.txt"] == "while it starts" && p.here()["e.txt"] == "while it slept"
	})
	stop()
	if n := p.online.Count("GET delta"); n > 4 {
		t.Errorf("the feed was asked %d times", n)
	}
	p.cfg.Clock = nil
	p.same()
}

// TestAMachineThatIsTakenBackToASnapshotGetsWhatItMissed: its files and its
// database are of yesterday, the drive is of today.
func TestAMachineThatIsTakenBackToASnapshotGetsWhatItMissed(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("a.txt=a b.txt=b c.txt=c d.txt=d e.txt=e f.txt=f")
	db := filepath.Join(t.TempDir(), "yesterday.db")
	p.must(p.db.CopyTo(db))
	yesterday := p.path("../yesterday")
	p.must(os.CopyFS(yesterday, os.DirFS(p.dir)))

	p.put("a.txt", "edited online")
	p.write("b.txt", "edited here")
	p.write("n.txt", "new here")
	p.must(p.online.Delete("c.txt"))
	p.move("d.txt", "d2.txt")
	p.remove("e.txt")
	p.sync()
	p.same()
	today := tree(p.there())

	entries, err := os.ReadDir(p.dir)
	p.must(err)
	for _, entry := range entries {
		p.remove(entry.Name())
	}
	p.must(os.CopyFS(p.dir, os.DirFS(yesterday)))
	p.reopen(db)
	id, err := p.disk.Identity()
	if err == nil {
		p.cfg.Folder.UUID, p.cfg.Folder.FSID, p.cfg.Folder.Ino = id.UUID, id.FSID, id.Ino
	}
	s := p.sync()
	if s.Conflicts+s.DeletedRemote+s.Uploaded != 0 {
		t.Errorf("%+v, want what is online to come", s)
	}
	if got := tree(p.here()); got != today {
		t.Errorf("here is\n%s, want\n%s", got, today)
	}
	p.same()
}

func TestConflictsOfOneSecondHaveNamesOfTheirOwn(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base g.txt=other")
	for _, n := range []string{"1", "2", "3"} {
		p.write("f.txt", "mine "+n)
		p.age("f.txt")
		p.put("f.txt", "theirs "+n)
		p.sync()
	}
	if got := strings.Join(p.copies("f.txt"), ", "); len(p.copies("f.txt")) != 3 {
		t.Errorf("the copies hold %q, want all three", got)
	}
	p.same()
}

// A clock that goes on by ten milliseconds whenever somebody looks at it.
type lookedAt struct{ *hurried }

func (c lookedAt) Now() time.Time {
	c.forward(10 * time.Millisecond)
	return c.hurried.Now()
}

// What was too young to act upon may be so no longer by the time that this is
// noted.
func TestAFileThatBecomesOldEnoughDuringAPlanIsNotForgotten(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.write("other.txt", "other")
	p.sync()
	for n := range 40 {
		p.cfg.Clock = lookedAt{newHurried(1)}
		p.cfg.Settle = time.Duration(n) * 10 * time.Millisecond
		name := fmt.Sprint(n)
		p.write(name, "new")
		p.sync()
		if p.there()[name] != "new" {
			t.Errorf("left alone for %v: not sent in the pass", p.cfg.Settle)
		}
	}
}
