package plan

import "tandem/syncer/names"

// side is one of the three trees in which names are taken.
type side uint8

const (
	disk side = iota
	drive
	pact // the base: no two items can be agreed upon under one name
)

// A spot is a name in a folder, as the service compares names.
type spot struct {
	side   side
	parent Key
	fold   string
}

// A folder is the inside of one on one side.
type folder struct {
	side side
	key  Key
}

func (p *pass) spot(s side, at Place) spot { return spot{s, p.key(at.Parent), names.Fold(at.Name)} }

// kindOn is what n is on one side.
func (p *pass) kindOn(n *node, s side) Kind {
	switch s {
	case disk:
		return n.Local.Kind
	case drive:
		return n.Remote.Kind
	}
	return n.Base.Kind
}

// at is where n stands on one side.
func (p *pass) at(n *node, s side) (Place, bool) {
	at := Place{n.Base.Parent, n.Base.RemoteName}
	switch s {
	case disk:
		at = n.Local.Place
	case drive:
		at = n.Remote.Place
	}
	at.Parent = p.key(at.Parent)
	return at, p.kindOn(n, s) != None
}

// index notes who stands where.
func (p *pass) index() {
	p.stands, p.inside = map[spot][]*node{}, map[folder][]*node{}
	for _, n := range p.order {
		for _, s := range []side{disk, drive, pact} {
			if at, ok := p.at(n, s); ok {
				p.stands[p.spot(s, at)] = append(p.stands[p.spot(s, at)], n)
				p.inside[folder{s, at.Parent}] = append(p.inside[folder{s, at.Parent}], n)
			}
		}
	}
}
