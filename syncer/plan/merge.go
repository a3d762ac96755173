package plan

import (
	"time"

	"golang.org/x/text/unicode/norm"

	"tandem/syncer/names"
)

// merge decides, for one item, whether it shall exist, where, and with whose
// content. Each is decided on its own, so an edit and a rename do not fight.
func (p *pass) merge(n *node) {
	switch {
	case n.closed():
		n.wait(whyClosed(n))
		return
	case n.here() && n.there() && n.Local.Kind != n.Remote.Kind:
		n.wait("it is a file on one side and a folder on the other", true)
		return
	case p.v.Busy(n.Key) || n.pair != 0 && p.v.Busy(n.pair):
		n.state = later
	}
	p.compare(n)
	n.exists = n.state == asked || p.wanted(n)
	n.place, n.online = p.whither(n)
	if n.exists && n.kind() == File {
		n.content = p.whose(n)
	}
}

// whyClosed is the reason to show; what both sides never agreed on and never
// will (a link here, a notebook online) is none of a person's business.
func whyClosed(n *node) (why string, person bool) {
	switch {
	case n.Local.Kind == Unknown || n.Local.Kind == Other && n.bound():
		return n.Local.Why, true
	case n.Remote.Kind == Unknown || n.Remote.Kind == Other && n.bound():
		return n.Remote.Why, true
	}
	return "", false
}

// compare notes what changed on each side since the base.
func (p *pass) compare(n *node) {
	b := n.Base
	if !n.bound() {
		return
	}
	if n.here() {
		n.movedHere = p.renamed(n.Local.Place, b.Parent, b.LocalName)
		n.editedHere = n.Local.Kind == File && (n.Local.Changing || n.Local.Edited && !p.touched(n))
	}
	if n.there() {
		n.movedThere = p.renamed(n.Remote.Place, b.Parent, b.RemoteName)
		n.editedThere = n.Remote.Kind == File && !sameOnline(b, n.Remote)
	}
}

// renamed says that a person moved an item. The name a swap of ours gave it for
// a moment is no move.
func (p *pass) renamed(at Place, parent Key, name string) bool {
	return !names.IsSwap(at.Name) && p.left(at, parent, name)
}

// touched says that a file which looks edited has the base's bytes. If only
// reading it can tell, it is asked to be read.
func (p *pass) touched(n *node) bool {
	return n.Local.Size == n.Base.Local.Size && p.hashed(n) && n.Local.Hash == n.Base.Local.Hash
}

// hashed says that the local hash is known; if not, it is asked for and nothing
// is decided before.
func (p *pass) hashed(n *node) bool {
	if n.Local.Hash == "" && n.state == free {
		n.state = asked
	}
	return n.Local.Hash != ""
}

// sameOnline reports whether an item's content is still the one agreed upon. Where
// both hashes are known they tell, whatever the eTags say: one that differs proves
// nothing, for the service changes it by itself; and one that is the same proves
// nothing against two hashes.
func sameOnline(b Base, r Remote) bool {
	switch {
	case r.Size != b.Remote.Size:
		return false
	case r.Size == 0: // of an empty file no drive tells a hash
		return true
	case r.Hash != "" && b.Remote.Hash != "":
		return r.Hash == b.Remote.Hash
	case r.ETag != "" && r.ETag == b.ETag:
		return true
	}
	return SameSecond(r.MTime, b.Remote.MTime)
}

// SameSecond compares times as precisely as every kind of drive keeps them.
func SameSecond(a, b int64) bool { return a/int64(time.Second) == b/int64(time.Second) }

// wanted decides whether an item shall exist: an edit beats a delete, and so
// does a move, for who files a document away wants it.
func (p *pass) wanted(n *node) bool {
	switch {
	case n.here() == n.there() || !n.bound() || n.edited() || p.denied(n):
		return n.here() || n.there()
	case n.here():
		return n.movedHere || p.wentAlong(n, func(f *node) bool { return f.here() && !f.there() && f.movedHere && !f.copied() })
	}
	return n.movedThere || p.wentAlong(n, func(f *node) bool { return f.moved || f.there() && !f.here() && f.movedThere })
}

// denied says that a person wants the delete of n, or of a folder it went with,
// undone.
func (p *pass) denied(n *node) bool { return p.judged(n, Denied) }

func (p *pass) judged(n *node, want Verdict) bool {
	for f := range p.above(n.Key, func(f *node) Key { return f.Base.Parent }) {
		if v := p.v.Verdict(f.Key); v != NotAsked {
			return v == want
		}
	}
	return false
}

// wentAlong says that n was in a folder for which moved holds: it was moved
// with the folder.
func (p *pass) wentAlong(n *node, moved func(*node) bool) bool {
	for f := range p.above(n.Base.Parent, func(f *node) Key { return f.Base.Parent }) {
		if p.compare(f); moved(f) {
			return true
		}
	}
	return false
}

// copied reports whether n became a conflict copy where it was: we moved it, and
// nobody has filed it away.
func (n *node) copied() bool {
	return n.Local.Parent == n.Base.Parent && names.IsConflict(n.Local.Name, n.Base.LocalName)
}

// whither decides where an item shall be: the server's place wins over a move
// made here. The name is spelled apart on the two sides only as it was before.
func (p *pass) whither(n *node) (Place, string) {
	l, r, b := n.Local, n.Remote, n.Base
	local := Place{p.key(l.Parent), l.Name}
	remote := Place{p.key(r.Parent), r.Name}
	switch {
	case n.pair != 0 || n.here() && n.there() && !n.bound():
		return Place{remote.Parent, l.Name}, r.Name
	case n.movedThere || !n.bound() && !n.here():
		if r.Name == b.RemoteName {
			remote.Name = b.LocalName
		} else if n.here() && remote.Parent == local.Parent && sameButAccents(l.Name, r.Name) {
			remote.Name = l.Name
		}
		return remote, r.Name
	case n.movedHere || !n.bound():
		if l.Name == b.LocalName {
			return local, b.RemoteName
		}
		return local, l.Name
	}
	return Place{p.key(b.Parent), b.LocalName}, b.RemoteName
}

// sameButAccents says that two names look alike and differ in how accents are
// put together. Each side keeps its own then.
func sameButAccents(a, b string) bool { return norm.NFC.String(a) == norm.NFC.String(b) }

// whose decides whose bytes win.
func (p *pass) whose(n *node) content {
	switch {
	case !n.there():
		return ours
	case !n.here():
		return theirs
	case !n.bound() || n.editedHere && n.editedThere:
		return p.equal(n)
	case n.editedHere:
		return ours
	case n.editedThere:
		return theirs
	}
	return settled
}

// equal compares two contents that came about independently. Where only times
// could tell, and differ, the executor compares the bytes before it keeps both.
func (p *pass) equal(n *node) content {
	l, r := n.Local, n.Remote
	switch {
	case l.Size != r.Size:
		return both
	case r.Size == 0, r.Hash == "" && SameSecond(l.MTime, r.MTime):
		return settled
	case r.Hash == "":
		return both
	case !p.hashed(n) || l.Hash == r.Hash:
		return settled
	}
	return both
}
