package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/tui"
	"tandem/remote"
	"tandem/syncer/names"
)

// driveOf opens the drive of a place, once.
func (x *walker) driveOf(ctx context.Context, at tui.Place) (*task.Drive, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := tui.Place{Connection: at.Connection, Drive: at.Drive}
	if d := x.drives[key]; d != nil {
		return d, nil
	}
	conn := x.cfg.Connection[at.Connection]
	var d *task.Drive
	var err error
	if to := at.Folder.Elsewhere; to.ID != "" && to.Drive == at.Drive {
		d, err = x.lent(conn, to)
	} else {
		d, err = x.drive(ctx, conn, at.Drive)
	}
	if err == nil {
		x.drives[key] = d
	}
	return d, err
}

// placeNamed finds the folder that an argument means, and the item to stand on
// where it means a file in it.
func (x *walker) placeNamed(ctx context.Context, arg string) (at tui.Place, on string, err error) {
	p, err := x.needRemote(ctx, arg, x.flags)
	if err != nil {
		return at, "", err
	}
	found, err := x.reach(ctx, p)
	if err != nil {
		return at, "", err
	}
	if len(found) != 1 {
		return at, "", usage(fmt.Errorf("%q is %s", arg, count(len(found), "item")), "name one; to see them: tandem ls "+arg)
	}
	at = tui.Place{Connection: p.conn.name, Drive: p.drive.ID, Folder: found[0].Item}
	if at.Folder.Kind != remote.Folder {
		on = at.Folder.ID
		if at.Folder, err = p.drive.Client.Item(ctx, p.drive.ID, at.Folder.ParentID); err != nil {
			return at, "", advise(err, p.conn)
		}
	}
	if p.through != nil {
		at.Path = found[0].Path
		if on != "" {
			at.Path = task.Parent(at.Path)
		}
		err = x.beginBehind(ctx, p, &at)
	} else {
		at.Path, err = pathOf(ctx, p.drive, at.Folder)
	}
	return at, on, advise(err, p.conn)
}

// beginBehind has the walk begin in a folder behind a shortcut, at a path that so
// far counts from there. The way up leads out where the shortcut is.
func (x *walker) beginBehind(ctx context.Context, p *place, at *tui.Place) error {
	own := p.through.drive
	shortcut, err := own.At(ctx, p.through.base, p.through.path)
	if err != nil {
		return err
	}
	x.door = door{behind: p.base, at: tui.Place{Connection: at.Connection, Drive: own.ID}}
	if x.door.at.Folder, err = own.Client.Item(ctx, own.ID, shortcut.ParentID); err != nil {
		return err
	}
	if x.door.at.Path, err = pathOf(ctx, own, x.door.at.Folder); err != nil {
		return err
	}
	at.Path = beneath(beneath(x.door.at.Path, shortcut.Name), at.Path)
	x.drives[tui.Place{Connection: at.Connection, Drive: at.Drive}] = p.drive
	return nil
}

// pathOf asks for the names of the folders above.
func pathOf(ctx context.Context, d *task.Drive, it remote.Item) (string, error) {
	var path string
	for n := 0; !it.Root && it.ParentID != ""; n++ { // a name may be empty, and lead in a circle
		if path = beneath(it.Name, path); max(n, len(path)) > task.LongestPath {
			return "", task.ErrTooDeep
		}
		var err error
		if it, err = d.Client.Item(ctx, d.ID, it.ParentID); err != nil {
			return "", err
		}
	}
	return path, nil
}

// inside lists what is in a place.
func (x *walker) inside(ctx context.Context, at tui.Place) (tui.Listing, error) {
	listed := tui.Listing{At: at}
	if at.Connection == "" {
		listed.Rows = x.connections()
		return listed, nil
	}
	conn := x.cfg.Connection[at.Connection]
	d, err := x.driveOf(ctx, at)
	if err != nil {
		return listed, err
	}
	if at.Folder.ID == "" {
		if at.Folder, err = d.At(ctx, "", at.Path); err != nil {
			return listed, advise(err, conn)
		}
	}
	at.Drive = d.ID
	nodes, err := d.Inside(ctx, at.Folder)
	if err != nil {
		return listed, fmt.Errorf("%s: %w", at, advise(err, conn))
	}
	listed.At = at
	for _, n := range nodes {
		listed.Rows = append(listed.Rows, tui.Row{Item: n.Item, Path: beneath(at.Path, n.Name)})
	}
	return listed, nil
}

func (x *walker) connections() (rows []tui.Row) {
	for _, name := range slices.Sorted(maps.Keys(x.cfg.Connection)) {
		row := tui.Row{Connection: name}
		if who, known := x.known(x.cfg.Connection[name]); known {
			row.Note = who.String()
		}
		rows = append(rows, row)
	}
	return rows
}

// above lists what is in the folder that a place is in.
func (x *walker) above(ctx context.Context, of tui.Place) (tui.Listing, error) {
	if of.Folder.Root {
		return x.inside(ctx, tui.Place{})
	}
	if x.door.behind != "" && of.Folder.ID == x.door.behind {
		return x.inside(ctx, x.door.at)
	}
	d, err := x.driveOf(ctx, of)
	if err != nil {
		return tui.Listing{}, err
	}
	at := tui.Place{Connection: of.Connection, Drive: of.Drive, Path: task.Parent(of.Path)}
	if at.Folder, err = d.Client.Item(ctx, d.ID, of.Folder.ParentID); err != nil {
		return tui.Listing{}, advise(err, x.cfg.Connection[of.Connection])
	}
	return x.inside(ctx, at)
}

