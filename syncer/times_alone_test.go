package syncer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/watcher"
)

// mtime is the time of a file here.
func (p *pair) mtime(rel string) time.Time {
	p.t.Helper()
	fi, err := os.Stat(p.path(rel))
	p.must(err)
	return fi.ModTime()
}

// touch gives a file here another time alone.
func (p *pair) touch(rel string, at time.Time) {
	p.t.Helper()
	p.must(os.Chtimes(p.path(rel), at, at))
}

// onlineTime is the time of a file online.
func (p *pair) onlineTime(rel string) time.Time {
	p.t.Helper()
	it, err := p.online.Stat(rel)
	p.must(err)
	return it.Modified
}

// at is a time that a file may have, n hours from a moment of long ago.
func at(n int) time.Time {
	return time.Date(2019, 3, 1, 12, 0, 1, 0, time.UTC).Add(time.Duration(n) * time.Hour)
}

// wantTimes fails unless a file has these times on the two sides.
func (p *pair) wantTimes(rel string, here, online time.Time) {
	p.t.Helper()
	if got := p.mtime(rel); !remote.SameTime(got, here) {
		p.t.Errorf("%s has the time %v here, want %v", rel, got.UTC(), here)
	}
	if got := p.onlineTime(rel); !remote.SameTime(got, online) {
		p.t.Errorf("%s has the time %v online, want %v", rel, got, online)
	}
}

// carriesTimes makes a pass that is to set so many times, and to move no bytes.
func (p *pair) carriesTimes(n int) {
	p.t.Helper()
	if s := p.sync(); s.TimesSet != n || s.BytesUp+s.BytesDown != 0 || s.Uploaded+s.Downloaded+s.Conflicts+len(s.Waiting) != 0 {
		p.t.Errorf("%+v, want %d times set and nothing else", s, n)
	}
}

var kinds = []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library}

func personal(k remotetest.Kind) bool { return k == remotetest.Personal || k == remotetest.PersonalOld }

func TestATimeAloneIsCarriedAndNothingElse(t *testing.T) {
	for _, kind := range kinds {
		for _, always := range []bool{false, true} {
			t.Run(kind.String()+map[bool]string{true: ", always"}[always], func(t *testing.T) {
				t.Parallel()
				p := newPair(t, remotetest.Options{Kind: kind})
				p.cfg.TimesAlways = always
				p.fill("up.txt=up down.txt=down both.txt=both empty.txt=")
				for rel := range p.here() {
					p.touch(rel, at(0))
				}
				p.sync()
				p.same()
				p.touch("up.txt", at(1))
				p.touch("empty.txt", at(1))
				p.must(p.online.Touch("down.txt", at(2)))
				p.touch("both.txt", at(3))
				p.must(p.online.Touch("both.txt", at(4)))
				before, err := p.online.Versions("up.txt")
				p.must(err)
				if personal(kind) || always {
					p.carriesTimes(4)
					p.wantTimes("up.txt", at(1), at(1))
					p.wantTimes("empty.txt", at(1), at(1))
				} else {
					was := p.onlineTime("up.txt")
					p.carriesTimes(2)
					p.wantTimes("up.txt", at(1), was)
				}
				after, err := p.online.Versions("up.txt")
				p.must(err)
				if !always && len(after) != len(before) {
					t.Errorf("%d versions online, and %d before", len(after), len(before))
				}
				p.wantTimes("down.txt", at(2), at(2))
				p.wantTimes("both.txt", at(4), at(4))
				p.online.ResetCounts()
				p.carriesTimes(0)
				if n := p.online.Count("POST batch"); n != 0 {
					t.Errorf("%d times were sent once more", n)
				}
				p.same()
			})
		}
	}
}

// An edit of the same size falls between the look at the file and the time that is
// set: nothing on the disk tells of it then.
func TestAnEditInTheVeryMomentThatATimeIsSetIsSent(t *testing.T) {
	for name, when := range map[string]func(s *stage, save func()){
		"before the time is set": func(s *stage, save func()) { s.before("settime f.txt", save) },
		"after it is set":        func(s *stage, save func()) { s.after("settime f.txt", save) },
		"before it is durable":   func(s *stage, save func()) { s.before("sync f.txt", save) },
		"after it is durable":    func(s *stage, save func()) { s.after("sync f.txt", save) },
		"as it is read": func(s *stage, save func()) {
			s.on(cue{call: "open f.txt", skip: 1, after: true, do: func() error { save(); return nil }})
		},
	} {
		for how, save := range map[string]func(p *pair){
			"in place":    func(p *pair) { p.write("f.txt", "mine") },
			"by a rename": func(p *pair) { p.save("f.txt", "mine") },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				p := newPair(t, remotetest.Options{})
				p.fill("f.txt=base g.txt=other")
				p.must(p.online.Touch("f.txt", at(1)))
				s := p.onStage()
				saved := false
				when(s, func() { saved = true; save(p) })
				p.sync()
				p.sync()
				if !saved {
					t.Fatal("nobody saved")
				}
				p.holds("f.txt", "mine")
				p.same()
			})
		}
	}
}

