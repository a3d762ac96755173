package syncer

import (
	"context"
	"errors"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

// stampsAtOnce is how many parts the service takes in one batch.
const stampsAtOnce = 20

// stampAll sends the times that simple uploads could not carry, and those that were
// changed alone. They wait until a batch is full, nothing else is on its way, or they
// have waited for a moment.
func (e *Engine) stampAll(ctx context.Context) {
	now := e.clock.Now()
	if len(e.ready.stamp) == 0 {
		e.stampBy = now.Add(stampWithin)
	}
	for len(e.ready.stamp) >= stampsAtOnce || len(e.ready.stamp) > 0 && (e.running+len(e.ready.work) == 0 || !now.Before(e.stampBy)) {
		if now.Before(e.stampAt) {
			return // the service could not take one just now
		}
		n := min(stampsAtOnce, len(e.ready.stamp))
		batch := e.ready.stamp[:n]
		e.ready.stamp = e.ready.stamp[n:]
		e.stampBy = now.Add(stampWithin)
		e.stamp(ctx, batch)
	}
}

// stampWithin is how long a file's times wait for those of others.
const stampWithin = 2 * time.Second

func (e *Engine) stamp(ctx context.Context, batch []*step) {
	jobs := make([]job, len(batch))
	stamps := make([]remote.Stamp, len(batch))
	for i, s := range batch {
		jobs[i] = e.jobFor(s)
		s.begun, s.parent = true, jobs[i].parent
		stamps[i] = remote.Stamp{ID: jobs[i].id, ETag: jobs[i].etag, MTime: wholeSecond(s.Local.MTime)}
	}
	e.running++
	e.spawn(func() report {
		results, err := e.drive.TrySetTimes(ctx, e.cfg.Drive.ID, stamps)
		var reports []report
		var again []*step
		for i, s := range batch {
			out := outcome{err: err}
			if err == nil {
				out = e.stamped(ctx, jobs[i], results[i])
			}
			if s.tries++; passing(out.err) && s.tries < stampTries {
				again = append(again, s)
				continue
			}
			reports = append(reports, e.reportOf(s, out))
		}
		return report{
			tx: func(tx *state.Tx) error {
				for _, r := range reports {
					if err := r.tx(tx); err != nil {
						return err
					}
				}
				return nil
			},
			then: func(err error) {
				e.running--
				for _, r := range reports {
					r.then(err)
				}
				for _, s := range again {
					e.ready.stamp = append(e.ready.stamp, s)
					e.stampAt = e.clock.Now().Add(time.Second << min(s.tries, 4))
				}
			},
		}
	})
}

// passing reports whether an item's times may be set a little later.
func passing(err error) bool { return remote.StampResult{Err: err}.Passing() }

// stampTries is how often an item's times are sent that the service cannot take at
// the moment, while it takes those of others.
const stampTries = 5

// stamped records one item's new times. They are not worth a fight: when the
// item online has changed meanwhile, what it has now is what counts.
func (e *Engine) stamped(ctx context.Context, j job, res remote.StampResult) outcome {
	switch {
	case errors.Is(res.Err, remote.ErrChanged):
		now, err := e.drifted(ctx, &j)
		if err != nil {
			return e.notAsPlanned(ctx, j, err)
		}
		return e.stampOnce(ctx, j, now)
	case errors.Is(res.Err, remote.ErrDenied), errors.Is(res.Err, remote.ErrRefused):
		return e.timesApart(j)
	case res.Err != nil:
		return e.notAsPlanned(ctx, j, res.Err)
	}
	return e.timed(j, res.Item)
}

// touched reports whether the file here has another time than agreed upon, and the
// same bytes. Else what is sent is the time that an upload of it could not carry.
func (j job) touched() bool { return j.Local.Edited }

// stampOnce tries one item again with its fresh eTag.
func (e *Engine) stampOnce(ctx context.Context, j job, now remote.Item) outcome {
	stamps := []remote.Stamp{{ID: now.ID, ETag: now.ETag, MTime: wholeSecond(j.Local.MTime)}}
	res, err := e.drive.TrySetTimes(ctx, e.cfg.Drive.ID, stamps)
	switch {
	case err != nil:
		return outcome{err: err}
	case passing(res[0].Err):
		return outcome{err: res[0].Err}
	case res[0].Err != nil: // the content is safe up there; its time is what the service gave it
		return e.timed(j, now)
	}
	return e.timed(j, res[0].Item)
}

// timed agrees on the times that the item has now. When its content is not the one
// agreed upon, somebody has saved another since, and it is that which is seen.
func (e *Engine) timed(j job, it remote.Item) outcome {
	b := e.stampedBase(j)
	if it.Hash == "" && it.Size == b.RemoteSize {
		it.Hash = b.RemoteHash
	}
	if otherContent(b, itemRow(it)) {
		out := e.stampTaken(j, b)
		out.since, out.fresh = j.since, []remote.Item{it}
		return out
	}
	b.ETag, b.RemoteMTime = it.ETag, itemRow(it).MTime
	out := e.stampTaken(j, b)
	agreed := out.tx
	out.timed = j.touched()
	out.tx = func(tx *state.Tx) error {
		if _, err := e.hear(tx, j, it); err != nil {
			return err
		}
		return agreed(tx)
	}
	return out
}

// timesApart agrees that the two sides keep a time each: online nobody lets us set it.
func (e *Engine) timesApart(j job) outcome { return e.stampTaken(j, e.stampedBase(j)) }

// stampTaken agrees on b. What was seen of the file here stands as it is, but for the
// other time that it had.
func (e *Engine) stampTaken(j job, b state.Base) outcome {
	return e.agreeTimes(b, func(b state.Base) {
		if j.touched() {
			e.local.agreed(e.local.key(j.Key), b)
		}
	})
}

// agreeTimes agrees on b, in which only times are new, and lets that be known here. An
// item whose folder is not agreed upon any more is not either.
func (e *Engine) agreeTimes(b state.Base, known func(state.Base)) outcome {
	put := false
	return outcome{
		tx: func(tx *state.Tx) error {
			b.Parent = int64(e.local.key(plan.Key(b.Parent)))
			err := tx.PutBase(e.cfg.Folder.N, b)
			if put = err == nil; errors.Is(err, state.ErrNoFolder) {
				err = nil
			}
			return err
		},
		then: func() {
			if put {
				known(b)
			}
		},
	}
}

// stampedBase is the agreement on the time that the file has here.
func (e *Engine) stampedBase(j job) state.Base {
	b := j.base
	b.TimesDue = false
	if j.touched() {
		setPrint(&b, j.Local.Print)
		b.Hash, b.Racy = string(j.Local.Hash), e.racy(b)
	}
	return b
}
