package watcher

import (
	"hash/maphash"
	"time"
)

// pollEvery is how often directories are read that cannot be watched. A round
// that takes long makes the next one later, so that polling takes a twentieth of
// the time at most.
const pollEvery = 30 * time.Second

// Polling says how many directories are polled because the kernel's limit is
// reached.
func (w *Watcher) Polling() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, d := range w.dirs {
		if d.how == polled {
			n++
		}
	}
	return n
}

// pollAll tells the polled directories that changed, and gives the pause until
// the next round. What cannot be read is told once; the reader finds out why,
// and adds it again if it is there.
func (w *Watcher) pollAll() time.Duration {
	start := time.Now()
	for _, rel := range w.polledDirs() {
		sum, err := w.sum(rel)
		w.mu.Lock()
		d, ok := w.dirs[rel]
		changed := ok && d.how == polled && (err != nil || d.sum != sum)
		switch {
		case changed && err != nil:
			w.drop(rel)
		case changed:
			d.sum = sum
			w.dirs[rel] = d
		}
		w.mu.Unlock()
		if changed {
			w.in.add(rel, true)
		}
	}
	return max(pollEvery, 20*time.Since(start))
}

func (w *Watcher) polledDirs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var dirs []string
	for rel, d := range w.dirs {
		if d.how == polled {
			dirs = append(dirs, rel)
		}
	}
	return dirs
}

// sum changes when anything in a directory does that can be seen without opening
// it. What is in the directories below is their own matter.
func (w *Watcher) sum(rel string) (sum uint64, err error) {
	entries, err := w.root.ReadDir(rel, nil)
	for _, e := range entries {
		if e.Kind == Dir {
			e = Entry{Name: e.Name, Kind: Dir, Ino: e.Ino, Mode: e.Mode}
		}
		sum += maphash.Comparable(w.seed, e) // in any order
	}
	return sum, err
}
