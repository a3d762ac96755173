package watcher

import "time"

// pollEvery is how often directories are looked at that cannot be watched.
const pollEvery = 30 * time.Second

// A stamp changes when a name in a directory comes or goes. Changes inside a
// file leave no trace in it: for those, a polled directory depends on the
// reader's own passes.
type stamp struct{ mtime, ctime int64 }

// granule is the coarsest step of time stamps in use, that of FAT. A directory
// that changed less than this ago may change again without a sign.
const granule = 2 * time.Second

func (e Entry) stamp(now time.Time) stamp {
	if now.UnixNano()-e.MTime < int64(granule) {
		return stamp{} // equals none: the next poll tells it once more
	}
	return stamp{e.MTime, e.CTime}
}

// Polling says how many directories are polled because the kernel's limit is
// reached.
func (w *Watcher) Polling() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.polled)
}

func (w *Watcher) poll(rel string) error {
	e, err := w.root.Lstat(rel)
	if err == nil {
		w.polled[rel] = e.stamp(time.Now())
	}
	return err
}

// pollAll folds the polled directories that changed. One that cannot be looked
// at is told once; the reader finds out why, and adds it again if it is there.
func (w *Watcher) pollAll(f *fold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for rel, before := range w.polled {
		e, err := w.root.Lstat(rel)
		if err == nil && before == (stamp{e.MTime, e.CTime}) {
			continue
		}
		f.add(rel, true, now)
		w.polled[rel] = e.stamp(now)
		if err != nil {
			delete(w.polled, rel)
		}
	}
}
