package syncer

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

// A step is an action on its way.
type step struct {
	plan.Action
	need  int     // steps that must succeed before
	next  []*step // steps that wait for this one
	over  bool    // given up together with one it waited for
	fresh bool    // it sends what is new here
}

// A job is a step with all that a worker must know: the trees belong to the
// loop, and may have moved on since the plan was made.
type job struct {
	plan.Action
	base     state.Base // the agreement on Key, or when it is joined with Pair on that; zero when there is none
	from     plan.Key   // the key that base and what stands here go by
	follows  bool       // To is where the item stands online
	path     string     // where the item stands here
	to       string     // where it shall stand here
	id       string     // the item online
	etag     string
	parent   plan.Key // of To, by its present key
	parentID string
	address  remote.Secret
}

// An outcome is how a job ended.
type outcome struct {
	err     error
	sync    []string              // folders to fsync before anything is recorded
	tx      func(*state.Tx) error // the agreement
	then    func()                // the same for the tree in memory; runs in the loop
	look    []string              // local paths that are not as planned
	kept    string                // the conflict copy that was made
	fresh   []remote.Item         // what the service says stands there instead
	lost    []string              // ids it no longer knows
	unfound []string              // ids it did not find; no proof
	items   int                   // for the journal: descendants count
	bytes   int64
}

// errSuperseded says that what an action expected to find is no longer so. It
// is neither a success nor a failure: both sides are looked at and planned again.
var errSuperseded = errors.New("changed meanwhile")

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
	e.local.written()
	if err != nil {
		for i := range batch { // one bad row must not undo the others
			if errs[i] == nil && batch[i].tx != nil {
				errs[i] = e.db.Update(batch[i].tx)
			}
		}
	}
	for i, r := range batch {
		if r.last {
			e.work--
		}
		if r.then != nil {
			r.then(errs[i])
		}
	}
}

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

// hold reserves what s will touch until it has ended.
func (e *Engine) hold(s *step) {
	e.inFlight++
	e.busy[s.Key]++
	if s.Pair != 0 {
		e.busy[s.Pair]++
	}
	for _, p := range s.slots() {
		e.slots[p]++
	}
}

func (e *Engine) release(s *step) {
	e.inFlight--
	drop(e.busy, s.Key)
	if s.Pair != 0 {
		drop(e.busy, s.Pair)
	}
	for _, p := range s.slots() {
		drop(e.slots, p)
	}
}

