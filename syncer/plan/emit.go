package plan

import (
	"cmp"
	"slices"
)

// An act is an action on its way into the plan.
type act struct {
	Action
	n     *node
	after []*act
	index int
	held  bool
}

// wait lets a come after b. To say it twice does no harm.
func (a *act) wait(b *act) {
	if b != nil && b != a {
		a.after = append(a.after, b)
	}
}

// emit turns each target into what is to be done on either side, and orders it.
func (p *pass) emit() {
	p.postpone()
	for _, n := range p.order {
		p.difference(n)
	}
	p.cover()
	for _, a := range p.acts {
		p.precede(a)
	}
	p.uncircle()
}

// postpone leaves for later, or to a person, what cannot be done now, and with
// it all that depends on it.
func (p *pass) postpone() {
	for again := true; again; {
		again = false
		for _, n := range p.order {
			if n.later || n.stuck != "" || n.unknown() {
				continue
			}
			if p.awaits(n) {
				n.later, again = true, true
				continue
			}
			if f, ok := p.nodes[n.place.Parent]; ok && n.exists && n.place.Parent != p.v.Root() {
				switch {
				case f.later && !(f.here() && f.there()):
					n.later, again = true, true
				case f.stuck != "" && !(f.here() && f.there()):
					n.stuck, again = "its folder cannot be synced", true
				}
			}
		}
	}
	for _, n := range p.order {
		switch {
		case n.later:
			if !n.asked {
				p.plan.Later = append(p.plan.Later, n.Key)
			}
		case n.stuck != "":
			p.plan.Waiting = append(p.plan.Waiting, Wait{n.Key, n.stuck, n.person || n.unknown()})
		case n.stays && !n.exists:
			p.plan.Waiting = append(p.plan.Waiting, Wait{n.Key, "it was deleted on the other side, but holds things that are not synced", true})
		}
	}
}

// awaits says that the name n shall have is still another's, about whom nothing
// can be decided yet.
func (p *pass) awaits(n *node) bool {
	if !n.exists || n.here() && n.there() && !n.movedHere && !n.movedThere {
		return false
	}
	parent := n.place.Parent
	owners := append(p.v.LocalAt(p.localKey(parent), n.place.Name), p.v.RemoteAt(parent, n.online)...)
	owners = append(owners, p.v.BaseAt(p.localKey(parent), n.online))
	return slices.ContainsFunc(owners, func(k Key) bool {
		o, ok := p.nodes[p.key(k)]
		return ok && o != n && o.later
	})
}

func (n *node) idle() bool { return n.later || n.stuck != "" || n.unknown() || n.stays && !n.exists }

// difference emits what takes both sides to n's target.
func (p *pass) difference(n *node) {
	if n.idle() {
		return
	}
	if !n.exists {
		p.remove(n)
		return
	}
	p.create(n)
	p.relocate(n)
	p.transfer(n)
	if n.local == nil && n.remote == nil && n.content == settled {
		p.record(n)
	}
}

func (p *pass) add(n *node, op Op, to Place, why string) *act {
	a := &act{Action: Action{Op: op, Key: n.Key, Pair: n.pair, To: to, Why: why, Local: n.Local, Remote: n.Remote}, n: n}
	p.acts = append(p.acts, a)
	return a
}

func (p *pass) remove(n *node) {
	switch {
	case n.here():
		n.local = p.add(n, DeleteLocal, Place{}, "deleted online")
	case n.there():
		n.remote = p.add(n, DeleteRemote, Place{}, "deleted here")
	case n.bound():
		n.local = p.add(n, Forget, Place{}, "deleted on both sides")
	}
}

func (p *pass) create(n *node) {
	if n.kind() != Dir {
		return
	}
	if !n.here() {
		n.local = p.add(n, MakeLocalDir, n.place, p.whyNew(n, "new online", "something in it changed online"))
	}
	if !n.there() {
		n.remote = p.add(n, MakeRemoteDir, Place{n.place.Parent, n.online}, p.whyNew(n, "new here", "something in it changed here"))
	}
}

