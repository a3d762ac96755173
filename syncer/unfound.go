package syncer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

// errNotFound says that the service does not find what an action is about. That
// alone is no proof that it is gone: what was just made is not found for a while,
// whoever made it, and now and then something old is not. It is believed as soon as
// anything younger than the request says the same: the feed tells the end, or a
// listing of its folder lacks it. What we made ourselves and the feed has not told
// of yet is the exception; see [Engine.settleUnfound]. What was believed without the
// feed's word is asked about once more when even the slowest service would find it.
var errNotFound = errors.New("not found online")

const notFoundNow = "the service does not find it at the moment; it is asked again"

const (
	listAfter = 5 * time.Second  // how long only the feed is asked, see patient: a listing sooner than that may be behind, too
	passLimit = 10 * time.Second // how long a single pass asks again, before it leaves an item to the next
)

// An absence is an item that was not found, and what came upon that.
type absence struct {
	since time.Time // when it was first not found …
	asked int64     // … and lately, by the state's clock
	slow  bool      // its times were to be set, or it was to be deleted: that can wait until nobody has found it for long
	looks int       // that were in vain so far
	next  time.Time // when what waits for it is tried again
	left  bool      // by a single pass, to the next one
	keys  map[plan.Key]struct{}
}

// seeking reports whether items that were not found are still looked for.
func (e *Engine) seeking() bool {
	for _, a := range e.unfound {
		if !a.left {
			return true
		}
	}
	return false
}

// missed lets k wait until it is known whether the items it is about are gone. The
// feed is read at once.
func (e *Engine) missed(k plan.Key, s *step, ids []string) {
	waiting := e.absent(ids)
	for _, a := range waiting {
		a.keys[k] = struct{}{}
		a.slow = (s.Op == plan.Stamp || s.Op == plan.DeleteRemote) && (len(a.keys) == 1 || a.slow)
	}
	if len(waiting) == 0 { // the feed was faster
		e.retry(k, s, true)
		return
	}
	e.leave(k)
	e.note(k, e.pathOfStep(s), notFoundNow, false, time.Second)
}

// absent notes that items were not found, but for those whose end the feed has told.
func (e *Engine) absent(ids []string) (waiting []*absence) {
	for _, id := range ids {
		it, known, err := e.db.ItemByID(e.cfg.Drive.N, id)
		if err != nil {
			panic(stateError{err})
		}
		if !known || it.Gone {
			continue
		}
		a := e.unfound[id]
		if a == nil {
			now := e.clock.Now()
			a = &absence{since: now, keys: map[plan.Key]struct{}{}}
			e.unfound[id] = a
			e.nextPoll, e.noticed = now, now
		}
		a.asked = e.db.Moment()
		waiting = append(waiting, a)
	}
	return waiting
}

// found lets what waited for an item that was not found be planned anew.
func (e *Engine) found(id string) {
	for k := range e.unfound[id].keys {
		k = e.local.key(k)
		delete(e.rest, k)
		e.dirty[k] = struct{}{}
	}
	delete(e.unfound, id)
}

// settleUnfound looks, once the feed was read, for what was not found before that
// and is still thought to be there: in a listing of its folder. The feed need not be
// asked again for what it told of already; what we made ourselves, and it did not, is
// gone if it has told of something that we did later, or after two minutes.
func (e *Engine) settleUnfound(ctx context.Context) {
	var open []state.Item
	var young []string
	read, now := e.feed.readAt(), e.clock.Now()
	for _, id := range slices.Sorted(maps.Keys(e.unfound)) {
		a := e.unfound[id]
		it, known, err := e.db.ItemByID(e.cfg.Drive.N, id)
		switch recent := now.Sub(cmp.Or(it.Own, a.since)) <= state.FeedLag; {
		case err != nil:
			panic(stateError{err})
		case !known || it.Gone, it.Heard > a.asked: // told of since: gone, or there after all
			e.found(id)
		case it.Kind == uint8(plan.Dir) && recent: // with all that is in it: only the feed is believed sooner
			young = append(young, id)
		case a.left, a.slow && recent, now.Sub(a.since) < listAfter && e.patient(it, now), a.since.After(read):
			young = append(young, id)
		default:
			open = append(open, it)
		}
	}
	e.askLater(young)
	if len(open) == 0 || e.looking {
		return
	}
	e.looking = true
	told := e.feed.toldUpTo()
	e.spawn(func() report {
		since := e.db.Moment()
		there, listed := e.listParents(ctx, open)
		out := outcome{since: since}
		var later []string
		for _, it := range open {
			if seen, ok := there[it.ID]; ok {
				out.fresh = append(out.fresh, seen)
			} else if listed[it.ParentID] && (it.Own.IsZero() || it.Own.Before(told) || now.Sub(it.Own) > state.FeedLag) {
				out.lost = append(out.lost, it.ID)
			} else {
				later = append(later, it.ID)
			}
		}
		return report{
			tx: func(tx *state.Tx) error {
				_, err := e.learn(tx, out)
				for _, id := range out.lost {
					err = errors.Join(err, tx.PutDoubt(e.cfg.Drive.N, state.Doubt{ID: id, Why: believed}))
					e.believed[id] = e.clock.Now()
				}
				return err
			},
			then: func(error) { e.looked(out, later) },
		}
	})
}

