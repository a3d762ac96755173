package plan

import (
	"cmp"
	"fmt"
	"slices"
)

// always is the number of deletes that is held whatever the settings say.
const always = 1000

// guard holds the deletes of this pass when, with those of the last hour, they
// are more than a person is likely to have meant.
func (p *pass) guard() {
	var open []*act
	for _, a := range p.acts {
		if (a.Op == DeleteLocal || a.Op == DeleteRemote) && !p.approved(a.n) {
			open = append(open, a)
		}
	}
	p.plan.HeldWhy = p.tooMany(open)
	if p.plan.HeldWhy == "" {
		return
	}
	for _, a := range open {
		a.held = true
	}
	p.acts = slices.DeleteFunc(p.acts, func(a *act) bool {
		if a.held {
			p.plan.Held = append(p.plan.Held, a.Action)
		}
		return a.held
	})
	p.withoutHeld()
}

// withoutHeld lets wait what needs a held delete to be done first.
func (p *pass) withoutHeld() {
	for again := true; again; {
		again = false
		p.acts = slices.DeleteFunc(p.acts, func(a *act) bool {
			if slices.ContainsFunc(a.after, func(b *act) bool { return b.held }) {
				a.held, again = true, true
				p.plan.Waiting = append(p.plan.Waiting, Wait{a.Key, "it needs the place of something whose delete is held", true})
				return true
			}
			return false
		})
	}
}

// approved says that a person has agreed to n's delete, or to that of a folder
// it lies in.
func (p *pass) approved(n *node) bool {
	for depth := 0; n != nil && depth < 1000; depth++ {
		if p.v.Verdict(n.Key) == Approved {
			return true
		}
		n = p.nodes[p.key(n.Base.Parent)]
	}
	return false
}

func (p *pass) tooMany(deletes []*act) string {
	if len(deletes) == 0 {
		return ""
	}
	if p.rules.HoldAll != "" {
		return p.rules.HoldAll
	}
	total, tops := 0, map[Key]int{}
	for _, n := range p.order {
		if n.exists || n.stays || n.idle() || !n.here() && !n.there() || p.approved(n) {
			continue
		}
		total++
		tops[p.top(n)]++
	}
	total += p.v.DeletedLately(p.v.Root())
	if total > always {
		return fmt.Sprintf("%d items would be deleted within an hour", total)
	}
	if total <= p.rules.HoldCount {
		return ""
	}
	keys := make([]Key, 0, len(tops))
	for k := range tops {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		all := p.v.Synced(k)
		if n := tops[k] + p.v.DeletedLately(k); n*100 > p.rules.HoldPercent*all {
			return fmt.Sprintf("%d items would be deleted within an hour, %d of the %d below %s", total, n, all, p.topName(k))
		}
	}
	return ""
}

// top is the folder at the top that n lies in; what lies in the synced folder
// itself is counted against all of it.
func (p *pass) top(n *node) Key {
	root := p.v.Root()
	at := n
	for depth := 0; depth < 1000; depth++ {
		parent := p.key(cmp.Or(at.Base.Parent, at.Local.Parent, at.Remote.Parent))
		if parent == root || parent == 0 {
			break
		}
		up, ok := p.nodes[parent]
		if !ok {
			up = &node{Node: p.v.Node(parent)}
		}
		at = up
	}
	if at.kind() != Dir {
		return root
	}
	return at.Key
}

func (p *pass) topName(k Key) string {
	if k == p.v.Root() {
		return "the synced folder"
	}
	return quote(p.v.Node(k).Base.LocalName)
}

// uncircle breaks the circles in which names go round: one of them steps aside
// under a name of its own first.
func (p *pass) uncircle() {
	for {
		m := p.inCircle()
		if m == nil {
			return
		}
		from := m.Local.Place
		if m.Op == MoveRemote {
			from = m.Remote.Place
		}
		aside := &act{Action: m.Action, n: m.n}
		aside.To = Place{p.key(from.Parent), swapName(m.Key)}
		aside.Why = "its new name is still taken"
		p.acts = append(p.acts, aside)
		for _, a := range p.acts {
			for i := range a.after {
				if a.after[i] == m && a.n != m.n && a.Op == m.Op {
					a.after[i] = aside
				}
			}
		}
		m.wait(aside)
	}
}

// inCircle finds a move that waits, by way of others, for itself.
func (p *pass) inCircle() *act {
	state := map[*act]int{} // 1: being followed, 2: leads nowhere bad
	var found *act
	var follow func(a *act, trail []*act)
	follow = func(a *act, trail []*act) {
		switch {
		case found != nil || state[a] == 2:
			return
		case state[a] == 1:
			i := slices.Index(trail, a)
			for _, b := range trail[i:] {
				if (b.Op == MoveLocal || b.Op == MoveRemote) && !IsSwap(b.To.Name) && (found == nil || b.Key < found.Key) {
					found = b
				}
			}
			if found == nil {
				trail[len(trail)-1].after = slices.DeleteFunc(trail[len(trail)-1].after, func(b *act) bool { return b == a })
			}
			return
		}
		state[a] = 1
		for _, b := range slices.Clone(a.after) {
			follow(b, append(trail, a))
		}
		state[a] = 2
	}
	for _, a := range p.acts {
		follow(a, nil)
	}
	return found
}

// arrange puts the actions in an order that is the same each time, and numbers
// what waits for what.
func (p *pass) arrange() {
	for i, a := range p.acts {
		a.index = i
	}
	for _, a := range p.acts {
		for _, b := range a.after {
			if b.index < len(p.acts) && p.acts[b.index] == b {
				a.After = append(a.After, b.index)
			}
		}
		slices.Sort(a.After)
		p.plan.Actions = append(p.plan.Actions, a.Action)
	}
	slices.Sort(p.plan.Hash)
	slices.Sort(p.plan.Later)
	slices.SortFunc(p.plan.Waiting, func(a, b Wait) int { return cmp.Compare(a.Key, b.Key) })
}
