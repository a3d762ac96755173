package syncer

import (
	"errors"
	"slices"

	"tandem/state"
)

// A report is what a worker sends to the loop. The rows of all reports at hand
// are made durable by one transaction, their folders by one fsync each.
type report struct {
	sync []string
	tx   func(*state.Tx) error
	then func(err error) // runs in the loop; err says that the rows are not durable
	last bool            // the worker has ended
}

// durably makes rows durable before the worker goes on; the loop groups them
// with those of others.
func (e *Engine) durably(tx func(*state.Tx) error) error {
	done := make(chan error, 1)
	e.send(report{tx: tx, then: func(err error) { done <- err }})
	e.cfg.Await(func() bool { return len(done) > 0 })
	select {
	case err := <-done:
		return err
	case <-e.over:
		return errOver
	}
}

var errOver = errors.New("the run has ended")

// commit takes all reports at hand.
func (e *Engine) commit(first report) {
	batch := []report{first}
	for len(batch) < 512 {
		select {
		case r := <-e.inbox:
			batch = append(batch, r)
			continue
		default:
		}
		break
	}
	errs := e.syncDirs(batch)
	err := e.record(batch, errs)
	if err != nil {
		for i := range batch { // one bad row must not undo the others
			if errs[i] == nil && batch[i].tx != nil {
				errs[i] = e.db.Update(batch[i].tx)
			}
		}
	}
	e.local.written()
	for i, r := range batch {
		if r.last {
			e.work--
		}
		if r.then != nil {
			r.then(errs[i])
		}
	}
	for len(e.looks) > 0 {
		look := e.looks[0]
		e.looks = e.looks[1:]
		look()
	}
}

// lookOnce has look called once all that was recorded together is known here, too: what
// is seen is compared with what was recorded.
func (e *Engine) lookOnce(look func()) { e.looks = append(e.looks, look) }

func (e *Engine) syncDirs(batch []report) []error {
	errs := make([]error, len(batch))
	synced := map[string]error{}
	for i, r := range batch {
		for _, dir := range r.sync {
			err, done := synced[dir]
			if !done {
				err = e.fs.SyncDir(dir)
				synced[dir] = err
			}
			errs[i] = errors.Join(errs[i], err)
		}
	}
	return errs
}

func (e *Engine) record(batch []report, errs []error) error {
	if len(e.cleared) == 0 && !slices.ContainsFunc(batch, func(r report) bool { return r.tx != nil }) {
		return nil
	}
	err := e.db.Update(func(tx *state.Tx) error {
		for i, r := range batch {
			if r.tx == nil || errs[i] != nil {
				continue
			}
			if err := r.tx(tx); err != nil {
				return err
			}
		}
		return tx.ClearDirty(e.cfg.Folder.N, e.marked, e.cleared...)
	})
	if err == nil {
		e.cleared = nil
	}
	return err
}

// send hands a report to the loop, unless that has ended.
func (e *Engine) send(r report) {
	select {
	case e.inbox <- r:
	case <-e.over:
	}
}

// spawn starts a worker. What it returns is committed by the loop.
func (e *Engine) spawn(work func() report) {
	e.work++
	e.cfg.Spawn(func() {
		r := work()
		r.last = true
		e.send(r)
	})
}