func drop[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// slots are the local names under which s makes or removes something.
func (s *step) slots() []plan.Place {
	switch s.Op {
	case plan.MakeLocalDir:
		return []plan.Place{s.To}
	case plan.MoveLocal:
		return []plan.Place{s.Local.Place, s.To}
	case plan.DeleteLocal:
		return []plan.Place{s.Local.Place}
	case plan.Download:
		if s.Keep != "" {
			return []plan.Place{s.To, {Parent: s.To.Parent, Name: s.Keep}}
		}
		return []plan.Place{s.To}
	}
	return nil
}

// dispatch starts what is ready, as far as there are workers. What needs none,
// because both sides agree already, is recorded at once.
func (e *Engine) dispatch(ctx context.Context) {
	if e.fatal != nil {
		return
	}
	e.hashAll()
	e.agreeAll()
	e.stampAll(ctx)
	checked := false
	for e.running < e.cfg.Parallel && e.loaded < loadMost && len(e.ready.work) > 0 {
		s := e.ready.work[0]
		if deletes(s.Op) && !checked {
			if e.fatal = e.checkRoot(); e.fatal != nil {
				return
			}
			checked = true
		}
		e.ready.work = e.ready.work[1:]
		e.start(ctx, s)
	}
}

// A queue holds the steps that wait for nothing but a worker, by what is done
// with them.
type queue struct {
	agree []*step // recorded at once
	stamp []*step // sent in batches
	work  []*step // one worker each
}

func (q *queue) add(s *step) {
	switch s.Op {
	case plan.Adopt, plan.Forget:
		q.agree = append(q.agree, s)
	case plan.Stamp:
		q.stamp = append(q.stamp, s)
	default:
		q.work = append(q.work, s)
	}
}

func (q *queue) len() int { return len(q.agree) + len(q.stamp) + len(q.work) }

// loadMost bounds what small files, which are sent from memory, take of it.
const loadMost = 48 << 20

// load is what a worker at s may hold in memory.
func (s *step) load() int64 {
	if s.Op == plan.Upload && s.Local.Size <= wholeBelow {
		return s.Local.Size
	}
	return 0
}

func deletes(op plan.Op) bool { return op == plan.DeleteLocal || op == plan.DeleteRemote }

// agreeAll records, in one transaction, every ready step that moves nothing.
func (e *Engine) agreeAll() {
	steps := e.ready.agree
	if len(steps) == 0 {
		return
	}
	e.ready.agree = nil
	reports := make([]report, len(steps))
	for i, s := range steps {
		reports[i] = e.reportOf(s, e.agree(e.jobFor(s)))
	}
	e.commit(report{
		tx: func(tx *state.Tx) error {
			for _, r := range reports {
				if err := r.tx(tx); err != nil {
					return err
				}
			}
			return nil
		},
		then: func(err error) {
			for _, r := range reports {
				if err != nil {
					err = e.db.Update(r.tx)
					e.local.written()
				}
				r.then(err)
			}
		},
	})
	e.agreeAll() // children of the folders just joined
}

func (e *Engine) jobFor(s *step) job {
	j := job{Action: s.Action, parent: e.local.key(s.To.Parent)}
	j.Key = e.local.key(s.Key)
	j.from = j.Key
	if s.Pair != 0 {
		j.from = e.local.key(s.Pair)
	}
	j.base, _ = e.local.base(j.from)
	j.path = e.local.path(j.from)
	if s.To.Name != "" {
		j.to = path.Join(e.local.path(j.parent), s.To.Name)
	}
	j.id, j.etag = s.Remote.ID, s.Remote.ETag
	if it, ok, err := e.db.Item(int64(j.Key)); err != nil {
		panic(stateError{err})
	} else if ok && !it.Gone {
		j.id = it.ID
		if slices.Contains(strings.Split(it.Over, "\n"), j.etag) {
			j.etag = it.ETag // a step of ours made the newer version; anybody else's must fail the If-Match
		}
		if it.Name == j.base.RemoteName && it.Parent == j.base.Parent {
			j.Remote.Place = plan.Place{Parent: plan.Key(it.Parent), Name: it.Name} // a step before this one moved it
		}
	}
	j.follows = j.Remote.Kind != plan.None && e.local.key(j.Remote.Parent) == j.parent &&
		plan.Fold(j.Remote.Name) == plan.Fold(s.To.Name)
	if it, ok, err := e.db.Item(int64(j.parent)); err != nil {
		panic(stateError{err})
	} else if ok {
		j.parentID = it.ID
	}
	j.address = e.feed.addressOf(j.id, e.clock.Now())
	return j
}

// localName is the name here that goes with a name online: the same, but where
// the two were agreed upon in different spellings.
func (j job) localName(online string) string {
	if j.base.N != 0 && j.base.RemoteName == online {
		return j.base.LocalName
	}
	return online
}

// start hands s to a worker.
func (e *Engine) start(ctx context.Context, s *step) {
	e.running++
	e.loaded += s.load()
	j := e.jobFor(s)
	s.fresh = j.base.N == 0 && (s.Op == plan.Upload || s.Op == plan.MakeRemoteDir)
	e.spawn(func() report {
		r := e.reportOf(s, e.perform(ctx, j))
		done := r.then
		r.then = func(err error) {
			e.running--
			e.loaded -= s.load()
			done(err)
		}
		return r
	})
}

func (e *Engine) perform(ctx context.Context, j job) outcome {
	switch j.Op {
	case plan.MakeLocalDir:
		return e.makeLocalDir(j)
	case plan.MakeRemoteDir:
		return e.makeRemoteDir(ctx, j)
	case plan.MoveLocal:
		return e.moveLocal(j)
	case plan.MoveRemote:
		return e.moveRemote(ctx, j)
	case plan.Download:
		return e.download(ctx, j)
	case plan.Upload:
		return e.upload(ctx, j)
	case plan.DeleteLocal:
		return e.deleteLocal(j)
	case plan.DeleteRemote:
		return e.deleteRemote(ctx, j)
	}
	panic("no such action: " + e.words(j.Action))
}

// reportOf makes of an outcome what the loop has to record.
func (e *Engine) reportOf(s *step, out outcome) report {
	now := e.clock.Now()
	return report{
		sync: out.sync,
		tx: func(tx *state.Tx) error {
			if out.tx != nil {
				if err := out.tx(tx); err != nil {
					return err
				}
			}
			return e.learn(tx, out)
		},
		then: func(err error) {
			if gone(err) { // its folder, which was to be synced, was moved or deleted meanwhile
				err, out.look = errSuperseded, append(out.look, out.sync...)
			}
			if out.err == nil {
				out.err = err
			}
			e.finish(s, out, now)
		},
	}
}

// learn writes down what the service said about items that were not as planned,
// so that the next plan starts from it and not from the feed, which lags.
func (e *Engine) learn(tx *state.Tx, out outcome) error {
	for _, it := range out.fresh {
		row, err := e.row(it)
		if err != nil {
			return err
		}
		n, err := tx.PutItem(row)
		if err != nil {
			return err
		}
		if err := tx.MarkDirty(e.cfg.Folder.N, n); err != nil {
			return err
		}
	}
	lost := out.lost
	for _, id := range out.unfound {
		if e.believes(id) {
			lost = append(lost, id)
		}
	}
	for _, id := range lost {
		it, ok, err := e.db.ItemByID(e.cfg.Drive.N, id)
		if err != nil {
			return err
		}
		if !ok || it.Gone && !it.Own.IsZero() {
			continue
		}
		if err := tx.MarkGone(it.N, time.Time{}); err != nil {
			return err
		}
		if err := tx.MarkDirty(e.cfg.Folder.N, it.N); err != nil {
			return err
		}
	}
	return nil
}

// finish closes a step: its successors are released, or dropped to be planned
// anew.
func (e *Engine) finish(s *step, out outcome, now time.Time) {
	e.release(s)
	if out.kept != "" {
		e.sum.Conflicts++
		defer e.lookAt(out.kept, false)
		e.log.Info("kept both", "path", e.pathOf(e.local.key(s.Key)), "why", s.Why)
	}
	if out.err != nil {
		e.giveUp(s)
		for _, rel := range out.look {
			e.lookAt(rel, false)
		}
		e.local.join()
		if len(out.fresh)+len(out.lost)+len(out.unfound) > 0 {
			e.loadDirty()
		}
		e.trouble(s, out.err)
		return
	}
	delete(e.tries, e.local.key(s.Key))
	delete(e.rest, e.local.key(s.Key))
	_, still := e.local.diff[e.local.key(s.Key)]
	if out.then != nil {
		out.then()
	}
	if s.fresh && !still { // it went away while it was sent
		e.lookAt(e.local.path(e.local.key(s.Key)), false)
		e.local.join()
	}
	e.count(s, out)
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

// row translates what the service said of an item.
func (e *Engine) row(it remote.Item) (state.Item, error) {
	row := itemRow(it)
	row.Drive = e.cfg.Drive.N
	parent, ok, err := e.db.ItemByID(row.Drive, it.ParentID)
	if ok {
		row.Parent = parent.N
	}
	return row, err
}

func itemRow(it remote.Item) state.Item {
	row := state.Item{
		ID: it.ID, ParentID: it.ParentID, Name: it.Name, Fold: plan.Fold(it.Name), Why: it.Why,
		Size: it.Size, Hash: it.Hash, ETag: it.ETag,
	}
	if !it.MTime.IsZero() {
		row.MTime = it.MTime.UnixNano()
	}
	switch {
	case it.Kind == remote.Folder:
		row.Kind = uint8(plan.Dir)
	case it.Kind == remote.File && it.Why == "":
		row.Kind = uint8(plan.File)
	default:
		row.Kind = uint8(plan.Other)
	}
	return row
}
