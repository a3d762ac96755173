package plan

import (
	"cmp"
	"slices"

	"tandem/syncer/names"
)

// cover leaves out, of some deletes online, those that go along with their
// folder's: the service deletes a folder with all that is in it. What they
// needed, the folder's needs.
func (p *pass) cover(acts []*act) []*act {
	top := map[*act]*act{}
	for _, a := range acts {
		if a.Op == DeleteRemote {
			top[a] = a
		}
	}
	for a := range top {
		for f := range p.above(a.Remote.Parent, func(f *node) Key { return f.Remote.Parent }) {
			if len(f.acts) == 0 || top[f.acts[0]] == nil {
				break
			}
			top[a] = f.acts[0]
		}
	}
	for _, a := range acts {
		to := cmp.Or(top[a], a)
		if to != a {
			to.needs = append(to.needs, a.needs...)
		}
	}
	for _, a := range acts {
		for i, n := range a.needs {
			a.needs[i].act = cmp.Or(top[n.act], n.act)
		}
		a.needs = slices.DeleteFunc(a.needs, func(n need) bool { return n.act == a })
	}
	return slices.DeleteFunc(acts, func(a *act) bool { return top[a] != nil && top[a] != a })
}

// arrange orders the actions so that each comes after what it needs. Where names
// go round in a circle, somebody steps aside first. A circle that cannot be cut
// would be a mistake of ours; it shall stop nobody but those in it.
func (p *pass) arrange() {
	order, circle := p.sequence()
	for cuts := len(p.acts); circle != nil; cuts-- {
		if cuts <= 0 || !p.cut(circle) {
			p.giveUp(circle)
		}
		order, circle = p.sequence()
	}
	for i, a := range order {
		a.index = i
		for _, n := range a.needs {
			a.After = append(a.After, n.act.index)
		}
		slices.Sort(a.After)
		a.After = slices.Compact(a.After)
	}
	p.plan.Actions = actions(order)
}

func actions(acts []*act) []Action {
	var list []Action
	for _, a := range acts {
		list = append(list, a.Action)
	}
	return list
}

// sequence puts the actions into an order that meets their needs, or finds some
// that need one another in a circle.
func (p *pass) sequence() (order, circle []*act) {
	for _, a := range p.acts {
		a.mark = untouched
	}
	var trail []*act
	var visit func(*act)
	visit = func(a *act) {
		switch {
		case circle != nil || a.mark == done:
			return
		case a.mark == open:
			circle = slices.Clone(trail[slices.Index(trail, a):])
			return
		}
		a.mark, trail = open, append(trail, a)
		for _, n := range a.needs {
			visit(n.act)
		}
		a.mark, trail = done, trail[:len(trail)-1]
		order = append(order, a)
	}
	for _, a := range p.acts {
		visit(a)
	}
	return order, circle
}

// mark is how far sequence has come with an action.
type mark uint8

const (
	untouched mark = iota
	open
	done
)

func (p *pass) giveUp(circle []*act) {
	for _, a := range circle {
		a.n.wait(whyRound, false)
	}
	p.prune()
}

const whyRound = "it and others wait for one another to move"

// cut breaks a circle: what others wait for only to get the name or the folder it
// leaves is done in two steps. There always is such an action, for all other
// needs lead up the tree. A move is best. Where items need not move any more to
// have each other's names, as when both sides did the same, the base still has
// each name only once: a file that one side has lost is forgotten then and counts
// as new; any other item is moved away and back. It reports whether it could.
func (p *pass) cut(circle []*act) bool {
	var movers, others []*act
	for i, a := range circle {
		b := circle[(i+1)%len(circle)]
		switch {
		case !a.onlyRoom(b):
		case b.Op == MoveLocal || b.Op == MoveRemote:
			movers = append(movers, b)
		default:
			others = append(others, b)
		}
	}
	byKey := func(a, b *act) int { return cmp.Compare(a.Key, b.Key) }
	switch i := slices.IndexFunc(others, (*act).single); {
	case len(movers) > 0:
		p.stepAside(slices.MinFunc(movers, byKey))
	case i >= 0:
		p.renew(others[i])
	case len(others) > 0:
		p.stepAside(p.comeBack(slices.MinFunc(others, byKey)))
	default:
		return false
	}
	return true
}

// single says that a brings a file to the side that has lost it.
func (a *act) single() bool { return (a.Op == Download || a.Op == Upload) && a.n.alone() }

// renew has the record of a's item dropped, and with it the name in it. A file
// here goes by another key then, so the next plan does the rest.
func (p *pass) renew(a *act) {
	if a.Op == Upload {
		a.Op, a.To = Forget, Place{}
		a.needs = slices.DeleteFunc(a.needs, func(n need) bool { return n.act.n != a.n })
		return
	}
	drop := &act{Action: a.Action, n: a.n}
	drop.Op, drop.To = Forget, Place{}
	p.giveWay(a, drop)
	a.needs = append(a.needs, need{act: drop})
	p.insert(drop, a)
}

// giveWay lets what waits for a to leave its name wait for b instead.
func (p *pass) giveWay(a, b *act) {
	for _, o := range p.acts {
		for i, n := range o.needs {
			if n.act == a && n.left {
				o.needs[i].act = b
			}
		}
	}
}

// comeBack puts before a, which records a place, a move to that place.
func (p *pass) comeBack(a *act) *act {
	back := &act{Action: a.Action, n: a.n, needs: slices.Clone(a.needs)}
	back.Op, back.To, back.Keep = MoveLocal, a.n.place, ""
	if !a.n.here() {
		back.Op, back.To.Name = MoveRemote, a.n.online
	}
	p.giveWay(a, back)
	a.needs = append(a.needs, need{act: back})
	p.insert(back, a)
	return back
}

func (p *pass) insert(a, before *act) {
	p.acts = slices.Insert(p.acts, slices.Index(p.acts, before), a)
}

// onlyRoom says that all a needs of b is that it leaves.
func (a *act) onlyRoom(b *act) bool {
	return !slices.ContainsFunc(a.needs, func(n need) bool { return n.act == b && !n.left })
}

// stepAside lets m's item go out of the way under a name of its own first.
func (p *pass) stepAside(m *act) {
	s, from := disk, &m.Local.Place
	if m.Op == MoveRemote {
		s, from = drive, &m.Remote.Place
	}
	aside := &act{Action: m.Action, n: m.n}
	aside.To = Place{p.lasting(s, from.Parent), names.Swap(int64(m.Key))}
	aside.Keep, aside.Why = "", "its new name is still taken"
	*from = aside.To
	p.giveWay(m, aside)
	m.needs = append(m.needs, need{act: aside})
	p.insert(aside, m)
}

// lasting is the nearest folder, from k upwards, that stays on one side.
func (p *pass) lasting(s side, k Key) Key {
	up := func(f *node) Key {
		at, _ := p.at(f, s)
		return at.Parent
	}
	for f := range p.above(k, up) {
		if f.exists && f.bound() && f.pair == 0 {
			return f.Key
		}
	}
	return p.v.Root()
}
