package plan

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var full = flag.Bool("full", false, "try every history, not a sample (some minutes)")

// A history is what two people did, one here and one online, since both sides
// were the same.
type history struct{ here, online []deed }

func (h history) String() string { return fmt.Sprintf("here: %v; online: %v", h.here, h.online) }

// happen lets h happen to w. It reports whether all of it could.
func (h history) happen(w *world) bool {
	for i, d := range h.here {
		if !w.do(disk, d, fmt.Sprintf("L%d", i)) {
			return false
		}
	}
	for i, d := range h.online {
		if !w.do(drive, d, fmt.Sprintf("R%d", i)) {
			return false
		}
	}
	return true
}

// try lets h happen to a world like base, brings it to rest, and holds the
// promises against what came of it.
func try(base *world, h history, seed uint64, fail float64) error {
	w := base.clone()
	w.approve = true
	if !h.happen(w) {
		return nil
	}
	was := w.clone()
	r := &run{w: w, fail: fail, fresh: written(base, was)}
	limit := 20
	if seed != 0 {
		r.rnd = rand.New(rand.NewPCG(seed, 0))
	}
	if fail > 0 {
		limit = 200
	}
	err := r.settle(limit)
	if err == nil {
		err = r.promises(base, was, h)
	}
	if err != nil {
		return fmt.Errorf("%v (seed %d)\n%w\n%s%s\nnow\n%s", h, seed, err, was.dump(), strings.Join(r.trace, "\n"), w.dump())
	}
	return nil
}

// written lists the texts on either side that the base does not have.
func written(base, w *world) []string {
	var texts []string
	for _, side := range [][]thing{w.local, w.remote} {
		for _, t := range side {
			if t.kind == File && !slices.ContainsFunc(base.local, func(b thing) bool { return b.text == t.text }) {
				texts = append(texts, t.text)
			}
		}
	}
	return texts
}

// promises compares what came of a history with what it began with.
func (r *run) promises(base, was *world, h history) error {
	live := map[string]bool{}
	for _, t := range r.w.local {
		live[t.text] = true
	}
	for _, t := range r.w.remote {
		live[t.text] = true
	}
	for _, text := range r.fresh {
		if !live[text] {
			return fmt.Errorf("%q is not kept", text)
		}
	}
	if len(r.waiting) > 0 {
		return nil
	}
	if err := onlyOneSide(was, r.w, h); err != nil {
		return err
	}
	if err := r.w.oneTime(was); err != nil {
		return err
	}
	if onlyMoves(h) && r.w.uploads+r.w.downloads > 0 {
		return fmt.Errorf("moves alone, but %d uploads and %d downloads", r.w.uploads, r.w.downloads)
	}
	return kept(base, was, live)
}

// onlyOneSide: what changed on one side only ends as that side has it.
func onlyOneSide(was, w *world, h history) error {
	want := was.local
	switch {
	case len(h.here) > 0 && len(h.online) > 0:
		return nil
	case len(h.online) > 0:
		want = was.remote
	case len(w.trash) > 0:
		return fmt.Errorf("changes here only, but %q went to the trash", w.trash)
	}
	if have := paths(w.local); !maps.Equal(have, paths(want)) {
		return fmt.Errorf("one side changed to %v, but it came to %v", paths(want), have)
	}
	return nil
}

// oneTime: a file that nobody has edited has one time in the end.
func (w *world) oneTime(was *world) error {
	for k, b := range was.base {
		text := string(b.Local.Hash)
		l, r := w.local[k], w.remote[k]
		if b.Kind == File && was.local[k].text == text && was.remote[k].text == text && l.kind == File && r.kind == File && l.mtime != r.mtime {
			return fmt.Errorf("%q has the time %d here and %d online", text, l.mtime, r.mtime)
		}
	}
	return nil
}

func onlyMoves(h history) bool {
	moves := func(d deed) bool { return d.verb == "move" || d.verb == "swap" }
	all := slices.Concat(h.here, h.online)
	return !slices.ContainsFunc(all, func(d deed) bool { return !moves(d) })
}

// kept: what nobody edited is there in the end if both have it, or if one moved
// what the other deleted; else it is gone.
func kept(base, was *world, live map[string]bool) error {
	for k, b := range base.base {
		if b.Kind != File {
			continue
		}
		text := string(b.Local.Hash)
		l, r := was.local[k], was.remote[k]
		switch {
		case l.kind != None && l.text != text || r.kind != None && r.text != text:
		case l.kind != None && r.kind != None:
			if !live[text] {
				return fmt.Errorf("%q is gone, which nobody deleted", text)
			}
		case l.kind != None:
			if moved := filed(base, was.local, was.remote, Key(k)); moved != live[text] && !copied(was.remote, text) {
				return fmt.Errorf("%q, deleted online: moved here %v, kept %v", text, moved, live[text])
			}
		case r.kind != None:
			if moved := filed(base, was.remote, was.local, Key(k)); moved != live[text] && !copied(was.local, text) {
				return fmt.Errorf("%q, deleted here: moved online %v, kept %v", text, moved, live[text])
			}
		case live[text] && !copied(was.local, text) && !copied(was.remote, text):
			return fmt.Errorf("%q is back, which both deleted", text)
		}
	}
	return nil
}

