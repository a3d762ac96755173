package plan

import (
	"slices"
	"time"
)

// An act is an action on its way into the plan.
type act struct {
	Action
	n      *node
	takes  []spot // names it gives its item
	leaves []spot // names that are free after it
	needs  []need
	mark   mark
	index  int
}

// emit turns n's target into what is to be done on either side.
func (p *pass) emit(n *node) {
	if n.state != free {
		return
	}
	if !n.exists {
		p.remove(n)
		return
	}
	if p.renewed(n) {
		p.leave(p.add(n, Forget, Place{}, n.whyKept()), pact)
		if n.here() || p.displaced(n) {
			return // the rest is done with what is new
		}
	}
	p.relocate(n)
	p.create(n)
	p.transfer(n)
	if len(n.acts) == 0 {
		p.record(n)
	}
	p.agree(n)
}

// renewed says that n, a file that one side has deleted, is kept for a reason
// that a later plan will not see, should this one not get through: a folder has
// moved, n itself has but must move on, or a person said so. Its record is
// dropped first, so that it is a new file from then on.
func (p *pass) renewed(n *node) bool {
	if !n.alone() || n.kind() != File || n.edited() {
		return false
	}
	return p.displaced(n) || !n.movedHere && !n.movedThere
}

// displaced says that n is not at its target on a side that has it.
func (p *pass) displaced(n *node) bool {
	here, isHere := p.at(n, disk)
	there, isThere := p.at(n, drive)
	return isHere && here != n.place || isThere && there != Place{n.place.Parent, n.online}
}

// add appends an action to those of n. It says where n stands by the time it
// is that action's turn.
func (p *pass) add(n *node, op Op, to Place, why string) *act {
	a := &act{Action: Action{Op: op, Key: n.Key, Pair: n.pair, To: to, Why: why, Local: n.Local, Remote: n.Remote}, n: n}
	for _, before := range n.acts {
		switch before.Op {
		case MoveLocal:
			a.Local.Place = before.To
		case MoveRemote:
			a.Remote.Place = before.To
		}
		a.needs = append(a.needs, need{act: before})
	}
	n.acts = append(n.acts, a)
	p.acts = append(p.acts, a)
	return a
}

// take lets a give n the name a.To on one side, in place of the one it has.
func (p *pass) take(a *act, s side) *act {
	p.leave(a, s)
	a.takes = append(a.takes, p.spot(s, a.To))
	return a
}

func (p *pass) leave(a *act, s side) {
	if at, ok := p.at(a.n, s); ok {
		a.leaves = append(a.leaves, p.spot(s, at))
	}
}

func (p *pass) remove(n *node) {
	var a *act
	switch {
	case n.here():
		a = p.add(n, DeleteLocal, Place{}, "deleted online")
		p.leave(a, disk)
	case n.there():
		a = p.add(n, DeleteRemote, Place{}, "deleted here")
		p.leave(a, drive)
	case n.bound():
		a = p.add(n, Forget, Place{}, "deleted on both sides")
	default:
		return
	}
	a.Approved = p.judged(n, Approved)
	p.leave(a, pact)
}

func (p *pass) create(n *node) {
	if n.kind() != Dir {
		return
	}
	if !n.here() {
		p.take(p.add(n, MakeLocalDir, n.place, n.either("new online", "something in it is kept")), disk)
	}
	if !n.there() {
		p.take(p.add(n, MakeRemoteDir, Place{n.place.Parent, n.online}, n.either("new here", "something in it is kept")), drive)
	}
}

// either chooses the word for an item that was never agreed upon, or for one
// that was.
func (n *node) either(fresh, known string) string {
	if n.bound() {
		return known
	}
	return fresh
}

func (p *pass) relocate(n *node) {
	if at, ok := p.at(n, disk); ok && at != n.place {
		p.take(p.move(n, MoveLocal, n.place, "moved online"), disk)
	}
	to := Place{n.place.Parent, n.online}
	if at, ok := p.at(n, drive); ok && at != to {
		p.take(p.move(n, MoveRemote, to, "moved here"), drive)
	}
}