// What was saved since the plan was made has its own time, which stays.
func TestAFileThatWasJustSavedKeepsItsTime(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base")
	p.must(p.online.Touch("f.txt", at(1)))
	p.onStage().before("open f.txt", func() { p.write("f.txt", "mine"); p.touch("f.txt", at(5)) })
	p.sync()
	p.holds("f.txt", "mine")
	p.wantTimes("f.txt", at(5), at(5))
	p.same()
}

// A process that ends at any moment leaves no time behind that counts as a person's.
func TestATimeThatIsSetWhileTheProcessEndsComesAllTheSame(t *testing.T) {
	for n := 1; ; n++ {
		for _, after := range []bool{false, true} {
			p := newPair(t, remotetest.Options{})
			p.fill("f.txt=base g.txt=other")
			p.must(p.online.Touch("f.txt", at(1)))
			p.touch("g.txt", at(2))
			s := p.onStage()
			s.killAt(n, after)
			if _, err := p.try(); err == nil {
				if n < 4 {
					t.Fatalf("it did no more than %d deeds", n)
				}
				return
			}
			p.restart()
			p.sync()
			p.wantTimes("f.txt", at(1), at(1))
			p.wantTimes("g.txt", at(2), at(2))
			p.same()
		}
	}
}

// What nobody lets us set stays as it is on that side, and nothing waits for it.
func TestATimeThatCannotBeSetIsLeftAlone(t *testing.T) {
	t.Run("here", func(t *testing.T) {
		p := newPair(t, remotetest.Options{})
		p.fill("f.txt=base")
		was := p.mtime("f.txt")
		p.must(p.online.Touch("f.txt", at(1)))
		s := p.onStage()
		s.never("settime f.txt", &fs.PathError{Op: "settime", Path: "f.txt", Err: fs.ErrPermission})
		p.carriesTimes(0)
		p.carriesTimes(0)
		p.wantTimes("f.txt", was, at(1))
		if n := len(s.heard("settime f.txt")); n != 1 {
			t.Errorf("it was tried %d times", n)
		}
	})
	t.Run("online", func(t *testing.T) {
		p := newPair(t, remotetest.Options{})
		p.fill("f.txt=base")
		was := p.onlineTime("f.txt")
		p.touch("f.txt", at(1))
		p.online.Fail(remotetest.Fault{Match: "PATCH", Times: 1, Status: 403, Code: "accessDenied"})
		p.carriesTimes(0)
		p.carriesTimes(0)
		p.wantTimes("f.txt", at(1), was)
	})
	t.Run("online, after an upload that could not carry it", func(t *testing.T) {
		p := newPair(t, remotetest.Options{})
		p.write("f.txt", "mine")
		p.touch("f.txt", at(1))
		p.online.Fail(remotetest.Fault{Match: "PATCH", Times: 1, Status: 403, Code: "accessDenied"})
		if s := p.sync(); s.Uploaded != 1 || s.TimesSet+len(s.Waiting) != 0 {
			t.Errorf("%+v", s)
		}
		p.same()
	})
	t.Run("on a disk that is full", func(t *testing.T) {
		p := newPair(t, remotetest.Options{})
		p.fill("f.txt=base")
		p.must(p.online.Touch("f.txt", at(1)))
		s := p.onStage()
		s.fail("settime f.txt", errors.New("no such luck"))
		if _, err := p.try(); err == nil {
			t.Error("it is said to be in sync")
		}
		p.carriesTimes(1)
		p.wantTimes("f.txt", at(1), at(1))
	})
}

// A part of a second that one side cannot keep is no change, nor is a date that is
// sent as the nearest the service takes.
func TestATimeThatIsTheSameAsFarAsTheServiceCanTellIsNotSent(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("f.txt=base old.txt=old fat.txt=fat")
	p.touch("f.txt", at(0))
	fat := time.Date(2019, 3, 1, 12, 0, 2, 0, time.UTC)
	p.touch("fat.txt", fat)
	p.touch("old.txt", time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC))
	p.carriesTimes(3)
	p.touch("f.txt", at(0).Add(123456789))
	p.touch("fat.txt", fat.Add(-time.Hour)) // summer has ended
	p.touch("old.txt", time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC))
	p.online.ResetCounts()
	p.carriesTimes(0)
	if n := p.online.Count("POST batch"); n != 0 {
		t.Errorf("%d times were sent", n)
	}
	p.touch("fat.txt", fat.Add(time.Minute))
	p.carriesTimes(1)
}

// A drive that tells no hash has the bytes compared, and then the time is set.
func TestATimeAloneComesFromADriveThatTellsNoHash(t *testing.T) {
	p := newPair(t, remotetest.Options{Kind: remotetest.Business})
	p.online.Fail(remotetest.Fault{Twist: remotetest.NoHash})
	p.put("f.txt", "base")
	p.sync()
	p.must(p.online.Touch("f.txt", at(1)))
	p.sync()
	p.wantTimes("f.txt", at(1), at(1))
	p.same()
}

