package remotetest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

// A cursor is where a reader of the feed stands. It is handed out as an opaque
// token.
type cursor struct {
	pos   int64 // read up to here
	start int64 // of a full enumeration: where the log ended when it began; else 0
	full  bool  // lists what is alive, tells no ends
	nonce int64 // so that two tokens for the same state differ, as they do
}

const tokenForm = "tok %d %d %t %d %s\n"

// token is signed, so that a cursor of an earlier emulator is not taken for
// one of ours.
func (d *Drive) token(k cursor) string {
	s := fmt.Sprintf(tokenForm, k.pos, k.start, k.full, k.nonce, d.signCursor(k))
	return base64.RawURLEncoding.EncodeToString([]byte(s))
}

func (d *Drive) signCursor(k cursor) string { return d.sign(fmt.Sprint(k)) }

// parseToken reads a token. One that is well formed but not ours has expired.
func (d *Drive) parseToken(s string) (k cursor, expired bool, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return k, false, err
	}
	var signature string
	_, err = fmt.Sscanf(string(b), tokenForm, &k.pos, &k.start, &k.full, &k.nonce, &signature)
	return k, signature != d.signCursor(k) || max(k.pos, k.start) < d.floor, err
}

func (d *Drive) getDelta(c *call) (*reply, error) {
	top, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if top.parent != nil && d.opt.Kind.work() {
		return nil, refuse(http.StatusNotImplemented, "notSupported", "Operation not supported: delta can only be called on the root.")
	}
	n, err := c.top(d.opt.PageSize, 1000)
	if err != nil {
		return nil, err
	}
	k, err := d.cursor(c)
	if err != nil {
		return nil, err
	}
	if c.token() == "latest" {
		return answer(http.StatusOK, listing{Value: []*dress{}, Delta: d.deltaLink(c, k)}), nil
	}
	return answer(http.StatusOK, d.page(c, top, k, n)), nil
}

func (c *call) token() string { return cmp.Or(c.arg, c.query.Get("token")) }

