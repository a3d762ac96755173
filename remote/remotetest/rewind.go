package remotetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A standing is what an item was at the moment that was marked.
type standing struct {
	parent *item
	name   string
	body   blob
	ctag   int
}

// Mark remembers how the drive is, for [Drive.Rewind].
func (d *Drive) Mark() {
	defer d.act("mark", "")()
	d.marked = map[*item]standing{}
	for _, it := range d.items() {
		if !it.deleted {
			d.marked[it] = standing{it.parent, it.name, it.body, it.ctag}
		}
	}
}

// Rewind is what a person does who has the service restore the whole drive to what
// it was when [Drive.Mark] was called: files take their older contents, as new
// versions; what was made since goes to the recycle bin; what was deleted since
// comes back from there, as the same item; what was moved since is where it was. It
// gives the contents that are no longer there, and those that are again.
func (d *Drive) Rewind() (gone, back []string, err error) {
	defer d.act("rewind", "")()
	if d.marked == nil {
		return nil, nil, errors.New("no moment was marked")
	}
	before := d.root.contents()
	d.unbin()
	d.stepAside()
	for _, it := range d.items() {
		if _, old := d.marked[it]; !old && !it.deleted {
			d.remove(it)
		}
	}
	for _, it := range d.items() {
		was, old := d.marked[it]
		if old && it.strayed(was) {
			d.move(it, was.parent, was.name)
		}
		if old && !it.isDir && it.ctag != was.ctag {
			d.rewrite(it, was.body)
		}
	}
	after := d.root.contents()
	return without(before, after), without(after, before), nil
}

// unbin brings back what was deleted since, with all that went with it.
func (d *Drive) unbin() {
	for _, it := range d.items() {
		if _, old := d.marked[it]; !old {
			continue
		}
		for it.deleted {
			top := it
			for top.parent.deleted {
				top = top.parent
			}
			d.restore(top, top.parent, d.freeName(top.parent, top.name, top.isDir))
		}
	}
}

// stepAside takes what is elsewhere than it was out of the way of everything else.
func (d *Drive) stepAside() {
	for i, it := range d.items() {
		if was, old := d.marked[it]; old && it.strayed(was) {
			d.move(it, d.root, fmt.Sprintf("~rewind %d", i))
		}
	}
}

func (it *item) strayed(was standing) bool { return it.parent != was.parent || it.name != was.name }

// items gives all items but the root, deleted ones too, always in the same order.
func (d *Drive) items() []*item {
	var all []*item
	for _, it := range d.ids {
		if it.parent != nil {
			all = append(all, it)
		}
	}
	slices.SortFunc(all, func(a, b *item) int { return strings.Compare(a.id, b.id) })
	return all
}

// without gives what is in all and not in others.
func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(others, s) })
}
