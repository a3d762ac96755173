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
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"tandem/watcher/codepage"
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
	path   string            // absolute
	kernel *fsnotify.Watcher // nil: the system grants no more of them, and all is polled
	in     *inbox
	events chan Event
	seed   maphash.Seed

	mu    sync.Mutex
	dirs  map[string]dir
	byIno map[uint64]string
}

// A dir is a directory that was added.
type dir struct {
	how how
	ino uint64
	sum uint64 // of a polled directory's listing
}

// how says by what means changes in a directory are noticed.
type how uint8

const (
	watched how = iota + 1 // the kernel tells
	polled                 // it is read now and then
	barred                 // it may not be read; the directory above tells when that changes
)

// New makes a Watcher of the folder at root, which tells a path once it has been
// quiet for settle. Run must be called: it gives back what New takes.
func New(root string, settle time.Duration) (*Watcher, error) {
	path, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	top, err := OpenRoot(path)
	if err != nil {
		return nil, err
	}
	kernel, err := fsnotify.NewWatcher()
	if err != nil && !exhausted(err) {
		return nil, errors.Join(err, top.Close())
	}
	return &Watcher{
		root: top, path: path, kernel: kernel, in: newInbox(settle), events: make(chan Event),
		seed: maphash.MakeSeed(), dirs: map[string]dir{}, byIno: map[uint64]string{},
	}, nil
}

// Of reports whether the Watcher is of the folder that was opened as root.
func (w *Watcher) Of(root *Root) bool { return w.root.Is(root) }

// SetPage says that names on the disk are spelled in a code page, as
// [Root.SetPage] does. It is called before Add and Run.
func (w *Watcher) SetPage(p *codepage.Page) { w.root.SetPage(p) }

// Add watches a directory, though not those in it. It is called before the
// directory is read, also when it was added before: then nothing that happens in
// between is missed, and a directory made anew under an old name is watched too.
// One beyond the kernel's limit is polled instead, see [Watcher.Polling]; one
// that may not be read is told when its mode changes. Neither is an error.
func (w *Watcher) Add(rel string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, err := w.root.Lstat(rel)
	if err != nil {
		return err
	}
	if e.Kind != Dir {
		return fmt.Errorf("watch %q: not a directory of this folder", rel)
	}
	w.rename(rel, e.Ino)
	d := dir{how: watched, ino: e.Ino}
	err = w.watch(rel)
	if exhausted(err) {
		d.how = polled
		d.sum, err = w.sum(rel)
	}
	if errors.Is(err, fs.ErrPermission) {
		d.how, err = barred, nil
	}
	if err != nil {
		return fmt.Errorf("watch %q: %w", rel, err)
	}
	w.dirs[rel] = d
	w.byIno[e.Ino] = rel
	return nil
}

// rename forgets what was added as rel and is something else now, and under
// which other name this directory was added. The kernel knows it by its number
// alone, and fsnotify by the name it came under first: news of the move, which
// may be on the way or lost, would take the watch along.
func (w *Watcher) rename(rel string, ino uint64) {
	if d, ok := w.dirs[rel]; ok && d.ino != ino {
		w.forget(rel)
	}
	if old, ok := w.byIno[ino]; ok && ino != 0 && old != rel {
		w.forget(old)
	}
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

// exhausted says that a limit of the system is reached: of watches (ENOSPC), of
// watchers or open files (EMFILE, ENFILE), of memory.
func exhausted(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) ||
		errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// Forget stops watching a directory and everything below it.
func (w *Watcher) Forget(rel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(rel)
}

func (w *Watcher) forget(rel string) { w.forgetAll(map[string]bool{rel: true}) }

// forgetAll stops watching directories that are no longer at their names; for
// true, with everything below. The kernel would go on to tell of them under
// those names, wherever they are now. Removing a large tree brings many names,
// none of which is searched for below; moving many directories, one search.
func (w *Watcher) forgetAll(left map[string]bool) {
	search := false
	for rel, below := range left {
		_, added := w.dirs[rel]
		search = search || below && (added || rel == "")
		if added {
			w.drop(rel)
		}
	}
	if !search {
		return
	}
	for rel := range w.dirs {
		for up := rel; up != ""; {
			if up, _ = split(up); left[up] {
				w.drop(rel)
				break
			}
		}
	}
}

func (w *Watcher) drop(rel string) {
	d := w.dirs[rel]
	delete(w.dirs, rel)
	if w.byIno[d.ino] == rel {
		delete(w.byIno, d.ino)
	}
	if d.how == watched {
		_ = w.kernel.Remove(w.abs(rel)) // fails when the kernel dropped it first
	}
}

// Restless lists the paths of which something is told again and again, and since when:
// no Event tells of them before they are quiet, or for thirty times as long.
func (w *Watcher) Restless() map[string]time.Time { return w.in.restless() }

// Events gives the hints while Run runs. It is never closed.
func (w *Watcher) Events() <-chan Event { return w.events }

func (w *Watcher) abs(rel string) string {
	spelled, err := w.root.page.SpellPath(rel)
	if err != nil { // what cannot be spelled is not there either
		spelled = rel
	}
	return filepath.Join(w.path, filepath.FromSlash(spelled))
}

func (w *Watcher) rel(abs string) string {
	return w.root.page.ReadPath(strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(abs, w.path)), "/"))
}