// cursor reads the token a call brings.
func (d *Drive) cursor(c *call) (cursor, error) {
	s := c.token()
	switch s {
	case "":
		return cursor{full: true, start: d.seq}, nil
	case "latest":
		return cursor{pos: d.seq}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil && d.opt.Kind.work() {
		i := sort.Search(len(d.log), func(i int) bool { return d.log[i].at.After(at) })
		if i == len(d.log) {
			return cursor{pos: d.seq}, nil
		}
		return cursor{pos: d.log[i].seq - 1}, nil
	}
	k, expired, err := d.parseToken(s)
	if err != nil {
		return k, refuse(http.StatusBadRequest, "invalidRequest", "Provided sync token is malformed.")
	}
	if expired {
		e := refuse(http.StatusGone, "resyncChangesApplyDifferences", "Resync required.", "resyncRequired")
		e.header = http.Header{"Location": {c.next("token", "")}}
		return k, e
	}
	return k, nil
}

// page reads up to n entries of the log below top.
func (d *Drive) page(c *call, top *item, k cursor, n int) listing {
	if d.twists.has(Noise) {
		d.noise()
	}
	p := pageOf{d: d, c: c, top: top, from: k, seen: map[*item]bool{}}
	if d.twists.has(EmptyPage) {
		k.nonce++ // as always, no two links are the same
		return listing{Value: []*dress{}, Next: c.next("token", d.token(k))}
	}
	if d.ancestors() && !k.full && top == d.root {
		p.emit(d.root)
	}
	i := sort.Search(len(d.log), func(i int) bool { return d.log[i].seq > k.pos })
	to := k
	for ; i < len(d.log) && (len(p.items) < n || to.pos == k.pos); i++ { // at least one, or the next page would be this one
		p.read(d.log[i])
		to.pos = d.log[i].seq
	}
	w := listing{Value: p.finish()}
	switch {
	case d.twists.has(NoLink):
	case d.twists.has(LinkLoop):
		w.Next = c.next("token", d.token(k))
	case i < len(d.log):
		w.Next = c.next("token", d.token(to))
	default:
		// What changed while a full enumeration ran is told again afterwards,
		// so that what was deleted meanwhile is told at all.
		if to.full {
			to = cursor{pos: to.start}
		}
		w.Delta = d.deltaLink(c, to)
	}
	if d.twists.has(BothLinks) {
		w.Next, w.Delta = c.next("token", d.token(to)), d.deltaLink(c, to)
	}
	return w
}

func (d *Drive) deltaLink(c *call, k cursor) string {
	k.nonce = int64(d.rnd.Uint32())
	return c.next("token", d.token(k))
}

// noise changes some file's eTag for no reason anybody can see.
func (d *Drive) noise() {
	files := slices.DeleteFunc(slices.Clone(d.log), func(e entry) bool {
		return e.stale() || e.it.isDir || e.it.deleted
	})
	if len(files) > 0 {
		it := files[d.rnd.IntN(len(files))].it
		d.change(it, func() { d.bump(it, false) })
	}
}

// ancestors reports whether the unchanged parents of what changed are listed.
func (d *Drive) ancestors() bool {
	return d.opt.Kind != PersonalOld || d.opt.Ancestors
}

func excludesParents(c *call) bool {
	return c.header.Get("deltaExcludeParent") == "true" ||
		strings.Contains(strings.ToLower(c.header.Get("Prefer")), "deltaexcludeparent")
}

// A pageOf collects one page of the feed.
type pageOf struct {
	d     *Drive
	c     *call
	top   *item
	from  cursor
	items []*dress
	seen  map[*item]bool
}

func (p *pageOf) read(e entry) {
	it := e.it
	switch {
	case e.left != nil:
		if !p.from.full && e.left.below(p.top) && !it.below(p.top) {
			p.items = append(p.items, p.d.tombstone(it))
		}
	case e.stale() || it.state().unborn || p.d.hidden(p.c, it) || sealed(it.parent) || !it.state().below(p.top):
	case it.state().deleted:
		if !p.from.full {
			p.items = append(p.items, p.d.tombstone(it))
		}
	default:
		p.above(it.state())
		p.emit(it)
	}
}

// state is what the feed says of it by now.
func (it *item) state() *item {
	if len(it.shown) > 0 {
		return it.shown[0]
	}
	return it
}

// above lists an item's ancestors as this kind of drive does: in a full run
// personal drives put them first, where they would come later; in others they
// are listed although they did not change.
func (p *pageOf) above(it *item) {
	parent := it.parent
	if parent == nil || parent == p.top.parent || p.seen[parent] {
		return
	}
	late := parent.seq > it.seq
	switch {
	case p.from.full && (!late || p.d.opt.Kind.work()):
		return
	case !p.from.full && !late && (!p.d.ancestors() || excludesParents(p.c)):
		return
	}
	p.above(parent.state())
	p.emit(parent)
}

func (p *pageOf) emit(it *item) {
	if p.seen[it] || it.state().deleted || it.state().unborn {
		return
	}
	p.seen[it] = true
	w := p.d.dress(p.c, it.state())
	if w.Parent != nil && !p.d.opt.FeedPaths {
		w.Parent.Path = ""
	}
	if p.d.opt.Kind.work() {
		w.CTag = ""
	}
	p.items = append(p.items, w)
}

// finish does to the page what faults ask for.
func (p *pageOf) finish() []*dress {
	items, t := p.items, p.d.twists
	if t.has(Shuffled) {
		p.d.rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	}
	if t.has(Duplicates) { // after that: the last of several is what counts
		items = doubled(items)
	}
	if t.has(Ghost) {
		items = append(items, &dress{ID: otherDrive + "!7", Size: new(int64),
			Parent: &dressParent{DriveID: otherDrive, ID: otherDrive + "!101"}})
	}
	if members := p.c.members(); members != "" {
		for i := range items {
			items[i] = items[i].only(members)
		}
	}
	if items == nil {
		items = []*dress{}
	}
	return items
}

// doubled puts a stale state of each item before the true one: the last of
// several is what counts.
func doubled(items []*dress) []*dress {
	var all []*dress
	for _, w := range items {
		if w.Deleted == nil && w.Root == nil {
			stale := *w
			stale.Name = "former " + w.Name
			all = append(all, &stale)
		}
	}
	return append(all, items...)
}
