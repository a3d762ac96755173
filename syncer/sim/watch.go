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
	ripe  time.Time
	first time.Time // when it was first heard of
}

// quietFor is how long a path is left alone before it is told of. In the whole stack
// it is as long as the program has it, but not for ever.
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

// Restless lists what does not get quiet.
func (w *watch) Restless() map[string]time.Time {
	paths, quiet := map[string]time.Time{}, quietFor
	if s := w.m.stack; s != nil {
		quiet = s.opt.Quiet
	}
	for _, h := range w.hints {
		if h.At.Sub(h.first) >= quiet/4 {
			paths[h.Path] = h.first
		}
	}
	return paths
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
	now := w.m.now
	first := now
	w.hints = slices.DeleteFunc(w.hints, func(h hint) bool {
		if h.Path == rel {
			deep, first = deep || h.Deep, h.first
		}
		return h.Path == rel
	})
	h := hint{watcher.Event{Path: rel, Deep: deep, At: now}, now.Add(quietFor), first}
	if s := w.m.stack; s != nil {
		h.ripe = now.Add(s.opt.Quiet)
		if late := first.Add(30 * s.opt.Quiet); late.Before(h.ripe) {
			h.ripe = late
		}
		s.events.add(h.ripe, func() {}) // the loop may be asleep
	}
	i := len(w.hints)
	for i > 0 && w.hints[i-1].ripe.After(h.ripe) {
		i--
	}
	w.hints = slices.Insert(w.hints, i, h)
}

// overflow loses all that was to be told.
func (w *watch) overflow() {
	if w.hints = nil; len(w.dirs) > 0 {
		w.tell("", true)
	}
}