// patient reports whether a listing that lacks an item proves nothing yet. What we made
// long ago is found, if it is there; and a single pass waits for nothing but what was made
// just now by us: if others made it, the next pass finds it.
func (e *Engine) patient(it state.Item, now time.Time) bool {
	if it.Own.IsZero() {
		return !e.once
	}
	return now.Sub(it.Own) <= state.FeedLag
}

// believed is why there is a doubt about what is taken for gone because neither a
// look nor a listing found it.
const believed = "neither it nor its name was found, though nobody has told of its end"

// due reports whether an item in doubt is to be asked about now.
func (e *Engine) due(d state.Doubt) bool {
	since, young := e.believed[d.ID]
	young = young && d.Why == believed && e.clock.Now().Sub(since) <= state.FeedLag
	if !young {
		delete(e.believed, d.ID)
	}
	return !young
}

// listParents looks for the items in listings of the folders that they are in, and says
// which of these were listed to their end.
func (e *Engine) listParents(ctx context.Context, items []state.Item) (there map[string]remote.Item, listed map[string]bool) {
	there, listed = map[string]remote.Item{}, map[string]bool{}
	asked, wanted := map[string]bool{}, map[string]bool{}
	for _, it := range items {
		wanted[it.ID] = true
	}
	for _, it := range items {
		if asked[it.ParentID] {
			continue
		}
		asked[it.ParentID] = true
		all, err := e.drive.Children(ctx, e.cfg.Drive.ID, it.ParentID, func(c remote.Item) bool { return wanted[c.ID] })
		for _, c := range all {
			there[c.ID] = c
		}
		listed[it.ParentID] = err == nil
	}
	return there, listed
}

// looked lets go on what is settled, and has the rest looked for again: by and by in
// an agent, for a few seconds in a single pass.
func (e *Engine) looked(out outcome, later []string) {
	e.looking = false
	for _, it := range out.fresh { // it is listed, and yet not found: not at once again
		later = append(later, it.ID)
	}
	for _, id := range out.lost {
		if e.unfound[id] != nil {
			e.found(id)
		}
	}
	e.askLater(later)
	e.loadDirty()
}

// askLater has items that were not found looked for again.
func (e *Engine) askLater(ids []string) {
	now := e.clock.Now()
	for _, id := range ids {
		a := e.unfound[id]
		switch {
		case a == nil || a.left:
		case now.Sub(a.since) > state.FeedLag && !a.slow:
			e.found(id)
		case e.once && now.Sub(a.since) > passLimit:
			a.left = true
			if it, known, err := e.db.ItemByID(e.cfg.Drive.N, id); err != nil {
				panic(stateError{err})
			} else if known && len(a.keys) == 0 {
				k := e.local.key(plan.Key(it.N))
				e.note(k, e.pathOf(k), notFoundNow, false, 0)
			}
		default:
			if !a.next.After(now) {
				a.next = now.Add(time.Second << min(a.looks, 3))
				a.looks++
			}
			for k := range a.keys {
				if k = e.local.key(k); e.leftAside(k) {
					e.restUntil(k, a.next)
				}
			}
			if a.next.Before(e.nextPoll) || e.once {
				e.nextPoll = a.next
			}
		}
	}
}

// seeksNone notes that k waits for nothing that was not found: it was tried again and
// has gone ahead. What nobody else waits for is looked for no longer.
func (e *Engine) seeksNone(k plan.Key) {
	for id, a := range e.unfound {
		if _, waited := a.keys[k]; !waited {
			continue
		}
		if delete(a.keys, k); len(a.keys) == 0 {
			delete(e.unfound, id)
		}
	}
}

// leftAside reports whether k waits for something to come of its own accord.
func (e *Engine) leftAside(k plan.Key) bool {
	at, rests := e.rest[k]
	return rests && at.IsZero()
}
