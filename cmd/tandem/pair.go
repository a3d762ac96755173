package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer"
	"tandem/syncer/disk"
	"tandem/syncer/names"
	"tandem/syncer/plan"
)

// A pair is a synced folder with all its parts open and its lock held.
type pair struct {
	syncer.Config
	disk   *disk.Disk
	unlock func() error
}

func (p *pair) close() error { return errors.Join(p.disk.Close(), p.unlock()) }

// open brings the two sides of f together: at the first run it binds them for
// good, later it makes sure that they are still the ones that were bound.
func (s *session) open(ctx context.Context, f *folder) (_ *pair, err error) {
	known, found, err := s.db.Folder(f.name)
	if err != nil {
		return nil, err
	}
	if err := s.lookAtLocal(f, known, found); err != nil {
		return nil, err
	}
	p := &pair{unlock: func() error { return nil }}
	if p.disk, err = disk.Open(f.Local); err != nil { // by this name: a link in it may come to lead elsewhere
		return nil, unusable(f.Local, err)
	}
	if !s.dry {
		if p.unlock, err = s.lockFolder(p.disk); err != nil {
			return nil, errors.Join(err, p.disk.Close())
		}
	}
	p.disk.SetPage(s.cfg.Connection[f.Connection].page())
	if err := s.join(ctx, p, f, known, found); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (s *session) join(ctx context.Context, p *pair, f *folder, known state.Folder, found bool) error {
	conn := s.cfg.Connection[f.Connection]
	client, err := s.client(conn)
	if err != nil {
		return err
	}
	if !client.SignedIn() {
		return notSignedIn(conn)
	}
	who, err := s.account(ctx, conn)
	if err != nil {
		return err
	}
	if found {
		known, err = s.rejoin(p.disk, f, known, who)
	} else {
		known, err = s.bind(ctx, p.disk, client, f, who)
	}
	if err != nil {
		return err
	}
	drive, err := s.db.Drive(known.Drive)
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // only a word in the names of conflict copies
	p.Config = syncer.Config{
		Name: f.name, Folder: known, Drive: drive, Disk: p.disk, Page: conn.page(), Remote: client, DB: s.db, Feed: s.feed(drive.N), Host: host,
		Beside:    slices.DeleteFunc(slices.Collect(maps.Keys(s.cfg.Folder)), func(name string) bool { return name == f.name }),
		HoldCount: f.HoldDeletesCount, HoldPercent: f.HoldDeletesPercent,
		TimesAlways: f.Times == timesAlways,
		FileMode:    s.mode, Settle: s.settle, Poll: s.poll, Log: s.logger(f.name),
	}
	if s.dry && !found {
		p.Disk = unclaimed{p.disk}
	}
	return nil
}

// lookAtLocal makes sure that there is a folder, and one that can be synced.
func (s *session) lookAtLocal(f *folder, known state.Folder, found bool) error {
	dir, err := os.Stat(f.Local)
	switch {
	case found && (errors.Is(err, fs.ErrNotExist) || err == nil && !dir.IsDir()):
		_, err := disk.IdentityAt(f.Local)
		return s.holdRoot(known, syncer.Misplaced(known, disk.Identity{}, err))
	case errors.Is(err, fs.ErrNotExist):
		return usage(fmt.Errorf("%q is missing", f.Local), "create it, or set local to the folder you mean: mkdir -p "+f.Local)
	case err != nil:
		return unusable(f.Local, err)
	case !dir.IsDir():
		return usage(fmt.Errorf("%q is not a folder", f.Local), "set local to the folder you mean")
	}
	if os.Geteuid() == 0 && !ownedByRoot(dir) {
		s.screen.say("%s: running as root on somebody else's folder: what comes from online will belong to root", f.name)
	}
	if kind := unfit(f.Local); kind != "" {
		return usage(fmt.Errorf("%q is in %s, which holds no files of yours", f.Local, kind), "")
	}
	return s.alone(f)
}

// unusable says what stands in the way of looking at a folder, or of making it a
// synced one.
func unusable(local string, err error) error {
	err = fmt.Errorf("folder %q: %w", local, err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &failure{failed, err, "give yourself access to the folder: tandem reads it, and keeps its own files in it"}
	case errors.Is(err, syscall.EROFS):
		return &failure{failed, err, "mount its disk writable: tandem keeps its own files in the folder"}
	}
	return err
}

// alone refuses a folder that lies in one which the user syncs by another
// configuration. What other users make of the folders above is their business.
func (s *session) alone(f *folder) error {
	if above, found := disk.Synced(filepath.Dir(realPath(f.Local))); found {
		return usage(fmt.Errorf("%q lies in %q, which is synced already", f.Local, above), "two pairs must not share files")
	}
	return nil
}

// holdRoot keeps everything as it is while the folder is away.
func (s *session) holdRoot(known state.Folder, why string) error {
	if !s.dry {
		if err := syncer.HoldRoot(s.db, known, why, time.Now()); err != nil {
			return err
		}
	}
	return &syncer.RootError{Path: known.Path, Why: why, Away: true}
}

// misplaced says what is wrong when what stands at the path of a synced folder is
// not that folder.
func (s *session) misplaced(f *folder) (*syncer.RootError, error) {
	if s.db == nil {
		return nil, nil // nothing was synced yet
	}
	known, found, err := s.db.Folder(f.name)
	if err != nil || !found {
		return nil, err
	}
	id, err := disk.IdentityAt(f.Local)
	if why := syncer.Misplaced(known, id, err); why != "" {
		return &syncer.RootError{Path: f.Local, Why: why, Away: true}, nil
	}
	return nil, nil
}

// bind is the first run of a pair.
func (s *session) bind(ctx context.Context, d *disk.Disk, client *remote.Client, f *folder, who account) (state.Folder, error) {
	drive, root, err := findRemote(ctx, client, f)
	if err != nil {
		return state.Folder{}, err
	}
	drive.Account = who.ID
	id, err := s.claim(d)
	if err != nil {
		return state.Folder{}, unusable(f.Local, err)
	}
	if err := s.noteBound(f); err != nil {
		return state.Folder{}, err
	}
	kept, err := s.db.EnsureDrive(drive)
	if err != nil {
		return state.Folder{}, err
	}
	var key int64
	err = s.db.Update(func(tx *state.Tx) error {
		key, _, err = tx.Hear(state.Item{
			Drive: kept.N, ID: root.ID, ParentID: root.ParentID, Name: root.Name, Fold: names.Fold(root.Name), Kind: uint8(plan.Dir),
		}, state.Telling{Source: state.Look, Since: s.db.Moment()})
		return err
	})
	if err != nil {
		return state.Folder{}, err
	}
	return s.db.PutFolder(state.Folder{
		Name: f.name, Drive: kept.N, Root: key, Path: realPath(f.Local), UUID: id.UUID, FSID: id.FSID, Ino: id.Ino, Account: who.ID,
	})
}

// findRemote finds the drive and the folder in it that f names.
func findRemote(ctx context.Context, client *remote.Client, f *folder) (state.Drive, remote.Item, error) {
	drive, err := client.Drive(ctx, f.Drive)
	if errors.Is(err, remote.ErrNotFound) {
		return state.Drive{}, remote.Item{}, usage(fmt.Errorf("this account sees no drive %q", f.Drive), "leave drive empty for the account's own")
	}
	if err != nil {
		return state.Drive{}, remote.Item{}, err
	}
	root, err := client.Root(ctx, drive.ID)
	if err != nil {
		return state.Drive{}, remote.Item{}, err
	}
	kept := state.Drive{ID: drive.ID, Kind: drive.Kind, RootID: root.ID}
	path := strings.Trim(f.Remote, "/")
	if path == "" {
		return kept, root, nil
	}
	below, err := client.ItemAt(ctx, drive.ID, path)
	if errors.Is(err, remote.ErrNotFound) || err == nil && below.Kind != remote.Folder {
		err = usage(fmt.Errorf("there is no folder %q online", f.Remote), "create it online, or set remote to the folder you mean")
	}
	return kept, below, err
}

// claim marks the folder as a synced one.
func (s *session) claim(d *disk.Disk) (disk.Identity, error) {
	if s.dry {
		return unclaimed{}.Identity()
	}
	return d.Claim()
}

// noteBound remembers which folder online was meant: it is known by its id from
// now on, whatever it is renamed to.
func (s *session) noteBound(f *folder) error {
	if s.dry {
		return nil
	}
	return writeJSON(s.noteFile(f.name), note{Remote: f.Remote, CodePage: s.cfg.Connection[f.Connection].CodePage})
}

// unclaimed is a folder that was never synced and is only looked at: it gets no
// marker.
type unclaimed struct{ *disk.Disk }

func (unclaimed) Identity() (disk.Identity, error) { return disk.Identity{UUID: "none"}, nil }

// rejoin refuses a configuration that means other things than those bound. The
// folder itself may have been moved: its marker tells.
func (s *session) rejoin(d *disk.Disk, f *folder, known state.Folder, who account) (state.Folder, error) {
	drive, err := s.db.Drive(known.Drive)
	if err != nil {
		return known, err
	}
	const another = "to sync something else, give the pair another name: [folder.NAME]"
	want := cmp.Or(remote.NormDrive(f.Drive), who.Drive)
	switch {
	case known.Account != who.ID:
		return known, &failure{signIn, fmt.Errorf("connection %q is signed in as %s, but this folder belongs to another account", f.Connection, who),
			"sign in to that account: tandem login " + f.Connection}
	case want != drive.ID:
		return known, usage(fmt.Errorf("it was bound to drive %q, and its drive is now %q", drive.ID, want), another)
	case s.note(f.name).Remote != "" && s.note(f.name).Remote != f.Remote:
		return known, usage(fmt.Errorf("it was bound to %q online, and its remote is now %q", s.note(f.name).Remote, f.Remote), another)
	case known.Path == realPath(f.Local):
		return known, s.sameNames(d, f, known)
	}
	if id, err := d.Proved(); err != nil || id.UUID != known.UUID {
		return known, errors.Join(err, usage(fmt.Errorf("it was bound to %q, and its local is now %q", known.Path, f.Local), another))
	}
	known.Path = realPath(f.Local)
	if err := s.sameNames(d, f, known); err != nil || s.dry {
		return known, err
	}
	return s.db.PutFolder(known)
}
