package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"tandem/remote"
	"tandem/syncer/names"
	"tandem/syncer/transfer"
)

// mostLarge is how many large files may be here at once on their way from drive
// to drive: the disk need not hold more of them, whatever the size of the tree.
const mostLarge = 3

// A Carry copies things from one drive to another, which the service cannot do.
// Each file comes here into a private one, is proved by its hash, is sent on and
// removed again. A large one that was cut short is gone on with.
type Carry struct {
	From, To  *Drive
	Top       remote.Item // the folder that things go to
	Fresh     bool        // nothing is in it
	Overwrite Overwrite
	KeepTimes bool
	Move      bool // the source goes to its recycle bin once the copy is proved
	Dry       bool
	Report    *Report

	put   *Put
	spool *Landing
	here  *Origin
	large *semaphore.Weighted // counts the large files that are here
	left  atomic.Bool         // it was told of something that it stays

	unmade map[string]bool // ids of folders that the target could not have
}

// Run carries the items, a folder with all that is in it. It ends early only with
// the context, or when it cannot begin.
func (c *Carry) Run(ctx context.Context, items []Item) error {
	all, err := c.unfold(ctx, items)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	var files []Item
	for _, it := range all {
		if it.Kind == remote.Folder {
			c.makeFolder(ctx, it)
			continue
		}
		files = append(files, it)
		c.Report.expect(2 * it.Size) // it comes, and it goes
	}
	each(ctx, files, func(it Item) { c.file(ctx, it) })
	c.put.flush(ctx, 1)
	if c.Move && !c.Dry && ctx.Err() == nil {
		c.clear(ctx, items, all)
	}
	return c.close()
}

// unfold gives the items with all that is below the folders among them.
func (c *Carry) unfold(ctx context.Context, items []Item) (all []Item, err error) {
	for _, it := range items {
		all = append(all, it)
		if it.Kind != remote.Folder {
			continue
		}
		for n, err := range c.From.Below(ctx, it.Item, false) {
			if err != nil {
				return nil, err
			}
			all = append(all, Item{Node: Node{n.Item, join(it.Path, n.Path)}, To: join(it.To, n.Path)})
		}
	}
	return all, nil
}

// open makes ready the place where files are while they are here.
func (c *Carry) open() (err error) {
	c.put = &Put{To: c.To, Overwrite: c.Overwrite, KeepTimes: c.KeepTimes, Report: c.Report, shelf: newShelf(c.To, c.Top, c.Fresh)}
	c.large = semaphore.NewWeighted(mostLarge)
	c.unmade = map[string]bool{}
	if c.Dry {
		return nil
	}
	dir := c.To.Notes.spool()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if c.spool, err = Land(dir, 0o600, nil); err != nil {
		return err
	}
	c.spool.shared = true
	files := filepath.Join(dir, filepath.FromSlash(private))
	err = c.spool.disk.MkdirPrivate(private)
	if err == nil {
		c.To.Notes.sweep()
		c.here, err = OpenOrigin(files, nil)
	}
	if err != nil {
		return errors.Join(err, c.spool.Close())
	}
	return nil
}

func (c *Carry) close() error {
	if c.Dry {
		return nil
	}
	return errors.Join(c.here.Close(), c.spool.Close())
}

func (c *Carry) makeFolder(ctx context.Context, it Item) {
	if c.Dry {
		return
	}
	if _, err := c.put.shelf.folder(ctx, it.To, false); err != nil {
		c.unmade[it.ID] = true
		c.left.Store(true)
		c.Report.tell(failed(c.op(), it.Path, err))
	}
}

func (c *Carry) op() string {
	if c.Move {
		return "mv"
	}
	return "cp"
}

// file carries one file, unless what is there settles the matter.
func (c *Carry) file(ctx context.Context, it Item) {
	res := Result{Op: c.op(), Path: it.Path, To: it.To, Size: it.Size, Done: Done}
	settled, err := c.decide(ctx, &res, it)
	switch {
	case err != nil || res.Done == Skipped:
	case settled: // the same is there
		err = c.deleteSource(ctx, it)
	case c.Dry:
		res.Done = Planned
	default:
		if err = c.bring(ctx, res, it); err == nil {
			return // it is told when it is up and has its time
		}
	}
	c.tell(it, res, err)
}

