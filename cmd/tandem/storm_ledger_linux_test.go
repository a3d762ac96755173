package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A ledger knows every version that a person saved, and which of them a person
// has replaced or deleted since. All others must be somewhere, always.
type ledger struct {
	mu       sync.Mutex
	versions map[digest]*saved
	deleted  []string // what people deleted, by its path
}

type digest [sha256.Size]byte

func digestOf(content string) digest { return sha256.Sum256([]byte(content)) }

// A saved content is one that nobody had saved before.
type saved struct {
	name  string // the line in it that no other version has
	where string // it was saved
	size  int
	over  []string // who had it in front of them, and has replaced or deleted it
}

func newLedger() *ledger { return &ledger{versions: map[digest]*saved{}} }

// make notes a version that is about to be saved. Who then cannot save it ends it.
func (l *ledger) make(content, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[digestOf(content)] = &saved{name: nameOf(content), where: where, size: len(content)}
}

// end notes what a person has replaced or deleted.
func (l *ledger) end(who string, contents ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range contents {
		if v := l.versions[digestOf(c)]; v != nil && !slices.Contains(v.over, who) {
			v.over = append(v.over, who)
		}
	}
}

// restore lets a person bring back what was deleted. What others have replaced or
// deleted, too, stays over: that may yet be done where it was brought back. Nobody
// can end it anew before this is noted.
func (l *ledger) restore(who string, do func() (contents []string, err error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	contents, err := do()
	for _, c := range contents {
		if v := l.versions[digestOf(c)]; v != nil {
			v.over = slices.DeleteFunc(v.over, func(name string) bool { return name == who })
		}
	}
	return err
}

// erase notes that a person has deleted what stood at a path, with these contents.
func (l *ledger) erase(who, path string, contents ...string) {
	l.end(who, contents...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deleted = append(l.deleted, path)
}

// origin tells of what size a version is, and as what it was saved.
func (l *ledger) origin(name string) string {
	for _, v := range l.versions {
		if v.name == name {
			return fmt.Sprintf("%d bytes, saved as %q", v.size, v.where)
		}
	}
	return "never saved"
}

// live counts the versions that must be there.
func (l *ledger) live() (n int) {
	for _, v := range l.versions {
		if len(v.over) == 0 {
			n++
		}
	}
	return n
}

// nameOf gives the line in a content that no other has: the last one if it was
// appended, else the first.
func nameOf(content string) string {
	if appended := strings.TrimSuffix(content, "\n"); appended != content {
		return appended[strings.LastIndex(appended, "\n")+1:]
	}
	first, _, _ := strings.Cut(content, "\n")
	return first
}

// found is what there is in the end, all by path.
type found struct {
	here, online map[string]string // the two sides, as contents gives them
	private      map[string]string // what tandem keeps in the folder, by the path below .tandem
	binned       []string          // in the drive's recycle bin
	past         []string          // every content that was ever online
}

// A judgement is what became of the versions that no person has replaced or deleted.
type judgement struct {
	lost  []string // nowhere, or in tandem's keeping though nobody has deleted it
	torn  []string // contents that nobody has saved
	trash []string // only in tandem's keeping, and a person has deleted what stood there
	weak  []string // only in the drive's recycle bin
}

// judge never asks tandem.
func (l *ledger) judge(f found) judgement {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v judgement
	live := digests(maps.Values(f.here), maps.Values(f.online))
	private := map[digest]string{}
	for _, path := range slices.Sorted(maps.Keys(f.private)) {
		private[digestOf(f.private[path])] = path
	}
	binned := digests(slices.Values(f.binned))
	for d, version := range l.versions {
		kept, in := private[d]
		switch {
		case len(version.over) > 0 || live[d]:
		case in && l.explained(kept):
			v.trash = append(v.trash, version.name)
		case binned[d]:
			v.weak = append(v.weak, version.name)
		default:
			v.lost = append(v.lost, version.name)
		}
	}
	for _, side := range []struct {
		name string
		tree map[string]string
	}{{"here", f.here}, {"online", f.online}} {
		for path, content := range side.tree {
			if !strings.HasSuffix(path, "/") && l.versions[digestOf(content)] == nil {
				v.torn = append(v.torn, fmt.Sprintf("%s %q: %.60q", side.name, path, content))
			}
		}
	}
	for _, content := range f.past {
		if l.versions[digestOf(content)] == nil {
			v.torn = append(v.torn, fmt.Sprintf("online once: %.60q", content))
		}
	}
	for _, names := range [][]string{v.lost, v.torn, v.trash, v.weak} {
		slices.Sort(names)
	}
	return v
}

// explained reports whether a person has deleted what tandem keeps at a path
// below .tandem, or a folder that it was in.
func (l *ledger) explained(kept string) bool {
	rest, trashed := strings.CutPrefix(kept, "trash/")
	_, was, _ := strings.Cut(rest, "/") // the first step is the run that deleted it
	for ; trashed && was != "."; was = path.Dir(was) {
		if slices.Contains(l.deleted, was) {
			return true
		}
	}
	return false
}

// digests are those of all contents that are not empty, as those of folders are.
func digests(all ...func(func(string) bool)) map[digest]bool {
	set := map[digest]bool{}
	for _, contents := range all {
		for c := range contents {
			if c != "" {
				set[digestOf(c)] = true
			}
		}
	}
	return set
}

// idIn finds an id in a line of an eventLog, and the path in brackets behind it.
var idIn = regexp.MustCompile(` id (\S+) \((.*?)\) `)

// An eventLog tells afterwards what everybody did, in order.
type eventLog struct {
	start time.Time

	mu    sync.Mutex
	lines []string
}

func (c *eventLog) add(format string, args ...any) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, c.now()+" "+fmt.Sprintf(format, args...))
}

func (c *eventLog) now() string { return fmt.Sprintf("%7.3f", time.Since(c.start).Seconds()) }

// about gives the lines that name a version, and from the first of them on those
// about the items that had it, and about the folders that were deleted with it.
func (c *eventLog) about(version string, most int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	words := []string{version}
	has := func(line string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(line, w) })
	}
	first := slices.IndexFunc(c.lines, has)
	if first < 0 {
		return nil
	}
	for _, line := range c.lines[first:] {
		about, ok := idIn.FindStringSubmatch(line), strings.Contains(line, version)
		if !ok || about == nil {
			continue
		}
		words = append(words, " id "+about[1]+" ")
		for dir := path.Dir(about[2]); dir != "."; dir = path.Dir(dir) {
			words = append(words, "("+dir+") 204", "eve deleted "+dir+":")
		}
	}
	var lines []string
	for _, line := range c.lines[first:] {
		if has(line) {
			lines = append(lines, line)
		}
	}
	return lines[:min(len(lines), most)]
}

// deletedAlone reports whether tandem deleted the very file that had a version, and
// not a folder with the file in it.
func (c *eventLog) deletedAlone(version string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.lines, func(line string) bool {
		return strings.Contains(line, " tandem DELETE item ") && strings.HasSuffix(line, " 204: "+version)
	})
}
