package plan

import (
	"cmp"
	"slices"
)

// Make decides about the dirty items and all they concern. Its cost grows with
// them, not with the trees.
//
// It goes from what is seen to what shall be (a target for each item), and from
// there to what must be done (the difference of each side to the target):
//
//	gather  the items concerned; join what is one item on both sides
//	merge   existence, place and content, each on its own
//	place   names that clash, folders moved into one another
//	emit    actions and their order
//	guard   hold deletes when they are many
func Make(v View, dirty []Key, rules Rules) Plan {
	p := &pass{v: v, rules: rules, nodes: map[Key]*node{}, joined: map[Key]Key{}}
	dirty = slices.Clone(dirty)
	slices.Sort(dirty)
	for _, k := range dirty {
		p.get(k)
	}
	p.gather()
	p.sort()
	for _, n := range p.order {
		p.merge(n)
	}
	p.survive()
	p.settle()
	p.emit()
	p.guard()
	p.arrange()
	return p.plan
}

// A pass is one call of Make.
type pass struct {
	v      View
	rules  Rules
	nodes  map[Key]*node
	order  []*node     // by key, for a plan that is the same each time
	joined map[Key]Key // local item → the item online that it is one with
	todo   []*node     // whose surroundings are still to be gathered
	plan   Plan
	acts   []*act
}

// A node is an item, with what shall become of it.
type node struct {
	Node
	pair Key // the local item joined to it

	exists  bool
	place   Place // the target, by local spelling
	online  string
	content content
	clash   bool   // its name was taken: it gets a suffix
	stays   bool   // a folder that nothing shall be done with, because of what is in it
	stuck   string // why nothing can be done with it
	person  bool
	later   bool
	asked   bool // for its hash
	covered bool // goes along with its folder

	editedHere, editedThere bool
	movedHere, movedThere   bool
	local, remote           *act // what changes its place or existence on each side
}

// content says whose bytes win.
type content uint8

const (
	settled content = iota // both have the same, or it is a folder
	ours
	theirs
	both // theirs has the name, ours is kept beside it
)

func (n *node) here() bool    { return n.Local.Kind == File || n.Local.Kind == Dir }
func (n *node) there() bool   { return n.Remote.Kind == File || n.Remote.Kind == Dir }
func (n *node) bound() bool   { return n.Base.Kind != None }
func (n *node) unknown() bool { return closed(n.Local.Kind) || closed(n.Remote.Kind) }
func closed(k Kind) bool      { return k == Other || k == Unknown }

func (n *node) kind() Kind { return cmp.Or(n.Base.Kind, n.Remote.Kind, n.Local.Kind) }

// key follows a local item to the one it is joined with.
func (p *pass) key(k Key) Key {
	if to, ok := p.joined[k]; ok {
		return to
	}
	return k
}

// localKey is the key that an item's local side goes by.
func (p *pass) localKey(k Key) Key {
	if n, ok := p.nodes[k]; ok && n.pair != 0 {
		return n.pair
	}
	return k
}

// get brings an item into the pass, after the folders it is or was in: whether
// two items are one depends on whether their folders are.
func (p *pass) get(k Key) *node {
	if k == 0 {
		return nil
	}
	k = p.key(k)
	if n, ok := p.nodes[k]; ok {
		return n
	}
	n := &node{Node: p.v.Node(k)}
	p.nodes[k] = n // before its folders: a feed may name them in a circle
	if k != p.v.Root() {
		p.get(n.Base.Parent)
		p.get(n.Local.Parent)
		p.get(n.Remote.Parent)
		n = p.join(n)
	}
	p.todo = append(p.todo, n)
	return n
}

// join looks for the other half of an item that is on one side only: a new item
// of the same kind and name in the same folder, or, for one that lost its item
// online, the one that took its place there.
func (p *pass) join(n *node) *node {
	switch {
	case n.here() && !n.there() && n.Remote.Kind == None:
		parent, name := p.key(n.Local.Parent), n.Local.Name
		if n.bound() {
			parent, name = p.key(n.Base.Parent), n.Base.RemoteName
		}
		for _, k := range sorted(p.v.RemoteAt(parent, name)) {
			if other := p.half(k); other != nil && other.Remote.Kind == n.Local.Kind && other.Local.Kind == None {
				return p.one(n, other)
			}
		}
	case n.there() && !n.bound() && n.Local.Kind == None:
		parent := p.localKey(p.key(n.Remote.Parent))
		for _, k := range sorted(p.v.LocalAt(parent, n.Remote.Name)) {
			if other := p.half(k); other != nil && other.Local.Kind == n.Remote.Kind && other.Remote.Kind == None {
				return p.one(other, n)
			}
		}
		return p.rebind(n)
	}
	return n
}

