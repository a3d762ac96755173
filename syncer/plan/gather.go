package plan

import (
	"cmp"
	"slices"

	"tandem/syncer/names"
)

// gather brings the dirty items into the pass, and all that a decision about
// them depends on: the folders they are in, what is in folders that come or go,
// and whatever has a name that one of them has, had or shall have.
func (p *pass) gather(dirty []Key) {
	p.getAll(dirty)
	for len(p.todo) > 0 {
		n := p.todo[len(p.todo)-1]
		p.todo = p.todo[:len(p.todo)-1]
		if p.nodes[n.Key] == n { // and not joined meanwhile
			p.around(n)
		}
	}
	for _, n := range p.nodes {
		if n.Key != p.v.Root() && (n.bound() || n.Local.Kind != None || n.Remote.Kind != None) {
			p.order = append(p.order, n)
		}
	}
	slices.SortFunc(p.order, func(a, b *node) int { return cmp.Compare(a.Key, b.Key) })
	p.index()
}

// get brings an item into the pass, after the folders it is or was in: whether
// two halves are one item depends on whether their folders are.
func (p *pass) get(k Key) {
	type visit struct {
		n  *node
		in []Key // folders that are still to be brought in
	}
	var visits []visit // a list, for a feed may go as deep as it likes
	enter := func(k Key) {
		k = p.key(k)
		if _, ok := p.nodes[k]; ok || k == 0 {
			return
		}
		v := visit{n: &node{Node: p.v.Node(k)}}
		p.nodes[k] = v.n // before its folders: a feed may put them into one another
		if k != p.v.Root() {
			v.in = []Key{v.n.Base.Parent, v.n.Local.Parent, v.n.Remote.Parent}
		}
		visits = append(visits, v)
	}
	for enter(k); len(visits) > 0; {
		last := &visits[len(visits)-1]
		if len(last.in) > 0 {
			k := last.in[0]
			last.in = last.in[1:]
			enter(k)
			continue
		}
		n := last.n
		visits = visits[:len(visits)-1]
		if n.Key != p.v.Root() {
			n = p.join(n)
		}
		p.todo = append(p.todo, n)
	}
}

func (p *pass) getAll(keys []Key) {
	for _, k := range sorted(keys) {
		p.get(k)
	}
}

func sorted(keys []Key) []Key {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// around brings in what n concerns. An item that is where it was, on both
// sides, concerns nobody. A folder that is new concerns what is in it no more
// than that they come after it: they are asked about when it is agreed upon.
func (p *pass) around(n *node) {
	if n.Key == p.v.Root() || n.closed() || p.rests(n) {
		return
	}
	if n.bound() && n.kind() == Dir && !(n.here() && n.there() && n.pair == 0) {
		p.getAll(p.v.RemoteChildren(n.Key))
		p.getAll(p.v.BaseChildren(n.Key))
		p.getAll(p.v.BaseChildren(p.localKey(n.Key)))
		p.getAll(p.v.LocalChildren(p.localKey(n.Key)))
	}
	for _, s := range []side{disk, drive, pact} {
		if at, ok := p.at(n, s); ok {
			local := p.localKey(at.Parent)
			near := vicinity{local, at.Parent, names.Fold(at.Name)}
			if p.near[near] {
				continue // all of that name were brought in with another
			}
			p.near[near] = true
			p.getAll(p.v.LocalAt(local, at.Name))
			p.getAll(p.v.RemoteAt(at.Parent, at.Name))
			p.get(p.v.BaseAt(local, at.Name))
		}
	}
}

// A vicinity is a name in a folder, by the keys that the folder goes by.
type vicinity struct {
	local, online Key
	fold          string
}

func (p *pass) rests(n *node) bool {
	return n.bound() && n.here() && n.there() && n.pair == 0 &&
		!p.left(n.Local.Place, n.Base.Parent, n.Base.LocalName) && !p.left(n.Remote.Place, n.Base.Parent, n.Base.RemoteName)
}

// left says that an item is not where the base has it.
func (p *pass) left(at Place, parent Key, name string) bool {
	return p.key(at.Parent) != p.key(parent) || at.Name != name
}

// join looks for the other half of an item that is on one side only: what
// stands on the other side under the same name, in the same folder, and is of
// the same kind. Names spelled alike find each other first.
func (p *pass) join(n *node) *node {
	at := Place{p.key(n.Local.Parent), n.Local.Name}
	if n.there() && n.Local.Kind == None {
		at = Place{p.key(n.Remote.Parent), n.Remote.Name}
	} else if !n.here() || n.Remote.Kind != None {
		return n
	}
	other, ok := p.pairsAt(at)[n.Key]
	switch {
	case !ok:
		return n
	case n.Local.Kind != None:
		return p.unite(n, p.half(other))
	}
	return p.unite(p.half(other), n)
}

// pairsAt finds which halves of one name are one item, each by the key of the other. It is
// looked up once for each name: there may be thousands of halves.
func (p *pass) pairsAt(at Place) map[Key]Key {
	near := vicinity{p.localKey(at.Parent), at.Parent, names.Fold(at.Name)}
	if pairs, known := p.pairs[near]; known {
		return pairs
	}
	pairs := map[Key]Key{}
	p.pairs[near] = pairs
	locals := p.halves(p.v.LocalAt(near.local, at.Name))
	if len(locals) == 0 {
		return pairs
	}
	remotes := p.halves(p.v.RemoteAt(at.Parent, at.Name))
	for _, alike := range []bool{true, false} {
		for _, l := range locals {
			for i, r := range remotes {
				if r == nil || l.pair != 0 || alike && l.Local.Name != r.Remote.Name || !p.oneItem(l, r) {
					continue
				}
				pairs[l.Key], pairs[r.Key] = r.Key, l.Key
				l.pair, remotes[i] = r.Key, nil
			}
		}
	}
	return pairs
}

// half gives an item that is not joined yet, without looking around it.
func (p *pass) half(k Key) *node {
	if n, ok := p.nodes[k]; ok {
		return &node{Node: n.Node}
	}
	return &node{Node: p.v.Node(k)}
}

// halves gives the items that are not joined yet, without looking around them.
func (p *pass) halves(keys []Key) []*node {
	var halves []*node
	for _, k := range sorted(keys) {
		if n, ok := p.nodes[p.key(k)]; !ok || n.pair == 0 {
			halves = append(halves, p.half(p.key(k)))
		}
	}
	return halves
}

// oneItem says whether a local half and one online, of one name, are one item.
// The local one is new; or it stands where it always did, but its item online
// is gone and r has taken its place there, under its very name (another program
// replaced it). The one online is new too; but a folder is never made twice,
// whatever it was before.
func (p *pass) oneItem(l, r *node) bool {
	switch {
	case l.Local.Kind != r.Remote.Kind || l.Remote.Kind != None || r.Local.Kind != None || !l.here():
		return false
	case l.bound():
		return !r.bound() && !p.left(l.Local.Place, l.Base.Parent, l.Base.LocalName) && sameButAccents(l.Base.RemoteName, r.Remote.Name)
	}
	return !r.bound() || r.Remote.Kind == Dir
}

// unite makes one item of its two halves.
func (p *pass) unite(l, r *node) *node {
	n := &node{Node: r.Node, pair: l.Key}
	n.moved = r.bound() && p.left(r.Remote.Place, r.Base.Parent, r.Base.RemoteName)
	n.Local = l.Local
	if l.bound() {
		n.Base = l.Base
	}
	p.joined[l.Key] = r.Key
	delete(p.nodes, l.Key)
	p.nodes[r.Key] = n
	return n
}
