package sim

import (
	"errors"
	"strings"
)

// A person online sees a listing, and acts on what it shows: by path, which is then
// whatever stands under it by now, or by the id of what was listed under it, wherever
// that is by now. "look" lists anew; an act lists what it is about.

// browsed translates what a person does by id to what is there.
func (s *stackWorld) browsed(verb, at string) (string, string, error) {
	if verb == "look" {
		s.seen = s.ids()
		return verb, at, nil
	}
	byPath, byID := strings.CutPrefix(verb, "id")
	ids := s.ids()
	if !byID {
		if id := ids[at]; verb == "rm" && id != "" {
			s.thrown[at] = append(s.thrown[at], id)
		}
		if id, ok := ids[at]; ok {
			s.seen[at] = id
		}
		return verb, at, nil
	}
	id, listed := s.seen[at]
	if !listed {
		id = ids[at]
	}
	for p, other := range ids {
		if other == id && id != "" {
			if byPath == "rm" {
				s.thrown[p] = append(s.thrown[p], id)
			}
			return byPath, p, nil
		}
	}
	return "", "", errors.New("it is gone")
}

// bringBack restores what was last deleted under a path, as a person does who looks
// into the recycle bin.
func (s *stackWorld) bringBack(at string) error {
	id := s.seen[at] // an engine may have deleted it
	if n := len(s.thrown[at]); n > 0 {
		id = s.thrown[at][n-1]
		s.thrown[at] = s.thrown[at][:n-1]
	}
	contents, err := s.online.Restore(id)
	if err != nil {
		return err
	}
	s.rest.odd.ever, s.back = true, true // it may be deleted once more, and told of again
	for _, text := range contents {
		s.ledger.cameBack(text)
	}
	return nil
}

// ids gives the ids of all items online, by path; folders without a slash.
func (s *stackWorld) ids() map[string]string {
	ids := map[string]string{}
	for _, p := range s.online.List() {
		if info, err := s.online.Stat(p); err == nil {
			ids[strings.Trim(p, "/")] = info.ID
		}
	}
	return ids
}

func (s *stackWorld) isDir(at string) bool {
	info, err := s.online.Stat(at)
	return err == nil && info.Folder
}
