package syncer

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer/disk"
)

// trashed is a pair with d/f.txt in the trash, and the clock that it goes by.
func trashed(t *testing.T) (*pair, *hurried, string) {
	t.Helper()
	p, _ := deletedOnline(t)
	clock := newHurried(1)
	p.cfg.Clock = clock
	p.sync()
	in := p.private("trash")
	if len(in) != 1 {
		t.Fatalf("in the trash: %q", in)
	}
	return p, clock, in[0]
}

func TestTheTrashIsKeptForThirtyDaysAndThenEmptied(t *testing.T) {
	p, clock, _ := trashed(t)
	clock.forward(disk.KeptFor - time.Hour)
	p.sync()
	if got := p.private("trash"); len(got) != 1 {
		t.Fatalf("after almost thirty days: %q", got)
	}
	clock.forward(2 * time.Hour)
	p.sync()
	left, err := os.ReadDir(p.path(".tandem/trash"))
	p.must(err)
	if len(left) != 0 {
		t.Errorf("after thirty days: %v", left)
	}
	p.same()
	p.onStage()
	p.sync()
	if n := len(p.stage.heard("remove *")); n != 0 {
		t.Errorf("it was removed %d times more", n)
	}
}

// TestWhatTasksReplacedIsKeptForThirtyDays, as the trash is.
func TestWhatTasksReplacedIsKeptForThirtyDays(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	clock := newHurried(1)
	p.cfg.Clock = clock
	kept := "tasks/replaced/" + time.Now().Format(disk.ReplacedAt) + "/d/f.txt"
	p.write(".tandem/"+kept, "replaced")
	clock.forward(disk.KeptFor - time.Hour)
	p.sync()
	if got := p.private("tasks"); len(got) != 1 {
		t.Fatalf("after almost thirty days: %q", got)
	}
	clock.forward(2 * time.Hour)
	p.sync()
	if left, err := os.ReadDir(p.path(".tandem/tasks/replaced")); len(left) != 0 || err != nil {
		t.Errorf("after thirty days: %v, %v", left, err)
	}
}

// TestWhatNoRecordSpeaksOfStaysInTheTrash: it may be the only copy of something.
func TestWhatNoRecordSpeaksOfStaysInTheTrash(t *testing.T) {
	p, clock, name := trashed(t)
	stray := filepath.Join(filepath.Dir(name), "stray.txt")
	p.write(filepath.Join(".tandem/trash", stray), "whose?")
	clock.forward(2 * disk.KeptFor)
	p.sync()
	if got := p.private("trash"); !slices.Equal(got, []string{stray}) {
		t.Errorf("in the trash: %q, want %q alone", got, stray)
	}
}

func TestALostDatabaseLeavesTheTrashAsItIs(t *testing.T) {
	p, clock, name := trashed(t)
	p.loseDatabase()
	p.cfg.Clock = clock
	clock.forward(2 * disk.KeptFor)
	p.sync()
	if got := p.private("trash"); !slices.Equal(got, []string{name}) {
		t.Errorf("in the trash: %q, want %q", got, name)
	}
}

// TestWhatSomebodyWritesToInTheTrashStays until it is known what they wrote.
func TestWhatSomebodyWritesToInTheTrashStays(t *testing.T) {
	p, clock, name := trashed(t)
	now := time.Now().Add(disk.KeptFor)
	clock.forward(disk.KeptFor + time.Hour)
	p.must(os.Chtimes(p.path(".tandem/trash/"+name), now, now))
	e := New(p.cfg)
	if e.discarded(".tandem/trash/"+name, time.Now().Add(time.Minute)) {
		t.Error("it was removed a minute after it was changed")
	}
	if got := p.private("trash"); !slices.Equal(got, []string{name}) {
		t.Errorf("in the trash: %q", got)
	}
}

// TestADryRunLeavesTheTrashAsItIs: it changes nothing.
func TestADryRunLeavesTheTrashAsItIs(t *testing.T) {
	p, clock, name := trashed(t)
	clock.forward(2 * disk.KeptFor)
	_, _, err := New(p.cfg).DryRun(t.Context())
	p.must(err)
	if got := p.private("trash"); !slices.Equal(got, []string{name}) {
		t.Errorf("in the trash: %q", got)
	}
}
