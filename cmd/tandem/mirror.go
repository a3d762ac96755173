package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/syncer/names"
	"tandem/watcher"
)

// A mirroring is a sync task under way: one folder here, one online.
type mirroring struct {
	*work
	up     bool // here is the source
	here   string
	there  *place
	top    remote.Item // online
	fresh  bool        // it is made just now, or would be
	from   *task.Origin
	locals map[string]task.Local // by folded path
	nodes  map[string]task.Node  // by folded path
	listed []task.Node
	lost   []string // folders here that could not be read
}

// mirror makes the target like the source, as far as the rules say. What is
// replaced or deleted online goes to the versions and the recycle bin, here to
// the private area of the target.
func (w *work) mirror(ctx context.Context) error {
	m, err := w.newMirroring(ctx)
	if err != nil {
		return err
	}
	if err := m.observe(ctx); err != nil {
		return err
	}
	if m.from != nil {
		defer m.from.Close()
	}
	source, target := m.sides()
	steps, held, err := task.Mirror(source, target, m.lost, task.MirrorRules{
		BothWays: w.Direction == "<->", SameName: w.SameName, Equal: w.Equal, SourceMissing: w.SourceMissing,
		HoldCount: w.HoldDeletesCount, HoldPercent: w.HoldDeletesPercent,
	}, func(path string) (bool, error) { return m.equal(ctx, path) })
	if err != nil {
		return err
	}
	if w.yes {
		held = ""
	}
	if w.foresee {
		m.foretell(steps, held)
		return nil
	}
	return m.carryOut(ctx, steps, held)
}

func (w *work) newMirroring(ctx context.Context) (*mirroring, error) {
	source, target := w.Source[0], w.Target
	if w.Direction == "<-" {
		source, target = target, source
	}
	m := &mirroring{work: w, up: true, here: source, locals: map[string]task.Local{}, nodes: map[string]task.Node{}}
	online := target
	if _, _, ok, err := w.named(source, w.Connection); err != nil {
		return nil, err
	} else if ok {
		m.up, m.here, online = false, target, source
	}
	if _, _, ok, _ := w.named(m.here, w.Connection); ok {
		return nil, usage(errors.New("sync is between a folder here and one online; both are online"), "from online to online it is: verb = \"cp\"")
	}
	var err error
	m.there, err = w.needRemote(ctx, online, w.errand)
	return m, err
}

// observe lists both sides. A source that is missing is a mistake and never an
// empty folder.
func (m *mirroring) observe(ctx context.Context) error {
	if err := m.observeHere(ctx); err != nil {
		return err
	}
	it, err := m.there.drive.At(ctx, m.there.base, m.there.path)
	switch {
	case errors.Is(err, remote.ErrNotFound) && m.up:
		if m.top, m.fresh, err = m.folderAt(ctx, m.there, m.foresee); err != nil {
			return err
		}
		return nil
	case errors.Is(err, remote.ErrNotFound):
		return usage(fmt.Errorf("nothing is at %q online", m.there.said), "")
	case err != nil:
		return advise(err, m.there.conn)
	case it.Kind != remote.Folder:
		return usage(fmt.Errorf("%q is no folder", m.there.said), "")
	}
	m.top = it
	list := m.there.drive.Below(ctx, it, m.filter().NeedsCreated())
	for n, err := range list {
		if err != nil {
			return advise(err, m.there.conn)
		}
		m.listed = append(m.listed, n)
		m.nodes[names.Fold(n.Path)] = n
	}
	return nil
}

func (m *mirroring) observeHere(ctx context.Context) error {
	info, err := os.Stat(m.here)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !m.up && m.Direction != "<->":
		return nil // it will be made
	case errors.Is(err, fs.ErrNotExist):
		return usage(fmt.Errorf("%q is missing", m.here), "if its disk is not mounted, mount it; nothing was done")
	case err != nil:
		return err
	case !info.IsDir():
		return usage(fmt.Errorf("%q is no folder", m.here), "")
	}
	if m.from, err = task.OpenOrigin(m.here, m.pageAt(m.here, m.there.conn)); err != nil {
		return err
	}
	all, err := m.from.Inside(ctx, "", true, func(rel string, err error) {
		m.lost = append(m.lost, rel)
		m.result(task.Result{Op: "sync", Path: filepath.Join(m.here, rel), Done: task.Failed, Why: err.Error(), Err: err})
	})
	for _, l := range all {
		if key := names.Fold(l.Path); m.locals[key].Path == "" {
			m.locals[key] = l
		}
	}
	return err
}

// sides shows both sides to the planner.
func (m *mirroring) sides() (source, target task.Sides) {
	f := m.filter()
	here, there := task.Sides{}, task.Sides{}
	for _, l := range m.locals {
		s := task.Side{Path: l.Path, Dir: l.Kind == watcher.Dir, Size: l.Size, MTime: time.Unix(0, l.MTime), Meant: f.Match(l.Filterable())}
		if l.Kind != watcher.Dir && l.Kind != watcher.File {
			s.Other = l.Unsendable(m.there.drive.Kind)
		}
		here.Add(s)
	}
	for _, n := range m.listed {
		s := task.Side{Path: n.Path, Dir: n.Kind == remote.Folder, Size: n.Size, MTime: n.MTime, Meant: f.Match(n.Entry())}
		if n.Kind == remote.Opaque || n.Why != "" {
			s.Other, s.Never = n.Why, n.Kind == remote.Opaque
		}
		there.Add(s)
	}
	if m.up {
		return here, there
	}
	return there, here
}

