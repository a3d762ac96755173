package main

import (
	"context"
	"sync"
	"time"
)

// An agent keeps folders the same until it is stopped, and listens meanwhile to
// the commands of its user.
type agent struct {
	*program
	dir     string // of the state; "" = no command can reach it
	keepers []*keeper
	gate    *gate
	stop    context.CancelFunc
}

func (p *program) newAgent(dir string, keepers []*keeper) *agent {
	a := &agent{program: p, dir: dir, keepers: keepers, gate: newGate(nil)}
	if dir != "" {
		a.gate = newGate(readPause(dir))
	}
	others := newCompany(len(keepers))
	for _, k := range keepers {
		k.gate, k.others = a.gate, others
	}
	return a
}

// run goes on until ctx ends, or a command says so. A folder that only a person
// can help is given up; the others go on.
func (a *agent) run(ctx context.Context) error {
	a.screen.verbose = a.verbose + 1 // what is done while nobody asks is worth a line
	ctx, a.stop = context.WithCancel(ctx)
	defer a.stop()
	var beside sync.WaitGroup
	a.listen(ctx, &beside)
	beside.Go(func() { a.tellSystem(ctx) })
	beside.Go(func() { a.followNetwork(ctx) })
	defer beside.Wait()
	if p, _ := a.gate.at(); p != nil {
		a.screen.say("%s", p)
		a.screen.hint("go on with: tandem resume")
	}
	gauge := a.screen.gauge()
	codes := make([]int, len(a.keepers))
	var all sync.WaitGroup
	for i, k := range a.keepers {
		show, end := gauge.folder(k.folder.name)
		all.Go(func() {
			defer end()
			codes[i] = k.keep(ctx, show)
		})
	}
	all.Wait()
	gauge.end()
	a.stop()
	if code := gravest(codes...); code != inSync {
		return &failure{code: code}
	}
	return nil
}

// patience is how long a command waits for an agent's end: it takes up to ten
// seconds.
const patience = 15 * time.Second
