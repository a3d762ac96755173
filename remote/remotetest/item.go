package remotetest

import (
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rootSuffix is the same on all personal drives of the newer backend.
const rootSuffix = "!sea8cc6beffdb43d7976fbc7da445c639"

// An item is a file, a folder or something stranger. Items that were deleted
// stay known: the feed tells of them, and some drives can restore them.
type item struct {
	id     string
	uid    [16]byte // the GUID within eTags
	name   string
	parent *item // of a deleted item: where it was
	isDir  bool
	kids   map[string]*item // of a folder, by folded name; live ones only
	order  []*item          // kids by name, nil when it must be made again
	what   Opaque
	body   blob
	past   []version
	links  map[string]string // that lead to it, by "type scope"

	size           int64 // of a folder: of all below
	etag, ctag     int
	made, changed  time.Time // the service's own clock
	born, modified time.Time // what clients set
	deleted        bool
	seq            int64     // of its newest entry in the feed's log; 0 = the feed does not know it yet
	shown          []*item   // what the feed still says of it when it lags behind, once for each change …
	unborn         bool      // … which is nothing
	infant         time.Time // reads do not find it before
	surplus        int64     // bytes by which the size we tell is wrong
}

// A version is former content.
type version struct {
	body     blob
	modified time.Time
}

// plant makes the root.
func (d *Drive) plant() *item {
	root := d.newItem(nil, "root", true)
	switch d.opt.Kind {
	case PersonalOld:
		root.id = d.id + "!101"
		d.lastID = 101
	case Personal:
		root.id = d.id + rootSuffix
	}
	d.ids[idKey(root.id)] = root
	d.tell(root)
	return root
}

// newItem makes an item that is nowhere yet.
func (d *Drive) newItem(parent *item, name string, isDir bool) *item {
	now := d.precise(d.clock)
	it := &item{parent: parent, name: name, isDir: isDir, etag: 1, ctag: 1,
		made: now, changed: now, born: now, modified: now}
	for i := range it.uid {
		it.uid[i] = byte(d.rnd.Uint32())
	}
	d.lastID++
	switch d.opt.Kind {
	case PersonalOld:
		it.id = d.id + "!" + strconv.Itoa(d.lastID)
	case Personal:
		it.id = d.id + "!s" + hex.EncodeToString(it.uid[:])
	default:
		n := uint32(d.lastID)
		long := append(it.uid[:], byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		it.id = "01" + base32.StdEncoding.EncodeToString(long)
	}
	return it
}

// precise cuts a time to what this kind of drive stores.
func (d *Drive) precise(t time.Time) time.Time {
	if d.opt.Kind == PersonalOld {
		return t.UTC().Truncate(time.Millisecond)
	}
	return t.UTC().Truncate(time.Second)
}

// idKey makes the spellings of one personal id equal: the hexadecimal prefix
// drifts in case and loses its leading zeros.
func idKey(id string) string {
	prefix, suffix, personal := strings.Cut(id, "!")
	if !personal || prefix == "b" {
		return id
	}
	return driveKey(prefix) + "!" + suffix
}

func driveKey(id string) string {
	if len(id) > 16 || strings.Trim(strings.ToLower(id), "0123456789abcdef") != "" {
		return id
	}
	return strings.Repeat("0", 16-len(id)) + strings.ToLower(id)
}

// put links it into its parent.
func (d *Drive) put(it *item) {
	p := it.parent
	if p.kids == nil {
		p.kids = map[string]*item{}
	}
	p.kids[d.fold(it.name)] = it
	p.order = nil
	d.ids[idKey(it.id)] = it
	p.grow(it.size)
}

// cut takes it out of its parent.
func (d *Drive) cut(it *item) {
	delete(it.parent.kids, d.fold(it.name))
	it.parent.order = nil
	it.parent.grow(-it.size)
}

// grow adds n bytes to a folder and all above it.
func (it *item) grow(n int64) {
	for ; it != nil; it = it.parent {
		it.size += n
	}
}

// below reports whether it is top or in it.
func (it *item) below(top *item) bool {
	for ; it != nil; it = it.parent {
		if it == top {
			return true
		}
	}
	return false
}

// path is where it is, or was; the root's is empty.
func (it *item) path() string {
	if it.parent == nil {
		return ""
	}
	if it.parent.parent == nil {
		return it.name
	}
	return it.parent.path() + "/" + it.name
}

// sorted gives a folder's kids by name.
func (it *item) sorted() []*item {
	if it.order == nil {
		it.order = make([]*item, 0, len(it.kids))
		for _, kid := range it.kids {
			it.order = append(it.order, kid)
		}
		slices.SortFunc(it.order, func(a, b *item) int { return strings.Compare(a.name, b.name) })
	}
	return it.order
}

// all calls visit for it and everything below it, parents first.
func (it *item) all(visit func(*item)) {
	visit(it)
	for _, kid := range it.sorted() {
		kid.all(visit)
	}
}

// child finds a live item by name, as the drive compares names.
func (d *Drive) child(parent *item, name string) *item {
	return parent.kids[d.fold(name)]
}

// at finds a live item by its path from top, or gives nil.
func (d *Drive) at(top *item, path []string) *item {
	for _, name := range path {
		if top == nil {
			return nil
		}
		top = d.child(top, name)
	}
	return top
}

func segments(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