// rebind joins an item online with one whose item online is gone and that had
// this very place, wherever it is here by now.
func (p *pass) rebind(n *node) *node {
	k := p.v.BaseAt(p.localKey(p.key(n.Remote.Parent)), n.Remote.Name)
	if k == 0 {
		return n
	}
	other := p.half(k)
	if other != nil && other.here() && other.Local.Kind == n.Remote.Kind && other.Remote.Kind == None {
		return p.one(other, n)
	}
	return n
}

// half gives an item that is not yet joined, without looking around it.
func (p *pass) half(k Key) *node {
	if to := p.key(k); to != k {
		return nil
	}
	if n, ok := p.nodes[k]; ok {
		if n.pair != 0 {
			return nil
		}
		return n
	}
	return &node{Node: p.v.Node(k)}
}

// one makes a single item of a local half and one online.
func (p *pass) one(l, r *node) *node {
	n := &node{Node: r.Node, pair: l.Key}
	n.Base, n.Local = l.Base, l.Local
	p.joined[l.Key] = r.Key
	delete(p.nodes, l.Key)
	p.nodes[r.Key] = n
	p.todo = append(p.todo, n)
	return n
}

// gather widens the pass to all that the items in it concern.
func (p *pass) gather() {
	for len(p.todo) > 0 {
		n := p.todo[len(p.todo)-1]
		p.todo = p.todo[:len(p.todo)-1]
		if p.nodes[n.Key] != n {
			continue // it was joined meanwhile
		}
		p.around(n)
	}
}

func (p *pass) around(n *node) {
	if n.Key == p.v.Root() {
		return
	}
	if n.kind() == Dir && (!n.bound() || n.pair != 0 || !n.here() || !n.there()) {
		for _, k := range p.inside(n) {
			p.get(k)
		}
	}
	if n.here() && (!n.bound() || p.moved(n.Local.Place, n.Base.Parent, n.Base.LocalName)) {
		p.occupants(n.Local.Place)
	}
	if n.there() && (!n.bound() || p.moved(n.Remote.Place, n.Base.Parent, n.Base.RemoteName)) {
		p.occupants(n.Remote.Place)
	}
	if n.bound() && n.here() != n.there() { // it may come back to its old place
		p.occupants(Place{n.Base.Parent, n.Base.RemoteName})
	}
}

// occupants brings in what has a name now, by any of the trees.
func (p *pass) occupants(at Place) {
	parent := p.key(at.Parent)
	p.getAll(p.v.LocalAt(p.localKey(parent), at.Name))
	p.getAll(p.v.RemoteAt(parent, at.Name))
	p.get(p.v.BaseAt(p.localKey(parent), at.Name))
}

// inside lists all that is, or was, in a folder, by any of the trees.
func (p *pass) inside(n *node) []Key {
	all := append(p.v.RemoteChildren(n.Key), p.v.BaseChildren(p.localKey(n.Key))...)
	if n.Local.Kind == Dir {
		all = append(all, p.v.LocalChildren(p.localKey(n.Key))...)
	}
	return sorted(all)
}

func (p *pass) getAll(keys []Key) {
	for _, k := range sorted(keys) {
		p.get(k)
	}
}

func (p *pass) sort() {
	for _, n := range p.nodes {
		if n.Key != p.v.Root() && (n.bound() || n.Local.Kind != None || n.Remote.Kind != None) {
			p.order = append(p.order, n)
		}
	}
	slices.SortFunc(p.order, func(a, b *node) int { return cmp.Compare(a.Key, b.Key) })
}

func sorted(keys []Key) []Key {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// moved says that an item is not where the base has it. A name that a swap of
// ours gave it for a moment is no move.
func (p *pass) moved(at Place, parent Key, name string) bool {
	return !IsSwap(at.Name) && (p.key(at.Parent) != p.key(parent) || at.Name != name)
}
