package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

// A weight is what --json prints for one folder.
type weight struct {
	Path  string `json:"path"` // below the place; "" is all of it
	Place string `json:"place"`
	Files int    `json:"files"`
	Size  int64  `json:"size"`
}

func (w *work) du(ctx context.Context) error {
	f := w.filter()
	if by, _, _ := strings.Cut(w.Rules.Text("sort"), ":"); by == "created" || by == "modified" {
		return usage(fmt.Errorf("sort: what du prints has no time, and cannot be in the order of %q", by), "sort by name or size")
	}
	every := w.Recursive
	w.Recursive = true
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return err
		}
		weights := map[string]*weight{"": {Place: arg}}
		err = w.each(ctx, p, f, func(n task.Node) error {
			if n.Kind == remote.File && f.Match(n.Entry()) {
				weigh(weights, n, arg, every)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, of := range ordered(weights, f) {
			if err := w.printWeight(of); err != nil {
				return err
			}
		}
	}
	return nil
}

// ordered gives the lines in the order that is asked for, up to the limit; that
// about all of it is the last.
func ordered(weights map[string]*weight, f *filter.Filter) []weight {
	var lines []weight
	for _, dir := range slices.Sorted(maps.Keys(weights)) {
		if dir != "" {
			lines = append(lines, *weights[dir])
		}
	}
	if f.Sorted() {
		slices.SortFunc(lines, func(a, b weight) int {
			return f.Compare(filter.Entry{Path: a.Path, Size: a.Size}, filter.Entry{Path: b.Path, Size: b.Size})
		})
	}
	if n := f.Limit(); n > 0 && len(lines) > n {
		lines = lines[:n]
	}
	return append(lines, *weights[""])
}

// weigh adds a file to all of it and to the folders it is in, the topmost only
// unless every one is wanted.
func weigh(weights map[string]*weight, n task.Node, place string, every bool) {
	for dir := task.Parent(n.Path); ; dir = task.Parent(dir) {
		if dir == "" || every || !strings.Contains(dir, "/") {
			if weights[dir] == nil {
				weights[dir] = &weight{Path: dir, Place: place}
			}
			weights[dir].Files++
			weights[dir].Size += n.Size
		}
		if dir == "" {
			return
		}
	}
}

func (w *work) printWeight(of weight) error {
	if w.json {
		return printJSON(w.out, of)
	}
	name := clean(of.Path) + "/"
	if of.Path == "" {
		name = clean(of.Place)
	}
	_, err := fmt.Fprintf(w.out, "%8s  %9s  %s\n", humanize.Bytes(uint64(of.Size)), count(of.Files, "file"), name)
	return err
}