// mostFound is how many items a search shows: who gets more looks for more.
const mostFound = 10_000

// find finds what has a text in its name, anywhere below a place, and tells now
// and then how many items it has seen.
func (x *walker) find(ctx context.Context, below tui.Place, text string, seen func(int)) (tui.Listing, error) {
	listing := tui.Listing{At: below}
	d, err := x.driveOf(ctx, below)
	if err != nil {
		return listing, err
	}
	text, items := names.Fold(text), 0
	for n, err := range d.Below(ctx, below.Folder, false) {
		if err != nil {
			return listing, advise(err, x.cfg.Connection[below.Connection])
		}
		if items++; items%1000 == 0 {
			seen(items)
		}
		if strings.Contains(names.Fold(n.Name), text) {
			listing.Rows = append(listing.Rows, tui.Row{Item: n.Item, Path: beneath(below.Path, n.Path)})
			if len(listing.Rows) == mostFound {
				break
			}
		}
	}
	slices.SortFunc(listing.Rows, func(a, b tui.Row) int { return strings.Compare(names.Fold(a.Path), names.Fold(b.Path)) })
	return listing, nil
}

// trouble says what is wrong and what to do, for somebody who walks about.
func trouble(err error) string {
	f := diagnose(err)
	hint := f.hint
	switch {
	case errors.Is(err, remote.ErrOffline):
		hint = "check the connection, then try again"
	case errors.Is(err, remote.ErrThrottled):
		hint = "try again later"
	case errors.Is(err, remote.ErrNotFound) && hint == "":
		hint = "it may be gone; r looks again"
	case errors.Is(err, remote.ErrDenied):
		hint = "this account may not look into it"
	}
	if hint == "" {
		return f.Error()
	}
	return f.Error() + "; " + hint
}

// run does one task, the same way as its command does.
func (x *walker) run(ctx context.Context, t tui.Task) tui.Outcome {
	e := *x.flags
	e.Verb, e.Recursive = t.Verb, true
	w := x.work(&e)
	x.mu.Lock()
	x.at, x.said, x.course = w, nil, course{start: time.Now()}
	x.mu.Unlock()
	err := w.run(ctx, func(ctx context.Context, w *work) error { return x.carryOut(ctx, w, t) })
	if err != nil {
		f := diagnose(err)
		if ctx.Err() != nil {
			f = &failure{f.code, errors.New("stopped"), "start it again, and it goes on from there"}
		}
		x.screen.complain("", f)
	}
	if w.tally.Skipped > 0 && t.Verb != "rm" {
		x.screen.hint("what was skipped is as new on the other side; to replace it all the same: tandem explore --overwrite always")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	outcome := tui.Outcome{Failed: err != nil}
	for _, line := range x.said {
		outcome.Said = append(outcome.Said, strings.TrimPrefix(line, "tandem: "))
	}
	x.at, x.all, x.said = nil, append(x.all, x.said...), nil
	return outcome
}

// carryOut names things by their ids: what their names look like, as masks or
// as paths, means nothing.
func (x *walker) carryOut(ctx context.Context, w *work, t tui.Task) error {
	d, err := x.driveOf(ctx, t.At)
	if err != nil {
		return err
	}
	p := &place{drive: d, conn: x.cfg.Connection[t.At.Connection], base: t.At.Folder.ID, contents: true, said: t.At.String()}
	var nodes []task.Node
	for _, r := range t.Rows {
		nodes = append(nodes, task.Node{Item: r.Item, Path: r.Path})
	}
	switch t.Verb {
	case "get":
		w.Target = x.pathHere(t.Arg)
		p.contents = false
		s, err := selectionOf(ctx, p, nodes, w.items)
		if err != nil {
			return err
		}
		return w.bring(ctx, []selection{s})
	case "put":
		w.Source, w.Target = []string{x.pathHere(t.Arg)}, p.said
		return w.send(ctx, p)
	case "mkdir":
		names, err := steps(t.Arg, t.Arg)
		if err == nil && len(names) == 0 {
			err = usage(fmt.Errorf("%q is no name", t.Arg), "")
		}
		if err != nil {
			return err
		}
		p.path, p.said = strings.Join(names, "/"), t.Arg
		return w.makeFolder(ctx, p)
	case "rm":
		w.remove(ctx, []doomed{{from: p, nodes: nodes}})
	}
	return nil
}

// pathHere is a path as a shell would read it: no more than that is done to it.
func (x *walker) pathHere(typed string) string {
	if rest, home := strings.CutPrefix(typed, "~"); home && (rest == "" || os.IsPathSeparator(rest[0])) {
		if dir, err := x.home(); err == nil {
			return dir + rest
		}
	}
	if typed == "-" { // to a command that would be standard input
		return "." + string(filepath.Separator) + typed
	}
	return typed
}

// complete adds to a path here what all that begin so have in common.
func (x *walker) complete(typed string) string {
	dir, begun := filepath.Split(typed)
	entries, err := os.ReadDir(filepath.Clean(x.pathHere(dir + ".")))
	if err != nil {
		return typed
	}
	var common string
	for i, e := range slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), begun) }) {
		name := e.Name()
		if e.IsDir() {
			name += string(filepath.Separator)
		}
		if i == 0 {
			common = name
		}
		for !strings.HasPrefix(name, common) {
			common = common[:len(common)-1]
		}
	}
	if len(common) < len(begun) {
		return typed
	}
	return dir + strings.ToValidUTF8(common, "")
}
