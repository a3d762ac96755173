package syncer

import (
	"context"
	"slices"

	"tandem/syncer/plan"
)

// DryRun observes both sides and says what Once would do first, in words. It
// changes nothing on either side; the engine must have been given a throw-away
// copy of the database, which the observation is written to.
func (e *Engine) DryRun(ctx context.Context) ([]Step, Summary, error) {
	start, requests := e.clock.Now(), e.drive.Requests()
	var steps []Step
	err := e.guarded(func() error {
		e.once, e.dry = true, true
		outer := ctx
		ctx, cancel := context.WithCancel(outer)
		defer e.drain(outer, cancel)
		if err := e.observe(ctx, e.loadNotes); err != nil {
			return e.rootTrouble(err)
		}
		for e.away(); e.fatal == nil; e.away() {
			if all, done := e.foresee(); done {
				steps = all
				return nil
			}
			if err := e.wait(ctx); err != nil {
				return err
			}
		}
		return e.fatal
	})
	sum, err := e.summary(start, requests, err)
	return steps, sum, err
}

// foresee plans without starting on anything; done says that nothing more has
// to be known for it.
func (e *Engine) foresee() (steps []Step, done bool) {
	e.hashAll()
	if !e.listed || e.work > 0 || len(e.wake) > 0 {
		return nil, false
	}
	for k := range e.local.look {
		e.dirty[e.local.key(k)] = struct{}{}
	}
	seen := map[string]bool{}
	for _, keys := range e.portions() {
		v := e.view()
		v.load(keys)
		v.loadNames(keys)
		rules := e.rules()
		p := plan.Make(v, keys, rules)
		e.takeQuestions(p, keys, rules.Now)
		e.takeHeld(plan.Plan{Held: p.Held, HeldWhy: p.HeldWhy}, nil)
		for _, w := range p.Waiting {
			e.waitFor(w.Key, e.pathOf(w.Key), w.Why, w.Person, 0)
		}
		for _, s := range e.steps(v, p) {
			if line := s.Op + "\n" + s.Path; !seen[line] { // a folder is planned with each portion of what is in it
				seen[line] = true
				steps = append(steps, s)
			}
		}
	}
	e.hashAll()
	return steps, e.work == 0 && len(e.wake) == 0
}

// portions divides what changed as a run would: what is urgent is one of them.
func (e *Engine) portions() [][]plan.Key {
	var first, rest []plan.Key
	e.assess(func(k plan.Key, _ plan.Local, _ plan.Remote, s stance) {
		if s == urgent {
			first = append(first, k)
		} else {
			rest = append(rest, k)
		}
	})
	return append([][]plan.Key{first}, slices.Collect(slices.Chunk(rest, portion))...)
}