// A move takes along the time that an item has online, which may be a new one.
func TestATimeAndAMoveAreBothCarried(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{Kind: kind})
			p.fill("a.txt=a b.txt=b")
			p.move("a.txt", "a2.txt")
			p.must(p.online.Touch("a.txt", at(1)))
			p.must(p.online.Move("b.txt", "b2.txt"))
			p.touch("b.txt", at(2))
			p.sync()
			p.wantTimes("a2.txt", at(1), at(1))
			if personal(kind) {
				p.wantTimes("b2.txt", at(2), at(2))
			}
			p.same()
		})
	}
}

// What the service does to a file by itself, and tells late, sends no time to and fro.
func TestTimesComeToRestWhateverTheServiceDoes(t *testing.T) {
	for _, twist := range []remotetest.Twist{remotetest.BumpLater, remotetest.Enrich, remotetest.Lag, remotetest.SessionDrift} {
		for _, kind := range kinds {
			t.Run(kind.String()+", "+string(twist), func(t *testing.T) {
				t.Parallel()
				clock := newHurried(1)
				p := newPair(t, remotetest.Options{Kind: kind, Clock: clock.Now})
				p.cfg.TimesAlways = true
				p.fill("f.docx=base")
				p.online.Fail(remotetest.Fault{Twist: twist, For: 2 * time.Second})
				p.write("f.docx", "a longer one")
				p.touch("f.docx", at(1))
				p.sync()
				p.touch("f.docx", at(2))
				p.sync()
				clock.forward(time.Minute)
				p.sync()
				p.sync()
				p.online.ResetCounts()
				if s := p.sync(); s.TimesSet+s.Uploaded+s.Downloaded != 0 || p.online.Count("POST batch") != 0 {
					t.Errorf("it does not come to rest: %+v", s)
				}
				p.wantTimes("f.docx", at(2), at(2))
			})
		}
	}
}

// An agent carries a time within moments, both ways, and is in sync then.
func TestAnAgentCarriesTimes(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("up.txt=up down.txt=down")
	w, err := watcher.New(p.dir, time.Millisecond)
	p.must(err)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	p.cfg.Watch, p.cfg.Poll = w, 20*time.Millisecond
	stop := p.agent(New(p.cfg))
	p.touch("up.txt", at(1))
	p.must(p.online.Touch("down.txt", at(2)))
	p.until("both times are on both sides", func() bool {
		return p.onlineTime("up.txt").Equal(at(1)) && p.mtime("down.txt").Equal(at(2))
	})
	stop()
	p.same()
}

// A folder that we make has the time that it has on the other side, whatever comes into
// it; what others do in it changes it as ever.
func TestAFolderThatWeMakeHasTheTimeOfTheOtherSide(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, remotetest.Options{Kind: kind})
			p.write("up/in/f.txt", "up")
			p.touch("up/in", at(1))
			p.touch("up", at(2))
			p.put("down/in/f.txt", "down")
			p.put("down/g.txt", "down")
			p.must(p.online.Touch("down/in", at(3)))
			p.must(p.online.Touch("down", at(4)))
			p.sync()
			p.wantTimes("up/in", at(1), at(1))
			p.wantTimes("up", at(2), at(2))
			p.wantTimes("down/in", at(3), at(3))
			p.wantTimes("down", at(4), at(4))
			p.same()
			p.put("down/in/new.txt", "new")
			p.sync()
			if time.Since(p.mtime("down/in")) > time.Hour {
				t.Errorf("something came into a folder, and it has the time %v", p.mtime("down/in"))
			}
			p.same()
		})
	}
}

// Somebody does something in a folder that we have just made: its time is of that.
func TestAFolderThatSomebodyHasChangedKeepsItsTime(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("down/f.txt", "down")
	p.must(p.online.Touch("down", at(1)))
	s := p.onStage()
	s.on(cue{call: "lstat down", skip: 1, do: func() error { // it was looked at as it was made, too
		began, clock := time.Now(), filepath.Join(t.TempDir(), "clock")
		p.until("the disk's clock has moved on", func() bool {
			p.must(os.WriteFile(clock, []byte("tick"), 0o600))
			info, err := os.Stat(clock)
			p.must(err)
			return info.ModTime().After(began)
		})
		p.write("down/mine.txt", "mine")
		return nil
	}})
	p.sync()
	if time.Since(p.mtime("down")) > time.Hour {
		t.Errorf("somebody saved in a folder, and it has the time %v", p.mtime("down"))
	}
	p.sync()
	p.same()
}

// A folder that cannot be given its time is nothing to wait for.
func TestAFolderThatCannotBeGivenItsTimeHasAnother(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.put("down/f.txt", "down")
	p.must(p.online.Touch("down", at(1)))
	p.onStage().never("datedir down", errors.New("no such luck"))
	p.sync()
	p.same()
}
