package plan

import (
	"cmp"
	"slices"

	"tandem/syncer/names"
)

// settle makes the targets a tree: no folder inside itself, no item without its
// folder, no name twice.
func (p *pass) settle() {
	for _, n := range p.order {
		p.uncross(n)
	}
	for _, n := range p.order {
		p.refuse(n)
	}
	for _, n := range p.order {
		p.revive(n)
	}
	p.claims = map[spot][]*node{}
	for _, n := range p.order {
		if n.exists && n.state != waiting {
			s := p.spot(pact, n.place)
			p.claims[s] = append(p.claims[s], n)
		}
	}
	for _, n := range p.order {
		p.rename(n)
	}
	for _, n := range p.order {
		if group := p.claims[p.spot(pact, n.place)]; len(group) > 1 && group[0] == n {
			p.contest(slices.Clone(group))
		}
	}
}

func (n *node) target() Key { return n.place.Parent }

// uncross undoes a move made here that, with those made online, would put a
// folder into itself: the server's place wins.
func (p *pass) uncross(n *node) {
	if !n.movedHere || n.movedThere || !n.there() || n.closed() {
		return
	}
	for f := range p.above(n.place.Parent, (*node).target) {
		if f == n {
			n.place = Place{p.key(n.Base.Parent), n.Base.LocalName}
			n.online = n.Base.RemoteName
			return
		}
	}
}

// revive lets the folders exist that n is in: a folder stays as long as
// something in it does.
func (p *pass) revive(n *node) {
	if !n.exists || n.state != free {
		return
	}
	for f := range p.above(n.place.Parent, (*node).target) {
		if f.exists || f.closed() {
			return
		}
		f.exists = true
	}
}

// refuse lets an item wait whose name one of the sides cannot hold, and one
// that may not be gone at all: it is behind something that is never synced.
func (p *pass) refuse(n *node) {
	for _, s := range []side{disk, drive} {
		if n.state == free && n.bound() && p.kindOn(n, s) == None && p.hidden(n, s) {
			n.wait("it is no longer "+sideName[s]+"; something that is not synced stands there instead", true)
		}
	}
	if n.state == free && n.exists {
		if why := p.refusal(n); why != "" {
			n.wait(why, true)
		}
	}
}

var sideName = [...]string{disk: "here", drive: "online"}

// hidden says that n is not seen on side s because of what stands where the
// base has n, or a folder that n is in. A link says that somebody put it there:
// what was changed on the other side since is wanted nevertheless, what is gone
// there too is gone. Behind what cannot be told all may be as it was.
func (p *pass) hidden(n *node, s side) bool {
	for f := range p.above(n.Key, func(f *node) Key { return f.Base.Parent }) {
		if p.kindOn(f, s) != None {
			return false
		}
		at, _ := p.at(f, pact)
		for _, o := range p.stands[p.spot(s, at)] {
			if k := p.kindOn(o, s); k == Unknown || k == Other && !n.exists && n.here() != n.there() {
				return true
			}
		}
	}
	return false
}

// refusal says which side cannot hold n, and what a person can do.
func (p *pass) refusal(n *node) string {
	if !n.here() || n.Local.Name != n.place.Name {
		if why := p.rules.LocalRefuses(p.path(n.place.Parent), n.place.Name, n.kind() == Dir); why != "" {
			return why + "; rename it online"
		}
	}
	if !n.there() || n.Remote.Name != n.online {
		if why := p.rules.RemoteRefuses(p.path(n.place.Parent), n.online, n.kind() == Dir); why != "" {
			return why + "; rename it here"
		}
	}
	return ""
}

// path is where a folder shall be. Those of the folders above it are kept: they are asked
// for with the next one, and no target changes meanwhile.
func (p *pass) path(k Key) string {
	var below []*node
	path := ""
	for f := range p.above(k, (*node).target) {
		if known, ok := p.paths[f.Key]; ok {
			path = known
			break
		}
		below = append(below, f)
	}
	for _, f := range slices.Backward(below) {
		if path != "" {
			path += "/"
		}
		path += f.place.Name
		p.paths[f.Key] = path
	}
	return path
}