func (p *pass) whyNew(n *node, fresh, revived string) string {
	if n.bound() {
		return revived
	}
	return fresh
}

func (p *pass) relocate(n *node) {
	if at := (Place{p.key(n.Local.Parent), n.Local.Name}); n.here() && at != n.place {
		n.local = p.move(n, MoveLocal, n.place, "moved online")
	}
	to := Place{n.place.Parent, n.online}
	if at := (Place{p.key(n.Remote.Parent), n.Remote.Name}); n.there() && at != to {
		n.remote = p.move(n, MoveRemote, to, "moved here")
	}
}

// move renames; an item that has to make room becomes a conflict copy by it.
func (p *pass) move(n *node, op Op, to Place, why string) *act {
	if !n.clash {
		return p.add(n, op, to, why)
	}
	a := p.add(n, op, to, "its name is taken on the other side")
	if op == MoveLocal || !n.here() {
		a.Keep = to.Name
	}
	return a
}

func (p *pass) transfer(n *node) {
	switch n.content {
	case ours:
		why := p.whyNew(n, "new here", "edited here")
		if n.bound() && !n.there() {
			why = "deleted online, but changed here"
		}
		a := p.add(n, Upload, Place{n.place.Parent, n.online}, why)
		if n.there() {
			a.wait(n.remote)
		}
		a.wait(n.local)
		n.remote = cmp.Or(n.remote, a)
	case theirs:
		why := p.whyNew(n, "new online", "edited online")
		if n.bound() && !n.here() {
			why = "deleted here, but changed online"
		}
		p.bring(n, why)
	case both:
		a := p.bring(n, p.whyNew(n, "new on both sides", "edited on both sides"))
		a.Keep = p.freeName(n.place, nil)
	}
	if n.Base.TimesDue && n.content == settled && n.here() && n.there() && n.local == nil && n.remote == nil {
		n.remote = p.add(n, Stamp, Place{}, "its time is not online yet")
	}
}

func (p *pass) bring(n *node, why string) *act {
	a := p.add(n, Download, n.place, why)
	a.wait(n.local)
	a.wait(n.remote) // an item's place online is agreed upon before its content
	n.local = cmp.Or(n.local, a)
	return a
}

// record emits what only has to be written down.
func (p *pass) record(n *node) {
	if p.v.Verdict(n.Key) != NotAsked && n.bound() {
		return
	}
	b, r := n.Base, n.Remote
	same := n.bound() && n.pair == 0 && !n.Local.Edited && b.ETag == r.ETag && b.Remote.Hash == r.Hash && b.Remote.MTime == r.MTime &&
		b.LocalName == n.Local.Name && b.RemoteName == r.Name && p.key(b.Parent) == n.place.Parent
	if !same {
		n.local = p.add(n, Adopt, n.place, "the same on both sides")
	}
}

// cover leaves out the deletes that go along with their folder's.
func (p *pass) cover() {
	for _, a := range p.acts {
		if f, ok := p.nodes[p.key(a.Remote.Parent)]; ok && a.Op == DeleteRemote {
			a.n.covered = f.remote != nil && f.remote.Op == DeleteRemote
		}
	}
	p.acts = slices.DeleteFunc(p.acts, func(a *act) bool {
		if a.Op == DeleteRemote && a.n.covered {
			a.n.remote = nil
			return true
		}
		return false
	})
}

