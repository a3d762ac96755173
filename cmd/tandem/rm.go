package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
)

// A doomed is what is to be deleted from one drive.
type doomed struct {
	from  *place
	nodes []task.Node
	known map[string]bool
}

func (w *work) rm(ctx context.Context) error {
	var all []doomed
	items := 0
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return err
		}
		if w.Permanent && p.drive.Kind == "personal" && !w.foresee {
			return usage(errors.New("personal drives delete to their recycle bin only"), "without permanent it goes there, and the bin is emptied in the browser")
		}
		d, err := w.doom(ctx, p)
		if err != nil {
			return err
		}
		items += len(d.nodes)
		all = append(all, d)
	}
	if w.Permanent && !w.foresee && items > 0 {
		if err := w.agree(ctx, os.Stdin, items); err != nil {
			return err
		}
	}
	w.remove(ctx, all)
	return nil
}

// remove deletes what is doomed.
func (w *work) remove(ctx context.Context, all []doomed) {
	for _, d := range all {
		change := task.Change{On: d.from.drive, Permanent: w.Permanent, Dry: w.foresee, Report: w.report, Known: d.known}
		change.Remove(ctx, d.nodes)
	}
}

// doom finds what of a place is to be deleted.
func (w *work) doom(ctx context.Context, p *place) (doomed, error) {
	d := doomed{from: p}
	tops, err := w.find(ctx, p)
	if err != nil {
		return d, err
	}
	f := w.filter()
	for _, top := range tops {
		switch {
		case top.Root && f.All():
			return d, usage(errors.New("the root of a drive cannot be deleted"), "all that is in it is: '"+p.conn.name+":/*'")
		case top.Kind != remote.Folder:
			d.nodes = append(d.nodes, picked(f, []task.Node{top}, task.Node.Entry)...)
		case f.All() && !w.Recursive:
			return d, usage(fmt.Errorf("%q is a folder", beneath(p.conn.name+":", top.Path)), "add --recursive for all that is in it, or a filter")
		case f.All():
			d.nodes = append(d.nodes, top)
		default:
			if err := w.doomInside(ctx, &d, top); err != nil {
				return d, err
			}
		}
	}
	return d, nil
}

// doomInside dooms what the filter lets through in a folder.
func (w *work) doomInside(ctx context.Context, d *doomed, top task.Node) error {
	f := w.filter()
	nodes, err := w.nodes(ctx, d.from, top, f)
	if err != nil {
		return err
	}
	if d.known == nil {
		d.known = map[string]bool{}
	}
	for _, n := range nodes {
		d.known[n.ID] = true
	}
	chosen := map[string]bool{}
	for _, n := range picked(f, nodes, task.Node.Entry) {
		if w.Recursive || n.Kind != remote.Folder {
			chosen[n.ID] = true
		}
	}
	cover, _ := task.Cover(nodes, func(n task.Node) bool { return chosen[n.ID] })
	for _, n := range cover {
		n.Path = beneath(top.Path, n.Path)
		d.nodes = append(d.nodes, n)
	}
	return nil
}

// agree asks before something is lost for good.
func (w *work) agree(ctx context.Context, from *os.File, items int) error {
	if w.yes {
		return nil
	}
	what := fmt.Sprintf("%s, a folder with all that is in it, would be deleted for good: not to the recycle bin, and nobody can bring it back", count(items, "item"))
	if !isatty.IsTerminal(from.Fd()) {
		return usage(errors.New(what), "if that is what you want, add --yes")
	}
	w.screen.say("%s", what)
	w.screen.say("go on? type yes")
	typed := make(chan string, 1)
	go func() { // until something is typed, or the program ends
		answer, _ := bufio.NewReader(from).ReadString('\n') // nothing is no yes
		typed <- answer
	}()
	var answer string
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case answer = <-typed:
	}
	if strings.TrimSpace(answer) != "yes" {
		return &failure{misused, errors.New("nothing was deleted"), ""}
	}
	return nil
}
