package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tandem/syncer"
)

// tellSystem tells systemd, where that has started the agent, that it is ready
// and how it fares, until ctx ends.
func (a *agent) tellSystem(ctx context.Context) {
	notify := func(what string) {
		if _, err := daemon.SdNotify(false, what); err != nil && ctx.Err() == nil {
			a.screen.say("systemd cannot be told %q: %v", what, err)
		}
	}
	notify(daemon.SdNotifyReady + "\nSTATUS=keeping " + count(len(a.keepers), "folder") + " the same")
	defer notify(daemon.SdNotifyStopping)
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil || within == 0 {
		<-ctx.Done()
		return
	}
	watch := newPulse(a.engines)
	tick := time.NewTicker(within / 4)
	defer tick.Stop()
	for {
		if watch.felt() {
			notify(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// engines are those that run now.
func (a *agent) engines() []turning {
	var all []turning
	for _, k := range a.keepers {
		if e := k.running(); e != nil {
			all = append(all, e)
		}
	}
	return all
}

func (k *keeper) running() *syncer.Engine {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.engine
}

// turning is the loop of an engine, as its watchdog sees it.
type turning interface {
	Beats() int64
	Nudge()
}

// A pulse tells whether every loop has turned since it was last felt.
type pulse struct {
	loops func() []turning
	beats map[turning]int64
}

func newPulse(loops func() []turning) *pulse { return &pulse{loops, map[turning]int64{}} }

// felt nudges the loops for the next time, too: one with nothing to do sleeps
// for minutes.
func (p *pulse) felt() bool {
	all := true
	now := map[turning]int64{}
	for _, l := range p.loops() {
		now[l] = l.Beats()
		if was, known := p.beats[l]; known && was == now[l] {
			all = false
		}
		l.Nudge()
	}
	p.beats = now
	return all
}
