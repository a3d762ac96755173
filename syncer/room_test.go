package syncer

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// A small disk has room for so many bytes, in what stands in its folder.
type small struct {
	FS
	dir  string
	room uint64
	told bool // it tells what is free; else a write finds out
}

func (d small) used() (used uint64) {
	_ = filepath.WalkDir(d.dir, func(name string, entry fs.DirEntry, err error) error {
		if info, failed := os.Lstat(name); err == nil && failed == nil && info.Mode().IsRegular() {
			used += uint64(info.Size())
		}
		return nil
	})
	return used
}

func (d small) Free() (bytes, inodes uint64, err error) {
	if !d.told {
		return math.MaxUint64, math.MaxUint64, errors.ErrUnsupported
	}
	return d.room - min(d.room, d.used()), 1000, nil
}

// crowded is a pair on a disk of 10,000 bytes with three files of 2,000 each in the
// trash, deleted online in the order of their names.
func crowded(t *testing.T, told bool) (*pair, *hurried) {
	t.Helper()
	p := newPair(t, remotetest.Options{})
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.write("stays.txt", "here")
	for _, name := range []string{"1", "2", "3"} {
		p.write(name, strings.Repeat(name, 2000))
	}
	p.sync()
	for _, name := range []string{"1", "2", "3"} {
		p.must(p.online.Delete(name))
		p.sync()
		clock.forward(time.Hour)
	}
	if got := p.private("trash"); len(got) != 3 {
		t.Fatalf("in the trash: %q", got)
	}
	s := p.onStage()
	d := small{s, p.dir, 10000, told}
	p.cfg.Disk = d
	if !told {
		s.fail("write tmp", syscall.EDQUOT)
	}
	return p, clock
}

// left names what is in the trash.
func (p *pair) left() (names []string) {
	for _, rel := range p.private("trash") {
		names = append(names, filepath.Base(rel))
	}
	slices.Sort(names)
	return names
}

func TestTheTrashGivesWayTheOldestFirst(t *testing.T) {
	for name, told := range map[string]bool{"the disk tells what is free": true, "a write finds out": false} {
		t.Run(name, func(t *testing.T) {
			p, _ := crowded(t, told)
			p.put("n.txt", strings.Repeat("n", 7000))
			if !told {
				p.put("n.txt", strings.Repeat("n", 2000))
			}
			sum := p.sync()
			want, freed := []string{"3"}, int64(4000)
			if !told {
				want, freed = []string{"2", "3"}, 2000
			}
			if got := p.left(); !slices.Equal(got, want) || sum.TrashFreed != freed || sum.Downloaded != 1 {
				t.Errorf("in the trash: %q, want %q; %+v", got, want, sum)
			}
			p.same()
			p.put("small.txt", "one byte more")
			p.sync()
			if got := p.left(); !slices.Equal(got, want) {
				t.Errorf("what is not in the way went from the trash: %q are left", got)
			}
		})
	}
}

func TestOnlyWhatWasOnlineGoesFromTheTrash(t *testing.T) {
	p, _ := crowded(t, true)
	for _, rel := range p.private("trash") {
		switch name := p.path(".tandem/trash/" + rel); filepath.Base(rel) {
		case "1": // saved to since, by a program that had it open
			p.must(os.WriteFile(name, []byte(strings.Repeat("x", 2000)), 0o644))
		case "2": // a second name holds its bytes all the same
			p.must(os.Link(name, filepath.Join(t.TempDir(), "other")))
		}
	}
	p.put("n.txt", strings.Repeat("n", 4500))
	p.sync()
	if got := p.left(); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("left in the trash: %q", got)
	}
	p.same()
}

func TestTheTrashDoesNotGoForNothing(t *testing.T) {
	p, _ := crowded(t, true)
	p.put("n.txt", strings.Repeat("n", 50000))
	p.put("m.txt", "fits")
	sum, err := p.try()
	if !errors.Is(err, syscall.ENOSPC) || len(sum.Waiting) != 1 || sum.Downloaded != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if why := sum.Waiting[0].Why; !strings.Contains(why, "full") || !strings.Contains(why, ".tandem/trash, where 6.0 kB") {
		t.Errorf("it is said: %s", why)
	}
	if got := p.left(); len(got) != 3 || sum.TrashFreed != 0 {
		t.Errorf("left in the trash: %q", got)
	}
}

// A held disk gains nothing by what is removed: a snapshot has it, too.
type held struct{ small }

func (d held) Free() (bytes, inodes uint64, err error) { return 1000, 1000, nil }

func TestTheTrashDoesNotGiveWayForNothing(t *testing.T) {
	p, _ := crowded(t, true)
	p.cfg.Disk = held{p.cfg.Disk.(small)}
	p.put("n.txt", strings.Repeat("n", 6000))
	if s, err := p.try(); err == nil || s.Downloaded != 0 {
		t.Errorf("it came, where there is no room: %+v", s)
	}
	if got := p.left(); len(got) != 2 {
		t.Errorf("in the trash: %q, want all but the one that was tried", got)
	}
}

// Whoever lets the trash give way may hang in a call of the disk, and outlive the run.
func TestWhoWaitsForRoomEndsWithTheRun(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	e := New(p.cfg)
	e.emptying <- struct{}{}
	close(e.over)
	within(t, "the wait", func() {
		if err := e.makeRoom(1, syscall.ENOSPC); !errors.Is(err, errOver) {
			t.Errorf("it ended with %v", err)
		}
	})
}
