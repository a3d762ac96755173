package plan

import (
	"fmt"
	"strings"
	"testing"
)

// changes are what can have become of a file on one side since the base.
var changes = []string{"same", "edited", "deleted", "moved", "moved, edited", "made a folder", "unreadable", "not synced"}

// become says what has become of file k of the base on one side.
func become(w *world, s side, k Key) string {
	b, t := w.base[k], (*w.side(s))[k]
	at := Place{b.Parent, b.LocalName}
	switch {
	case t.kind == Unknown:
		return "unreadable"
	case t.kind == Other:
		return "not synced"
	case t.kind == None:
		for _, o := range *w.side(s) {
			if o.Place == at && o.kind == Dir {
				return "made a folder"
			}
		}
		return "deleted"
	}
	what := ""
	if t.Place != at {
		what = "moved"
	}
	if t.text != string(b.Local.Hash) {
		what = strings.TrimPrefix(what+", edited", ", ")
	}
	if what == "" {
		return "same"
	}
	return what
}

// Whatever has become of a file on one side meets whatever has become of it on
// the other: each cell of the decision table is visited, and ends well. The log
// tells how often.
func TestEveryCellOfTheTableIsVisited(t *testing.T) {
	base := grown("f", "d/", "d/x")
	deeds := []deed{
		{"edit", "f", ""}, {"delete", "f", ""}, {"move", "f", "d/f"}, {"move", "f", "g"}, {"edit", "d/f", ""}, {"edit", "g", ""},
		{"turn", "f", ""}, {"hide", "f", ""}, {"bury", "f", ""}, {"delete", "d", ""}, {"move", "d", "e"}, {"write", "g", ""},
	}
	here, online := lives(base, disk, deeds, 2), lives(base, drive, deeds, 2)
	cells := map[[2]string]int{}
	for i, l := range here {
		for j, r := range online {
			h := history{l, r}
			w := base.clone()
			if !h.happen(w) {
				continue
			}
			cells[[2]string{become(w, disk, 2), become(w, drive, 2)}]++
			if err := tryCell(base, h, uint64(i*len(online)+j+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	table := fmt.Sprintf("%-14s", "here / online")
	for _, r := range changes {
		table += fmt.Sprintf("%15s", r)
	}
	for _, l := range changes {
		table += fmt.Sprintf("\n%-14s", l)
		for _, r := range changes {
			n := cells[[2]string{l, r}]
			table += fmt.Sprintf("%15d", n)
			if n == 0 {
				t.Errorf("%s here, %s online: never visited", l, r)
			}
		}
	}
	t.Log("\n" + table)
}

// tryCell is try for histories in which something became strange, which may
// wait for ever: nothing that a person wrote is lost, and nothing strange goes.
func tryCell(base *world, h history, seed uint64) error {
	strange := false
	for _, d := range append(append([]deed{}, h.here...), h.online...) {
		strange = strange || d.verb == "hide" || d.verb == "bury"
	}
	if !strange {
		return try(base, h, seed, 0)
	}
	w := base.clone()
	w.approve = true
	h.happen(w)
	was := w.clone()
	r := &run{w: w, fresh: written(base, was)}
	if err := r.settle(20); err != nil {
		return fmt.Errorf("%v: %w\n%s", h, err, strings.Join(r.trace, "\n"))
	}
	for i, things := range [][]thing{disk: was.local, drive: was.remote} {
		for k, thing := range things {
			if now := (*w.side(side(i)))[k]; closed(thing.kind) && now.kind != thing.kind {
				return fmt.Errorf("%v: what could not be looked into is %v now", h, now)
			}
		}
	}
	return nil
}
