package syncer

import (
	"context"

	"tandem/syncer/plan"
)

// DryRun observes both sides and says what Once would do first, in words. It
// changes nothing on either side; the engine must have been given a throw-away
// copy of the database, which the observation is written to.
func (e *Engine) DryRun(ctx context.Context) ([]Step, Summary, error) {
	start, requests := e.clock.Now(), e.drive.Requests()
	var steps []Step
	err := e.guarded(func() error {
		e.once = true
		ctx, cancel := context.WithCancel(ctx)
		defer e.drain(cancel)
		if err := e.observe(ctx, e.loadNotes); err != nil {
			return err
		}
		for e.fatal == nil {
			p, done := e.foresee()
			if done {
				steps = e.steps(p)
				e.takeHeld(plan.Plan{Held: p.Held, HeldWhy: p.HeldWhy}, nil)
				return nil
			}
			if err := e.wait(ctx); err != nil {
				return err
			}
		}
		return e.fatal
	})
	return steps, e.summary(start, requests, err), err
}

// foresee makes a plan without starting on it; done says that nothing more has
// to be known for it.
func (e *Engine) foresee() (p plan.Plan, done bool) {
	if !e.listed || e.work > 0 {
		return p, false
	}
	for k := range e.local.look {
		e.dirty[e.local.key(k)] = struct{}{}
	}
	keys := make([]plan.Key, 0, len(e.dirty))
	for k := range e.dirty {
		keys = append(keys, k)
	}
	p = plan.Make(e.view(), keys, e.rules())
	e.takeQuestions(p)
	e.hashAll()
	return p, len(p.Hash)+len(e.toHash) == 0 && len(e.wake) == 0
}
