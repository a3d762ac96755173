package remotetest

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"
)

// An entry of the log says that an item changed. Only an item's newest entry
// counts, so reading the log gives states, not history.
type entry struct {
	seq  int64
	at   time.Time
	it   *item
	left *item // set when it left this folder by a move: folder feeds tell that as its end
}

// An event is something that happens by itself at its time.
type event struct {
	at time.Time
	do func()
}

// later lets do happen after wait.
func (d *Drive) later(wait time.Duration, do func()) {
	e := event{d.clock.Add(wait), do}
	i, _ := slices.BinarySearchFunc(d.due, e.at, func(e event, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1 // equal times keep their order
	})
	d.due = slices.Insert(d.due, i, e)
}

// begin sets the clock for what is done next, and lets happen what is due.
func (d *Drive) begin() {
	d.clock = d.opt.Clock().UTC()
	d.lag = d.opt.Lag
	d.twists = nil
	for len(d.due) > 0 && !d.due[0].at.After(d.clock) {
		do := d.due[0].do
		d.due = d.due[1:]
		do()
	}
}

// tell puts an item's present state into the feed.
func (d *Drive) tell(it *item) {
	d.seq++
	it.seq = d.seq
	d.log = append(d.log, entry{seq: d.seq, at: d.clock, it: it})
	d.spread()
	if len(d.log) > 1000 && len(d.log) > 3*len(d.ids) {
		d.log = slices.DeleteFunc(d.log, entry.stale)
	}
}

func (e entry) stale() bool { return e.left == nil && e.seq != e.it.seq }

// change does f to it and tells the feed, now or when the lag is over; until
// then the feed goes on saying what was before.
func (d *Drive) change(it *item, f func()) {
	if d.lag == 0 {
		f()
		d.tell(it)
		return
	}
	before := *it
	before.shown, before.unborn = nil, it.seq == 0 && len(it.shown) == 0
	it.shown = append(it.shown, &before)
	f()
	d.later(d.lag, func() {
		it.shown = it.shown[1:]
		d.tell(it)
	})
}

// bump counts a change of it for the tags. On the old personal backend a
// folder's cTag counts whatever happens below it.
func (d *Drive) bump(it *item, content bool) {
	it.etag++
	it.changed = d.precise(d.clock)
	if content {
		it.ctag++
	}
	d.stir(it.parent)
}

func (d *Drive) stir(folder *item) {
	if d.opt.Kind != PersonalOld {
		return
	}
	for ; folder != nil; folder = folder.parent {
		folder.ctag++
	}
}

// add makes it part of the drive.
func (d *Drive) add(it *item) {
	d.change(it, func() {
		d.put(it)
		d.stir(it.parent)
	})
	if f := d.twists.get(Newborn); f != nil {
		it.infant = d.clock.Add(f.For)
	}
	d.haunt(it)
}

// rewrite gives a file new content.
func (d *Drive) rewrite(it *item, body blob) {
	d.change(it, func() {
		d.keepVersion(it)
		it.body = body
		it.surplus = 0
		it.parent.grow(body.size - it.size)
		it.size = body.size
		it.modified = d.precise(d.clock)
		d.bump(it, true)
	})
	d.haunt(it)
}

func (d *Drive) keepVersion(it *item) {
	it.past = append(it.past, version{it.body, it.modified})
	d.oldBytes += it.body.size
}

// haunt does to a file just uploaded what faults ask for.
func (d *Drive) haunt(it *item) {
	if it.isDir {
		return
	}
	if f := d.twists.get(Enrich); f != nil && f.For == 0 {
		d.enrich(it)
	} else if f != nil {
		d.later(f.For, func() { d.unlessGone(it, d.enrich) })
	}
	if d.twists.has(Zero) {
		d.spoil(it, make([]byte, it.size))
	}
	if d.twists.has(Empty) {
		d.spoil(it, nil)
	}
	if d.twists.has(Lie) {
		it.surplus = 11
	}
	if f := d.twists.get(BumpLater); f != nil {
		d.later(f.For, func() { d.unlessGone(it, func(it *item) { d.bump(it, false) }) })
	}
}

func (d *Drive) unlessGone(it *item, do func(*item)) {
	if !it.deleted {
		d.change(it, func() { do(it) })
	}
}

// enrich writes into a file as SharePoint writes properties into documents.
// Those in a zip get a part more, and are packed anew.
func (d *Drive) enrich(it *item) {
	body := it.body.bytes()
	if z, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err == nil {
		d.spoil(it, withProperties(z))
		return
	}
	d.spoil(it, append([]byte("<enriched/>\n"), body...))
}

func withProperties(z *zip.Reader) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	part, err := w.Create("docProps/custom.xml")
	if err == nil {
		_, err = io.WriteString(part, "<enriched/>")
	}
	for _, f := range z.File {
		err = errors.Join(err, w.Copy(f))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // what was read from memory is written to it
	}
	return b.Bytes()
}

// spoil lets the service keep something else than it was given.
func (d *Drive) spoil(it *item, body []byte) {
	it.body = newBlob(body)
	it.parent.grow(it.body.size - it.size)
	it.size = it.body.size
	d.bump(it, true)
}

// move gives it another parent, another name, or both.
func (d *Drive) move(it, parent *item, name string) {
	from := it.parent
	d.change(it, func() {
		d.cut(it)
		d.stir(from)
		it.parent, it.name = parent, name
		d.put(it)
		d.bump(it, false)
	})
	if from != parent {
		d.seq++
		d.log = append(d.log, entry{seq: d.seq, at: d.clock, it: it, left: from})
	}
}

// remove sends it with all below to the recycle bin.
func (d *Drive) remove(it *item) {
	var gone []*item
	it.all(func(below *item) { gone = append(gone, below) })
	silent := d.twists.has(NoTombstone)
	d.binned += it.size
	d.stir(it.parent)
	d.cut(it)
	for i, x := range gone {
		end := func() { x.deleted, x.changed = true, d.precise(d.clock) }
		switch {
		case silent:
			end()
			x.seq = 0
		case i == 0 || d.opt.Kind.work() || d.opt.AllTombstones:
			d.change(x, end)
		default:
			end()
		}
	}
}

// restore brings back a deleted item with all that went with it.
func (d *Drive) restore(it, parent *item, name string) {
	d.binned -= it.size
	if d.child(it.parent, it.name) == it { // it went with its folder, which is still in the bin
		d.cut(it)
		it.parent.alive().grow(it.size) // which counts nothing of that folder
	}
	it.parent, it.name = parent, name
	d.put(it)
	d.stir(parent)
	it.all(func(x *item) {
		d.change(x, func() { x.deleted = false; d.bump(x, false) })
	})
}

// alive is the nearest folder that is not in the bin.
func (it *item) alive() *item {
	for it.deleted {
		it = it.parent
	}
	return it
}

// used counts the bytes that weigh on the quota.
func (d *Drive) used() int64 { return d.root.size + d.binned + d.oldBytes }

// files counts the files there are.
func (d *Drive) files() (n int) {
	for _, it := range d.ids {
		if !it.isDir && !it.deleted {
			n++
		}
	}
	return n
}

// freeName is name, or name with the first number that makes it free.
func (d *Drive) freeName(parent *item, name string, isDir bool) string {
	stem, ext := name, ""
	if !isDir {
		stem, ext = splitExt(name)
	}
	for n := 1; d.child(parent, name) != nil; n++ {
		name = stem + " " + strconv.Itoa(n) + ext
	}
	return name
}
