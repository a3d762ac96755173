// Package watcher tells which paths below one folder may have changed, and what
// stands at a path.
//
// A [Watcher] promises that every change the kernel tells of in an added
// directory is followed by at least one [Event] for that path or one of its
// parents, and that a burst of changes to one path is folded into one Event,
// once the path has been quiet for a moment. It does not say what changed: the
// reader looks at the disk to find out. Some changes no kernel tells (a write
// through a memory map, another machine's on a network disk), so a reader also
// reads everything from time to time.
//
// A [Root] promises that looking at a path never leads out of the folder, that a
// listing is complete or an error, and that nothing that is no regular file is
// ever opened for its contents.
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
	Deep bool      // everything below Path is in doubt too: a name came or went, or hints were lost
	At   time.Time // when the last change folded into this one was heard of
}

// A Watcher turns what the kernel tells into hints. It watches only directories
// that were added. Add, Forget and Polling may be called beside Run, also before
// it.
type Watcher struct {
	root   *Root
	path   string // absolute
	settle time.Duration
	kernel *fsnotify.Watcher // nil: the system grants no more of them, and all is polled
	events chan Event

	mu      sync.Mutex
	watched map[string]struct{}
	polled  map[string]stamp
}

// New makes a Watcher of the folder at root, which tells a path once it has been
// quiet for settle. Run must be called: it gives back what New takes.
func New(root string, settle time.Duration) (*Watcher, error) {
	path, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	kernel, err := fsnotify.NewWatcher()
	if err != nil && !exhausted(err) {
		return nil, err
	}
	top, err := OpenRoot(path)
	if err != nil {
		if kernel != nil {
			err = errors.Join(err, kernel.Close())
		}
		return nil, err
	}
	return &Watcher{
		root: top, path: path, settle: settle, kernel: kernel, events: make(chan Event),
		watched: map[string]struct{}{}, polled: map[string]stamp{},
	}, nil
}

// Add watches a directory, though not those in it. It is called before the
// directory is read, also when it was added before: then nothing that happens in
// between is missed, and a directory made anew under an old name is watched too.
// Where the kernel's limit is reached the directory is polled, which is no
// error; [Watcher.Polling] tells.
func (w *Watcher) Add(rel string) error {
	if err := w.root.check(rel); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.watch(rel)
	switch {
	case err == nil:
		w.watched[rel] = struct{}{}
		delete(w.polled, rel)
	case exhausted(err):
		return w.poll(rel)
	}
	return err
}

// watch asks the kernel. A link put in the directory's place in this instant
// would be followed: then hints come of what nobody asked about, which cost a
// look each and tell nothing.
func (w *Watcher) watch(rel string) error {
	if w.kernel == nil {
		return syscall.EMFILE
	}
	return w.kernel.Add(w.abs(rel))
}

// exhausted says that the kernel has a limit on watches, and that it is reached:
// of watches (ENOSPC), of watchers or open files (EMFILE, ENFILE), of memory.
func exhausted(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) ||
		errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// Forget stops watching a directory and everything below it.
func (w *Watcher) Forget(rel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.watched {
		if within(dir, rel) {
			w.drop(dir)
		}
	}
	for dir := range w.polled {
		if within(dir, rel) {
			delete(w.polled, dir)
		}
	}
}

// within says that path is dir or lies below it.
func within(path, dir string) bool {
	return dir == "" || strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}

func (w *Watcher) drop(dir string) {
	delete(w.watched, dir)
	_ = w.kernel.Remove(w.abs(dir)) // fails when the kernel dropped it first
}

// Events gives the hints while Run runs. It is never closed.
func (w *Watcher) Events() <-chan Event { return w.events }

// Run tells hints until ctx ends, and then stops watching for good. However slow
// the reader of Events is, Run keeps taking from the kernel, whose queue is
// short and drops what does not fit.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.root.Close()
	var changes <-chan fsnotify.Event
	var losses <-chan error
	if w.kernel != nil {
		defer w.kernel.Close()
		changes, losses = w.kernel.Events, w.kernel.Errors
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()

	f := newFold(w.settle)
	var ripe []Event         // to be told; the fold is left alone until they are
	var due <-chan time.Time // when the fold is to be looked at
	for {
		var out chan<- Event
		var next Event
		switch {
		case len(ripe) > 0:
			out, next = w.events, ripe[0]
		case due == nil && len(f.doubts) > 0:
			due = time.After(f.wait(time.Now()))
		}
		select {
		case <-ctx.Done():
			return nil
		case c, open := <-changes:
			if !open {
				return fsnotify.ErrClosed
			}
			w.take(c, f)
		case <-losses: // the queue was full, or could not be read: all the same to us
			f.addAll(time.Now())
		case <-poll.C:
			w.pollAll(f)
		case <-due:
			due, ripe = nil, f.ripe(time.Now())
		case out <- next:
			ripe = ripe[1:]
		}
	}
}

// take folds what the kernel tells. When a name came or went, a whole directory
// may have: the kernel says nothing of what is in it, nor of what was made in a
// new one before it was added.
func (w *Watcher) take(c fsnotify.Event, f *fold) {
	rel := w.rel(c.Name)
	if IsPrivate(rel) {
		return
	}
	came, went := c.Has(fsnotify.Create), c.Has(fsnotify.Remove) || c.Has(fsnotify.Rename)
	if went {
		w.left(rel, c.Has(fsnotify.Rename))
	}
	f.add(rel, came || went, time.Now())
}

// left stops watching a directory that is no longer at its name: the kernel
// would go on to tell of it under that name, wherever it is now. One that was
// moved took along what is below; one that was removed was empty, and to search
// for more each time would make removing a large tree quadratic. If it was moved
// within the folder, its new name is told after this, and the reader adds it and
// all below again.
func (w *Watcher) left(rel string, moved bool) {
	if moved && w.added(rel) {
		w.Forget(rel)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.watched[rel]; ok {
		w.drop(rel)
	}
	delete(w.polled, rel)
}

// added says that rel is a directory that was added, and not a file.
func (w *Watcher) added(rel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, watched := w.watched[rel]
	_, polled := w.polled[rel]
	return watched || polled
}

func (w *Watcher) abs(rel string) string { return filepath.Join(w.path, filepath.FromSlash(rel)) }

func (w *Watcher) rel(abs string) string {
	return strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(abs, w.path)), "/")
}