// precede finds what must have been done before a.
func (p *pass) precede(a *act) {
	switch a.Op {
	case MakeLocalDir, MoveLocal, Download:
		p.parentFirst(a, func(f *node) *act { return f.local })
		p.makeRoom(a, p.v.LocalAt(p.localKey(a.To.Parent), a.To.Name), func(n *node) *act { return n.local })
		if a.Op == MoveLocal {
			p.unfold(a, func(n *node) Key { return n.Local.Parent }, func(n *node) *act { return n.local })
		}
	case MakeRemoteDir, MoveRemote, Upload:
		if a.Op == Upload && a.n.there() {
			break
		}
		p.parentFirst(a, func(f *node) *act { return f.remote })
		p.makeRoom(a, p.v.RemoteAt(a.To.Parent, a.To.Name), func(n *node) *act { return n.remote })
		if a.Op == MoveRemote {
			p.unfold(a, func(n *node) Key { return n.Remote.Parent }, func(n *node) *act { return n.remote })
		}
		if a.n.local != nil && a.n.local.Op == MoveLocal {
			a.wait(a.n.local)
		}
	case Adopt:
		p.succeed(a)
		if f, ok := p.nodes[a.To.Parent]; ok {
			a.wait(f.local)
			a.wait(f.remote)
		}
	}
	p.vacate(a)
}

func (p *pass) parentFirst(a *act, side func(*node) *act) {
	if f, ok := p.nodes[a.To.Parent]; ok && f.Key != p.v.Root() {
		if b := side(f); b != nil && b.Op != Download && b.Op != Upload {
			a.wait(b)
		}
		if f.local != nil && f.local.Op == Adopt {
			a.wait(f.local)
		}
	}
}

// succeed waits for the item that, by the base, still has the name: no two can
// be agreed upon under one.
func (p *pass) succeed(a *act) {
	n, ok := p.nodes[p.key(p.v.BaseAt(p.localKey(a.To.Parent), a.To.Name))]
	if ok && n != a.n {
		a.wait(p.freed(n))
	}
}

// freed is the act with which n's place in the base is given up.
func (p *pass) freed(n *node) *act {
	for depth := 0; n != nil && depth < 1000; depth++ {
		switch {
		case n.covered:
			n = p.nodes[p.key(n.Remote.Parent)]
			continue
		case n.exists && n.here() && n.there() && n.remote != nil && n.remote.Op != MoveRemote:
			return n.local
		}
		return cmp.Or(n.remote, n.local)
	}
	return nil
}

// makeRoom waits for whatever has the name now.
func (p *pass) makeRoom(a *act, occupants []Key, side func(*node) *act) {
	p.succeed(a)
	for _, k := range sorted(occupants) {
		n, ok := p.nodes[p.key(k)]
		if !ok || n == a.n {
			continue
		}
		if b := side(n); b != nil && (b.Op == MoveLocal || b.Op == MoveRemote || b.Op == DeleteLocal || b.Op == DeleteRemote) {
			a.wait(b)
		}
	}
}

// unfold waits, before a folder moves into one that is still inside it, for
// that one to come out.
func (p *pass) unfold(a *act, parent func(*node) Key, side func(*node) *act) {
	n, ok := p.nodes[a.To.Parent]
	var out *act
	for depth := 0; ok && depth < 1000 && n != a.n; depth++ {
		if b := side(n); b != nil && (b.Op == MoveLocal || b.Op == MoveRemote) {
			out = b
		}
		n, ok = p.nodes[p.key(parent(n))]
	}
	if ok && n == a.n {
		a.wait(out)
	}
}

// vacate lets the delete of a folder wait for a, which takes something out of
// it, or records that it is no longer in it.
func (p *pass) vacate(a *act) {
	n := a.n
	for _, k := range []Key{n.Local.Parent, n.Remote.Parent, n.Base.Parent} {
		for depth := 0; depth < 1000; depth++ {
			f, ok := p.nodes[p.key(k)]
			if !ok || f.exists || f.stays {
				break
			}
			if b := cmp.Or(f.local, f.remote); b != nil {
				b.wait(a)
				break
			}
			k = cmp.Or(f.Remote.Parent, f.Local.Parent, f.Base.Parent) // it goes along with its own folder
		}
	}
}
