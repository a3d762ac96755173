package syncer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/disk"
)

// partner makes a second pair on the drive of p: another folder here, and a
// folder of its own online.
func (p *pair) partner(name string) Config {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), name)
	p.must(os.Mkdir(dir, 0o777))
	d, err := disk.Open(dir)
	p.must(err)
	p.t.Cleanup(func() { d.Close() })
	id, err := d.Claim()
	p.must(err)
	online, err := p.client.ItemAt(p.t.Context(), p.cfg.Drive.ID, name)
	p.must(err)
	var key int64
	p.must(p.db.Update(func(tx *state.Tx) error {
		key, _, err = tx.Hear(state.Item{
			Drive: p.cfg.Drive.N, ID: online.ID, ParentID: online.ParentID, Name: name, Fold: name, Kind: 2,
		}, state.Telling{Source: state.Look, Since: p.db.Moment()})
		return err
	}))
	f, err := p.db.PutFolder(state.Folder{
		Name: name, Drive: p.cfg.Drive.N, Root: key, Path: dir, UUID: id.UUID, FSID: id.FSID, Ino: id.Ino,
	})
	p.must(err)
	cfg := p.cfg
	cfg.Name, cfg.Folder, cfg.Disk = name, f, d
	return cfg
}

func TestPairsOnOneDriveReadItsFeedInTurns(t *testing.T) {
	p := newPair(t, remotetest.Options{Latency: 5 * time.Millisecond})
	p.must(p.online.Fill("elsewhere", 5000, 100, 1)) // a feed of several pages
	for _, name := range []string{"work", "home"} {
		p.must(p.online.Fill(name, 50, 5, 16))
	}
	first, second := p.partner("work"), p.partner("home")
	first.Feed = new(Feed)
	second.Feed = first.Feed
	p.online.ResetCounts()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var passes errgroup.Group
	for _, cfg := range []Config{first, second} {
		passes.Go(func() error {
			sum, err := New(cfg).Once(ctx)
			if err == nil && sum.Downloaded != 50 {
				t.Errorf("%s: %+v", cfg.Name, sum)
			}
			return err
		})
	}
	p.must(passes.Wait())
	if n := p.online.Count("GET item"); n > 0 {
		t.Errorf("%d items were asked for one by one", n)
	}
	if n := p.online.Count("GET content"); n > 0 {
		t.Errorf("the address of %d contents was asked for, which the feed had told", n)
	}
	if pages := p.online.Count("GET delta"); pages > 6+1 {
		t.Errorf("%d pages were read of a feed that has six", pages)
	}
}

func TestAnAgentTakesWhatAnotherHasJustRead(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	for _, name := range []string{"work", "home"} {
		p.must(p.online.Fill(name, 3, 1, 16))
	}
	first, second := p.partner("work"), p.partner("home")
	first.Feed = new(Feed)
	second.Feed = first.Feed
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := New(first).Once(ctx)
	p.must(err)
	p.online.ResetCounts()
	ctx, stop := context.WithCancel(ctx)
	second.Poll = time.Hour
	second.Progress = func(now Progress) {
		if now.Done == 3 {
			stop()
		}
	}
	p.must(New(second).Run(ctx))
	if n := p.online.Count("GET delta"); n > 0 {
		t.Errorf("the feed was read %d times more", n)
	}
}