// copied says that another item on that side has the text too.
func copied(side []thing, text string) bool {
	return slices.ContainsFunc(side, func(t thing) bool { return t.text == text })
}

// filed says that k was moved on one side, by itself or with a folder that the
// other side deleted.
func filed(base *world, side, other []thing, k Key) bool {
	for f := k; f != root; f = base.base[f].Parent {
		b := base.base[f]
		if side[f].kind != None && other[f].kind == None && (side[f].Place != Place{b.Parent, b.LocalName}) {
			return true
		}
	}
	return false
}

// smallTree has five items at three depths.
var smallTree = []string{"a", "d/", "d/x", "d/e/", "d/e/y"}

var smallDeeds = []deed{
	{"edit", "a", ""}, {"edit", "d/x", ""}, {"edit", "d/e/y", ""}, {"touch", "a", ""},
	{"delete", "a", ""}, {"delete", "d", ""}, {"delete", "d/x", ""}, {"delete", "d/e", ""}, {"delete", "d/e/y", ""},
	{"move", "a", "b"}, {"move", "a", "A"}, {"move", "a", "d/a"}, {"move", "a", "d/x"}, {"move", "a", "d/e/y"},
	{"move", "d", "c"}, {"move", "d", "a"}, {"move", "d", "e/d"},
	{"move", "d/x", "b"}, {"move", "d/x", "a"}, {"move", "d/x", "d/e/y"}, {"move", "d/x", "d/X"},
	{"move", "d/e", "e"}, {"move", "d/e", "b"}, {"move", "d/e", "d/x"},
	{"move", "d/e/y", "d/x"}, {"move", "d/e/y", "a"}, {"move", "d/e/y", "y"},
	{"move", "c", "d"}, {"move", "e", "d"}, {"move", "b", "d"}, {"move", "b", "c"},
	{"swap", "a", "d/x"}, {"swap", "a", "d/e"}, {"swap", "a", "d"}, {"swap", "d/x", "d/e/y"},
	{"write", "n", ""}, {"write", "a", ""}, {"write", "A", ""}, {"write", "b", ""}, {"write", "d/x", ""}, {"write", "d/n", ""}, {"write", "d/e/n", ""},
	{"mkdir", "n", ""}, {"mkdir", "b", ""}, {"mkdir", "d", ""}, {"mkdir", "d/e/n", ""}, {"mkdir", "D", ""},
	{"turn", "a", ""}, {"turn", "d", ""}, {"turn", "d/e", ""}, {"turn", "d/x", ""}, {"replace", "a", ""}, {"replace", "d/x", ""},
}

// lives lists the histories of at most n deeds on one side, one for each
// different tree that they can lead to.
func lives(base *world, s side, deeds []deed, n int) [][]deed {
	seen := map[string]bool{}
	all := [][]deed{nil}
	for from := 0; n > 0; n-- {
		to := len(all)
		for _, before := range all[from:to] {
			for _, d := range deeds {
				h := append(slices.Clone(before), d)
				w := base.clone()
				can := true
				for i, d := range h {
					can = can && w.do(s, d, fmt.Sprint("T", i))
				}
				if state := fmt.Sprint(*w.side(s)); can && !seen[state] {
					seen[state] = true
					all = append(all, h)
				}
			}
		}
		from = to
	}
	return all
}

// Who gives way is chosen by the keys, so they are tried in both orders.
func TestEveryShortHistoryEndsWell(t *testing.T) {
	base := grown(smallTree...)
	bases := []*world{base, base.renumbered()}
	here, online := lives(base, disk, smallDeeds, 2), lives(base, drive, smallDeeds, 2)
	t.Logf("%d × %d, with keys in two orders", len(here), len(online))
	step := 37
	switch {
	case *full:
		step = 1
	case testing.Short():
		step = 1009
	}
	parts(t, len(here), func(t *testing.T, i int) {
		for j := range online {
			if len(here[i])*len(online[j]) > 0 && (i+j)%step != 0 { // what one of them does alone is always tried
				continue
			}
			for _, base := range bases {
				if err := try(base, history{here[i], online[j]}, uint64(j), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// parts spreads the numbers below n over parallel tests.
func parts(t *testing.T, n int, f func(t *testing.T, i int)) {
	const parts = 4
	for part := range parts {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			for i := part; i < n; i += parts {
				f(t, i)
			}
		})
	}
}
