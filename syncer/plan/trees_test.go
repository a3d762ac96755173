package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// Every single thing that a person can do to a small tree here, while another
// does any single thing to it online, ends well: on every tree of up to four
// items.
func TestAnyTwoDeedsOnAnySmallTreeEndWell(t *testing.T) {
	onSmallTrees(t, 4, 1, func(base *world, h history, seed uint64) error { return try(base, h, seed, 0) })
}

// In whatever order a plan is followed, it comes to the same.
func TestAnyOrderOfAPlanComesToTheSame(t *testing.T) {
	if *full {
		onSmallTrees(t, 4, 1, tryInAnyOrder)
		return
	}
	onSmallTrees(t, 3, 1, tryInAnyOrder)
}

// onSmallTrees tries the pairs of deeds on all trees up to a size, or one in so many.
func onSmallTrees(t *testing.T, size, step int, try func(base *world, h history, seed uint64) error) {
	if testing.Short() {
		size = min(size, 3)
	}
	trees := smallTrees(size)
	var tried atomic.Int64
	parts(t, len(trees), func(t *testing.T, i int) {
		base := grown(trees[i]...)
		here, online := lives(base, disk, deedsOn(disk, trees[i]), 1), lives(base, drive, deedsOn(drive, trees[i]), 1)
		for j, l := range here {
			for k := j % step; k < len(online); k += step {
				tried.Add(1)
				if err := try(base, history{l, online[k]}, uint64(j*len(online)+k+1)); err != nil {
					t.Fatalf("%v: %v", trees[i], err)
				}
			}
		}
	})
	t.Cleanup(func() { t.Logf("%d pairs of deeds on %d trees", tried.Load(), len(trees)) })
}

// Actions fail as they please, and what needs them is not done. The next plans
// get there nevertheless, and lose nothing on the way.
func TestAnyTwoDeedsEndWellWhenActionsFail(t *testing.T) {
	step := 11
	if *full {
		step = 1
	}
	onSmallTrees(t, 4, step, func(base *world, h history, seed uint64) error {
		if slices.ContainsFunc(slices.Concat(h.here, h.online), func(d deed) bool { return d.verb == "swap" }) {
			return nil // what stepped aside keeps that name, if it was in a folder that the other side deleted
		}
		return tryWithFailures(base, h, seed)
	})
}

// tryWithFailures holds less than try does: what an interrupted plan renamed to
// make room may count as moved by a person, and so survive a delete.
func tryWithFailures(base *world, h history, seed uint64) error {
	w := base.clone()
	w.approve = true
	if !h.happen(w) {
		return nil
	}
	was := w.clone()
	r := &run{w: w, rnd: rand.New(rand.NewPCG(seed, 0)), fail: 0.3, fresh: written(base, was)}
	err := r.settle(200)
	if err == nil && len(r.waiting) == 0 {
		err = missing(base, was, w)
	}
	if err != nil {
		return fmt.Errorf("%v (seed %d)\n%w\n%s%s\nnow\n%s", h, seed, err, was.dump(), strings.Join(r.trace, "\n"), w.dump())
	}
	return nil
}

// missing finds what nobody edited and is gone, though nobody deleted it or one
// moved what the other deleted.
func missing(base, was, w *world) error {
	for k, b := range base.base {
		text, l, r := string(b.Local.Hash), was.local[k], was.remote[k]
		wanted := l.text == text && r.text == text ||
			l.text == text && r.kind == None && filed(base, was.local, was.remote, Key(k)) ||
			r.text == text && l.kind == None && filed(base, was.remote, was.local, Key(k))
		if b.Kind == File && wanted && !copied(w.local, text) {
			return fmt.Errorf("%q is gone", text)
		}
	}
	return nil
}

