package watcher

import (
	"sync"
	"time"
)

// An inbox keeps what the kernel told until Run gets to it. Whoever takes from
// the kernel touches nothing but this, and so never waits for long.
type inbox struct {
	wake chan struct{} // holds one value after the fold stopped being empty

	mu   sync.Mutex
	fold *fold
	left map[string]bool // names that something went from; true if with all below
}

func newInbox(settle time.Duration) *inbox {
	return &inbox{wake: make(chan struct{}, 1), fold: newFold(settle), left: map[string]bool{}}
}

// add notes that something happened at path.
func (in *inbox) add(path string, deep bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.fold.add(path, deep, time.Now())
	in.ring()
}

// leave notes that something went from path, by a move with all below it. Below
// what was removed there was nothing left.
func (in *inbox) leave(path string, moved bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.left[path] = in.left[path] || moved
	in.fold.add(path, true, time.Now())
	in.ring()
}

// lose notes that the kernel dropped news. Directories may be elsewhere than
// where they were added, so all are forgotten; the reader, who is told to look
// at everything, adds them again.
func (in *inbox) lose() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.left[""] = true
	in.fold.addAll(time.Now())
	in.ring()
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// due gives a channel on which to wait before the next call of take; nil while
// there is nothing.
func (in *inbox) due() <-chan time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.fold.doubts) == 0 {
		return nil
	}
	return time.After(in.fold.wait(time.Now()))
}

// restless lists what is held back and does not get quiet.
func (in *inbox) restless() map[string]time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.fold.restless()
}

// take takes off what is to be told, and all names that something went from:
// they are forgotten before anything is told that came after.
func (in *inbox) take() (ripe []Event, left map[string]bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	left, in.left = in.left, map[string]bool{}
	return in.fold.ripe(time.Now()), left
}
