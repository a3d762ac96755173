package plan

import "slices"

// A need is something that must be so before an action can be taken.
type need struct {
	act  *act  // which must have been done; or nil,
	node *node // which is in the way and does nothing about it
	left bool  // enough if it left the name it has now: it may step aside
	why  string
}

const whyFolder = "its folder cannot be synced"

// connect finds what each action needs. An order that meets all needs finds
// every name free, every folder there and no folder moved into itself.
func (p *pass) connect() {
	for _, a := range p.acts {
		p.needRoom(a)
		p.needEmpty(a)
		p.needRenewed(a)
		if a.Op == Forget || a.Op == DeleteLocal || a.Op == DeleteRemote {
			p.needStill(a, a.Local.Parent)
			continue
		}
		p.needFolder(a)
		p.needStill(a, a.To.Parent)
	}
}

// needRoom: whoever has the name a takes must have left it.
func (p *pass) needRoom(a *act) {
	for _, s := range a.takes {
		for _, o := range p.stands[s] {
			if o != a.n {
				a.needs = append(a.needs, p.gone(o, s, "what has its name cannot be synced"))
			}
		}
	}
}

// gone is the need that o leaves s.
func (p *pass) gone(o *node, s spot, why string) need {
	for _, b := range o.acts {
		if slices.Contains(b.leaves, s) {
			return need{act: b, left: true, why: why}
		}
	}
	return need{node: o, why: why}
}

// needEmpty: a folder can go when nothing is in it any more, nor in its base.
func (p *pass) needEmpty(a *act) {
	if a.n.kind() != Dir {
		return
	}
	var sides []side
	switch a.Op {
	case DeleteLocal:
		sides = []side{disk, pact}
	case DeleteRemote:
		sides = []side{drive, pact}
	case Forget:
		sides = []side{pact}
	}
	for _, s := range sides {
		for _, o := range p.inside[folder{s, a.n.Key}] {
			at, _ := p.at(o, s)
			a.needs = append(a.needs, p.gone(o, p.spot(s, at), holds(a.Op, o, at.Name)))
		}
	}
}

// holds says who deleted a folder, and what keeps it on the other side.
func holds(op Op, o *node, name string) string {
	by, on, why := "here", "online", o.Remote.Why
	if op == DeleteLocal {
		by, on, why = "online", "here", o.Local.Why
	}
	text := "it was deleted " + by + ", but " + on + " it holds " + quote(name)
	if why != "" {
		text += ", which is not synced: " + why
	}
	return text
}

// needFolder: the folder a puts something into must be there, and agreed upon.
func (p *pass) needFolder(a *act) {
	f, ok := p.nodes[a.To.Parent]
	if !ok || f.Key == p.v.Root() {
		return
	}
	sides := []side{drive}
	switch a.Op {
	case MakeLocalDir, MoveLocal, Download:
		sides[0] = disk
	case Adopt:
		sides = nil
	case Stamp, SetTime:
		return
	}
	if !f.bound() || f.pair != 0 {
		sides = append(sides, pact)
	}
	for _, s := range sides {
		if k := p.kindOn(f, s); s != pact && k == Dir {
			continue
		}
		i := slices.IndexFunc(f.acts, func(b *act) bool { return makes(b, s) || s == pact && p.agrees(b) })
		if i < 0 {
			a.needs = append(a.needs, need{node: f, why: whyFolder})
			continue
		}
		a.needs = append(a.needs, need{act: f.acts[i], why: whyFolder})
	}
	if f.state == later || f.state == held {
		a.needs = append(a.needs, need{node: f, why: whyFolder})
	}
}

func makes(a *act, s side) bool {
	return s == disk && a.Op == MakeLocalDir || s == drive && a.Op == MakeRemoteDir
}

// needRenewed: a folder that is made anew says no longer that it moved. What is
// kept for its sake must count as new by then, or the next plan, should this one
// not get through, would take it for deleted.
func (p *pass) needRenewed(a *act) {
	if a.Op != Forget || !a.n.exists {
		return
	}
	for f := range p.above(a.n.Base.Parent, func(f *node) Key { return f.Base.Parent }) {
		for _, b := range f.acts {
			if b.Op == MakeLocalDir || b.Op == MakeRemoteDir {
				b.needs = append(b.needs, need{act: a, why: "something in it cannot be synced"})
			}
		}
	}
}

// needStill: a folder's move comes before what happens in it, from the top
// down. So a path does not change while a file is on its way, and a folder moves
// only to where no folder of its own can be above it any more.
func (p *pass) needStill(a *act, k Key) {
	op := MoveLocal
	if a.Op == MoveRemote {
		op = MoveRemote
	} else if a.Op == MakeRemoteDir || a.Op == DeleteRemote || a.Op == Adopt || a.Op == Forget {
		return
	}
	for f := range p.above(k, (*node).target) {
		for _, b := range f.acts {
			if b.Op == op {
				a.needs = append(a.needs, need{act: b, why: whyFolder})
				return
			}
		}
	}
}

// prune takes out the actions of items that need what cannot be done now, and
// lets these items wait for the same.
func (p *pass) prune() {
	for again := true; again; {
		again = false
		for _, a := range p.acts {
			if a.n.state == free && p.blocked(a) {
				again = true
			}
		}
	}
	p.acts = slices.DeleteFunc(p.acts, func(a *act) bool {
		if a.n.state != free {
			a.n.acts = nil
		}
		return a.n.state != free
	})
}

// blocked passes what keeps one of a's needs from being met on to its item.
func (p *pass) blocked(a *act) bool {
	if p.goesWith(a.n) != nil {
		a.n.state = later
		return true
	}
	for _, need := range a.needs {
		o := need.node
		if o == nil {
			o = need.act.n
		}
		switch {
		case need.act != nil && o.state == free:
			continue
		case o.state == asked, o.state == later, o.state == free && len(o.acts) > 0: // it will have moved when it is new
			a.n.state = later
		case o.state == held:
			a.n.wait("it needs the place of something whose delete is held", true)
		default:
			a.n.wait(need.why, o.person || o.closed())
		}
		return true
	}
	return false
}
