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
			return byPath, p, nil
		}
	}
	return "", "", errors.New("it is gone")
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
