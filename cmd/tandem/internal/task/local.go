package task

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
	"tandem/syncer/disk"
	"tandem/syncer/names"
	"tandem/syncer/transfer"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// An Origin is a folder here that things are sent from. No link in it is
// followed.
type Origin struct {
	Twins Twins

	disk disk.Verbs
	dir  string
	page *codepage.Page
	end  func() error

	mu   sync.Mutex
	away map[string]*Landing // through which what is removed goes, by the folder that each is
}

// OpenOrigin opens a folder here, whose names are spelled in the page; the path
// to it may lead through links.
func OpenOrigin(dir string, page *codepage.Page) (*Origin, error) {
	d, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	d.SetPage(page)
	return &Origin{disk: d, dir: dir, page: page, end: d.Close}, nil
}

// Close ends the use of what came from here.
func (o *Origin) Close() error {
	var errs []error
	for _, away := range o.away {
		errs = append(errs, away.Close())
	}
	return errors.Join(append(errs, o.end())...)
}

// A Local is a file or folder here, to be sent.
type Local struct {
	watcher.Entry
	Path string // below where the task looks
	Name string // as a person knows it
	To   string

	from *Origin
	rel  string
	time time.Time // what it is to be online, where that is not when it was written here
	sum  string    // hash of its content, if that is known
}

// modified is the time that the file has, or is to have, online.
func (l Local) modified() time.Time {
	if !l.time.IsZero() {
		return l.time
	}
	return time.Unix(0, l.MTime)
}

// Look returns what stands at a path below the origin.
func (o *Origin) Look(rel string) (Local, error) {
	e, err := o.disk.Lstat(rel)
	if err != nil {
		return Local{}, err
	}
	if rel != "" {
		_, e.Name = filepath.Split(rel)
	}
	return Local{Entry: e, Path: rel, Name: filepath.Join(o.dir, filepath.FromSlash(rel)), from: o, rel: rel}, nil
}

// Filterable is the file as a filter sees it.
func (l Local) Filterable() filter.Entry {
	e := filter.Entry{Path: l.Path, Dir: l.Kind == watcher.Dir, Size: l.Size, Modified: l.modified()}
	if l.Born != 0 {
		e.Created = time.Unix(0, l.Born)
	}
	return e
}

// Inside lists what is in a folder of the origin; with deep all that is below.
// What is neither file nor folder comes too, for others to say so. skipped hears
// of folders that cannot be read: nothing is known about what is in those.
func (o *Origin) Inside(ctx context.Context, rel string, deep bool, skipped func(rel string, err error)) ([]Local, error) {
	entries, err := o.disk.ReadDir(rel, nil)
	if err != nil {
		return nil, err
	}
	var all []Local
	for _, e := range entries {
		if watcher.IsOwn(e.Name) {
			continue // of a synced folder further down, or what another task keeps
		}
		at := join(rel, e.Name)
		all = append(all, Local{Entry: e, Path: at, Name: filepath.Join(o.dir, filepath.FromSlash(at)), from: o, rel: at})
		if !deep || e.Kind != watcher.Dir {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		below, err := o.Inside(ctx, at, true, skipped)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			skipped(at, err)
			continue
		}
		all = append(all, below...)
	}
	return all, nil
}

// open opens the file, if it is still what was looked at.
func (l Local) open() (disk.File, error) {
	f, err := l.from.disk.Open(l.rel)
	if err != nil {
		return nil, err
	}
	e, err := f.Stat()
	if err == nil && (e.Ino != l.Ino || e.Size != l.Size || e.MTime != l.MTime) {
		err = transfer.ErrEdited
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (l Local) hash() (string, error) {
	f, err := l.open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	return hashOf(f)
}

// remove takes the file away, if it is still what was sent, and has that hash.
// Where the origin itself cannot have a private area, as when it is another
// user's, the first folder on the way to the file that can has it.
func (l Local) remove(hash string) error {
	steps := strings.Split(l.rel, "/")
	for n := 0; ; n++ {
		away, err := l.from.landing(strings.Join(steps[:n], "/"))
		if err != nil {
			return err
		}
		_, failed := away.own()
		if away.Synced || n == len(steps)-1 || failed == nil {
			return away.remove(strings.Join(steps[n:], "/"), l.Entry, hash)
		}
	}
}

// landing is a folder of the origin, for changing it.
func (o *Origin) landing(rel string) (*Landing, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away[rel] != nil {
		return o.away[rel], nil
	}
	away, err := o.land(rel, 0)
	if err != nil {
		return nil, err
	}
	away.forget()
	if o.away == nil {
		o.away = map[string]*Landing{}
	}
	o.away[rel] = away
	return away, nil
}

// Land opens the origin for what is to come into it.
func (o *Origin) Land(mode uint32) (*Landing, error) { return o.land("", mode) }

// land opens a folder of the origin to change it. Its path may have come to lead elsewhere,
// through a link or to another folder: what that is may not be touched.
func (o *Origin) land(rel string, mode uint32) (*Landing, error) {
	spelled, err := o.page.SpellPath(rel)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.dir, filepath.FromSlash(spelled))
	l, err := landAt(dir, mode, o.page)
	if err != nil {
		return nil, err
	}
	ours, err := o.disk.Lstat(rel)
	there, also := l.disk.Lstat(l.prefix)
	if err = errors.Join(err, also); err == nil && (there.Ino != ours.Ino || there.Dev != ours.Dev) {
		err = fmt.Errorf("folder %q: %w", dir, watcher.ErrAway)
	}
	if err != nil {
		return nil, errors.Join(err, l.end())
	}
	return l, nil
}

// Unsendable says why something here cannot go online, or "".
func (l Local) Unsendable(driveKind string) string {
	switch l.Kind {
	case watcher.Mount:
		return "another file system is mounted on it"
	case watcher.Other:
		return l.Why
	}
	if l.from != nil && l.from.page.Unreadable(lastName(l.To)) != "" {
		return l.from.page.Unreadable(lastName(l.To))
	}
	return names.RemoteRefuses(driveKind)(Parent(l.To), lastName(l.To), l.Kind == watcher.Dir)
}

func lastName(p string) string { return p[len(p)-len(filepath.Base("/"+p)):] }

// SameFile compares what is here with what is online by their content: by size
// and hash, or where the service tells no hash, by size and time.
func (l Local) SameFile(it remote.Item) (bool, error) {
	if it.Kind != remote.File || l.Size != it.Size {
		return false, nil
	}
	if it.Hash == "" {
		return remote.SameTime(l.modified(), it.MTime), nil
	}
	sum, err := l.hash()
	return sum == it.Hash, err
}
