package watcher

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Run tells hints until ctx ends, and then stops watching for good. However slow
// the reader of Events is, what the kernel tells is taken: its queue is short,
// and drops what does not fit.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.close()
	if w.kernel != nil {
		var listening sync.WaitGroup
		listening.Go(w.listen)
		defer listening.Wait()
		defer w.kernel.Close()
	}
	poll := time.After(pollEvery)
	var ripe []Event         // what is told now; meanwhile all else gathers in the inbox
	var due <-chan time.Time // when more may be ripe
	for {
		var out chan<- Event
		var next Event
		switch {
		case len(ripe) > 0:
			out, next = w.events, ripe[0]
		case due == nil:
			due = w.in.due()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.in.wake:
		case <-poll:
			poll = time.After(w.pollAll())
		case <-due:
			due, ripe = nil, w.ripe()
		case out <- next:
			ripe = ripe[1:]
		}
	}
}

// close waits for an Add that is at work; later ones find the root closed.
func (w *Watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.root.Close()
}

// listen takes what the kernel tells until it is closed. It waits for nothing
// else, least of all for w.mu: fsnotify sends some errors under a lock that Add
// and Forget, which hold w.mu, wait for.
func (w *Watcher) listen() {
	losses := w.kernel.Errors
	for {
		select {
		case c, open := <-w.kernel.Events:
			if !open {
				return
			}
			w.hear(c)
		case err, open := <-losses:
			switch {
			case !open:
				losses = nil
			case errors.Is(err, syscall.EINVAL): // it dropped a watch that the kernel had dropped
			default: // the queue was full, or cannot be read: the same to us
				w.in.lose()
			}
		}
	}
}

// hear takes down one change. When a name came or went, a whole directory may
// have: the kernel says nothing of what is in it, nor of what was made in a new
// one before it was added.
func (w *Watcher) hear(c fsnotify.Event) {
	rel := w.rel(c.Name)
	switch {
	case IsPrivate(rel):
	case c.Has(fsnotify.Rename):
		w.in.leave(rel, true)
	case c.Has(fsnotify.Remove):
		w.in.leave(rel, false)
	default:
		w.in.add(rel, c.Has(fsnotify.Create))
	}
}

// ripe gives what is to be told now. A directory that was moved within the
// folder is forgotten first: its new name is told after that, and the reader
// adds it and all below again.
func (w *Watcher) ripe() []Event {
	ripe, left := w.in.take()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgetAll(left)
	for i, ev := range ripe {
		if w.dirs[ev.Path].how == barred { // its mode may have changed, and nothing below is known
			w.drop(ev.Path)
			ripe[i].Deep = true
		}
	}
	return ripe
}