// move renames. An item that has to make room becomes a conflict copy by it.
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

func (n *node) whyKept() string {
	if n.here() {
		return "deleted online, but kept here"
	}
	return "deleted here, but kept online"
}

func (p *pass) transfer(n *node) {
	switch n.content {
	case ours:
		why := n.either("new here", "edited here")
		if n.bound() && !n.there() {
			why = n.whyKept()
		}
		a := p.add(n, Upload, Place{n.place.Parent, n.online}, why)
		if !n.there() {
			p.take(a, drive)
		}
	case theirs:
		why := n.either("new online", "edited online")
		if n.bound() && !n.here() {
			why = n.whyKept()
		}
		a := p.add(n, Download, n.place, why)
		if !n.here() {
			p.take(a, disk)
		}
	case both:
		a := p.add(n, Download, n.place, n.either("new on both sides", "edited on both sides"))
		a.Keep = p.freeName(n, n.place)
	}
}

// record emits what moves nothing.
func (p *pass) record(n *node) {
	switch {
	case n.timedThere():
		p.add(n, SetTime, n.place, "its time was changed online")
	case p.timedHere(n):
		p.add(n, Stamp, Place{}, "its time was changed here")
	case !p.recorded(n):
		p.add(n, Adopt, n.place, "the same on both sides")
	case n.Base.TimesDue && n.kind() == File:
		p.add(n, Stamp, Place{}, "its time is not online yet")
	}
}

// timed says that n may have another time alone: a file that has the bytes, and once
// had the time, that was agreed upon, and whose sides differ in their time by now.
func (n *node) timed() bool {
	return n.bound() && n.pair == 0 && n.kind() == File && !n.edited() && !n.Base.TimesDue && !SameSecond(n.Local.MTime, n.Remote.MTime)
}

// timedThere says that n's time was changed online. That wins over one made here.
func (n *node) timedThere() bool {
	return n.timed() && n.Remote.MTime != 0 && n.Base.Remote.MTime != 0 && !SameSecond(n.Remote.MTime, n.Base.Remote.MTime)
}

// timedHere says that n's time was changed here, and is to be sent.
func (p *pass) timedHere(n *node) bool {
	return n.timed() && p.rules.SendsTime != nil && p.rules.SendsTime(time.Unix(0, n.Base.Local.MTime), time.Unix(0, n.Local.MTime))
}

// recorded says that the base holds what is true on both sides, where they
// agree. As long as times are due, the server's are not worth recording.
func (p *pass) recorded(n *node) bool {
	b, r := n.Base, n.Remote
	place := n.bound() && n.pair == 0 && Place{p.key(b.Parent), b.LocalName} == n.place && b.RemoteName == n.online
	if n.kind() == Dir || !place {
		return place
	}
	return !n.Local.Edited && b.Remote.Hash == r.Hash && (b.TimesDue || b.ETag == r.ETag && b.Remote.MTime == r.MTime)
}

// agree finds the first of n's actions after which both sides agree where it
// is: the name it had in the base is free then, and its new one taken.
func (p *pass) agree(n *node) {
	i := slices.IndexFunc(n.acts, func(a *act) bool { return p.agrees(a) })
	if i < 0 {
		return
	}
	a := n.acts[i]
	now := p.spot(pact, n.place)
	if at, ok := p.at(n, pact); ok && p.spot(pact, at) == now {
		return
	}
	p.leave(a, pact)
	a.takes = append(a.takes, now)
}

// agrees says that a writes n's place into the base. A move that makes room
// does not: its item stands at the new place on one side only.
func (p *pass) agrees(a *act) bool {
	if a.Op == MoveLocal {
		return a.n.bound() && p.standsAt(a.n, drive, a.n.place)
	}
	return a.Op != Stamp && a.Op != SetTime && a.Op != Forget
}
