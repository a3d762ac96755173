package syncer

import (
	"maps"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

// reportOf makes of an outcome what the loop has to record.
func (e *Engine) reportOf(s *step, out outcome) report {
	now := e.clock.Now()
	news := false
	return report{
		sync: out.sync,
		tx: func(tx *state.Tx) (err error) {
			if out.tx != nil {
				if err := out.tx(tx); err != nil {
					return err
				}
			}
			news, err = e.learn(tx, out)
			return err
		},
		then: func(err error) {
			if gone(err) { // its folder, which was to be synced, was moved or deleted meanwhile
				err, out.look = errSuperseded, append(out.look, out.sync...)
			}
			if out.err == nil {
				out.err = err
			}
			e.finish(s, out, news, now)
		},
	}
}

// learn writes down what the service said about items that were not as planned,
// so that the next plan starts from it and not from the feed, which lags. It
// reports whether anything of it was new.
func (e *Engine) learn(tx *state.Tx, out outcome) (news bool, err error) {
	by := state.Telling{Source: state.Look, Since: out.since, At: e.clock.Now()}
	restored := state.Telling{Source: state.Answer, Since: out.since, At: by.At, Over: []string{state.Deleted}}
	for _, told := range []struct {
		items []remote.Item
		by    state.Telling
	}{{out.fresh, by}, {out.back, restored}} {
		for _, it := range told.items {
			row, err := e.row(it)
			if err != nil {
				return news, err
			}
			n, v, err := tx.Hear(row, told.by)
			if err != nil {
				return news, err
			}
			news = news || v == state.Replaces || v == state.Unclear
			e.inDoubt = e.inDoubt || v == state.Unclear || v == state.Replaces && it.Kind == remote.Folder
			if err := tx.MarkDirty(e.cfg.Folder.N, n); err != nil {
				return news, err
			}
		}
	}
	for _, id := range out.lost {
		it, ok, err := e.db.ItemByID(e.cfg.Drive.N, id)
		if err != nil {
			return news, err
		}
		if !ok || it.Gone && !it.Own.IsZero() {
			continue
		}
		v, err := tx.HearGone(it.N, by)
		if err != nil {
			return news, err
		}
		news = news || v == state.Replaces || v == state.Unclear
		e.inDoubt = e.inDoubt || v == state.Unclear
		if err := tx.MarkDirty(e.cfg.Folder.N, it.N); err != nil {
			return news, err
		}
	}
	return news, nil
}

// finish closes a step: its successors are released, or dropped to be planned
// anew.
func (e *Engine) finish(s *step, out outcome, news bool, now time.Time) {
	e.release(s)
	defer func() {
		for k := range maps.Clone(e.brought) {
			e.revive(k)
		}
	}()
	if out.kept != "" {
		e.keptTwice(out.kept)
		e.lookOnce(func() { e.lookAt(out.kept, false) })
		e.log.Info("kept both", "path", e.pathOfStep(s), "why", s.Why)
	}
	if out.err != nil {
		e.giveUp(s)
		e.lookOnce(func() {
			seen := len(e.local.look)
			for _, rel := range out.look {
				e.lookAt(rel, false)
			}
			e.join()
			if len(out.fresh)+len(out.lost)+len(out.unfound) > 0 {
				e.loadDirty()
			}
			e.trouble(s, out, news || len(e.local.look) > seen)
		})
		return
	}
	if out.aside == nil {
		delete(e.tries, e.local.key(s.Key))
		delete(e.rest, e.local.key(s.Key))
	}
	if e.unfound[s.Remote.ID] != nil { // the service has just found it
		e.found(s.Remote.ID)
	}
	_, still := e.local.diff[e.local.key(s.Key)]
	if out.then != nil {
		out.then()
	}
	if out.aside != nil {
		k := e.local.key(s.Key)
		e.giveUp(s)
		e.tries[k] = max(e.tries[k], patience) // it was tried often enough for now
		e.setAside(k, s, out.aside)
		return
	}
	if s.fresh && !still { // it went away while it was sent
		e.lookOnce(func() {
			e.lookAt(e.local.path(e.local.key(s.Key)), false)
			e.join()
		})
	}
	e.count(s, out)
	if s.Op != plan.SetTime {
		for _, at := range s.slots() {
			e.stirredDir(at.Parent)
		}
	}
	if s.Pair != 0 {
		e.cleared = append(e.cleared, int64(s.Pair))
	}
	for _, n := range s.next {
		if n.need--; n.need == 0 && !n.over {
			e.ready.add(n)
		}
	}
	if k := e.local.key(s.Key); s.Op != plan.Adopt || e.asked(k) {
		e.dirty[k] = struct{}{} // nothing more should follow; if it does, it is seen
	} else {
		e.cleared = append(e.cleared, int64(k))
	}
}

// asked says that k is to be decided anyway, or was waiting for it.
func (e *Engine) asked(k plan.Key) bool {
	_, dirty := e.dirty[k]
	_, known := e.known.in[k]
	_, waits := e.waiting[k]
	return dirty || known || waits
}

// giveUp drops the steps that waited for s.
func (e *Engine) giveUp(s *step) {
	e.dirty[e.local.key(s.Key)] = struct{}{}
	if s.Pair != 0 {
		e.dirty[e.local.key(s.Pair)] = struct{}{} // what was to be joined may stay apart
	}
	e.progress.drop(s)
	for _, n := range s.next {
		if !n.over {
			n.over = true
			e.release(n)
			e.giveUp(n)
		}
	}
}
