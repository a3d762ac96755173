package remotetest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Exchange is one request as a witness sees it.
type Exchange struct {
	At            time.Time
	Method, Route string // as in [Drive.Count]
	Part          bool   // of a batch, which comes after its parts
	ID            string // of the item it was about; "" = none was found
	Path          string // where that is, or was
	Folder        bool
	Done          bool   // it was carried out, or refused by the drive and not by a fault
	Status        int    // 0 = none: the connection ended
	Content       []byte // of a file, afterwards; not to be written to
	Items         int    // on a page of the feed or of a folder
}

// witness tells what became of c.
func (d *Drive) witness(c *call, r *reply, done bool) {
	if d.opt.Witness == nil {
		return
	}
	x := Exchange{At: d.clock, Method: c.method, Route: c.route, Part: c.part, Status: r.status, Done: done}
	if page, ok := r.json.(listing); ok {
		x.Items = len(page.Value)
	}
	if it := c.about; it != nil {
		x.ID, x.Path, x.Folder = it.id, it.path(), it.isDir
		if !it.isDir {
			x.Content = it.body.bytes()
		}
	}
	d.opt.Witness(x)
}

// The methods here are those of a person who looks at what goes: for tests that
// keep account of every content there ever was.

// PutOver is Put, and gives the content that was replaced, if there was any.
func (d *Drive) PutOver(path, content string) (old string, replaced bool, err error) {
	defer d.act("put", path)()
	if it, err := d.findFile(path); err == nil {
		old, replaced = string(it.body.bytes()), true
	}
	_, err = d.putFile(path, newBlob([]byte(content)))
	return old, replaced && err == nil, err
}

// DeleteAll is Delete, and gives the contents that went to the recycle bin.
func (d *Drive) DeleteAll(path string) (contents []string, err error) {
	defer d.act("rm", path)()
	it, err := d.find(path)
	if err == nil && it.parent == nil {
		err = errors.New("the root cannot be deleted")
	}
	if err != nil {
		return nil, err
	}
	contents = it.contents()
	d.remove(it)
	return contents, nil
}

// PutByID is PutOver for the item that has this id, wherever it is by now.
func (d *Drive) PutByID(id, content string) (old string, err error) {
	defer d.act("put", id)()
	it, err := d.byID(id, false)
	if err != nil {
		return "", err
	}
	if it.isDir {
		return "", fmt.Errorf("is a folder: %q", id)
	}
	old = string(it.body.bytes())
	_, _, err = d.store(destination{parent: it.parent, name: it.name, there: it, byID: true}, "replace", newBlob([]byte(content)))
	return old, err
}

// MoveByID gives an item another folder and another name. Nothing may be there yet.
func (d *Drive) MoveByID(id, folderID, name string) error {
	defer d.act("mv", id)()
	it, err := d.byID(id, false)
	if err != nil {
		return err
	}
	parent, err := d.byID(folderID, false)
	if err != nil {
		return err
	}
	if it.parent == nil || !parent.isDir || parent.below(it) {
		return fmt.Errorf("%q cannot be moved to %q", id, folderID)
	}
	return d.relocate(it, parent, name, "fail")
}

// DeleteByID is DeleteAll for the item that has this id.
func (d *Drive) DeleteByID(id string) (contents []string, err error) {
	defer d.act("rm", id)()
	it, err := d.byID(id, false)
	if err == nil && it.parent == nil {
		err = errors.New("the root cannot be deleted")
	}
	if err != nil {
		return nil, err
	}
	contents = it.contents()
	d.remove(it)
	return contents, nil
}

// Restore brings an item back from the recycle bin to where it was, under another
// name if its own is taken, with all that went with it, and gives the contents. It
// works on every kind of drive: people can where requests cannot.
func (d *Drive) Restore(id string) (contents []string, err error) {
	defer d.act("restore", id)()
	it, err := d.byID(id, true)
	if err != nil {
		return nil, err
	}
	if it.parent.deleted {
		return nil, fmt.Errorf("the folder of %q is gone", id)
	}
	d.restore(it, it.parent, d.freeName(it.parent, it.name, it.isDir))
	return it.contents(), nil
}

// byID gives the item with an id, which must be in the recycle bin or must not.
func (d *Drive) byID(id string, deleted bool) (*item, error) {
	if it := d.ids[idKey(id)]; it != nil && it.deleted == deleted {
		return it, nil
	}
	return nil, fmt.Errorf("no such item: %q", id)
}

// contents are those of a file, or of all files in a folder.
func (it *item) contents() (all []string) {
	it.all(func(it *item) {
		if !it.isDir {
			all = append(all, string(it.body.bytes()))
		}
	})
	return all
}

// Binned gives the contents in the recycle bin.
func (d *Drive) Binned() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var contents []string
	for _, it := range d.ids {
		if it.deleted && !it.isDir {
			contents = append(contents, string(it.body.bytes()))
		}
	}
	slices.Sort(contents)
	return contents
}

// Kept gives every content that can still be had: what is there, what was there
// before, and what is in the recycle bin.
func (d *Drive) Kept() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var contents []string
	for _, it := range d.ids {
		if it.isDir {
			continue
		}
		contents = append(contents, string(it.body.bytes()))
		for _, v := range it.past {
			contents = append(contents, string(v.body.bytes()))
		}
	}
	slices.Sort(contents)
	return slices.Compact(contents)
}