// decide reports whether what stands there already settles the matter.
func (c *Carry) decide(ctx context.Context, res *Result, it Item) (bool, error) {
	if it.Why != "" {
		res.Done, res.Why = Skipped, it.Why
		return true, it.Unfit()
	}
	if why := names.RemoteRefuses(c.To.Kind)(Parent(it.To), path.Base(it.To), false); why != "" {
		return true, fmt.Errorf("%w: %s", ErrName, why)
	}
	_, old, there, err := c.put.shelf.look(ctx, it.To, c.Dry)
	if err != nil || !there {
		return false, err
	}
	if made, known := c.To.madeOf(old); known && it.Hash != "" && made.Sum == it.Hash && (made.Sent && made.Whole || !c.Move) {
		res.Done = Same
		return true, nil
	}
	return c.Overwrite.settles(res, it, old, true)
}

// bring fetches a file and sends it. Without an error, what became of it is told
// from there.
func (c *Carry) bring(ctx context.Context, res Result, it Item) error {
	if it.Size >= transfer.ResumeAbove {
		if c.large.Acquire(ctx, 1) != nil {
			return context.Cause(ctx)
		}
		defer c.large.Release(1)
	}
	p, err := c.From.fetch(ctx, c.spool, it.Item, c.Report.came)
	if err != nil {
		return err
	}
	l, err := c.here.Look(strings.TrimPrefix(p.Name, private+"/"))
	if err != nil {
		p.Close()
		return err
	}
	l.To, l.time, l.sum = it.To, it.MTime, p.Hash
	err = c.put.deliver(ctx, l, func(s sent) { c.end(ctx, res, it, s, p.Proved(c.From.version(it.Item))) })
	p.Close()
	if !c.resumable(ctx, it, err) {
		c.From.arrived(c.spool, it.Item)
		c.spool.disk.Remove(p.Name) // what cannot be removed now is old one day
	}
	return nil
}

// resumable says that a later task can go on with sending what is here.
func (c *Carry) resumable(ctx context.Context, it Item, err error) bool {
	return transfer.Resumable(it.Size, it.Hash) && err != nil &&
		(ctx.Err() != nil || errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrThrottled) || errors.Is(err, remote.ErrSignIn))
}

// end ends the work on a file that was sent. Its source goes only if both
// services tell the hash of what came by here.
func (c *Carry) end(ctx context.Context, res Result, it Item, s sent, proved bool) {
	res.Done, res.Why = s.res.Done, s.res.Why
	err := s.res.Err
	switch {
	case err != nil || res.Done == Skipped:
	case c.Move && (!proved || !(s.kept && s.sum == it.Hash) && c.put.prove(ctx, s, it.Hash) != nil):
		err = errors.New("it is copied, and its source stays: no hash proves that the copy is the same")
	case !proved && it.Hash != "":
		res.Why = "the service sends other bytes than it tells of"
	default:
		err = c.deleteSource(ctx, it)
	}
	c.tell(it, res, err)
}

func (c *Carry) deleteSource(ctx context.Context, it Item) error {
	if !c.Move || c.Dry {
		return nil
	}
	if err := c.From.delete(ctx, it.Item); err != nil {
		return fmt.Errorf("it is copied, but its source stays: %w", err)
	}
	return nil
}

func (c *Carry) tell(it Item, res Result, err error) {
	if err != nil {
		res = failed(c.op(), it.Path, err)
	}
	if res.Done == Done {
		c.Report.done.Add(1)
	} else {
		c.Report.spare(2 * it.Size)
	}
	if res.Done != Done && res.Done != Same {
		c.left.Store(true)
	}
	c.Report.tell(res)
}

// clear deletes the folders that were moved, if nothing but folders that the
// target has, too, is left in them. That one stays is told, unless it is plain
// from what was told before.
func (c *Carry) clear(ctx context.Context, moved, all []Item) {
	folders := map[string]bool{}
	for _, it := range all {
		folders[it.ID] = it.Kind == remote.Folder && !c.unmade[it.ID]
	}
	change := Change{On: c.From, Known: folders}
	for _, it := range moved {
		if !folders[it.ID] {
			continue
		}
		err := change.remove(ctx, it.Node)
		switch {
		case errors.Is(err, remote.ErrChanged) && c.left.Load():
		case errors.Is(err, remote.ErrChanged):
			c.Report.tell(Result{Op: c.op(), Path: it.Path, Done: Skipped, Why: "the folder stays, since something has come into it"})
		case err != nil:
			c.Report.tell(failed(c.op(), it.Path, fmt.Errorf("it is copied, but the folder stays: %w", err)))
		}
	}
}
