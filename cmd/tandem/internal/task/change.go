package task

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/remote"
	"tandem/syncer/names"
	"tandem/syncer/transfer"
)

// A Change changes things within one drive, without their content coming here.
type Change struct {
	On        *Drive
	Top       remote.Item // the folder that things are copied or moved to
	Overwrite Overwrite
	KeepTimes bool
	Permanent bool // past the recycle bin
	Dry       bool
	Report    *Report
	Known     map[string]bool // ids of what was listed: a folder with anything else in it is not deleted; nil asks for no such care

	shelf *shelf
}

// Copy lets the service copy the items, and waits for it.
func (c *Change) Copy(ctx context.Context, items []Item) { c.all(ctx, "cp", items, c.copy) }

// Move gives the items another place.
func (c *Change) Move(ctx context.Context, items []Item) { c.all(ctx, "mv", items, c.move) }

func (c *Change) all(ctx context.Context, op string, items []Item, do func(context.Context, Item, target) error) {
	c.shelf = newShelf(c.On, c.Top, false)
	for range items {
		c.Report.expect(0)
	}
	each(ctx, items, func(it Item) {
		res := Result{Op: op, Path: it.Path, To: it.To, Done: Done}
		if it.Kind == remote.File {
			res.Size = it.Size
		}
		err := c.one(ctx, &res, it, do)
		if err != nil {
			res = failed(op, it.Path, err)
		}
		c.Report.done.Add(1)
		c.Report.tell(res)
	})
}

// A target is where an item goes, and what stands there.
type target struct {
	folder *folder
	name   string
	old    remote.Item // zero: nothing
}

func (c *Change) one(ctx context.Context, res *Result, it Item, do func(context.Context, Item, target) error) error {
	if why := names.RemoteRefuses(c.On.Kind)(Parent(it.To), path.Base(it.To), it.Kind == remote.Folder); why != "" {
		return fmt.Errorf("%w: %s", ErrName, why)
	}
	f, old, there, err := c.shelf.look(ctx, it.To, c.Dry)
	if err != nil {
		return err
	}
	to := target{folder: f, name: path.Base(it.To)}
	if there && old.ID == it.ID && old.Name == to.name {
		res.Done = Same
		return nil
	}
	if there && old.ID != it.ID {
		to.old = old
		if settled, err := c.Overwrite.settles(res, it, old, res.Op == "cp"); settled || err != nil {
			return err
		}
	}
	if c.Dry {
		res.Done = Planned
		return nil
	}
	return do(ctx, it, to)
}

// settles reports whether an item online already settles what becomes of one that
// comes in its place; leave says that the same content is left alone.
func (o Overwrite) settles(res *Result, it Item, old remote.Item, leave bool) (bool, error) {
	switch {
	case it.Kind != remote.File || old.Kind != remote.File:
		return true, fmt.Errorf("%w: %q is there", ErrInTheWay, old.Name)
	case leave && old.Size == it.Size && old.Hash == it.Hash && it.Hash != "":
		res.Done = Same
		return true, nil
	}
	yes, why := o.lets(stamp{it.Size, it.MTime}, stamp{old.Size, old.MTime})
	if !yes {
		res.Done, res.Why = Skipped, why
	}
	return !yes, nil
}

// move moves an item. What stands in its place goes to the recycle bin first:
// the service has no way to do both in one step.
func (c *Change) move(ctx context.Context, it Item, to target) error {
	if to.old.ID != "" {
		if err := c.On.delete(ctx, to.old); err != nil {
			return err
		}
	}
	parent := to.folder.item.ID
	if parent == it.ParentID {
		parent = ""
	}
	mtime := it.MTime
	if !c.KeepTimes && it.Kind == remote.File {
		mtime = time.Now()
	}
	moved, err := c.On.Client.Move(ctx, c.On.ID, it.ID, it.ETag, parent, to.name, mtime)
	if err != nil {
		return err
	}
	to.folder.put(moved)
	return nil
}

