package remotetest

import (
	"errors"
	"slices"
)

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
	it.all(func(it *item) {
		if !it.isDir {
			contents = append(contents, string(it.body.bytes()))
		}
	})
	d.remove(it)
	return contents, nil
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
