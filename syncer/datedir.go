package syncer

import (
	"maps"
	"slices"
	"time"

	"tandem/state"
	"tandem/syncer/plan"
)

// A madeDir is a folder that we made here, and that gets the time it has online once
// all that comes into it has come.
type madeDir struct {
	online int64
	last   time.Time // when we last did something in it: what it was changed by later is not ours
}

// madeDirHere notes that we made folder k.
func (e *Engine) madeDirHere(k plan.Key, online int64) {
	if online != 0 {
		e.made[k] = madeDir{online, e.clock.Now()}
	}
}

// stirredDir notes that we have put something into folder k, or taken it out.
func (e *Engine) stirredDir(k plan.Key) {
	if d, ok := e.made[e.local.key(k)]; ok {
		d.last = e.clock.Now()
		e.made[e.local.key(k)] = d
	}
}

// dateDirs gives the folders that we made here their times, when nothing else is to be
// done. They are nothing to wait for: one that cannot be given its time has another.
func (e *Engine) dateDirs() {
	if len(e.made) == 0 || e.fatal != nil || !e.quiet() {
		return
	}
	due := map[string]madeDir{}
	for k, d := range e.made {
		if e.local.Local(k).Kind == plan.Dir {
			due[e.local.path(k)] = d
		}
	}
	clear(e.made)
	e.spawn(func() report {
		for _, rel := range slices.Sorted(maps.Keys(due)) {
			d := due[rel]
			if now, err := e.fs.Lstat(rel); err == nil && !time.Unix(0, now.MTime).After(d.last) {
				if err := e.fs.DateDir(rel, state.When(d.online)); err != nil {
					e.log.Debug("a folder's time was not set", "path", rel, "err", err)
				}
			}
		}
		return report{}
	})
}