func (m *mirroring) equal(ctx context.Context, path string) (bool, error) {
	key := names.Fold(path)
	return m.there.drive.Same(ctx, m.locals[key], m.nodes[key].Item)
}

// op is a step in the words of the other verbs, and whether it is done online.
func (m *mirroring) op(st task.Step) (op string, online bool) {
	over := st.Op == task.CopyOver || st.Op == task.MakeOver || st.Op == task.DropThere
	online = over == m.up
	switch st.Op {
	case task.MakeOver, task.MakeBack:
		return "mkdir", online
	case task.DropThere:
		return "rm", online
	case task.Leave, task.Skip:
		return "sync", online
	}
	if online {
		return "put", true
	}
	return "get", false
}

func (m *mirroring) foretell(steps []task.Step, held string) {
	for _, st := range steps {
		op, online := m.op(st)
		res := task.Result{Op: op, Path: st.Path, To: st.To, Done: task.Planned, Why: st.Why}
		if res.To == res.Path {
			res.To = ""
		}
		switch {
		case st.Op == task.Leave, st.Op == task.Skip:
			res.Done = task.Skipped
		case st.Op == task.DropThere && held != "":
			res.Why = "held: " + held
		case st.Op == task.DropThere && online:
			res.Why += ", to the recycle bin"
		}
		m.result(res)
	}
}

// carryOut does what was planned: what is new first, and deletes at the end, if
// nothing went wrong before.
func (m *mirroring) carryOut(ctx context.Context, steps []task.Step, held string) error {
	var puts []task.Local
	var gets []task.Item
	var drops []task.Step
	for _, st := range steps {
		op, online := m.op(st)
		key := names.Fold(st.Path)
		switch {
		case st.Op == task.Leave:
			m.result(task.Result{Op: op, Path: st.Path, Done: task.Skipped, Why: st.Why, Err: task.ErrInTheWay})
		case st.Op == task.Skip:
			m.result(task.Result{Op: op, Path: st.Path, Done: task.Skipped, Why: st.Why})
		case st.Op == task.DropThere:
			drops = append(drops, st)
		case online:
			l := m.locals[key]
			l.To = st.To
			puts = append(puts, l)
		default:
			n := m.nodes[key]
			gets = append(gets, task.Item{Node: n, To: st.To})
		}
	}
	into, err := m.transfer(ctx, puts, gets)
	if into != nil {
		defer into.Close()
	}
	if err != nil || len(drops) == 0 {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case held != "":
		m.tally.Held = len(drops)
		m.screen.say("%s%s; they are held", prefix(m.name), held)
		m.screen.hint("see them with: tandem run --dry-run %s; if they are meant: tandem run --yes %[1]s", m.name)
		return nil
	case m.tally.Failed > 0:
		m.screen.say("%snothing is deleted, since not all went well before", prefix(m.name))
		return nil
	}
	return m.drop(ctx, drops, into)
}

// transfer sends and fetches. The landing is given back for what is left to do
// here.
func (m *mirroring) transfer(ctx context.Context, puts []task.Local, gets []task.Item) (*task.Landing, error) {
	force := m.Equal == "copy"
	if len(puts) > 0 {
		put := task.Put{To: m.there.drive, Top: m.top, Fresh: m.fresh, KeepTimes: m.KeepTimes, Force: force, Report: m.report}
		if !m.fresh {
			put.Seen = append([]task.Node{}, m.listed...)
		}
		put.Run(ctx, puts)
	}
	if m.up && m.Direction != "<->" {
		return nil, nil
	}
	into, err := m.land()
	if err != nil {
		return nil, err
	}
	into.Keep = true
	get := task.Get{From: m.there.drive, Into: into, KeepTimes: m.KeepTimes, Force: force, Report: m.report}
	get.Run(ctx, gets)
	return into, nil
}

// land opens the folder here, which is the one that was looked at if there was one.
func (m *mirroring) land() (*task.Landing, error) {
	if m.from != nil {
		return m.from.Land(m.mode)
	}
	return task.Land(m.here, m.mode, m.pageAt(m.here, m.there.conn))
}

// drop deletes from the target what the source does not have.
func (m *mirroring) drop(ctx context.Context, drops []task.Step, into *task.Landing) error {
	if !m.up {
		for _, st := range drops { // the deepest first
			res := task.Result{Op: "rm", Path: st.Path, Done: task.Done}
			if err := into.Remove(m.locals[names.Fold(st.Path)]); err != nil {
				res = task.Result{Op: "rm", Path: st.Path, Done: task.Failed, Why: err.Error(), Err: err}
			}
			m.result(res)
		}
		return nil
	}
	known := map[string]bool{}
	for _, n := range m.listed {
		known[n.ID] = true
	}
	gone := map[string]bool{}
	for _, st := range drops {
		gone[names.Fold(st.Path)] = true
	}
	var nodes []task.Node
	for _, st := range slices.Backward(drops) {
		if !gone[names.Fold(task.Parent(st.Path))] { // what is in a folder that goes goes with it
			nodes = append(nodes, m.nodes[names.Fold(st.Path)])
		}
	}
	change := task.Change{On: m.there.drive, Report: m.report, Known: known}
	change.Remove(ctx, nodes)
	return nil
}
