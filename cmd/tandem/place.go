package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
)

// A place is a path online, as CONNECTION:/path says it, or as a path here does
// that lies in a synced folder.
type place struct {
	drive    *task.Drive
	conn     *connection
	base     string // id of the folder that path counts from; "" = the drive's root
	path     string
	contents bool // it ended in a slash: what is in it is meant, not the folder
	said     string
	through  *place // the shortcut that reach found on the way; nil: none
}

// parent is the folder that a place is in.
func (p *place) parent() *place {
	q := *p
	q.path, q.contents = task.Parent(p.path), true
	return &q
}

// named splits CONNECTION:/path. Without a known name before the colon it is a
// path here, but for what can only be a mistyped connection.
func (s *session) named(arg, usual string) (c *connection, rest string, ok bool, err error) {
	name, rest, colon := strings.Cut(arg, ":")
	switch {
	case !colon || strings.ContainsAny(name, `/\`) || filepath.VolumeName(arg) != "":
		return nil, "", false, nil
	case name == "" && usual != "":
		name = usual
	}
	if c := s.cfg.Connection[name]; c != nil {
		return c, rest, true, nil
	}
	if _, here := os.Lstat(arg); here == nil || !strings.HasPrefix(rest, "/") {
		return nil, "", false, nil
	}
	names := slices.Sorted(maps.Keys(s.cfg.Connection))
	hint := "add it: tandem connection add " + name
	if len(names) > 0 {
		hint = "there are: " + strings.Join(names, ", ")
		if near := nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean %s:%s?", near, rest)
		}
	}
	return nil, "", false, usage(fmt.Errorf("no connection %q", name), hint)
}

// remotePlace finds the place that arg means; nil for a path here that no synced
// folder has.
func (s *session) remotePlace(ctx context.Context, arg string, e *errand) (*place, error) {
	c, rest, ok, err := s.named(arg, e.Connection)
	if err != nil {
		return nil, err
	}
	if !ok {
		return s.placeOfPath(ctx, arg, e)
	}
	d, err := s.drive(ctx, c, e.Drive)
	if err != nil {
		return nil, err
	}
	steps, err := steps(rest, arg)
	if err != nil {
		return nil, err
	}
	contents := strings.HasSuffix(rest, "/") && len(steps) > 0 || len(steps) == 0
	return &place{drive: d, conn: c, path: strings.Join(steps, "/"), contents: contents, said: arg}, nil
}

// steps are the names in a path online, which said is about.
func steps(p, said string) ([]string, error) {
	names := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	if slices.Contains(names, "..") || slices.Contains(names, ".") {
		return nil, usage(fmt.Errorf("%q: a path online has neither . nor .. in it", said), "")
	}
	return names, nil
}

// needRemote is remotePlace for where nothing else will do.
func (s *session) needRemote(ctx context.Context, arg string, e *errand) (*place, error) {
	p, err := s.remotePlace(ctx, arg, e)
	if p == nil && err == nil {
		names := append(slices.Sorted(maps.Keys(s.cfg.Connection)), "CONNECTION")
		err = usage(fmt.Errorf("%q is neither CONNECTION:/path nor in a synced folder", arg), "write it as "+names[0]+":/path")
	}
	return p, err
}

// placeOfPath maps a path in a synced folder to where that is online. The folder
// is known by its id, once it was synced, whatever it is called by now.
func (s *session) placeOfPath(ctx context.Context, arg string, e *errand) (*place, error) {
	full, err := filepath.Abs(arg)
	if err != nil {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Folder)) {
		f := s.cfg.Folder[name]
		if !within(realPath(full), realPath(f.Local)) {
			continue
		}
		rel, err := filepath.Rel(realPath(f.Local), realPath(full))
		if err != nil {
			return nil, err
		}
		if rel = filepath.ToSlash(rel); rel == "." {
			rel = ""
		}
		c := s.cfg.Connection[f.Connection]
		rel = c.page().ReadPath(rel)
		d, err := s.drive(ctx, c, f.Drive)
		if err != nil {
			return nil, err
		}
		p := &place{drive: d, conn: c, path: strings.Trim(path.Join(f.Remote, rel), "/"), contents: strings.HasSuffix(arg, string(filepath.Separator)), said: arg}
		root, bound, err := s.boundTo(f)
		if bound {
			p.base, p.path = root.ID, rel
		}
		return p, err
	}
	return nil, nil
}

// boundTo tells which folder online f was bound to at its first run.
func (s *session) boundTo(f *folder) (it state.Item, bound bool, err error) {
	if !s.readState() {
		return it, false, nil
	}
	known, found, err := s.db.Folder(f.name)
	if err != nil || !found {
		return it, false, err
	}
	it, found, err = s.db.Item(known.Root)
	return it, found && err == nil && !it.Gone, err
}

// readState opens the state, if there is one that this tandem can read. A task
// does without, if need be.
func (s *session) readState() bool {
	if s.db == nil && s.hasState() {
		if err := s.openState(); err != nil && s.screen.verbose > 0 {
			s.screen.say("the state is of no use to a task: %v", err)
		}
	}
	return s.db != nil
}

// drive opens a drive of a connection; id "" is the account's own.
func (s *session) drive(ctx context.Context, c *connection, id string) (*task.Drive, error) {
	client, err := s.client(c)
	if err != nil {
		return nil, err
	}
	if !client.SignedIn() {
		return nil, notSignedIn(c)
	}
	if id == "" {
		who, err := s.account(ctx, c)
		if err != nil {
			return nil, advise(err, c)
		}
		if id = who.Drive; id == "" {
			return nil, usage(fmt.Errorf("connection %q: %s has no drive of its own", c.name, who), "name one with --drive, or as drive in the configuration")
		}
	}
	d := &task.Drive{Client: client, ID: remote.NormDrive(id), Notes: s.notes}
	s.recall(d)
	if d.Kind = d.Known.Kind; d.Kind == "" {
		told, err := client.Drive(ctx, id)
		if errors.Is(err, remote.ErrNotFound) {
			return nil, usage(fmt.Errorf("connection %q sees no drive %q", c.name, id), "leave the drive out for the account's own")
		}
		if err != nil {
			return nil, advise(err, c)
		}
		d.ID, d.Kind = told.ID, told.Kind
	}
	return d, nil
}

// recall lets the task use what a synced folder's state knows of the drive.
func (s *session) recall(d *task.Drive) {
	if !s.readState() {
		return
	}
	for name := range s.cfg.Folder {
		known, found, err := s.db.Folder(name)
		if err != nil || !found {
			continue
		}
		if drive, err := s.db.Drive(known.Drive); err == nil && drive.ID == d.ID {
			d.DB, d.Known = s.db, drive
			return
		}
	}
}

// find resolves a place, with masks in it all that match.
func (s *session) find(ctx context.Context, p *place) ([]task.Node, error) {
	found, err := p.drive.Find(ctx, p.base, p.path)
	if errors.Is(err, remote.ErrNotFound) {
		above := p.conn.name + ":/" + task.Parent(p.path)
		if p.base != "" { // the path is not from the root
			above = path.Dir(p.said)
		}
		return nil, usage(fmt.Errorf("nothing is at %q online", p.said), "look with: tandem ls "+above)
	}
	return found, advise(err, p.conn)
}

// reach is find for looking and fetching: what is behind a shortcut is meant
// where the path leads through it, or ends in a slash.
func (s *session) reach(ctx context.Context, p *place) ([]task.Node, error) {
	found, err := p.drive.Find(ctx, p.base, p.path)
	switch {
	case errors.Is(err, remote.ErrNotFound):
	case err != nil || !p.contents || len(found) != 1 || found[0].Elsewhere.ID == "":
		return found, advise(err, p.conn)
	}
	names := strings.Split(p.path, "/")
	for n := len(names); n > 0; n-- {
		it, err := p.drive.At(ctx, p.base, strings.Join(names[:n], "/"))
		if errors.Is(err, remote.ErrNotFound) {
			continue
		}
		if err != nil || it.Elsewhere.ID == "" {
			break
		}
		p.through = &place{drive: p.drive, conn: p.conn, base: p.base, path: strings.Join(names[:n], "/")}
		if p.drive, err = s.lent(p.conn, it.Elsewhere); err != nil {
			return nil, err
		}
		p.base, p.path = it.Elsewhere.ID, strings.Join(names[n:], "/")
		break
	}
	return s.find(ctx, p)
}

// lent is the drive in which somebody shares a folder. Nothing else in it can be
// asked about.
func (s *session) lent(c *connection, to remote.Elsewhere) (*task.Drive, error) {
	client, err := s.client(c)
	return &task.Drive{Client: client, ID: to.Drive, Kind: to.DriveKind, Lent: true, Notes: s.notes}, err
}

// folderAt gives the folder at a place, made if it is not there and that is
// wanted. fresh says that it was.
func (s *session) folderAt(ctx context.Context, p *place, dry bool) (it remote.Item, fresh bool, err error) {
	if dry {
		it, err := p.drive.At(ctx, p.base, p.path)
		if errors.Is(err, remote.ErrNotFound) {
			return remote.Item{}, true, nil
		}
		return it, false, advise(err, p.conn)
	}
	it, made, err := p.drive.MakeFolder(ctx, p.base, p.path)
	if errors.Is(err, remote.ErrExists) || errors.Is(err, task.ErrName) {
		err = usage(fmt.Errorf("%q: %w", p.said, err), "")
	}
	return it, made > 0, advise(err, p.conn)
}

// sameName is how drives compare names.
func sameName(a, b string) bool { return names.Fold(a) == names.Fold(b) }
