package syncer

import (
	"context"
	"errors"

	"tandem/remote"
	"tandem/state"
)

// stampsAtOnce is how many parts the service takes in one batch.
const stampsAtOnce = 20

// stampAll sends the times that simple uploads could not carry. They wait until
// a batch is full or nothing else is on its way.
func (e *Engine) stampAll(ctx context.Context) {
	for len(e.ready.stamp) >= stampsAtOnce || len(e.ready.stamp) > 0 && e.running+len(e.ready.work) == 0 {
		n := min(stampsAtOnce, len(e.ready.stamp))
		batch := e.ready.stamp[:n]
		e.ready.stamp = e.ready.stamp[n:]
		e.stamp(ctx, batch)
	}
}

func (e *Engine) stamp(ctx context.Context, batch []*step) {
	jobs := make([]job, len(batch))
	stamps := make([]remote.Stamp, len(batch))
	for i, s := range batch {
		jobs[i] = e.jobFor(s)
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
				if s.tries++; results[i].Passing() && s.tries < stampTries {
					again = append(again, s)
					continue
				}
				out = e.stamped(ctx, jobs[i], results[i])
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
				e.ready.stamp = append(e.ready.stamp, again...) // with the next batch, once the service takes one
			},
		}
	})
}

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
	case res.Err != nil:
		return e.notAsPlanned(ctx, j, res.Err)
	}
	return e.timed(j, res.Item)
}

// stampOnce tries one item again with its fresh eTag.
func (e *Engine) stampOnce(ctx context.Context, j job, now remote.Item) outcome {
	stamps := []remote.Stamp{{ID: now.ID, ETag: now.ETag, MTime: wholeSecond(j.Local.MTime)}}
	res, err := e.drive.TrySetTimes(ctx, e.cfg.Drive.ID, stamps)
	if err != nil || res[0].Err != nil { // the content is safe up there; its time is what the service gave it
		return e.timed(j, now)
	}
	return e.timed(j, res[0].Item)
}

// timed agrees on the times that the item has now. When its content is not the one
// agreed upon, somebody has saved another since, and it is that which is seen.
func (e *Engine) timed(j job, it remote.Item) outcome {
	b := j.base
	b.TimesDue = false
	if it.Hash == "" && it.Size == b.RemoteSize {
		it.Hash = b.RemoteHash
	}
	if otherContent(b, itemRow(it)) {
		return outcome{
			since: j.since, fresh: []remote.Item{it},
			tx: func(tx *state.Tx) error { return tx.PutBase(e.cfg.Folder.N, b) },
		}
	}
	b.ETag, b.RemoteMTime = it.ETag, itemRow(it).MTime
	return outcome{tx: func(tx *state.Tx) error {
		if _, err := e.hear(tx, j, it); err != nil {
			return err
		}
		return tx.PutBase(e.cfg.Folder.N, b)
	}}
}
