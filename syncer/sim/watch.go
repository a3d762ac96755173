package sim

import (
	"path"
	"slices"
	"strings"
	"time"

	"tandem/watcher"
)

// A watch tells a machine's agent what may have changed on its disk, as
// [watcher.Watcher] does by what the kernel says: only of directories that were
// added; of a path once it has been quiet for a moment; of all at once when the
// kernel's queue overflowed; and of nothing in a directory that was moved, until
// it is added under its new name.
type watch struct {
	m      *machine
	dirs   map[*inode]string // that were added, with their paths
	hints  []hint            // to come, the oldest first
	events chan watcher.Event
}

type hint struct {
	watcher.Event
	ripe time.Time
}

// quietFor is how long a path is left alone before it is told of.
const quietFor = 100 * time.Millisecond

func newWatch(m *machine) *watch {
	return &watch{m: m, dirs: map[*inode]string{}, events: make(chan watcher.Event, 1)}
}

func (w *watch) Add(rel string) error {
	in, err := w.m.disk.at(rel)
	if err == nil && in.dir {
		w.dirs[in] = rel
	}
	return err
}

func (w *watch) Forget(rel string) {
	for in, at := range w.dirs {
		if at == rel || strings.HasPrefix(at, rel+"/") {
			delete(w.dirs, in)
		}
	}
}

// Events gives the next hint, if one is ripe, to whoever asks without waiting.
func (w *watch) Events() <-chan watcher.Event {
	if len(w.events) == 0 && w.ripe() {
		w.events <- w.hints[0].Event
		w.hints = w.hints[1:]
	}
	return w.events
}

func (w *watch) ripe() bool { return len(w.hints) > 0 && !w.hints[0].ripe.After(w.m.now) }

// named hears that a name came or went.
func (w *watch) named(s slot) {
	dir, watched := w.dirs[s.dir]
	for _, e := range []entry{s.was, s.now} {
		if watched && e.in != nil {
			w.tell(path.Join(dir, e.name), true)
		}
	}
	if was := s.was.in; was != nil && was.dir && was != s.now.in {
		if at, ok := w.dirs[was]; ok {
			w.Forget(at)
		}
	}
}

// changed hears that a file was written to.
func (w *watch) changed(in *inode) {
	for dir, at := range w.dirs {
		for _, e := range dir.kids {
			if e.in == in {
				w.tell(path.Join(at, e.name), false)
			}
		}
	}
}

func (w *watch) tell(rel string, deep bool) {
	if isPrivate(rel + "/") {
		return
	}
	w.hints = slices.DeleteFunc(w.hints, func(h hint) bool {
		deep = deep || h.Path == rel && h.Deep
		return h.Path == rel
	})
	now := w.m.now
	w.hints = append(w.hints, hint{watcher.Event{Path: rel, Deep: deep, At: now}, now.Add(quietFor)})
}

// overflow loses all that was to be told.
func (w *watch) overflow() {
	if w.hints = nil; len(w.dirs) > 0 {
		w.tell("", true)
	}
}
