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
//	gather   the items concerned; what is one item on both sides becomes one
//	merge    existence, place and content, each on its own
//	settle   the targets into a tree: no name twice, no folder inside itself
//	emit     an action for each difference
//	connect  what each action needs to be done before it
//	prune    actions that need something which cannot be done now
//	guard    deletes, when they are many
//	arrange  the order; names that go round get one step more
func Make(v View, dirty []Key, rules Rules) Plan {
	p := &pass{v: v, rules: rules, nodes: map[Key]*node{}, joined: map[Key]Key{}, paths: map[Key]string{},
		near: map[vicinity]bool{}, pairs: map[vicinity]map[Key]Key{}, copies: map[spot]int{}}
	p.gather(dirty)
	for _, n := range p.order {
		p.merge(n)
	}
	p.settle()
	for _, n := range p.order {
		p.emit(n)
	}
	p.connect()
	p.prune()
	p.guard()
	p.acts = p.cover(p.acts)
	p.arrange()
	p.report()
	return p.plan
}

// A pass is one call of Make.
type pass struct {
	v      View
	rules  Rules
	nodes  map[Key]*node
	order  []*node                  // by key, for a plan that is the same each time
	paths  map[Key]string           // where folders shall be
	near   map[vicinity]bool        // names of which all that have them were brought in …
	pairs  map[vicinity]map[Key]Key // … and the halves that are one item there, each by the key of the other
	copies map[spot]int             // how many names of conflict copies were found to be taken
	joined map[Key]Key              // local half of an item → the key the whole goes by
	todo   []*node                  // whose surroundings are still to be gathered
	stands map[spot][]*node         // who has a name now
	inside map[folder][]*node       // who is in a folder now
	claims map[spot][]*node         // who shall have a name
	acts   []*act
	plan   Plan
}

// A node is an item, with what shall become of it.
type node struct {
	Node
	pair  Key  // the key of its local half, if that was an item of its own so far
	moved bool // joined, and the half online had been moved there and deleted here

	movedHere, movedThere   bool
	editedHere, editedThere bool

	exists  bool
	place   Place  // the target, by the local spelling
	online  string // the same name as the server spells it
	content content
	clash   bool // its name was taken: it bears that of a conflict copy

	state  state
	why    string // what keeps a waiting item, in words for a person
	person bool   // who alone can change that
	acts   []*act // one after the other

	unjudged bool // later, because other deletes are to be judged with it
}

// content says whose bytes win.
type content uint8

const (
	settled content = iota // both have the same, or it is a folder
	ours
	theirs
	both // theirs has the name, ours is kept beside it
)

// state says whether anything can be done with an item now.
type state uint8

const (
	free    state = iota
	asked         // its hash must be known first
	later         // something it touches is busy
	waiting       // for what only a person or the other side can change
	held          // its delete is
)

func (n *node) here() bool  { return real(n.Local.Kind) }
func (n *node) there() bool { return real(n.Remote.Kind) }
func (n *node) bound() bool { return n.Base.Kind != None }

// edited says that n's content was changed on a side that has it.
func (n *node) edited() bool { return n.editedHere || n.editedThere }

// alone says that n is agreed upon, but on one side only by now.
func (n *node) alone() bool { return n.bound() && n.here() != n.there() }

// closed says that one side of n is there, but cannot be looked into.
func (n *node) closed() bool { return closed(n.Local.Kind) || closed(n.Remote.Kind) }

func (n *node) kind() Kind { return cmp.Or(n.Base.Kind, n.Remote.Kind, n.Local.Kind) }

func real(k Kind) bool   { return k == File || k == Dir }
func closed(k Kind) bool { return k == Other || k == Unknown }

// wait lets n be, until what it waits for has changed.
func (n *node) wait(why string, person bool) {
	n.state, n.why, n.person = waiting, why, person
}

// key follows the local half of an item to the key the whole goes by.
func (p *pass) key(k Key) Key {
	if to, ok := p.joined[k]; ok {
		return to
	}
	return k
}

// localKey is the key that the local half of item k goes by.
func (p *pass) localKey(k Key) Key {
	if n, ok := p.nodes[k]; ok && n.pair != 0 {
		return n.pair
	}
	return k
}

// above walks from folder k, which is one of p's, to the root, which is left
// out. next gives the folder a folder is in. A walk that does not end, through
// folders that a feed put into one another, is cut.
func (p *pass) above(k Key, next func(*node) Key) func(yield func(*node) bool) {
	return func(yield func(*node) bool) {
		for range len(p.nodes) {
			n, ok := p.nodes[p.key(k)]
			if !ok || n.Key == p.v.Root() || !yield(n) {
				return
			}
			k = next(n)
		}
	}
}

// along says that all that keeps n is that its folder waits.
func (p *pass) along(n *node) bool {
	at := n.place.Parent
	if n.Local.Kind == Unknown {
		at = n.Local.Parent
	}
	f, ok := p.nodes[p.key(at)]
	if !ok || f.state != waiting || f.why == "" {
		return false
	}
	return n.why == whyFolder || n.Local.Kind == Unknown && f.Local.Kind == Unknown && n.why == f.why
}

// goesWith is the topmost folder that n is gone with here and about which
// nothing can be done yet. It may be on its way to another name, with n in it; and
// if it is not, n goes online as it went here, with its folder.
func (p *pass) goesWith(n *node) (top *node) {
	if n.Local.Kind != None {
		return nil
	}
	in := cmp.Or(n.Local.Parent, n.Base.Parent, n.Remote.Parent)
	for f := range p.above(in, func(f *node) Key { return cmp.Or(f.Local.Parent, f.Base.Parent) }) {
		if f.Local.Kind != None || !f.bound() {
			break
		}
		if f.state == later {
			top = f
		}
	}
	return top
}

// report lists what waits, and what is to be asked again.
func (p *pass) report() {
	p.plan.With = map[Key]Key{}
	for _, n := range p.order {
		switch n.state {
		case asked:
			p.plan.Hash = append(p.plan.Hash, Question{Read: p.localKey(n.Key), For: n.Key, MayGo: n.mayGo()})
		case later:
			if f := p.goesWith(n); f != nil {
				p.plan.With[n.Key] = f.Key
				continue
			}
			if n.unjudged {
				p.plan.Unjudged = append(p.plan.Unjudged, n.Key)
				continue
			}
			p.plan.Later = append(p.plan.Later, n.Key)
			if n.pair != 0 { // which may be what is busy
				p.plan.Later = append(p.plan.Later, n.pair)
			}
		case waiting:
			if n.why != "" {
				p.plan.Waiting = append(p.plan.Waiting, Wait{n.Key, n.why, n.person, p.along(n)})
			}
		}
	}
	slices.SortFunc(p.plan.Hash, func(a, b Question) int { return cmp.Or(cmp.Compare(a.Read, b.Read), cmp.Compare(a.For, b.For)) })
}
