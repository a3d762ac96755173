package remotetest

import (
	"errors"
	"fmt"
	"path"
	"time"
)

// The methods here are what another person does with the drive. Paths are relative to the root and slash-separated.

// act begins something a person does. Only twists can strike it.
func (d *Drive) act(verb, path string) (done func()) {
	d.mu.Lock()
	d.begin()
	_, d.twists = d.strike(person, verb, path)
	if f := d.twists.get(Lag); f != nil {
		d.lag = f.For
	}
	return d.mu.Unlock
}

// find gives the live item at a path.
func (d *Drive) find(path string) (*item, error) {
	if it := d.at(d.root, segments(path)); it != nil {
		return it, nil
	}
	return nil, fmt.Errorf("no such item: %q", path)
}

func (d *Drive) findFile(path string) (*item, error) {
	it, err := d.find(path)
	if err == nil && it.isDir {
		err = fmt.Errorf("is a folder: %q", path)
	}
	return it, err
}

// Put gives a file content, and makes it and its folders if there is none.
func (d *Drive) Put(path, content string) (id string, err error) {
	defer d.act("put", path)()
	it, err := d.putFile(path, newBlob([]byte(content)))
	if err != nil {
		return "", fmt.Errorf("put %q: %w", path, err)
	}
	return it.id, nil
}

func (d *Drive) putFile(path string, body blob) (*item, error) {
	steps := segments(path)
	if len(steps) == 0 {
		return nil, errors.New("no name")
	}
	parent, err := d.mkdirs(d.root, steps[:len(steps)-1])
	if err != nil {
		return nil, err
	}
	name := steps[len(steps)-1]
	if err := d.allow(parent, name, false); err != nil {
		return nil, err
	}
	it, _, err := d.store(destination{parent: parent, name: name, there: d.child(parent, name)}, "replace", body)
	return it, err
}

// Mkdir makes a folder and those above it, if they are not there.
func (d *Drive) Mkdir(path string) (id string, err error) {
	defer d.act("mkdir", path)()
	it, err := d.mkdirs(d.root, segments(path))
	if err != nil {
		return "", fmt.Errorf("mkdir %q: %w", path, err)
	}
	return it.id, nil
}

// Move gives an item another path. Nothing may be there yet.
func (d *Drive) Move(from, to string) error {
	defer d.act("mv", from)()
	it, err := d.find(from)
	if err != nil {
		return err
	}
	dir, name := path.Split(to)
	parent, err := d.find(dir)
	if err != nil {
		return err
	}
	if it.parent == nil || !parent.isDir || parent.below(it) {
		return fmt.Errorf("%q cannot be moved to %q", from, to)
	}
	if err := d.relocate(it, parent, name, "fail"); err != nil {
		return fmt.Errorf("move %q to %q: %w", from, to, err)
	}
	return nil
}

// Delete sends an item to the recycle bin.
func (d *Drive) Delete(path string) error {
	defer d.act("rm", path)()
	it, err := d.find(path)
	if err == nil && it.parent == nil {
		err = errors.New("the root cannot be deleted")
	}
	if err != nil {
		return err
	}
	d.remove(it)
	return nil
}

// Touch sets the time a file was modified at.
func (d *Drive) Touch(path string, modified time.Time) error {
	defer d.act("touch", path)()
	it, err := d.find(path)
	if err != nil {
		return err
	}
	d.change(it, func() {
		it.modified = d.precise(modified)
		d.bump(it, false)
	})
	return nil
}

// PutOpaque makes something strange.
func (d *Drive) PutOpaque(path string, what Opaque) (id string, err error) {
	defer d.act("opaque", path)()
	var it *item
	switch what {
	case Malware:
		it, err = d.putFile(path, newBlob([]byte("not really harmful")))
	case OneNote, Shortcut, Vault:
		it, err = d.mkdirs(d.root, segments(path))
	default:
		err = fmt.Errorf("no such thing: %q (onenote, shortcut, vault or malware)", what)
	}
	if err != nil {
		return "", err
	}
	it.what = what
	if what == Shortcut && d.theirs == nil {
		d.theirs = lender(d.opt)
	}
	if what == OneNote {
		_, err = d.putFile(path+"/Section.one", newBlob(nil))
	}
	return it.id, err
}

// Fill makes many files at once, spread over folders, with content that takes
// no memory. It gives the paths' pattern: f0/0.bin, f1/1.bin, f0/2.bin, …
func (d *Drive) Fill(path string, files, folders int, size int64) error {
	defer d.act("fill", path)()
	top, err := d.mkdirs(d.root, segments(path))
	if err != nil {
		return err
	}
	dirs := make([]*item, folders)
	for i := range dirs {
		if dirs[i], err = d.mkdirs(top, []string{fmt.Sprintf("f%d", i)}); err != nil {
			return err
		}
	}
	if folders == 0 {
		dirs = append(dirs, top)
	}
	for i := range files {
		it := d.newItem(dirs[i%len(dirs)], fmt.Sprintf("%d.bin", i), false)
		it.body, it.size = madeUp(d.rnd.Uint64(), size), size
		d.add(it)
	}
	return nil
}
