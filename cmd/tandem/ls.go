package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

// A listed is what --json prints for one item.
type listed struct {
	Path     string     `json:"path"` // below the place
	Place    string     `json:"place"`
	Type     string     `json:"type"` // file, folder or other
	Size     int64      `json:"size"`
	Modified *time.Time `json:"modified,omitempty"`
	Created  *time.Time `json:"created,omitempty"` // where it is known
	Hash     string     `json:"quickxor,omitempty"`
	ID       string     `json:"id"`
	Why      string     `json:"why,omitempty"` // it is neither file nor folder, or cannot be read
}

// ls prints each item as soon as it is known, unless an order is asked for.
func (w *work) ls(ctx context.Context) error {
	out := bufio.NewWriter(w.out)
	defer out.Flush()
	f := w.filter()
	printed := 0
	show := func(n task.Node, place string) error {
		printed++
		if err := w.list(out, n, place); err != nil {
			return err
		}
		return out.Flush()
	}
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return err
		}
		if err := w.lsPlace(ctx, p, f, show); err != nil {
			return err
		}
	}
	if printed == 0 {
		w.screen.say("nothing matches")
	}
	return nil
}

var errEnough = errors.New("enough")

func (w *work) lsPlace(ctx context.Context, p *place, f *filter.Filter, show func(task.Node, string) error) error {
	var kept []task.Node
	n := 0
	see := func(node task.Node) error {
		if !f.Match(node.Entry()) {
			return nil
		}
		if f.Sorted() {
			kept = append(kept, node)
			return nil
		}
		if n++; f.Limit() > 0 && n > f.Limit() {
			return errEnough
		}
		return show(node, p.said)
	}
	err := w.each(ctx, p, f, see)
	if err != nil && err != errEnough {
		return err
	}
	for _, node := range picked(f, kept, task.Node.Entry) {
		if err := show(node, p.said); err != nil {
			return err
		}
	}
	return nil
}

// each calls see for what a place means: a file itself, what is in a folder.
// Where masks found several, each path begins with the place that was found.
func (w *work) each(ctx context.Context, p *place, f *filter.Filter, see func(task.Node) error) error {
	tops, err := w.reach(ctx, p)
	if err != nil {
		return err
	}
	many := filter.IsMask(p.path)
	for _, top := range tops {
		isFolder := top.Kind == remote.Folder
		if !isFolder && !many {
			top.Path = top.Name
		}
		if !isFolder || many {
			if err := see(top); err != nil {
				return err
			}
		}
		if !isFolder || many && !w.Recursive {
			continue
		}
		for n, err := range w.inside(ctx, p, top, f) {
			if many {
				n.Path = top.Path + "/" + n.Path
			}
			if err == nil {
				err = see(n)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *work) list(out io.Writer, n task.Node, place string) error {
	if w.json {
		return printJSON(out, describeNode(n, place))
	}
	name := clean(n.Path)
	if n.Kind == remote.Folder {
		name += "/"
	}
	if n.Why != "" {
		name += "  (" + clean(n.Why) + ")"
	}
	if !w.long {
		_, err := fmt.Fprintln(out, name)
		return err
	}
	size, when := "-", "-"
	if n.Kind == remote.File {
		size = humanize.Bytes(uint64(max(n.Size, 0)))
	}
	if !n.MTime.IsZero() {
		when = n.MTime.Local().Format("2006-01-02 15:04")
	}
	_, err := fmt.Fprintf(out, "%8s  %-16s  %s\n", size, when, name)
	return err
}

func describeNode(n task.Node, place string) listed {
	l := listed{Path: n.Path, Place: place, Type: "other", Size: n.Size, ID: n.ID, Why: n.Why}
	switch n.Kind {
	case remote.File:
		l.Type = "file"
	case remote.Folder:
		l.Type = "folder"
	}
	if n.Hash != "" {
		l.Hash = base64.StdEncoding.EncodeToString([]byte(n.Hash))
	}
	if !n.MTime.IsZero() {
		l.Modified = &n.MTime
	}
	if !n.Born.IsZero() {
		l.Created = &n.Born
	}
	return l
}
