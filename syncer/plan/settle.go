package plan

import (
	"cmp"
	"slices"
)

// slot is a name in a folder, as both sides compare it.
type slot struct {
	parent Key
	fold   string
}

func slotOf(at Place) slot { return slot{at.Parent, Fold(at.Name)} }

// settle makes the targets a tree: no folder inside itself, no name twice.
func (p *pass) settle() {
	p.uncross()
	slots := map[slot][]*node{}
	for _, n := range p.order {
		if n.exists && !n.stays {
			s := slotOf(n.place)
			slots[s] = append(slots[s], n)
		}
	}
	for _, n := range p.order {
		s := slotOf(n.place)
		if group := slots[s]; len(group) > 1 && group[0] == n {
			p.contest(group, slots)
			slots[s] = group[:1] // the winner
		}
	}
	for _, n := range p.order {
		p.refuse(n)
	}
}

// uncross undoes moves made here that, with those made online, would put a
// folder into itself: the server's place wins.
func (p *pass) uncross() {
	for _, n := range p.order {
		if n.movedHere && !n.movedThere && n.there() && p.inItself(n) {
			n.place = Place{p.key(n.Remote.Parent), n.Remote.Name}
			n.online = n.Remote.Name
		}
	}
}

func (p *pass) inItself(n *node) bool {
	at := n.place.Parent
	for depth := 0; depth < 10_000; depth++ {
		if at == n.Key {
			return true
		}
		f, ok := p.nodes[at]
		if !ok {
			f = &node{Node: p.v.Node(at)}
			f.place.Parent = p.key(f.Base.Parent)
		}
		if at == 0 || at == p.v.Root() {
			return false
		}
		at = f.place.Parent
	}
	return true
}

// contest decides who of several items gets a name. What stands there online
// has it; the others get a suffix, or wait if they are twins on this disk.
func (p *pass) contest(group []*node, slots map[slot][]*node) {
	slices.SortStableFunc(group, func(a, b *node) int {
		return cmp.Or(cmp.Compare(p.claim(a), p.claim(b)), cmp.Compare(a.Key, b.Key))
	})
	winner := group[0]
	for _, n := range group[1:] {
		switch {
		case n.unknown():
		case n.later || winner.later:
			n.later = true
		case p.twins(n, winner):
			n.stuck, n.person = "its name differs only in case or accents from "+quote(winner.place.Name)+"; rename one of them", true
		case !n.here() && !n.bound():
			n.stuck, n.person = "another item of this name is in the way; rename one of them", true
		default:
			p.suffix(n, slots)
		}
	}
}

// claim orders the claimants of a name, the strongest first.
func (p *pass) claim(n *node) int {
	switch {
	case n.unknown():
		return 0
	case n.there() && !n.here() && n.bound() && p.displaced(n):
		return 4 // deleted here to make room for something else, edited online
	case n.there() && slotOf(Place{p.key(n.Remote.Parent), n.Remote.Name}) == slotOf(n.place):
		return 1
	case n.bound() && !n.movedHere:
		return 2
	}
	return 3
}

// displaced says that something of another kind stands here under n's old name.
func (p *pass) displaced(n *node) bool {
	return slices.ContainsFunc(p.order, func(o *node) bool {
		return o != n && o.here() && !o.bound() && o.Local.Kind != n.kind() &&
			slotOf(Place{p.key(o.Local.Parent), o.Local.Name}) == slotOf(n.place)
	})
}

// twins says that both stand here already, side by side: only this disk tells
// their names apart.
func (p *pass) twins(n, winner *node) bool {
	return n.here() && winner.here() && p.key(n.Local.Parent) == p.key(winner.Local.Parent) &&
		Fold(n.Local.Name) == Fold(winner.Local.Name) && !(n.bound() && winner.movedThere)
}

// suffix gives n the name of a conflict copy.
func (p *pass) suffix(n *node, slots map[slot][]*node) {
	name := p.freeName(n.place, slots)
	n.place.Name, n.online, n.clash = name, name, true
	slots[slotOf(n.place)] = append(slots[slotOf(n.place)], n)
}

// freeName is a conflict copy's name that nothing has on either side.
func (p *pass) freeName(at Place, slots map[slot][]*node) string {
	for i := 1; ; i++ {
		name := ConflictName(at.Name, p.rules.Host, p.rules.Now, i)
		if len(slots[slot{at.Parent, Fold(name)}]) == 0 && len(p.v.LocalAt(p.localKey(at.Parent), name)) == 0 &&
			len(p.v.RemoteAt(at.Parent, name)) == 0 {
			return name
		}
	}
}

// refuse lets an item wait whose name one of the sides cannot hold.
func (p *pass) refuse(n *node) {
	if !n.exists || n.stuck != "" || n.stays || n.unknown() {
		return
	}
	if !n.here() || n.Local.Name != n.place.Name {
		n.stuck = p.rules.LocalRefuses(p.path(n.place.Parent), n.place.Name, n.kind())
	}
	if n.stuck == "" && (!n.there() || n.Remote.Name != n.online) {
		n.stuck = p.rules.RemoteRefuses(p.path(n.place.Parent), n.online, n.kind())
	}
	n.person = n.stuck != ""
}

// path is where a folder shall be.
func (p *pass) path(k Key) string {
	path := ""
	for depth := 0; k != 0 && k != p.v.Root() && depth < 1000; depth++ {
		f, ok := p.nodes[k]
		if !ok {
			f = &node{Node: p.v.Node(k)}
			f.place = Place{p.key(f.Base.Parent), f.Base.LocalName}
		}
		if path == "" {
			path = f.place.Name
		} else {
			path = f.place.Name + "/" + path
		}
		k = f.place.Parent
	}
	return path
}

func quote(s string) string { return `"` + s + `"` }
