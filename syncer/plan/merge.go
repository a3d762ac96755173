package plan

import "time"

// merge decides, for one item, whether it shall exist, where, and with whose
// content. Each is decided on its own, so an edit and a rename do not fight.
func (p *pass) merge(n *node) {
	if n.unknown() {
		n.exists = true
		n.place = cmpPlace(n.Local.Place, n.Remote.Place)
		n.online = n.Remote.Name
		n.stuck = p.whyUnknown(n)
		return
	}
	p.compare(n)
	n.exists = p.wanted(n)
	n.place, n.online = p.whither(n)
	if n.exists && n.kind() == File {
		n.content = p.whose(n)
	}
	n.later = p.busy(n)
}

func cmpPlace(a, b Place) Place {
	if a.Parent != 0 {
		return a
	}
	return b
}

// whyUnknown is the reason to show; what both sides never agreed on and never
// will (a link here, a notebook online) is none of a person's business.
func (p *pass) whyUnknown(n *node) string {
	for _, s := range []struct {
		kind Kind
		why  string
	}{{n.Local.Kind, n.Local.Why}, {n.Remote.Kind, n.Remote.Why}} {
		if s.kind == Unknown || s.kind == Other && n.bound() {
			return s.why
		}
	}
	return ""
}

// compare notes what changed on each side since the base.
func (p *pass) compare(n *node) {
	b := n.Base
	if !n.bound() {
		return
	}
	if n.here() {
		n.movedHere = p.moved(n.Local.Place, b.Parent, b.LocalName)
		n.editedHere = n.Local.Kind == File && n.Local.Edited && !p.touched(n)
	}
	if n.there() {
		n.movedThere = p.moved(n.Remote.Place, b.Parent, b.RemoteName)
		n.editedThere = n.Remote.Kind == File && !sameOnline(b, n.Remote)
	}
}

// touched says that a file which looks edited has the base's bytes. If only
// reading it can tell, it is asked to be read.
func (p *pass) touched(n *node) bool {
	if n.Local.Size != n.Base.Local.Size {
		return false
	}
	if n.Local.Hash == "" {
		p.ask(n)
		return false
	}
	return n.Local.Hash == n.Base.Local.Hash
}

// sameOnline says that an item's content is still the one agreed upon. A
// different eTag proves nothing: the service changes it by itself.
func sameOnline(b Base, r Remote) bool {
	switch {
	case r.ETag != "" && r.ETag == b.ETag:
		return true
	case r.Size != b.Remote.Size:
		return false
	case r.Hash != "" && b.Remote.Hash != "":
		return r.Hash == b.Remote.Hash
	}
	return sameSecond(r.MTime, b.Remote.MTime)
}

// sameSecond compares times as precisely as every kind of drive keeps them.
func sameSecond(a, b int64) bool { return a/int64(time.Second) == b/int64(time.Second) }

// ask wants the file's hash before anything is decided about it.
func (p *pass) ask(n *node) {
	if n.later = true; n.asked {
		return
	}
	n.asked = true
	p.plan.Hash = append(p.plan.Hash, p.localKey(n.Key))
}

// wanted decides whether an item shall exist: an edit beats a delete, and so
// does a move, for who files a document away wants it.
func (p *pass) wanted(n *node) bool {
	switch {
	case n.here() && n.there() || !n.bound():
		return n.here() || n.there()
	case p.denied(n):
		return n.here() || n.there()
	case n.here():
		return n.editedHere || n.movedHere || p.wentAlong(n, func(f *node) bool { return f.here() && !f.there() && f.movedHere })
	case n.there():
		return n.editedThere || n.movedThere || p.wentAlong(n, func(f *node) bool { return f.there() && !f.here() && f.movedThere })
	}
	return false
}

// denied says that a person wants the delete of n, or of a folder it went with,
// undone.
func (p *pass) denied(n *node) bool {
	for k := n.Key; k != 0 && k != p.v.Root(); {
		if p.v.Verdict(k) == Denied {
			return true
		}
		f, ok := p.nodes[k]
		if !ok {
			return false
		}
		k = p.key(f.Base.Parent)
	}
	return false
}

// wentAlong says that n lies in a folder for which moved holds: it was moved
// with the folder.
func (p *pass) wentAlong(n *node, moved func(*node) bool) bool {
	for depth := 0; depth < 1000; depth++ {
		parent := p.key(n.Base.Parent)
		f, ok := p.nodes[parent]
		if !ok || !f.bound() {
			return false
		}
		if p.compare(f); moved(f) {
			return true
		}
		n = f
	}
	return false
}

// whither decides where an item shall be: the server's place wins over a move
// made here. The two names are spelled apart only where they were before.
func (p *pass) whither(n *node) (here Place, online string) {
	l, r := n.Local, n.Remote
	local := Place{p.key(l.Parent), l.Name}
	remote := Place{p.key(r.Parent), r.Name}
	base := Place{p.key(n.Base.Parent), n.Base.LocalName}
	switch {
	case n.here() && n.there() && !n.bound():
		return Place{remote.Parent, l.Name}, r.Name // joined by a name that folds the same
	case n.movedThere, !n.here() && n.there() && !n.bound():
		if n.movedThere && n.here() && local == remote {
			return local, r.Name
		}
		return remote, r.Name
	case n.movedHere, !n.bound():
		return local, l.Name
	}
	return base, n.Base.RemoteName
}

// whose decides whose bytes win.
func (p *pass) whose(n *node) content {
	switch {
	case n.here() && !n.there():
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

// equal compares two contents that came about independently.
func (p *pass) equal(n *node) content {
	l, r := n.Local, n.Remote
	switch {
	case l.Size != r.Size:
		return both
	case r.Hash == "" && sameSecond(l.MTime, r.MTime):
		return settled
	case r.Hash == "":
		return both // the executor compares the bytes before it makes a copy
	case l.Hash == "":
		p.ask(n)
		return settled
	case l.Hash == r.Hash:
		return settled
	}
	return both
}

func (p *pass) busy(n *node) bool {
	return n.later || p.v.Busy(n.Key) || n.pair != 0 && p.v.Busy(n.pair)
}

// survive lets every folder exist that something in it needs, and leaves alone
// those that hold what is not synced: a link, an unreadable folder, a notebook.
func (p *pass) survive() {
	for _, n := range p.order {
		if !n.exists {
			continue
		}
		if n.unknown() {
			p.keep(n.Local.Parent, stay)
			p.keep(n.Remote.Parent, stay)
			continue
		}
		p.keep(n.place.Parent, exist)
		if n.later { // nothing it stands in may go before it is decided
			p.keep(n.Local.Parent, exist)
			p.keep(n.Remote.Parent, exist)
		}
	}
}

func exist(f *node) { f.exists, f.stays = true, false }
func stay(f *node)  { f.stays = true }

// keep applies f to a folder that is on its way out, and to those around it.
func (p *pass) keep(k Key, f func(*node)) {
	for depth := 0; depth < 1000; depth++ {
		n, ok := p.nodes[p.key(k)]
		if !ok || n.exists || k == p.v.Root() {
			return
		}
		f(n)
		k = n.place.Parent
	}
}
