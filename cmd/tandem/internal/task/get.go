package task

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"tandem/remote"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// A Get brings items here.
type Get struct {
	From         *Drive
	Into         *Landing
	Overwrite    Overwrite
	KeepTimes    bool
	DeleteSource bool // once what came is proved to be what is online
	Force        bool // bring also what is equal
	Dry          bool
	Report       *Report
}

// An Item on its way is a node, and the path that it gets.
type Item struct {
	Node
	To    string
	Named bool // it was asked for by its own name, and not as one of many
}

// Unfit says why an item that was asked for by its name has no content to be read.
// What is so among others is skipped.
func (it Item) Unfit() error {
	switch {
	case !it.Named || it.Why == "":
		return nil
	case it.Kind == remote.File:
		return remote.ErrMalware
	}
	return fmt.Errorf("%w: %s", ErrNoFile, it.Why)
}

// Run brings the items, folders first. It ends early only with the context.
func (g *Get) Run(ctx context.Context, items []Item) {
	if !g.Dry {
		g.Into.forget()
	}
	var files []Item
	for _, it := range items {
		if it.Kind == remote.Folder {
			g.makeFolder(it)
			continue
		}
		files = append(files, it)
		g.Report.expect(it.Size)
	}
	each(ctx, files, func(it Item) {
		res := g.file(ctx, it)
		switch res.Done {
		case Done:
			g.Report.done.Add(1)
		default:
			g.Report.spare(it.Size)
		}
		g.Report.tell(res)
	})
	if err := g.Into.settle(); err != nil {
		g.Report.tell(failed("get", "", err))
	}
}

func (g *Get) makeFolder(it Item) {
	if g.Dry {
		return
	}
	err := g.Into.allow(it.To)
	if err == nil {
		err = g.Into.makeDirs(it.To)
	}
	if err != nil {
		g.Report.tell(failed("get", it.Path, err))
	}
}

func failed(op, p string, err error) Result {
	return Result{Op: op, Path: p, Done: Failed, Why: err.Error(), Err: err}
}

// file brings one file. One that changes here while it comes is looked at once
// more.
func (g *Get) file(ctx context.Context, it Item) Result {
	res, err := g.try(ctx, it)
	if errors.Is(err, transfer.ErrEdited) && !errors.Is(err, errLeft) {
		res, err = g.try(ctx, it)
	}
	if err != nil {
		return failed("get", it.Path, err)
	}
	return res
}

func (g *Get) try(ctx context.Context, it Item) (Result, error) {
	res := Result{Op: "get", Path: it.Path, To: it.To, Size: it.Size, Done: Done}
	if it.Why != "" {
		res.Done, res.Why = Skipped, it.Why
		return res, it.Unfit()
	}
	if err := g.Into.allow(it.To); err != nil {
		return res, err
	}
	was, there, err := g.Into.look(it.To)
	if err != nil {
		return res, err
	}
	var old *watcher.Entry
	if there {
		old = &was
		if done, err := g.decide(&res, it, was); done || err != nil {
			if err == nil && res.Done == Same && g.DeleteSource && !g.Dry {
				err = g.deleteSource(ctx, it)
			}
			return res, err
		}
	}
	if g.Dry {
		res.Done = Planned
		return res, nil
	}
	proved, err := g.bring(ctx, it, old)
	if !proved {
		res.Why = "the service sends other bytes than it tells of"
	}
	return res, err
}

// decide reports whether what stands here already settles the matter.
func (g *Get) decide(res *Result, it Item, was watcher.Entry) (bool, error) {
	if was.Kind != watcher.File {
		return true, fmt.Errorf("%w: %s", ErrInTheWay, kindName(was))
	}
	if g.Force {
		return false, nil
	}
	if was.Size == it.Size && it.Hash != "" {
		sum, err := g.Into.hash(g.Into.at(it.To))
		if absent(err) {
			return true, transfer.ErrEdited
		}
		if err != nil {
			return true, err
		}
		if sum == it.Hash {
			res.Done = Same
			return true, g.retime(res, it, was)
		}
	}
	yes, why := g.Overwrite.lets(stamp{it.Size, it.MTime}, stamp{was.Size, time.Unix(0, was.MTime)})
	if !yes {
		res.Done, res.Why = Skipped, why
	}
	return !yes, nil
}

// retime gives a file here that is the same the time that it has online.
func (g *Get) retime(res *Result, it Item, was watcher.Entry) error {
	if !g.KeepTimes || g.Dry || it.MTime.IsZero() || remote.SameTime(it.MTime, time.Unix(0, was.MTime)) {
		return nil
	}
	set, err := g.Into.retime(it.To, it.Hash, was, it.MTime)
	if err != nil {
		return err
	}
	if res.Time, res.Why = TimeSet, "its time was set"; !set {
		res.Time, res.Why = TimeLeft, "its time here stays: only the owner of the file may set it"
	}
	return nil
}

func kindName(e watcher.Entry) string {
	switch {
	case e.Kind == watcher.Dir || e.Kind == watcher.Mount:
		return "a folder"
	case e.Why != "":
		return e.Why
	}
	return "no file"
}

// bring fetches the file and gives it its name. proved says that its hash is the
// one that the service tells.
func (g *Get) bring(ctx context.Context, it Item, old *watcher.Entry) (proved bool, err error) {
	if err := g.Into.makeDirs(Parent(it.To)); err != nil {
		return false, err
	}
	p, err := g.From.fetch(ctx, g.Into, it.Item, g.Report.came)
	if err != nil {
		return false, err
	}
	defer p.Close()
	var mtime time.Time
	if g.KeepTimes {
		mtime = it.MTime
	}
	if err := g.Into.finish(p.File, it.To, old != nil, mtime); err != nil {
		return false, errors.Join(err, g.Into.disk.Remove(p.Name))
	}
	ours, err := p.Stat()
	if err != nil {
		return false, err
	}
	if err := g.Into.place(p.Name, p.Hash, ours, it.To, old); err != nil {
		return false, err
	}
	g.From.arrived(g.Into, it.Item)
	g.Into.later(Parent(it.To))
	if !g.DeleteSource {
		return p.AsTold, nil
	}
	if !p.Proved(g.From.version(it.Item)) {
		return false, errors.New("it is here, and its source stays: the service tells no hash that proves it")
	}
	return true, g.deleteSource(ctx, it)
}

// deleteSource deletes what is here by now. Whoever brought it here, it is durable
// before that.
func (g *Get) deleteSource(ctx context.Context, it Item) error {
	here, _, err := g.Into.look(it.To)
	if err == nil {
		err = g.Into.Twins.apart(ctx, it.To, here.Ino, it.ID)
	}
	if err == nil {
		err = g.Into.keepSafe(it.To)
	}
	if err == nil {
		err = g.From.delete(ctx, it.Item)
	}
	if err != nil {
		return fmt.Errorf("it is here, but its source stays: %w", err)
	}
	return nil
}

// Under gives the path of a node below a target: with its own name in front, or,
// for a path that ended in a slash, without.
func Under(target string, top, n Node, contents bool) string {
	rel := n.Path
	if !contents {
		rel = join(path.Base("/"+top.Path), rel)
	}
	return strings.Trim(join(target, strings.TrimSuffix(rel, "/")), "/")
}
