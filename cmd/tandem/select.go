package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

// A selection is what one source online came to.
type selection struct {
	from  *place
	items []task.Item
	named bool // one thing, and not by a mask: the target may be its new name
}

// selected finds what the sources mean online. find resolves a place; pick says what
// of one thing that was found is meant.
func (w *work) selected(ctx context.Context, find func(context.Context, *place) ([]task.Node, error), pick func(context.Context, *place, task.Node) ([]task.Item, error)) (all []selection, err error) {
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return nil, err
		}
		tops, err := find(ctx, p)
		if err != nil {
			return nil, err
		}
		s, err := selectionOf(ctx, p, tops, pick)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func selectionOf(ctx context.Context, p *place, tops []task.Node, pick func(context.Context, *place, task.Node) ([]task.Item, error)) (selection, error) {
	s := selection{from: p}
	for _, top := range tops {
		items, err := pick(ctx, p, top)
		if err != nil {
			return s, err
		}
		s.items = append(s.items, items...)
	}
	s.named = len(tops) == 1 && len(s.items) == 1 && s.items[0].ID == tops[0].ID && !filter.IsMask(p.path)
	return s, nil
}

// items gives what of one thing that was found is meant: a file itself, or what is in
// a folder.
func (w *work) items(ctx context.Context, p *place, top task.Node) (some []task.Item, err error) {
	f := w.filter()
	if top.Kind != remote.Folder {
		return itself(f, p, top), nil
	}
	nodes, err := w.nodes(ctx, p, top, f)
	if err != nil {
		return nil, err
	}
	if !w.Recursive { // a folder alone, without what is in it, is of no use to anybody
		nodes = slices.DeleteFunc(nodes, func(n task.Node) bool { return n.Kind == remote.Folder })
	}
	for _, n := range picked(f, nodes, task.Node.Entry) {
		some = append(some, task.Item{Node: task.Node{Item: n.Item, Path: beneath(top.Path, n.Path)}, To: task.Under("", top, n, p.contents)})
	}
	return some, nil
}

// itself is one thing that was found, if the filter lets it through by its name.
func itself(f *filter.Filter, p *place, top task.Node) []task.Item {
	entry := top.Entry()
	if entry.Path = top.Name; !f.Match(entry) {
		return nil
	}
	return []task.Item{{Node: top, To: top.Name, Named: !filter.IsMask(p.path)}}
}

// nodes lists what is in a folder, unless that is too much to be meant.
func (w *work) nodes(ctx context.Context, p *place, top task.Node, f *filter.Filter) (all []task.Node, err error) {
	if !w.Recursive && f.All() && !p.contents {
		return nil, usage(fmt.Errorf("%q is a folder", p.said), "add --recursive for all that is in it, or a filter")
	}
	for n, err := range w.inside(ctx, p, top, f) {
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// inside gives what is in a folder, as deep as is asked for.
func (w *work) inside(ctx context.Context, p *place, top task.Node, f *filter.Filter) iter.Seq2[task.Node, error] {
	return func(yield func(task.Node, error) bool) {
		if w.Recursive {
			for n, err := range p.drive.Below(ctx, top.Item, f.NeedsCreated()) {
				if !yield(n, advise(err, p.conn)) {
					return
				}
			}
			return
		}
		nodes, err := p.drive.Inside(ctx, top.Item)
		if err != nil {
			yield(task.Node{}, advise(err, p.conn))
		}
		for _, n := range nodes {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// picked is what a filter leaves of a selection, in its order and within its limit.
func picked[T any](f *filter.Filter, all []T, entry func(T) filter.Entry) []T {
	var some []T
	for _, v := range all {
		if f.Match(entry(v)) {
			some = append(some, v)
		}
	}
	if f.Sorted() || f.Limit() > 0 {
		slices.SortStableFunc(some, func(a, b T) int { return f.Compare(entry(a), entry(b)) })
	}
	if n := f.Limit(); n > 0 && len(some) > n {
		some = some[:n]
	}
	return some
}

// beneath is a path of a folder and a name, either of which may be empty.
func beneath(dir, name string) string { return strings.Trim(dir+"/"+name, "/") }
