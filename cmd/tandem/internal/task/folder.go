package task

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"tandem/remote"
	"tandem/syncer/names"
)

// A shelf is the folder online that things go to: what is in it is asked once,
// and what is made in it is known. It is safe for concurrent use.
type shelf struct {
	d *Drive

	mu      sync.Mutex
	folders map[string]*folder
}

// A folder is one folder on the shelf. Its lock is held while it is asked for.
type folder struct {
	mu   sync.Mutex
	item remote.Item
	kids map[string]remote.Item // by folded name; nil: not asked yet
	err  error
}

func newShelf(d *Drive, top remote.Item, fresh bool) *shelf {
	f := &folder{item: top}
	if fresh {
		f.kids = map[string]remote.Item{}
	}
	return &shelf{d: d, folders: map[string]*folder{"": f}}
}

// seed tells the shelf all that is below it, by a listing of before.
func (s *shelf) seed(nodes []Node) {
	s.at("").kids = map[string]remote.Item{}
	for _, n := range nodes {
		if n.Kind == remote.Folder {
			s.at(n.Path).item, s.at(n.Path).kids = n.Item, map[string]remote.Item{}
		}
	}
	for _, n := range nodes {
		s.at(Parent(n.Path)).kids[names.Fold(n.Name)] = n.Item
	}
}

func (s *shelf) at(p string) *folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := names.Fold(p)
	if s.folders[key] == nil {
		s.folders[key] = &folder{}
	}
	return s.folders[key]
}

// folder gives the folder at a path, made if it is not there; with look only it
// is [remote.ErrNotFound] then.
func (s *shelf) folder(ctx context.Context, p string, look bool) (*folder, error) {
	f := s.at(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.item.ID != "" || f.err != nil {
		return f, f.err
	}
	if p == "" { // of a dry run: it would be made first
		return nil, remote.ErrNotFound
	}
	parent, err := s.folder(ctx, Parent(p), look)
	if err != nil {
		return nil, err
	}
	f.item, f.kids, err = s.subfolder(ctx, parent, p, look)
	if err != nil && ctx.Err() == nil && !look {
		f.err = err // it is not tried again for each file in it
	}
	return f, err
}

func (s *shelf) subfolder(ctx context.Context, parent *folder, p string, look bool) (it remote.Item, kids map[string]remote.Item, err error) {
	parent.mu.Lock()
	defer parent.mu.Unlock()
	if err := s.list(ctx, parent); err != nil {
		return it, nil, err
	}
	name := path.Base(p)
	it, there := parent.kids[names.Fold(name)]
	switch {
	case there && it.Kind != remote.Folder:
		return remote.Item{}, nil, fmt.Errorf("%w: %q is no folder", ErrInTheWay, p)
	case there:
		return it, nil, nil
	case look:
		return it, nil, remote.ErrNotFound
	}
	if why := names.RemoteRefuses(s.d.Kind)(Parent(p), name, true); why != "" {
		return it, nil, fmt.Errorf("%w: %s", ErrName, why)
	}
	it, err = s.d.Client.CreateFolder(ctx, s.d.ID, parent.item.ID, name, time.Time{})
	if errors.Is(err, remote.ErrExists) { // somebody was faster
		it, err = s.d.Client.ItemIn(ctx, s.d.ID, parent.item.ID, name)
		if err == nil && it.Kind != remote.Folder {
			err = fmt.Errorf("%w: %q is no folder", ErrInTheWay, p)
		}
		return it, nil, err
	}
	if err == nil {
		parent.kids[names.Fold(name)] = it
		kids = map[string]remote.Item{}
	}
	return it, kids, err
}

// list asks what is in a folder, once. Its lock is held.
func (s *shelf) list(ctx context.Context, f *folder) error {
	if f.kids != nil {
		return nil
	}
	items, err := s.d.Client.Children(ctx, s.d.ID, f.item.ID, nil)
	if err != nil {
		return err
	}
	f.kids = make(map[string]remote.Item, len(items))
	for _, it := range items {
		f.kids[names.Fold(it.Name)] = it
	}
	return nil
}

// look finds what stands at a path, and the folder it is in.
func (s *shelf) look(ctx context.Context, p string, dry bool) (*folder, remote.Item, bool, error) {
	f, err := s.folder(ctx, Parent(p), dry)
	if dry && errors.Is(err, remote.ErrNotFound) {
		return nil, remote.Item{}, false, nil
	}
	if err != nil {
		return nil, remote.Item{}, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.list(ctx, f); err != nil {
		return nil, remote.Item{}, false, err
	}
	it, there := f.kids[names.Fold(path.Base(p))]
	return f, it, there, nil
}

// put notes what stands in a folder now; forget, that nothing does.
func (f *folder) put(it remote.Item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kids[names.Fold(it.Name)] = it
}

func (f *folder) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kids, names.Fold(name))
}

// again asks anew what bears a name, after the service has said that it is not
// what we think.
func (s *shelf) again(ctx context.Context, f *folder, name string) error {
	it, err := s.d.Client.ItemIn(ctx, s.d.ID, f.item.ID, name)
	switch {
	case errors.Is(err, remote.ErrNotFound):
		f.forget(name)
		return nil
	case err == nil:
		f.put(it)
	}
	return err
}
