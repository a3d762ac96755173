package remotetest

import (
	"strings"
	"time"
)

// The methods here look at the drive and turn its switches, for tests.

// Content gives a file's bytes.
func (d *Drive) Content(path string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, err := d.findFile(path)
	if err != nil {
		return "", err
	}
	return string(it.body.bytes()), nil
}

// Tree gives the content of each file by its path, and an empty string for
// each folder by its path and a slash.
func (d *Drive) Tree() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	tree := map[string]string{}
	d.root.all(func(it *item) {
		switch {
		case it.parent == nil:
		case it.isDir:
			tree[it.path()+"/"] = ""
		default:
			tree[it.path()] = string(it.body.bytes())
		}
	})
	return tree
}

// List gives the paths of all items, folders with a slash at their end,
// parents first.
func (d *Drive) List() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var paths []string
	d.root.all(func(it *item) {
		switch {
		case it.parent == nil:
		case it.isDir:
			paths = append(paths, it.path()+"/")
		default:
			paths = append(paths, it.path())
		}
	})
	return paths
}

// Info is what is known of an item, for tests to look at.
type Info struct {
	ID, ParentID, ETag string
	Folder             bool
	Size               int64
	Modified           time.Time
	Versions           int // former contents kept
}

// Stat tells what is known of an item.
func (d *Drive) Stat(path string) (Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, err := d.find(path)
	if err != nil {
		return Info{}, err
	}
	e := Info{ID: it.id, ETag: d.eTag(it), Folder: it.isDir, Size: it.size, Modified: it.modified, Versions: len(it.past)}
	if it.parent != nil {
		e.ParentID = it.parent.id
	}
	return e, nil
}

// Versions gives a file's former contents, the oldest first.
func (d *Drive) Versions(path string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, err := d.findFile(path)
	if err != nil {
		return nil, err
	}
	var contents []string
	for _, v := range it.past {
		contents = append(contents, string(v.body.bytes()))
	}
	return contents, nil
}

// SetQuota sets how many bytes the drive may hold.
func (d *Drive) SetQuota(total int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quota = total
}

// ExpireCursors makes all cursors handed out so far answer 410.
func (d *Drive) ExpireCursors() {
	defer d.act("expire", "")()
	d.seq++
	d.floor = d.seq
}

// Sessions counts the uploads that are open.
func (d *Drive) Sessions() int {
	defer d.act("sessions", "")()
	n := 0
	for _, s := range d.uploads {
		if d.alive(s) == nil {
			n++
		}
	}
	return n
}

// Requests counts all requests so far, a batch as one.
func (d *Drive) Requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

// Count counts requests by what was asked for: "PUT content", "GET delta",
// "POST token", … ("download" and "upload" are the pre-authenticated
// addresses), or "part PATCH item" within batches. Without a method, as in
// "content", all methods count.
func (d *Drive) Count(of string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for name, times := range d.counts {
		_, route, _ := strings.Cut(name, " ")
		if name == of || route == of {
			n += times
		}
	}
	return n
}

// ResetCounts starts counting anew.
func (d *Drive) ResetCounts() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total = 0
	clear(d.counts)
}
