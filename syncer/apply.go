package syncer

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/syncer/transfer"
)

// A step is an action on its way.
type step struct {
	plan.Action
	need   int      // steps that must succeed before
	next   []*step  // steps that wait for this one
	over   bool     // given up together with one it waited for
	tries  int      // of a batch that could not take it
	fresh  bool     // it sends what is new here
	begun  bool     // a worker is at it
	from   string   // where the item stood here when it began …
	key    plan.Key // … what it went by …
	parent plan.Key // … and what the folder of To did
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
	inID     string // the folder online that it was planned upon in; empty: not known
	address  remote.Secret
	since    int64    // when it began, by the state's clock: what was told after that is newer than its answer
	over     []string // the eTags of the version that it changes: there are several when that has drifted
}

// An outcome is how a job ended.
type outcome struct {
	err     error
	aside   error                 // it was done, and is to be done again later for this reason
	torn    bool                  // with errSuperseded: the file changed while it was sent
	refusal error                 // with errSuperseded: what the service answered, though what it shows is what was planned upon
	sync    []string              // folders to fsync before anything is recorded
	tx      func(*state.Tx) error // the agreement
	then    func()                // the same for the tree in memory; runs in the loop
	look    []string              // local paths that are not as planned
	kept    string                // the conflict copy that was made
	since   int64                 // when the following was asked, by the state's clock
	fresh   []remote.Item         // what the service says stands there instead
	back    []remote.Item         // what we restored online
	lost    []string              // ids it no longer knows
	unfound []string              // ids it did not find; no proof: see missed
	items   int                   // for the journal: descendants count
	bytes   int64
	timed   bool // a time was set, and nothing else
}

// errSuperseded says that what an action expected to find is no longer so. It
// is neither a success nor a failure: both sides are looked at and planned again.
var errSuperseded = errors.New("changed meanwhile")

// hold reserves what s will touch until it has ended.
func (e *Engine) hold(s *step) {
	e.inFlight[s] = struct{}{}
	e.busy[s.Key]++
	if s.Pair != 0 {
		e.busy[s.Pair]++
	}
	for _, p := range s.slots() {
		e.slots[p]++
	}
	if s.sends() {
		e.local.sending[s.Local.Print.Ino] = s.Key
	}
	if s.makes() {
		e.creating[s.Key] = creation{place: folded(s.To)}
	}
}

func (e *Engine) release(s *step) {
	delete(e.inFlight, s)
	drop(e.busy, s.Key)
	if s.Pair != 0 {
		drop(e.busy, s.Pair)
	}
	for _, p := range s.slots() {
		drop(e.slots, p)
	}
	if s.sends() {
		delete(e.local.sending, s.Local.Print.Ino)
	}
	if s.makes() {
		delete(e.creating, s.Key)
		delete(e.creating, s.key) // it may have been renamed before it was begun
	}
}

// sends says that s sends what stands here.
func (s *step) sends() bool { return s.Op == plan.Upload || s.makes() }

// makes says that s makes something online that is new here.
func (s *step) makes() bool {
	return (s.Op == plan.Upload || s.Op == plan.MakeRemoteDir) && s.Remote.Kind == plan.None
}

func drop[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// slots are the local names under which s makes, changes or removes something.
func (s *step) slots() []plan.Place {
	switch s.Op {
	case plan.MakeLocalDir, plan.SetTime:
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
	if s.Op == plan.Upload && s.Local.Size <= transfer.WholeBelow {
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
				refused := err
				if refused != nil { // one bad row must not undo the others
					refused = e.db.Update(r.tx)
					e.local.written()
				}
				r.then(refused)
			}
		},
	})
	e.agreeAll() // children of the folders just joined
}

func (e *Engine) jobFor(s *step) job {
	j := job{Action: s.Action, parent: e.local.key(s.To.Parent), since: e.db.Moment()}
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
		names.Fold(j.Remote.Name) == names.Fold(s.To.Name)
	if it, ok, err := e.db.Item(int64(j.parent)); err != nil {
		panic(stateError{err})
	} else if ok {
		j.parentID = it.ID
	}
	if in := e.local.key(j.Remote.Parent); in == j.parent {
		j.inID = j.parentID
	} else if it, ok, err := e.db.Item(int64(in)); err != nil {
		panic(stateError{err})
	} else if ok {
		j.inID = it.ID
	}
	if j.over = []string{s.Remote.ETag}; j.etag != s.Remote.ETag {
		j.over = append(j.over, j.etag)
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
	s.begun, s.from, s.key, s.parent = true, j.path, j.Key, j.parent
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
	if err := e.fs.Stands(); err != nil {
		return outcome{err: err}
	}
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
	case plan.SetTime:
		return e.setTime(j)
	case plan.DeleteLocal:
		return e.deleteLocal(j)
	case plan.DeleteRemote:
		return e.deleteRemote(ctx, j)
	}
	panic("no such action: " + e.words(j.Action))
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
		ID: it.ID, ParentID: it.ParentID, Name: it.Name, Fold: names.Fold(it.Name), Why: it.Why,
		Size: it.Size, MTime: state.Nanos(it.MTime), Hash: it.Hash, ETag: it.ETag,
	}
	switch {
	case it.Kind == remote.Folder:
		row.Kind = uint8(plan.Dir)
	case it.Kind == remote.File && it.Why == "":
		row.Kind = uint8(plan.File)
	case it.Kind == remote.File: // a person can do something about what keeps it from being one
		row.Kind = uint8(plan.Unknown)
	default:
		row.Kind = uint8(plan.Other)
	}
	return row
}