// tryInAnyOrder follows the plans once in their order and once in one of those
// that they allow.
func tryInAnyOrder(base *world, h history, seed uint64) error {
	var ends []map[string]string
	for _, rnd := range []*rand.Rand{nil, rand.New(rand.NewPCG(seed, 0))} {
		w := base.clone()
		w.approve = true
		if !h.happen(w) {
			return nil
		}
		was := w.clone()
		r := &run{w: w, rnd: rnd, fresh: written(base, was)}
		err := r.settle(20)
		if err == nil {
			err = r.promises(base, was, h)
		}
		if ends = append(ends, paths(w.local)); err == nil && !maps.Equal(ends[0], ends[len(ends)-1]) {
			err = fmt.Errorf("in another order it comes to %v, not %v", ends[1], ends[0])
		}
		if err != nil {
			return fmt.Errorf("%v (seed %d)\n%w\n%s%s\nnow\n%s", h, seed, err, was.dump(), strings.Join(r.trace, "\n"), w.dump())
		}
	}
	return nil
}

// smallTrees lists all trees of up to n items, in folders up to three deep; of
// those that differ only in the names of siblings, one. In every folder the
// names are the same, so that they meet when something moves.
func smallTrees(n int) [][]string {
	var trees [][]string
	for size := 1; size <= n; size++ {
		for _, items := range forests(size, 3, "~") {
			trees = append(trees, named("", items))
		}
	}
	return trees
}

// A shape is an item without its name: "f" is a file, "d()" an empty folder.
type shape string

// forests lists the ways in which so many items can stand in one folder. Their
// shapes are in falling order, none after most.
func forests(size, depth int, most shape) [][]shape {
	if size == 0 {
		return [][]shape{nil}
	}
	var all [][]shape
	for first := 1; first <= size; first++ {
		for _, item := range items(first, depth) {
			if item > most {
				continue
			}
			for _, rest := range forests(size-first, depth, item) {
				all = append(all, append([]shape{item}, rest...))
			}
		}
	}
	return all
}

// items lists the shapes of one item that is, with all in it, so many.
func items(size, depth int) []shape {
	var all []shape
	if size == 1 {
		all = append(all, "f")
	}
	if size > 1 && depth == 1 {
		return nil
	}
	for _, inside := range forests(size-1, depth-1, "~") {
		s := shape("d(")
		for _, item := range inside {
			s += item
		}
		all = append(all, s+")")
	}
	return all
}

// named gives the items of a folder their names, and lists all paths.
func named(folder string, items []shape) []string {
	var list []string
	for i, item := range items {
		path := folder + string(rune('a'+i))
		if item == "f" {
			list = append(list, path)
			continue
		}
		list = append(list, path+"/")
		list = append(list, named(path+"/", parse(string(item[2:len(item)-1])))...)
	}
	return list
}

// parse splits the inside of a folder.
func parse(s string) []shape {
	var list []shape
	open, from := 0, 0
	for i, c := range s {
		open += strings.Count("(", string(c)) - strings.Count(")", string(c))
		if end := c == 'f' || c == ')'; end && open == 0 {
			list, from = append(list, shape(s[from:i+1])), i+1
		}
	}
	return list
}

// deedsOn lists what a person could do to a tree. Here, where the path decides,
// two of a kind that change names have changed contents.
func deedsOn(on side, tree []string) []deed {
	folders := []string{""}
	for _, path := range tree {
		if strings.HasSuffix(path, "/") {
			folders = append(folders, path)
		}
	}
	var deeds []deed
	for i, path := range tree {
		path = strings.TrimSuffix(path, "/")
		for _, verb := range []string{"edit", "touch", "delete", "turn", "replace"} {
			deeds = append(deeds, deed{verb, path, ""})
		}
		for _, folder := range folders {
			for _, name := range []string{"a", "b", "A", "n"} {
				deeds = append(deeds, deed{"move", path, folder + name})
			}
		}
		for _, other := range tree[i+1:] {
			name, isFolder := strings.CutSuffix(other, "/")
			if on == drive || isFolder != strings.HasSuffix(tree[i], "/") {
				deeds = append(deeds, deed{"swap", path, name})
			}
		}
	}
	for _, folder := range folders {
		for _, name := range []string{"A", "n"} {
			deeds = append(deeds, deed{"write", folder + name, ""}, deed{"mkdir", folder + name, ""})
		}
	}
	return slices.Compact(deeds)
}
