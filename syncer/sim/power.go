package sim

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// syncDir makes the names in a directory safe, with whatever changes before
// them they build on.
func (d *disk) syncDir(dir *inode) {
	need := make([]bool, len(d.pending))
	slots := map[*inode]map[string]bool{}
	for i := len(d.pending) - 1; i >= 0; i-- {
		for _, s := range d.pending[i] {
			need[i] = need[i] || s.dir == dir || slots[s.dir][s.key]
		}
		if !need[i] {
			continue
		}
		for _, s := range d.pending[i] {
			if slots[s.dir] == nil {
				slots[s.dir] = map[string]bool{}
			}
			slots[s.dir][s.key] = true
		}
	}
	var left []change
	for i, c := range d.pending {
		if need[i] {
			d.settleChange(c)
		} else {
			left = append(left, c)
		}
	}
	d.pending = left
}

func (d *disk) settleChange(c change) {
	for _, s := range c {
		apply(s.dir.stable, s)
	}
}

// settleNames makes all names safe. A person's program syncs what it saved,
// and a journal takes all that came before along.
func (d *disk) settleNames() {
	for _, c := range d.pending {
		d.settleChange(c)
	}
	d.pending = nil
}

// syncFile makes a file's content safe.
func (d *disk) syncFile(in *inode) {
	if in.unsafe {
		in.unsafe, in.safe = false, slices.Clone(in.data)
		d.files = slices.DeleteFunc(d.files, func(f *inode) bool { return f == in })
	}
}

// Loss is what a power loss makes of names and content that are not safe.
type Loss string

const (
	LoseAll   Loss = "all"   // names as they were when last synced, content empty
	LoseData  Loss = "data"  // names are all there, content is not: files are empty
	LoseZero  Loss = "zero"  // names are all there, content is zeros
	LoseHalf  Loss = "half"  // names are all there, content ends in the middle
	LoseNames Loss = "names" // content is there, names are as they were
	LoseSome  Loss = "some"  // any of these, by chance, for each
)

// losses are the ways to lose power that crash tests go through.
var losses = []Loss{LoseAll, LoseData, LoseZero, LoseHalf, LoseNames, LoseSome}

// lose lets the power fail. What is left is what one of the allowed states of
// the disk holds.
func (d *disk) lose(how Loss, rnd *rand.Rand) {
	for _, in := range d.files {
		switch one := how.one(rnd); one {
		case LoseAll, LoseData:
			in.data = slices.Clone(in.safe)
		case LoseZero:
			in.data = bytes.Repeat([]byte{0}, len(in.data))
		case LoseHalf:
			in.data = in.data[:len(in.data)/2]
		}
		in.unsafe, in.safe = false, slices.Clone(in.data)
	}
	d.files = nil
	for _, c := range d.pending {
		if one := how.one(rnd); one != LoseAll && one != LoseNames && holds(c) {
			d.settleChange(c)
		}
	}
	d.pending = nil
	d.revive(d.root)
	d.count()
	d.m.changed = true
}

func (how Loss) one(rnd *rand.Rand) Loss {
	if how == LoseSome {
		return losses[rnd.IntN(len(losses)-1)]
	}
	return how
}

// holds says that a change can still be made: what it builds on was not lost.
func holds(c change) bool {
	for _, s := range c {
		if s.dir.stable[s.key] != s.was {
			return false
		}
	}
	return true
}

// revive lets programs see what was left.
func (d *disk) revive(dir *inode) {
	dir.kids = maps.Clone(dir.stable)
	for _, e := range dir.kids {
		if e.in.dir && e.in.parent != nil {
			e.in.parent = dir
			d.revive(e.in)
		}
	}
}

// count counts the names of files anew.
func (d *disk) count() {
	d.walk("", d.root, true, func(_ string, in *inode) {
		if !in.dir {
			in.names = 0
		}
	})
	d.walk("", d.root, true, func(_ string, in *inode) {
		if !in.dir {
			in.names++
		}
	})
}
