// Package task acts on a drive because somebody asked for it: it lists, fetches,
// sends, copies, moves, deletes and shares, and mirrors one folder to another.
//
// It promises what syncing promises, for a single errand: nothing is overwritten
// that is not what was looked at (an eTag goes with every change online, a file
// here is exchanged and looked at afterwards), nothing is said to be done before
// its hash has proved it, and an errand that was cut short goes on where it was.
// It never touches what an agent syncs behind its back: online it is one more
// writer that the change feed tells of, here one more program that saves files.
//
// What it does not do is remember. Where a synced folder's state knows the drive
// already, that is read; it is never written to.
package task

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
)

// A Drive is one drive, for as long as an errand takes. It is safe for
// concurrent use.
type Drive struct {
	Client *remote.Client
	ID     string
	Kind   string // personal, business or documentLibrary

	// Lent says that it is somebody else's, who shares a folder in it and no more.
	Lent bool

	// What a synced folder's state remembers of the drive; nil if none does.
	DB    *state.DB
	Known state.Drive

	Notes *Notes // of all drives
}

func (d *Drive) personal() bool { return d.Kind == "personal" }

// delete moves an item to the recycle bin. Where the service does not find it,
// somebody else has done so.
func (d *Drive) delete(ctx context.Context, it remote.Item) error {
	err := d.Client.Delete(ctx, d.ID, it.ID, it.ETag)
	if errors.Is(err, remote.ErrNotFound) {
		return nil
	}
	return err
}

// A Node is an item, and where it is.
type Node struct {
	remote.Item
	Path string // slash-separated, below the place that was asked about; "" is that place
}

// Entry is the node as a filter sees it.
func (n Node) Entry() filter.Entry {
	return filter.Entry{Path: n.Path, Dir: n.Kind == remote.Folder, Size: n.Size, Modified: n.MTime, Created: n.Born}
}

// Parent is the path of the folder that a path lies in.
func Parent(p string) string {
	if dir := path.Dir(p); dir != "." {
		return dir
	}
	return ""
}

// join puts a name behind a folder's path, as it is: a name that means something
// else in a path, as "..", must not be resolved but refused where it lands.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// At returns the item at a path, from the folder with the given id or, if that
// is empty, from the drive's root.
func (d *Drive) At(ctx context.Context, base, p string) (remote.Item, error) {
	if base == "" {
		return d.Client.ItemAt(ctx, d.ID, p)
	}
	return d.Client.ItemBelow(ctx, d.ID, base, p)
}

// Find returns what a path means: one item, or with masks in it all that match,
// by their paths from base. [remote.ErrNotFound] says that nothing is there;
// masks that match nothing are no error.
func (d *Drive) Find(ctx context.Context, base, p string) ([]Node, error) {
	steps := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	first := slices.IndexFunc(steps, filter.IsMask)
	if first < 0 {
		it, err := d.At(ctx, base, p)
		return []Node{{it, strings.Join(steps, "/")}}, err
	}
	top := strings.Join(steps[:first], "/")
	it, err := d.At(ctx, base, top)
	if err != nil {
		return nil, err
	}
	found := []Node{{it, top}}
	for _, step := range steps[first:] {
		if found, err = d.descend(ctx, found, step); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// descend finds what bears a name, or matches a mask, in any of the folders.
func (d *Drive) descend(ctx context.Context, folders []Node, step string) ([]Node, error) {
	var found []Node
	for _, f := range folders {
		if f.Kind != remote.Folder {
			continue
		}
		kids, err := d.inside(ctx, f.Item, func(kid remote.Item) bool { return filter.Matches(step, kid.Name) })
		if err != nil {
			return nil, err
		}
		for _, kid := range kids {
			found = append(found, Node{kid.Item, join(f.Path, kid.Name)})
		}
	}
	return found, nil
}

// Inside lists what is directly in a folder, in the order of names.
func (d *Drive) Inside(ctx context.Context, folder remote.Item) ([]Node, error) {
	return d.inside(ctx, folder, nil)
}

// inside is Inside for those that are wanted; nil wants all.
func (d *Drive) inside(ctx context.Context, folder remote.Item, wanted func(remote.Item) bool) ([]Node, error) {
	items, err := d.Client.Children(ctx, d.ID, folder.ID, wanted)
	if err != nil {
		return nil, err
	}
	nodes := make([]Node, len(items))
	for i, it := range items {
		nodes[i] = Node{it, it.Name}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(names.Fold(a.Name), names.Fold(b.Name)) })
	return nodes, nil
}

// MakeFolder makes a folder with those above it, and is content with what is
// there. It gives the folder, and how many had to be made.
func (d *Drive) MakeFolder(ctx context.Context, base, p string) (remote.Item, int, error) {
	it, err := d.At(ctx, base, p)
	switch {
	case err == nil && it.Kind != remote.Folder:
		return it, 0, fmt.Errorf("%w: %q is no folder", remote.ErrExists, p)
	case !errors.Is(err, remote.ErrNotFound) || p == "":
		return it, 0, err
	}
	name := path.Base(p)
	if why := names.RemoteRefuses(d.Kind)(Parent(p), name, true); why != "" {
		return it, 0, fmt.Errorf("%q: %w: %s", p, ErrName, why)
	}
	parent, made, err := d.MakeFolder(ctx, base, Parent(p))
	if err != nil {
		return it, made, err
	}
	it, err = d.Client.CreateFolder(ctx, d.ID, parent.ID, name, time.Time{})
	if errors.Is(err, remote.ErrExists) { // somebody was faster
		it, err = d.Client.ItemIn(ctx, d.ID, parent.ID, name)
		if err == nil && it.Kind != remote.Folder {
			err = fmt.Errorf("%w: %q is no folder", remote.ErrExists, p)
		}
		return it, made, err
	}
	return it, made + 1, err
}

var (
	// ErrName says that the other side cannot have such a name.
	ErrName = errors.New("its name is refused")
	// ErrInTheWay says that something else stands under the name.
	ErrInTheWay = errors.New("something else is in the way")
	// ErrNoFile says that something online has no content that could be read.
	ErrNoFile = errors.New("it is not a file")
	// ErrTwin says that syncing keeps a source and its target the same.
	ErrTwin = errors.New("the two are kept the same by syncing, so to delete one would be to delete both")
)