// contest decides who of several items gets a name. What stands there online
// has it; the others get a suffix, or wait if nobody moved them there: two names
// that only this disk, or only the drive, tells apart.
func (p *pass) contest(group []*node) {
	claims, made := map[*node]int{}, slices.ContainsFunc(group, p.newFolder)
	for _, n := range group {
		claims[n] = p.claim(n, made)
	}
	slices.SortStableFunc(group, func(a, b *node) int { return cmp.Compare(claims[a], claims[b]) })
	winner := group[0]
	for _, n := range group[1:] {
		switch {
		case winner.state != free || n.state != free:
			if n.state == free {
				n.state = later
			}
		case p.twins(n, winner, disk):
			n.wait(p.twinWhy(n, winner, disk))
		case p.twins(n, winner, drive):
			n.wait(p.twinWhy(n, winner, drive))
		default:
			p.suffix(n)
		}
	}
}

// claim orders the claimants of a name, the strongest first. made says that one of them is a
// folder that was made here.
func (p *pass) claim(n *node, made bool) int {
	switch {
	case made && n.bound() && n.kind() == File && n.Local.Kind == None:
		return 3 // a folder was made of it here while it was edited online
	case p.standsAt(n, drive, n.place):
		return 0
	case n.bound() && !n.movedHere:
		return 1
	}
	return 2
}

func (p *pass) newFolder(n *node) bool {
	return n.Local.Kind == Dir && !n.bound() && n.Remote.Kind == None
}

// twins says that both stand side by side already, on one side.
func (p *pass) twins(a, b *node, s side) bool {
	return p.standsAt(a, s, a.place) && p.standsAt(b, s, b.place)
}

// twinWhy tells n from twin by the names that they have on the side where both
// stand, which need not be those that they shall have. Of two with the very same
// name one has moved on, and nobody has told so yet; there is nothing to rename.
func (p *pass) twinWhy(n, twin *node, s side) (why string, person bool) {
	at, _ := p.at(n, s)
	other, _ := p.at(twin, s)
	mine := "its name " + sideName[s]
	if at.Name != n.place.Name || n.here() && at.Name != n.Local.Name {
		mine += ", " + quote(at.Name) + ","
	}
	switch {
	case at.Name == other.Name:
		return "another item has the same name " + sideName[s] + " at the moment; it is looked at again", false
	case sameButAccents(at.Name, other.Name):
		return mine + " looks like " + quote(other.Name) + ", and differs in how the accents are encoded; rename one of them", true
	}
	return mine + " differs only in case or accents from " + quote(other.Name) + "; rename one of them", true
}

// standsAt says that n has this name, by its fold, on one side now.
func (p *pass) standsAt(n *node, s side, at Place) bool {
	now, ok := p.at(n, s)
	return ok && p.spot(s, now) == p.spot(s, at)
}

// suffix gives n the name of a conflict copy.
func (p *pass) suffix(n *node) {
	name := p.freeName(n, n.place)
	n.place.Name, n.online, n.clash = name, name, true
}

// rename gives a name of its own to what a swap has left behind with no record of
// it: the state was lost before its end, or is older than that. What is online
// only is brought here first.
func (p *pass) rename(n *node) {
	if n.exists && n.state == free && n.here() && names.IsSwap(n.place.Name) {
		n.place.Name = "recovered"
		p.suffix(n)
	}
}

// freeName claims, for a version of n, the name of a conflict copy that nothing
// has on either side.
func (p *pass) freeName(n *node, at Place) string {
	tried := p.spot(pact, at)
	for {
		p.copies[tried]++
		i := p.copies[tried]
		name := names.Conflict(at.Name, p.rules.Host, p.rules.Now, i)
		s := p.spot(pact, Place{at.Parent, name})
		if len(p.claims[s]) == 0 && len(p.v.LocalAt(p.localKey(at.Parent), name)) == 0 && len(p.v.RemoteAt(at.Parent, name)) == 0 {
			p.claims[s] = append(p.claims[s], n)
			return name
		}
	}
}

func quote(s string) string { return `"` + s + `"` }
