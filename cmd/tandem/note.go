package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/syncer"
)

// A note is what the program itself remembers of a folder.
type note struct {
	Remote string    `json:"remote"` // as configured when the two sides were bound
	At     time.Time `json:"at"`     // when the last pass ended …
	Code   int       `json:"code"`   // … and how
	Error  string    `json:"error"`

	CodePage  string         `json:"code_page,omitempty"`  // of the connection, when names were last read; "" = utf-8
	LeftAlone map[string]int `json:"left_alone,omitempty"` // links and the like that were spoken of
	NotFiles  []string       `json:"not_files,omitempty"`  // likewise online, their paths
}

func (s *session) noteFile(folder string) string {
	return filepath.Join(s.dir, "folders", fileName(folder)+".json")
}

func (s *session) note(folder string) note {
	var n note
	if err := readJSON(s.noteFile(folder), &n); err != nil {
		return note{}
	}
	return n
}

// remember notes how a pass ended.
func (s *session) remember(f *folder, sum syncer.Summary, code int) {
	n := s.note(f.name)
	n.At, n.Code, n.Error = time.Now(), code, sum.Error
	if kinds := more(sum.LeftAlone, n.LeftAlone); kinds != "" {
		s.screen.say("%s: left alone, as they are never synced: %s", f.name, kinds)
	}
	n.LeftAlone = sum.LeftAlone
	s.sayNotFiles(f.name, sum.NotFiles, &n)
	if err := writeJSON(s.noteFile(f.name), n); err != nil {
		s.screen.say("%s: status will be out of date: %v", f.name, err)
	}
}

// more lists the kinds of things of which there are more than were.
func more(are, were map[string]int) string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(are)) {
		if n := are[kind]; n > were[kind] {
			kinds = append(kinds, count(n, kind))
		}
	}
	return strings.Join(kinds, ", ")
}

// sayNotFiles names what is online and never synced, each once.
func (s *session) sayNotFiles(folder string, all []syncer.NotFile, n *note) {
	var paths []string
	said := 0
	for _, it := range all {
		paths = append(paths, it.Path)
		if slices.Contains(n.NotFiles, it.Path) {
			continue
		}
		if said++; said <= fewLines {
			s.screen.say("%s: not synced, as it is no file: %q: %s", folder, it.Path, it.Why)
		}
	}
	if rest := said - fewLines; rest > 0 {
		s.screen.say("%s: not synced, as they are no files: %s more; see: tandem status", folder, count(rest, "item"))
	}
	n.NotFiles = paths
}
