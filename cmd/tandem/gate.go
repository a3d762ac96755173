package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// A pause keeps the agent from syncing. It is remembered in the state, so that
// an agent that starts meanwhile honours it, too.
type pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // zero: until told otherwise
}

// over says that the pause has ended by itself. Only the wall clock counts: a
// machine may sleep meanwhile.
func (p *pause) over(now time.Time) bool {
	return !p.Until.IsZero() && !now.Round(0).Before(p.Until)
}

func (p *pause) String() string {
	switch {
	case p.Until.IsZero():
		return "paused since " + humanize.Time(p.Since)
	case time.Until(p.Until) < 12*time.Hour:
		return "paused until " + p.Until.Local().Format("15:04")
	}
	return "paused until " + p.Until.Local().Format("2006-01-02 15:04")
}

func pauseFile(dir string) string { return filepath.Join(dir, "pause.json") }

// readPause tells whether there is a pause now.
func readPause(dir string) *pause {
	p := new(pause)
	if readJSON(pauseFile(dir), p) != nil || p.over(time.Now()) {
		return nil
	}
	return p
}

func writePause(dir string, p *pause) error {
	if p != nil {
		return writeJSON(pauseFile(dir), p)
	}
	if err := os.Remove(pauseFile(dir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// A gate is shut while there is a pause.
type gate struct {
	mu      sync.Mutex
	paused  *pause        // nil while it is open
	changed chan struct{} // closed when that changes
}

func newGate(p *pause) *gate { return &gate{paused: p, changed: make(chan struct{})} }

func (g *gate) set(p *pause) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = p
	close(g.changed)
	g.changed = make(chan struct{})
}

// at tells how it stands, and what is closed when that changes.
func (g *gate) at() (*pause, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused != nil && g.paused.over(time.Now()) {
		g.paused = nil
	}
	return g.paused, g.changed
}

// pass waits until the gate is open, or ctx ends.
func (g *gate) pass(ctx context.Context) error {
	for {
		p, changed := g.at()
		if p == nil {
			return ctx.Err()
		}
		var over <-chan time.Time
		if !p.Until.IsZero() { // looked at now and then: timers stand still while a machine sleeps
			over = time.After(min(time.Until(p.Until), 30*time.Second))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-over:
		}
	}
}

// whileOpen gives a context that ends with ctx, or when the gate is shut.
func (g *gate) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for ctx.Err() == nil {
			p, changed := g.at()
			if p != nil {
				cancel()
				return
			}
			select {
			case <-ctx.Done():
			case <-changed:
			}
		}
	}()
	return ctx, cancel
}