// copy copies an item. In place of another it is complete, under a name of its
// own, before that one goes to the recycle bin.
func (c *Change) copy(ctx context.Context, it Item, to target) error {
	name := to.name
	if to.old.ID != "" {
		name = ".tandem-copy-" + rand.Text()[:12]
	}
	made, err := c.On.Client.Copy(ctx, c.On.ID, it.Item, to.folder.item.ID, name, nil)
	if err != nil {
		return err
	}
	if it.Kind == remote.File && made.Size != it.Size || made.Kind != it.Kind {
		return transfer.ErrDamaged
	}
	if to.old.ID != "" {
		if err := c.On.delete(ctx, to.old); err != nil {
			return errors.Join(err, c.On.delete(ctx, made))
		}
	}
	// One request gives the copy its name, and its time, which copying loses.
	late := c.KeepTimes && it.Kind == remote.File && c.On.personal() && !remote.SameTime(made.MTime, it.MTime)
	if name != to.name || late {
		mtime := made.MTime
		if c.KeepTimes && it.Kind == remote.File {
			mtime = it.MTime
		}
		if made, err = c.On.Client.Move(ctx, c.On.ID, made.ID, made.ETag, "", to.name, mtime); err != nil {
			return err
		}
	}
	to.folder.put(made)
	return nil
}

// Remove deletes items, each with all that is in it.
func (c *Change) Remove(ctx context.Context, items []Node) {
	for range items {
		c.Report.expect(0)
	}
	each(ctx, items, func(it Node) {
		res := Result{Op: "rm", Path: it.Path, Done: Done}
		if it.Kind == remote.File {
			res.Size = it.Size
		}
		var err error
		if c.Dry {
			res.Done = Planned
		} else {
			err = c.remove(ctx, it)
		}
		if err != nil {
			res = failed("rm", it.Path, err)
		}
		c.Report.done.Add(1)
		c.Report.tell(res)
	})
}

func (c *Change) remove(ctx context.Context, it Node) error {
	if it.Root {
		return errors.New("the root of a drive cannot be deleted")
	}
	if c.Known != nil && it.Kind == remote.Folder {
		if err := c.onlyKnown(ctx, it.Item); err != nil {
			return err
		}
	}
	if c.Permanent {
		return c.On.Client.DeletePermanently(ctx, c.On.ID, it.ID)
	}
	err := c.On.delete(ctx, it.Item)
	if !errors.Is(err, remote.ErrChanged) {
		return err
	}
	// The eTag of a folder drifts with what happens below it, that of a file
	// with no cause at all; only another content is another file.
	now, look := c.On.Client.Item(ctx, c.On.ID, it.ID)
	if look == nil && (it.Kind == remote.Folder || now.Hash == it.Hash && now.Size == it.Size) && now.Name == it.Name {
		return c.On.delete(ctx, now)
	}
	return err
}

// onlyKnown refuses a folder in which there is something that was not listed:
// somebody put it there meanwhile.
func (c *Change) onlyKnown(ctx context.Context, folder remote.Item) error {
	kids, err := c.On.Client.Children(ctx, c.On.ID, folder.ID, func(kid remote.Item) bool { return !c.Known[kid.ID] || kid.Kind == remote.Folder })
	if errors.Is(err, remote.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, kid := range kids {
		if !c.Known[kid.ID] {
			return fmt.Errorf("%w: %q has come into it", remote.ErrChanged, kid.Name)
		}
		if kid.Kind == remote.Folder {
			if err := c.onlyKnown(ctx, kid); err != nil {
				return err
			}
		}
	}
	return nil
}

// Cover gives what has to be deleted so that exactly the picked nodes go: a
// folder goes as a whole if all that is in it was picked, and else it stays and
// is told in part.
func Cover(all []Node, picked func(Node) bool) (cover, part []Node) {
	byDepth := slices.Clone(all)
	slices.SortStableFunc(byDepth, func(a, b Node) int {
		return strings.Count(b.Path, "/") - strings.Count(a.Path, "/")
	})
	stays := map[string]bool{} // folders in which something stays
	whole := map[string]bool{}
	for _, n := range byDepth { // the deepest first
		if picked(n) && !stays[n.Path] {
			whole[n.Path] = true
		} else {
			stays[Parent(n.Path)] = true
		}
	}
	for _, n := range all {
		switch {
		case whole[n.Path] && !whole[Parent(n.Path)]:
			cover = append(cover, n)
		case !whole[n.Path] && picked(n):
			part = append(part, n)
		}
	}
	return cover, part
}
