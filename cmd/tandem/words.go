package main

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tandem/cmd/tandem/internal/control"
	"tandem/syncer"
)

// What the agent answers to the commands of its user. Both sides may be of
// different versions: a field that is missing must mean that nothing is known.

// agentAt is where the agent of a state directory listens.
func (p *program) agentAt(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return control.Path(dir, p.env("XDG_RUNTIME_DIR"))
}

// listen answers commands beside the agent's work until ctx ends. Without a
// socket the agent does its work all the same.
func (a *agent) listen(ctx context.Context, beside *sync.WaitGroup) {
	if a.dir == "" {
		return
	}
	cannot := func(err error) {
		if err != nil {
			a.screen.say("commands such as tandem pause cannot reach this agent: %v", err)
		}
	}
	l, err := control.Listen(a.agentAt(a.dir))
	if err != nil {
		cannot(err)
		return
	}
	beside.Go(func() { cannot(control.Serve(ctx, l, version, a.words())) })
}

func (a *agent) words() http.Handler {
	words := http.NewServeMux()
	words.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) { control.Answer(w, a.health(), nil) })
	words.HandleFunc("/pause", a.hearPause)
	words.HandleFunc("/resume", func(w http.ResponseWriter, _ *http.Request) { a.setPause(w, nil) })
	words.HandleFunc("/sync-now", a.hearSyncNow)
	words.HandleFunc("/stop", func(w http.ResponseWriter, _ *http.Request) {
		control.Answer(w, true, nil)
		a.stop()
	})
	return words
}

// A health is how the agent stands.
type health struct {
	Paused  *pause `json:"paused"`
	Folders []life `json:"folders"`
}

// A life is how the agent stands with one folder.
type life struct {
	Folder  string     `json:"folder"`
	Running bool       `json:"running"` // an engine keeps it; else Trouble says why not
	Now     syncer.Now `json:"now"`
	Trouble string     `json:"trouble"`
	GaveUp  bool       `json:"gave_up"` // only a person can help

	Throttled time.Time `json:"throttled"` // the service wants to be left alone until then; zero: it does not
}

func (a *agent) health() health {
	h := health{}
	h.Paused, _ = a.gate.at()
	for _, k := range a.keepers {
		h.Folders = append(h.Folders, k.life())
	}
	return h
}

func (k *keeper) life() life {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := life{Folder: k.folder.name, Trouble: k.trouble, GaveUp: k.gaveUp}
	if k.engine != nil {
		l.Running, l.Now = true, k.engine.Now()
	}
	if c, err := k.session.client(k.session.cfg.Connection[k.folder.Connection]); err == nil {
		l.Throttled = c.ThrottledUntil()
	}
	return l
}

func (a *agent) hearPause(w http.ResponseWriter, r *http.Request) {
	p := &pause{Since: time.Now()}
	if until := r.FormValue("until"); until != "" {
		var err error
		if p.Until, err = time.Parse(time.RFC3339, until); err != nil {
			control.Answer(w, nil, &control.Error{Code: misused, Text: err.Error()})
			return
		}
	}
	a.setPause(w, p)
}

func (a *agent) setPause(w http.ResponseWriter, p *pause) {
	was, _ := a.gate.at()
	if err := writePause(a.dir, p); err != nil {
		control.Answer(w, nil, &control.Error{Code: failed, Text: err.Error()})
		return
	}
	a.gate.set(p)
	switch {
	case p != nil:
		a.screen.say("%s", p)
	case was != nil:
		a.screen.say("goes on after a pause")
	}
	control.Answer(w, was != nil, nil)
}

// hearSyncNow has folders looked at, and answers once they are in sync as of
// now, or once it is clear that they cannot be.
func (a *agent) hearSyncNow(w http.ResponseWriter, r *http.Request) {
	if p, _ := a.gate.at(); p != nil {
		control.Answer(w, nil, &control.Error{Code: failed, Text: "syncing is " + p.String(), Hint: "go on with: tandem resume"})
		return
	}
	r.ParseForm() // without a body there is nothing to go wrong
	since := time.Now()
	var lives []life
	for _, k := range a.keepers {
		if names := r.Form["folder"]; len(names) > 0 && !slices.Contains(names, k.folder.name) {
			continue
		}
		told := k.lookNow()
		if r.FormValue("wait") != "" && !k.caughtUp(r.Context(), since, told) {
			return // nobody waits for the answer
		}
		lives = append(lives, k.life())
	}
	control.Answer(w, lives, nil)
}

// lookNow has the folder looked at on both sides at once, by the engine that it
// gives; nil when one has to be started.
func (k *keeper) lookNow() *syncer.Engine {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.engine != nil {
		k.engine.Look()
		return k.engine
	}
	if !k.ended {
		k.trouble, k.gaveUp = "", false // as of now nobody knows
	}
	select {
	case k.retry <- struct{}{}:
	default:
	}
	return nil
}

// leftAlone is how long sync-now gives a file that was just saved to be left alone.
const leftAlone = 3 * time.Second

// caughtUp waits until all that there was to do at since is done, or cannot be
// done. It says no when ctx ends before.
func (k *keeper) caughtUp(ctx context.Context, since time.Time, told *syncer.Engine) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if e := k.running(); e != nil && e != told { // it has started meanwhile, and may go by what others have read before
			told = e
			e.Look()
		}
		l := k.life()
		p, _ := k.gate.at()
		switch {
		case p != nil, !l.Running && l.Trouble != "":
			return true
		case l.Now.Failed.After(since):
			return true
		case l.Running && l.Now.Quiet && l.Now.Read.After(since) && l.Now.Looked.After(since):
			return true
		case l.Running && l.Now.Idle && l.Now.Read.After(since) && l.Now.Looked.After(since) && time.Since(since) > leftAlone:
			return true // what is left is being written
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
