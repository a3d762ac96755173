package task

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/syncer/names"
)

// Sides is all that stands on one side of a mirror, by the folded path: names
// that the service takes for the same are the same.
type Sides map[string]Side

// Add adds what stands at a path. A name that differs from another in case only
// is left out, and told.
func (s Sides) Add(v Side) {
	key := names.Fold(v.Path)
	if old, twin := s[key]; twin {
		v = old
		v.Other = "another name differs from it in case only"
	}
	s[key] = v
}

// Spelled is a path as this side spells it, or would: below folders that are
// there by their own spelling.
func (s Sides) Spelled(p string) string {
	if p == "" {
		return ""
	}
	if v, there := s[names.Fold(p)]; there {
		return v.Path
	}
	return join(s.Spelled(Parent(p)), path.Base(p))
}

// A Side is what stands at a path on one side of a mirror.
type Side struct {
	Path  string
	Dir   bool
	Other string // it is neither file nor folder, or cannot be read: why
	Never bool   // … and nobody can make it one
	Size  int64
	MTime time.Time
	Meant bool // the filter lets it through
}

// MirrorRules say what a one-way sync does, and with BothWays a two-way one.
type MirrorRules struct {
	BothWays      bool   // what is on one side only is copied to the other, nothing is deleted
	SameName      string // both have it and differ: source, target, newer, older, bigger, smaller or skip
	Equal         string // both have the same: skip, or copy all the same
	SourceMissing string // only the target has it: skip, or delete
	HoldCount     int    // deletes are held when they are more than this …
	HoldPercent   int    // … and more than this share of the target, or in any case when more than a thousand
}

// The words in which a MirrorRules can be written.
var (
	SameNames      = []string{"source", "target", "newer", "older", "bigger", "smaller", "skip"}
	Equals         = []string{"skip", "copy"}
	SourceMissings = []string{"skip", "delete"}
)

// A Step is one thing that a mirror does.
type Step struct {
	Op   StepOp
	Path string // where it is
	To   string // where it goes
	Why  string
}

// A StepOp is what a Step does.
type StepOp int

const (
	CopyOver  StepOp = iota + 1 // from the source to the target
	CopyBack                    // from the target to the source
	MakeOver                    // a folder
	MakeBack                    // a folder
	DropThere                   // from the target
	Leave                       // something is in the way, or never synced: say why
	Skip                        // a rule leaves it so, or nobody can change it: say why
)

// Mirror decides what makes the target what the rules want of it. It is pure:
// equal says whether two files that both sides have are the same, which may cost
// a look. unknown are folders of the source that could not be read: what the
// target has below them stays. held says why the deletes are too many to be
// meant, or "".
func Mirror(source, target Sides, unknown []string, r MirrorRules, equal func(path string) (bool, error)) (steps []Step, held string, err error) {
	for _, key := range slices.Sorted(maps.Keys(source)) {
		s := source[key]
		t, there := target[key]
		switch {
		case !s.Meant:
		case s.Other != "":
			op := Leave
			if s.Never {
				op = Skip
			}
			steps = append(steps, Step{op, s.Path, "", s.Other})
			unknown = append(slices.Clip(unknown), s.Path)
		case !there:
			op := CopyOver
			if s.Dir {
				op = MakeOver
			}
			steps = append(steps, Step{op, s.Path, target.Spelled(s.Path), "only in the source"})
		case t.Other != "" || s.Dir != t.Dir:
			steps = append(steps, Step{Leave, s.Path, "", "something else is in the way in the target"})
			unknown = append(slices.Clip(unknown), s.Path) // and what is below it stays
		case !s.Dir:
			same, err := equal(s.Path)
			if err != nil {
				return nil, "", fmt.Errorf("%q: %w", s.Path, err)
			}
			steps = append(steps, r.both(s, t, same)...)
		}
	}
	only := onlyIn(target, source, unknown)
	switch {
	case r.BothWays:
		for _, t := range only {
			op := CopyBack
			if t.Dir {
				op = MakeBack
			}
			steps = append(steps, Step{op, t.Path, source.Spelled(t.Path), "only in the target"})
		}
	case r.SourceMissing == "delete":
		drops := drops(only, target)
		held = r.tooMany(len(drops), len(target))
		for _, t := range drops {
			steps = append(steps, Step{DropThere, t.Path, "", "not in the source"})
		}
	}
	return steps, held, nil
}

// onlyIn lists what the target alone has and the filter means.
func onlyIn(target, source Sides, unknown []string) []Side {
	var only []Side
	for _, key := range slices.Sorted(maps.Keys(target)) {
		under := slices.ContainsFunc(unknown, func(dir string) bool { return key == names.Fold(dir) || strings.HasPrefix(key, names.Fold(dir)+"/") })
		_, there := source[key]
		if t := target[key]; !there && !under && t.Meant && t.Other == "" {
			only = append(only, t)
		}
	}
	return only
}

// drops leaves out the folders in which something stays; the deepest come first.
func drops(only []Side, target Sides) []Side {
	goes := map[string]bool{}
	for _, t := range only {
		goes[names.Fold(t.Path)] = true
	}
	stays := map[string]bool{}
	for key := range target {
		for up := Parent(key); !goes[key] && up != "" && !stays[up]; up = Parent(up) {
			stays[up] = true
		}
	}
	only = slices.DeleteFunc(only, func(t Side) bool { return stays[names.Fold(t.Path)] })
	slices.Reverse(only)
	return only
}

// both decides about a file that both sides have.
func (r MirrorRules) both(s, t Side, same bool) []Step {
	over, back := Step{CopyOver, s.Path, t.Path, "they differ"}, Step{CopyBack, t.Path, s.Path, "they differ"}
	if same {
		over.Why = "equal, and copied all the same"
		if r.Equal != "copy" {
			return nil
		}
		return []Step{over}
	}
	skip := func(why string) []Step { return []Step{{Skip, s.Path, "", "they differ, and " + why}} }
	choose := func(order int) []Step { // above zero: for the source
		switch {
		case order > 0:
			over.Why = "the source is " + r.SameName
			return []Step{over}
		case order == 0:
			return skip("neither is " + r.SameName)
		case r.BothWays:
			back.Why = "the target is " + r.SameName
			return []Step{back}
		}
		return skip("the target is " + r.SameName)
	}
	age, size := s.MTime.Truncate(time.Second).Compare(t.MTime.Truncate(time.Second)), cmp.Compare(s.Size, t.Size)
	switch r.SameName {
	case "", "source":
		return []Step{over}
	case "newer":
		return choose(age)
	case "older":
		return choose(-age)
	case "bigger":
		return choose(size)
	case "smaller":
		return choose(-size)
	case "target":
		if r.BothWays {
			return []Step{back}
		}
		return skip("the target's stays")
	}
	return skip("both stay")
}

// always is the number of deletes that is held whatever the settings say.
const always = 1000

func (r MirrorRules) tooMany(deletes, all int) string {
	switch {
	case deletes == 0:
		return ""
	case deletes > always:
		return fmt.Sprintf("%d items would be deleted", deletes)
	case deletes == all && all > 1:
		return "everything in the target would be deleted"
	case deletes > r.HoldCount && deletes*100 > r.HoldPercent*all:
		return fmt.Sprintf("%d of %d items would be deleted", deletes, all)
	}
	return ""
}
