package watcher

import (
	"context"
	"errors"

	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// An Event is a hint that Path should be looked at again. By the time it is
// read the file may have changed once more, or be gone.
type Event struct {
	Path string    // slash-separated, relative to the watched folder; "" is the folder itself
	Deep bool      // everything below Path is in doubt too, as after a queue overflow
	At   time.Time // when the last kernel event folded into this one came
}

// A Watcher turns kernel events into hints. It watches only the directories
// that were added; the reader adds each before it reads it, so that nothing
// that happens in between is missed.
type Watcher struct {
	root   string
	settle time.Duration
	kernel *fsnotify.Watcher
	events chan Event

	mu     sync.Mutex
	polled map[string]struct{} // directories beyond the kernel's limit
}

// pollEvery is how often a directory is looked at that cannot be watched.
const pollEvery = 30 * time.Second

// New makes a Watcher for root. A path is told once it has been quiet for
// settle, or after a while if it never is.
func New(root string, settle time.Duration) (*Watcher, error) {
	kernel, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		return nil, err
	}
	return &Watcher{root: root, settle: settle, kernel: kernel, events: make(chan Event), polled: map[string]struct{}{}}, nil
}

// Add watches one directory. One that is beyond the kernel's limit is polled
// instead, and Polling counts it.
func (w *Watcher) Add(rel string) error {
	err := w.kernel.Add(filepath.Join(w.root, filepath.FromSlash(rel)))
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.polled[rel] = struct{}{}
		return nil
	}
	return err
}

// Forget stops watching a directory and all below it, so that one that was
// moved out of the folder tells nothing more.
func (w *Watcher) Forget(rel string) {
	at := filepath.Join(w.root, filepath.FromSlash(rel))
	for _, watched := range w.kernel.WatchList() {
		if watched == at || strings.HasPrefix(watched, at+string(filepath.Separator)) {
			_ = w.kernel.Remove(watched) // gone already is as good
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.polled {
		if p == rel || strings.HasPrefix(p, rel+"/") {
			delete(w.polled, p)
		}
	}
}

// Polling tells how many directories are polled because the kernel's limit of
// watches is reached.
func (w *Watcher) Polling() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.polled)
}

// Events gives the hints while Run runs.
func (w *Watcher) Events() <-chan Event { return w.events }

// Run tells hints until ctx ends. It never lets the kernel's queue fill while
// the reader of Events is busy.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.kernel.Close()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	f := newFold(w.settle)
	for {
		var out chan<- Event
		var due <-chan time.Time
		next, wait, ok := f.next(time.Now())
		switch {
		case ok && wait <= 0:
			out = w.events
		case ok:
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case ev, open := <-w.kernel.Events:
			if !open {
				return nil
			}
			w.take(f, ev)
		case err := <-w.kernel.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				f.add(Event{Deep: true, At: time.Now()})
			}
		case <-poll.C:
			w.pollAll(f)
		case out <- next:
			f.told(next)
		case <-due:
		}
	}
}

// take folds one kernel event.
func (w *Watcher) take(f *fold, ev fsnotify.Event) {
	rel, err := filepath.Rel(w.root, ev.Name)
	if err != nil || ev.Op == fsnotify.Chmod && rel == "." {
		return
	}
	rel = filepath.ToSlash(rel)
	if rel == "." {
		rel = ""
	}
	if rel == Private || strings.HasPrefix(rel, Private+"/") {
		return
	}
	if ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename) {
		w.Forget(rel)
	}
	f.add(Event{Path: rel, Deep: ev.Has(fsnotify.Create), At: time.Now()})
}

func (w *Watcher) pollAll(f *fold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rel := range w.polled {
		f.add(Event{Path: rel, Deep: true, At: time.Now()})
	}
}

// A fold keeps the paths that are in doubt until each has been quiet for a
// while. It reads no clock.
type fold struct {
	settle time.Duration
	due    map[string]*doubt
}

type doubt struct {
	Event
	since time.Time
}

// impatience bounds how long a path that never gets quiet is kept back, in
// settle times.
const impatience = 30

func newFold(settle time.Duration) *fold { return &fold{settle, map[string]*doubt{}} }

func (f *fold) add(ev Event) {
	if d, ok := f.due[ev.Path]; ok {
		d.At, d.Deep = ev.At, d.Deep || ev.Deep
		return
	}
	f.due[ev.Path] = &doubt{ev, ev.At}
}

// next is the path to tell first, and how long it still has to wait.
func (f *fold) next(now time.Time) (Event, time.Duration, bool) {
	var first *doubt
	var at time.Time
	for _, d := range f.due {
		when := d.At.Add(f.settle)
		if cap := d.since.Add(impatience * f.settle); when.After(cap) {
			when = cap
		}
		if first == nil || when.Before(at) || when.Equal(at) && d.Path < first.Path {
			first, at = d, when
		}
	}
	if first == nil {
		return Event{}, 0, false
	}
	return first.Event, at.Sub(now), true
}

// told takes off what the reader has got.
func (f *fold) told(ev Event) {
	if d, ok := f.due[ev.Path]; ok && d.At.Equal(ev.At) {
		delete(f.due, ev.Path)
		return
	}
	if d, ok := f.due[ev.Path]; ok {
		d.since = d.At
	}
}
