package task

import (
	"tandem/syncer/disk"
	"tandem/watcher"
)

// In a directory that others may write to, as /tmp, anybody can put something under
// the name of the private area. Nothing passes by there, and nobody is kept from
// fetching by it: then tasks share an area whose name nobody could guess.

// tasks is the part of a private area that is for tasks.
func tasks(area string) string { return area + "/tasks" }

// own is where this task has its private files. It is made when it is first asked for.
func (l *Landing) own() (string, error) {
	l.mu.Lock()
	area := l.area
	l.mu.Unlock()
	if area != "" {
		return tasks(area), nil
	}
	area, err := l.claim()
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.area == "" { // no other file was faster
		l.area = area
	}
	return tasks(l.area), nil
}

// claim makes a private area: the usual one, or if that is another's the one that
// another task has made, or one of its own.
func (l *Landing) claim() (area string, err error) {
	if l.exposed {
		area = disk.NewArea()
		return area, l.makePrivate(tasks(area))
	}
	err = l.makePrivate(private)
	if !disk.Taken(err) {
		return watcher.Private, err
	}
	for _, area := range l.areas() {
		if area != watcher.Private && l.makePrivate(tasks(area)) == nil {
			return area, nil
		}
	}
	area = disk.NewArea()
	return area, l.makePrivate(tasks(area))
}

// areas are the private areas here that are the user's own: also of tasks that
// were killed.
func (l *Landing) areas() []string {
	if l.exposed { // only of its own is known what it is
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.area == "" {
			return nil
		}
		return []string{l.area}
	}
	if l.find == nil {
		return []string{watcher.Private}
	}
	found, _ := l.find() // a later task may find more
	return found
}

// tidy removes what is empty of the private areas; that of a synced folder is
// syncing's own.
func (l *Landing) tidy() {
	for _, area := range l.areas() {
		_ = l.disk.Rmdir(disk.ReplacedIn(area))
		_ = l.disk.Rmdir(tasks(area) + "/" + partial)
		_ = l.disk.Rmdir(tasks(area))
		if !l.Synced || area != watcher.Private {
			_ = l.bare(area)
		}
	}
}
