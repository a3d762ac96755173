package main

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/watcher"
	"tandem/watcher/codepage"
)

// sameNames refuses a new code page under which names here would read as others:
// each would be renamed online. A page under which all that was synced still has
// its name (it is ASCII, or the disk was converted meanwhile) is taken.
func (s *session) sameNames(d *disk.Disk, f *folder, known state.Folder) error {
	n := s.note(f.name)
	was, is := cmp.Or(n.CodePage, "utf-8"), s.cfg.Connection[f.Connection].CodePage
	if strings.EqualFold(was, is) {
		return nil
	}
	old, err := codepage.Named(was)
	if err != nil {
		return err
	}
	others, example, err := s.readingOtherwise(d, known, old)
	if err != nil {
		return err
	}
	if others > 0 {
		return usage(fmt.Errorf("code_page was %q when it was synced, and is now %q: %s, as %q, would read otherwise and be renamed online", was, is, count(others, "name"), example),
			"set it back; or convert the names on the disk first, as with convmv; or give the pair another name, and the two sides meet afresh")
	}
	if n.CodePage = is; s.dry {
		return nil
	}
	return writeJSON(s.noteFile(f.name), n)
}

// readingOtherwise counts what was synced and is on the disk as the old page
// spelled it, and not as the disk's own page does.
func (s *session) readingOtherwise(d *disk.Disk, known state.Folder, old *codepage.Page) (n int, example string, err error) {
	before, err := watcher.OpenRoot(d.Path())
	if err != nil {
		return 0, "", err
	}
	defer before.Close()
	if !before.Is(d.Root) {
		return 0, "", fmt.Errorf("folder %q: %w", d.Path(), watcher.ErrAway)
	}
	before.SetPage(old)
	folders := map[int64]state.Base{}
	var odd []state.Base
	for b, err := range s.db.WalkBase(known.N) {
		if err != nil {
			return 0, "", err
		}
		if plan.Kind(b.Kind) == plan.Dir {
			folders[b.N] = b
		}
		if strings.ContainsFunc(b.LocalName, func(r rune) bool { return r > '~' }) {
			odd = append(odd, b)
		}
	}
	for _, b := range odd {
		rel := b.LocalName
		for up, ok := folders[b.Parent]; ok; up, ok = folders[up.Parent] {
			rel = path.Join(up.LocalName, rel)
		}
		if _, err := d.Lstat(rel); err == nil {
			continue
		}
		if _, err := before.Lstat(rel); err != nil {
			continue // gone, or moved
		}
		if n++; example == "" {
			example = rel
		}
	}
	return n, example, nil
}
