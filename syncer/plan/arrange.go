package plan

import (
	"cmp"
	"slices"
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
// go round in a circle, somebody steps aside first.
func (p *pass) arrange() {
	order, circle := p.sequence()
	for circle != nil {
		p.cut(circle)
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

// cut breaks a circle: a move that others wait for, only to get the name or the
// folder it leaves, is made in two steps. There always is one, for all other
// needs lead up the tree; but when items changed names with one another and need
// no move any more, as when both sides did the same. The base has each name only
// once, so one of them is moved away and back; or, if it is a file online only, is
// forgotten and counts as new.
func (p *pass) cut(circle []*act) {
	var mover *act
	for i, a := range circle {
		b := circle[(i+1)%len(circle)]
		moves := b.Op == MoveLocal || b.Op == MoveRemote
		if moves && a.onlyRoom(b) && (mover == nil || b.Key < mover.Key) {
			mover = b
		}
	}
	if i := slices.IndexFunc(circle, (*act).single); mover == nil && i >= 0 {
		p.renew(circle[i])
		return
	}
	if mover == nil {
		mover = p.comeBack(slices.MinFunc(circle, func(a, b *act) int { return cmp.Compare(a.Key, b.Key) }))
	}
	p.stepAside(mover)
}

// single says that a brings a file back here.
func (a *act) single() bool { return a.Op == Download && a.n.alone() }

// renew has the record of a's item dropped before a, and with it the name in it.
func (p *pass) renew(a *act) {
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
	aside.To = Place{p.lasting(s, from.Parent), swapName(m.Key)}
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
