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
		results, err := e.drive.SetTimes(ctx, e.cfg.Drive.ID, stamps)
		reports := make([]report, len(batch))
		for i, s := range batch {
			out := outcome{err: err}
			if err == nil {
				out = e.stamped(ctx, jobs[i], results[i])
			}
			reports[i] = e.reportOf(s, out)
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
			},
		}
	})
}

// stamped records one item's new times. They are not worth a fight: when the
// item online has changed meanwhile, what it has now is what counts.
func (e *Engine) stamped(ctx context.Context, j job, res remote.StampResult) outcome {
	b := j.base
	b.TimesDue = false
	switch {
	case errors.Is(res.Err, remote.ErrChanged):
		now, err := e.unchanged(ctx, j)
		if err != nil {
			return e.notAsPlanned(ctx, j, err)
		}
		return e.stampOnce(ctx, j, now)
	case res.Err != nil:
		return e.notAsPlanned(ctx, j, res.Err)
	}
	b.ETag, b.RemoteMTime = res.Item.ETag, itemRow(res.Item).MTime
	return e.keepBase(j, b, res.Item)
}

// stampOnce tries one item again with its fresh eTag.
func (e *Engine) stampOnce(ctx context.Context, j job, now remote.Item) outcome {
	stamps := []remote.Stamp{{ID: now.ID, ETag: now.ETag, MTime: wholeSecond(j.Local.MTime)}}
	res, err := e.drive.SetTimes(ctx, e.cfg.Drive.ID, stamps)
	if err == nil {
		err = res[0].Err
	}
	b := j.base
	b.TimesDue = false
	if err != nil { // the content is safe up there; its time is what the service gave it
		b.ETag, b.RemoteMTime = now.ETag, itemRow(now).MTime
		return e.keepBase(j, b, now)
	}
	b.ETag, b.RemoteMTime = res[0].Item.ETag, itemRow(res[0].Item).MTime
	return e.keepBase(j, b, res[0].Item)
}

// keepBase writes b, whose place and content have not changed, and the item row
// that goes with it.
func (e *Engine) keepBase(j job, b state.Base, it remote.Item) outcome {
	return outcome{tx: func(tx *state.Tx) error {
		row, ok, err := e.db.Item(int64(j.Key))
		if err != nil || !ok {
			return err
		}
		fresh := itemRow(it)
		row.Over = over(row, j.etag)
		row.ETag, row.MTime, row.Own = fresh.ETag, fresh.MTime, e.clock.Now()
		if _, err := tx.PutItem(row); err != nil {
			return err
		}
		return tx.PutBase(e.cfg.Folder.N, b)
	}}
}
