package plan

import (
	"fmt"
	"slices"
	"strings"
)

// always is the number of deletes that is held whatever the settings say.
const always = 1000

// ByGit is the folder that git keeps its own things in. It clears them out by the
// hundred (git gc), so to the guard the folder counts as one thing.
const ByGit = ".git"

// InGit says that a path is of something that git keeps.
func InGit(path string) bool { return strings.Contains("/"+path, "/"+ByGit+"/") }

// guard holds the deletes of this pass when, with those of the last hour, they
// are more than a person is likely to have meant.
func (p *pass) guard() {
	var open []*node
	for _, n := range p.order {
		deleted := !n.exists && n.here() != n.there() && (n.state == free || n.state == later)
		if deleted && !p.judged(n, Approved) {
			open = append(open, n)
		}
	}
	if len(open) == 0 {
		return
	}
	if p.rules.Unread || slices.ContainsFunc(p.order, (*node).mayGo) {
		for _, n := range open {
			if n.state == free {
				n.state, n.unjudged = later, true
			}
		}
		p.prune()
		return
	}
	p.plan.HeldWhy = p.tooMany(open)
	for _, n := range open {
		if n.state == free && (p.plan.HeldWhy != "" || p.judged(n, Asked)) {
			n.state = held
		}
	}
	p.plan.Held = actions(p.cover(p.withhold()))
	p.prune()
}

// mayGo says that n goes or stays by what it holds, which nobody has read yet.
// Deletes are judged together with it, or the last of them would look like one.
func (n *node) mayGo() bool { return n.state == asked && n.bound() && n.here() != n.there() }

// withhold takes the actions of held items out of the plan.
func (p *pass) withhold() []*act {
	var acts []*act
	p.acts = slices.DeleteFunc(p.acts, func(a *act) bool {
		if a.n.state == held {
			acts = append(acts, a)
		}
		return a.n.state == held
	})
	return acts
}

// tooMany says why the deletes are too many, or "".
func (p *pass) tooMany(open []*node) string {
	root := p.v.Root()
	counted := slices.DeleteFunc(slices.Clone(open), p.inGit)
	total := len(counted) + p.v.DeletedLately(root)
	switch {
	case p.rules.HoldAll != "":
		return p.rules.HoldAll
	case len(counted) == 0:
		return ""
	case total > always:
		return fmt.Sprintf("%d items would be deleted within an hour", total)
	case p.emptied(open):
		return "everything in the synced folder would be deleted"
	case total <= p.rules.HoldCount:
		return ""
	}
	tops := map[Key]int{}
	for _, n := range counted {
		tops[p.top(n)]++
	}
	keys := make([]Key, 0, len(tops))
	for k := range tops {
		keys = append(keys, k)
	}
	for _, k := range sorted(keys) {
		lately := p.v.DeletedLately(k)
		all := p.v.Synced(k) + lately
		if n := tops[k] + lately; n*100 > p.rules.HoldPercent*all {
			return fmt.Sprintf("%d items would be deleted within an hour, %d of the %d below %s", total, n, all, p.topName(k))
		}
	}
	return ""
}

func (p *pass) inGit(n *node) bool {
	for f := range p.above(n.Base.Parent, func(f *node) Key { return f.Base.Parent }) {
		if f.Base.LocalName == ByGit {
			return true
		}
	}
	return false
}

// emptied says that nothing at all would be left of what was synced, which was
// more than one thing within the hour: a disk that is not mounted, another account.
func (p *pass) emptied(open []*node) bool {
	root := p.v.Root()
	atTop := func(n *node) bool { return p.key(n.Base.Parent) == root }
	if !slices.ContainsFunc(open, atTop) {
		return false
	}
	all := p.v.BaseChildren(root)
	return len(all)+p.v.DeletedLately(root) > 1 && !slices.ContainsFunc(all, func(k Key) bool {
		n, ok := p.nodes[p.key(k)]
		return !ok || n.exists || n.closed()
	})
}

// top is the folder at the top that n lies in; what lies in the synced folder
// itself is counted against all of it.
func (p *pass) top(n *node) Key {
	top := n
	for f := range p.above(n.Key, func(f *node) Key { return f.Base.Parent }) {
		top = f
	}
	if top.kind() != Dir {
		return p.v.Root()
	}
	return top.Key
}

func (p *pass) topName(k Key) string {
	if k == p.v.Root() {
		return "the synced folder"
	}
	return quote(p.nodes[k].Base.LocalName)
}
