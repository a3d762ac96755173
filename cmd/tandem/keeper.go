package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tandem/syncer"
	"tandem/watcher"
)

// The agent goes back to a folder in trouble after retryFirst, then after twice
// as long each time.
const (
	retryFirst = 15 * time.Second
	retryLast  = 5 * time.Minute
)

// lookForFolder is how often it is looked whether a folder that is away is back.
const lookForFolder = time.Second

// A keeper has one folder to keep in sync.
type keeper struct {
	*session
	folder *folder
	gate   *gate
	others *company
	retry  chan struct{} // to go back to a folder in trouble at once

	mu      sync.Mutex
	engine  *syncer.Engine // nil while none runs
	trouble string         // why none does
	gaveUp  bool           // only a person can help
	ended   bool           // … and it is not tried again
}

func newKeeper(s *session, f *folder) *keeper {
	return &keeper{session: s, folder: f, gate: newGate(nil), others: newCompany(1), retry: make(chan struct{}, 1)}
}

// keep comes back to the folder after trouble that passes, such as a disk that
// is not mounted, and, as long as there are others to keep, after a sign-in.
func (k *keeper) keep(ctx context.Context, show func(syncer.Progress)) int {
	defer k.others.leave()
	said := ""
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		if k.gate.pass(ctx) != nil {
			return inSync
		}
		start := time.Now()
		open, shut := k.gate.whileOpen(ctx)
		err := k.watch(open, show)
		paused := open.Err() != nil
		shut()
		switch {
		case paused && ctx.Err() == nil:
			k.rest("", false)
			wait = retryFirst / 2
			continue
		case err == nil, ctx.Err() != nil:
			return inSync
		}
		trouble := diagnose(advise(err, k.cfg.Connection[k.folder.Connection]))
		if text := trouble.Error(); text != said {
			said = text
			k.screen.complain(k.folder.name, trouble)
		}
		hopeless := trouble.code == misused || trouble.code == signIn || trouble.code == occupied
		k.rest(trouble.Error(), hopeless)
		switch {
		case trouble.code == signIn && k.others.wait(ctx, k.retry):
			continue
		case ctx.Err() != nil:
			return inSync
		case hopeless:
			k.end(trouble.Error())
			return trouble.code
		}
		kept := time.Since(start)
		if kept > retryLast {
			wait = retryFirst
		}
		if k.sleep(ctx, wait, kept, err) {
			said, wait = "", retryFirst/2
		}
	}
}

// sleep waits until it is time to try again after trouble; back says that it is
// because a folder that was away is back. One that is not seen to be away and was kept
// for a moment only, as on a disk that keeps no identity, is tried as after any other
// trouble: more and more seldom.
func (k *keeper) sleep(ctx context.Context, wait, kept time.Duration, trouble error) (back bool) {
	var look <-chan time.Time
	seen := kept > retryFirst
	if root, ok := errors.AsType[*syncer.RootError](trouble); ok && root.Away {
		tick := time.NewTicker(lookForFolder)
		defer tick.Stop()
		look = tick.C
		away, _ := k.misplaced(k.folder)
		seen = seen || away != nil
	}
	over := time.After(wait)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-k.retry:
			return false
		case <-over:
			return false
		case <-look:
			away, err := k.misplaced(k.folder)
			if seen = seen || away != nil; seen && away == nil && err == nil {
				return true
			}
		}
	}
}

// watch runs the engine of the folder until ctx ends or something is wrong.
func (k *keeper) watch(ctx context.Context, show func(syncer.Progress)) error {
	f := k.folder
	p, err := k.open(ctx, f)
	if err != nil {
		return err
	}
	defer p.close()
	w, err := watcher.New(p.disk.Path(), cmp.Or(k.settle, time.Second))
	if err != nil {
		return fmt.Errorf("watch %q: %w", f.Local, err)
	}
	if !w.Of(p.disk.Root) {
		return &syncer.RootError{Path: f.Local, Why: watcher.ErrAway.Error(), Away: true}
	}
	w.SetPage(p.Page)
	ctx, stop := context.WithCancel(ctx)
	watching := make(chan error, 1)
	go func() { watching <- w.Run(ctx) }()
	defer func() {
		stop()
		<-watching
	}()
	p.Watch, p.Progress = w, func(now syncer.Progress) {
		show(now)
		k.sayPolling(f, w)
	}
	client, err := k.client(k.cfg.Connection[f.Connection])
	if err != nil {
		return err
	}
	push := k.channel(p.Drive.N)
	p.Pushed = push.isUp
	e := syncer.New(p.Config)
	defer push.join(client, p.Drive.ID, e)()
	k.screen.say("%s: keeping %q and %q the same", f.name, f.Local, f.Remote)
	return k.live(ctx, e)
}

// live runs an engine where commands can see it.
func (k *keeper) live(ctx context.Context, e *syncer.Engine) error {
	k.mu.Lock()
	k.engine, k.trouble, k.gaveUp = e, "", false
	k.mu.Unlock()
	err := e.Run(ctx)
	k.mu.Lock()
	k.engine = nil
	k.mu.Unlock()
	k.rememberEnd(e.Now(), err)
	return err
}

// rest says why no engine runs.
func (k *keeper) rest(trouble string, gaveUp bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble, k.gaveUp = trouble, gaveUp
}

// end says why there will be no engine any more.
func (k *keeper) end(trouble string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble, k.gaveUp, k.ended = trouble, true, true
}

// rememberEnd leaves behind how things stood, for status while no agent runs.
func (k *keeper) rememberEnd(now syncer.Now, err error) {
	if now.Read.IsZero() {
		return // it has seen less than the one before it
	}
	n := k.note(k.folder.name)
	n.At, n.Code, n.Error = now.Read, inSync, now.Trouble
	switch {
	case err != nil:
		n.Error = err.Error()
	case now.Trouble == "" && !now.Quiet:
		n.Error = "the agent was stopped while there was something to do"
	}
	if err := writeJSON(k.noteFile(k.folder.name), n); err != nil {
		k.screen.say("%s: status will be out of date: %v", k.folder.name, err)
	}
}

// sayPolling says, once for each folder, that the kernel grants no more watches.
func (s *session) sayPolling(f *folder, w *watcher.Watcher) {
	if f.toldPolling || w.Polling() == 0 {
		return
	}
	f.toldPolling = true
	s.screen.say("%s: the kernel grants no more watches; the other folders are looked at now and then", f.name)
	s.screen.hint("grant more with: sudo sysctl fs.inotify.max_user_watches=1048576")
}
