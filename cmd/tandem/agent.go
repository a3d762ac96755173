package main

import (
	"cmp"
	"context"
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

// A keeper has one folder to keep in sync.
type keeper struct {
	*session
	folder *folder
}

// agent keeps folders the same until ctx ends. A folder that only a person can
// help is given up; the others go on.
func (p *program) agent(ctx context.Context, keepers []keeper) error {
	p.screen.verbose = p.verbose + 1 // what is done while nobody asks is worth a line
	gauge := p.screen.gauge()
	codes := make([]int, len(keepers))
	var all sync.WaitGroup
	for i, k := range keepers {
		show, end := gauge.folder(k.folder.name)
		all.Go(func() {
			defer end()
			codes[i] = k.keep(ctx, show)
		})
	}
	all.Wait()
	gauge.end()
	if code := gravest(codes...); code != inSync {
		return &failure{code: code}
	}
	return nil
}

// keep comes back to the folder after trouble that passes, such as a disk that
// is not mounted.
func (k keeper) keep(ctx context.Context, show func(syncer.Progress)) int {
	said := ""
	for pause := retryFirst; ; pause = min(2*pause, retryLast) {
		start := time.Now()
		err := k.watch(ctx, k.folder, show)
		if ctx.Err() != nil || err == nil {
			return inSync
		}
		trouble := diagnose(advise(err, k.cfg.Connection[k.folder.Connection]))
		if text := trouble.Error(); text != said {
			said = text
			k.screen.complain(k.folder.name, trouble)
		}
		if trouble.code == misused || trouble.code == signIn || trouble.code == occupied {
			return trouble.code
		}
		if time.Since(start) > retryLast {
			pause = retryFirst
		}
		select {
		case <-ctx.Done():
			return inSync
		case <-time.After(pause):
		}
	}
}

// watch runs the engine of a folder until ctx ends or something is wrong.
func (s *session) watch(ctx context.Context, f *folder, show func(syncer.Progress)) error {
	p, err := s.open(ctx, f)
	if err != nil {
		return err
	}
	defer p.close()
	w, err := watcher.New(p.disk.Path(), cmp.Or(s.settle, time.Second))
	if err != nil {
		return fmt.Errorf("watch %q: %w", f.Local, err)
	}
	ctx, stop := context.WithCancel(ctx)
	watching := make(chan error, 1)
	go func() { watching <- w.Run(ctx) }()
	defer func() {
		stop()
		<-watching
	}()
	p.Watch, p.Progress = w, func(now syncer.Progress) {
		show(now)
		s.sayPolling(f, w)
	}
	s.screen.say("%s: keeping %q and %q the same", f.name, f.Local, f.Remote)
	return syncer.New(p.Config).Run(ctx)
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
