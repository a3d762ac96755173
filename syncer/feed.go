package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/plan"
)

const (
	addressLife = 30 * time.Minute // an hour is promised for most, not for all
	addressMost = 50_000           // kept in memory; the rest are asked for one by one
	trueUp      = 24 * time.Hour   // how often the whole drive is enumerated, and the whole folder looked at: tombstones and events do get lost
	nextTurn    = 100 * time.Millisecond
)

// A Feed is the change feed of one drive. The pairs on a drive share what is
// known of it, so they read its feed in turns, and what one of them has just
// read the others need not read again. The zero Feed is ready.
type Feed struct {
	mu      sync.Mutex
	reader  *Engine // whose turn it is
	begun   time.Time
	read    time.Time // when the last run that came to its end had begun
	told    time.Time // the latest change of ours that it has told of
	address map[string]address
}

// An address is where an item's content can be had without asking again; it is
// kept in memory only, and for less time than the service lets it live.
type address struct {
	to    remote.Secret
	until time.Time
}

// enter gives e its turn, unless another pair reads or has read since then.
func (f *Feed) enter(e *Engine, now, since time.Time) (mine, fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.reader != nil:
		return false, false
	case f.read.After(since):
		return false, true
	}
	f.reader, f.begun = e, now
	return true, false
}

// leave ends e's turn. done says that the run is part of what is known now.
func (f *Feed) leave(e *Engine, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader != e {
		return
	}
	f.reader = nil
	if done {
		f.read = f.begun
	}
}

// readAt is when the last reading began that came to its end.
func (f *Feed) readAt() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

// toldUpTo is when the latest change of ours was made that the feed has told of: of
// what was there before then it would have told, too.
func (f *Feed) toldUpTo() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told
}

// hear notes that the feed has told of a change of ours.
func (f *Feed) hear(echo time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if echo.After(f.told) {
		f.told = echo
	}
}

// keep remembers the addresses that a run has brought.
func (f *Feed) keep(brought map[string]remote.Secret, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.address == nil {
		f.address = map[string]address{}
	}
	for id, a := range f.address {
		if now.After(a.until) {
			delete(f.address, id)
		}
	}
	for id, to := range brought {
		if _, known := f.address[id]; known || len(f.address) < addressMost {
			f.address[id] = address{to, now.Add(addressLife)}
		}
	}
}

// addressOf is where the content of an item is, as far as it is known.
func (f *Feed) addressOf(id string, now time.Time) remote.Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.address[id]; ok && now.Before(a.until) {
		return a.to
	}
	return ""
}

// A run is one reading of the change feed, from the cursor to its end.
type run struct {
	cursor  string
	full    bool  // from the start: what it does not list is not there
	since   int64 // when it began, by the state's clock
	address map[string]remote.Secret
}

// poll reads the change feed to its end beside the loop. Its items are staged
// page by page and merged, with the cursor, in one transaction. A single pass
// reads for itself; the agent takes what another pair has read lately.
func (e *Engine) poll(ctx context.Context) {
	if e.polling {
		return
	}
	now := e.clock.Now()
	lately := now.Add(-e.cfg.Poll / 2)
	switch {
	case e.once:
		lately = now
	case e.noticed.After(lately):
		lately = e.noticed
	}
	mine, fresh := e.feed.enter(e, now, lately)
	if !mine && !fresh {
		e.nextPoll = now.Add(nextTurn)
		return
	}
	e.polled, e.nextPoll = now, now.Add(e.pace(now))
	if fresh {
		e.upToDate(ctx)
		return
	}
	e.polling = true
	drive, err := e.db.Drive(e.cfg.Drive.N)
	if err != nil {
		panic(stateError{err})
	}
	link := drive.Cursor
	if e.clock.Now().Sub(drive.FullAt) > trueUp {
		link = ""
	}
	e.spawn(func() report {
		r, err := e.readFeed(ctx, drive, link)
		return report{then: func(error) { e.fed(ctx, r, err) }}
	})
}

// readFeed reads pages until the feed's end. When the service asks for a fresh
// start, it starts afresh, once where it was told to and once from nothing.
func (e *Engine) readFeed(ctx context.Context, drive state.Drive, link string) (run, error) {
	r := run{full: link == "", since: e.db.Moment(), address: map[string]remote.Secret{}}
	var trail remote.Trail
	for resyncs := 0; ; {
		page, err := e.drive.Delta(ctx, drive.ID, link)
		var re *remote.Error
		if errors.Is(err, remote.ErrResync) && resyncs < 2 {
			resyncs++
			if link = ""; resyncs == 1 && errors.As(err, &re) {
				link = re.Location
			}
			r.full, r.since = true, e.db.Moment()
			trail = remote.Trail{}
			if err := e.db.DropStage(drive.N); err != nil {
				return r, err
			}
			continue
		}
		if err != nil {
			return r, err
		}
		if err := e.stage(drive.N, page.Items, &r); err != nil {
			return r, err
		}
		if page.Cursor != "" {
			r.cursor = page.Cursor
			return r, nil
		}
		if err := trail.Follow("read the change feed", page.Next, page.Entries()); err != nil {
			return r, err
		}
		link = page.Next
	}
}

func (e *Engine) stage(drive int64, items []remote.Item, r *run) error {
	rows := make([]state.Delta, 0, len(items))
	for _, it := range items {
		if it.Address != "" && len(r.address) < addressMost {
			r.address[it.ID] = it.Address
		}
		rows = append(rows, state.Delta{Item: itemRow(it), Deleted: it.Deleted})
	}
	e.listing.Add(int64(len(items)))
	return e.db.StageDelta(drive, rows)
}

// fed merges a finished run, and asks about what it leaves in doubt.
func (e *Engine) fed(ctx context.Context, r run, err error) {
	e.polling = false
	if err != nil {
		if drop := e.db.DropStage(e.cfg.Drive.N); drop != nil {
			err = errors.Join(err, drop)
		}
		e.feedFailed(err)
		return
	}
	now := e.clock.Now()
	merged, err := e.db.MergeDelta(ctx, e.cfg.Drive.N, state.Merge{Cursor: r.cursor, Full: r.full, Since: r.since, At: now})
	if err != nil {
		e.feedFailed(fmt.Errorf("merge the change feed: %w", err))
		return
	}
	e.feed.keep(r.address, now)
	e.feed.hear(merged.Echo)
	e.feed.leave(e, true)
	if merged.Changed > 0 {
		e.stirred, e.happened = true, now
	}
	e.settleDoubts(ctx)
	e.upToDate(ctx)
}

// upToDate takes over what a run of the feed has brought.
func (e *Engine) upToDate(ctx context.Context) {
	e.unread, e.unreadAt, e.nonsense = "", time.Time{}, 0
	if !e.listed {
		e.listed = true
		e.claimSent()
	}
	e.loadDirty()
	e.settleUnfound(ctx)
}

// feedFailed ends a single pass. The agent goes on with what it knows and asks
// again, unless a person must sign in first.
func (e *Engine) feedFailed(err error) {
	e.feed.leave(e, false)
	switch {
	case errors.Is(err, state.ErrRootChanged):
		e.fatal = &RootError{Path: e.cfg.Folder.Path, Why: "its drive has another root than it had; nothing was changed on either side"}
		return
	case e.once, errors.Is(err, remote.ErrSignIn):
		e.fatal = err
		return
	}
	e.unread, e.unreadAt = err.Error(), e.clock.Now()
	if errors.Is(err, remote.ErrMalformed) {
		e.nonsense++
		e.nextPoll = e.polled.Add(e.pace(e.polled))
	}
	if !e.ends() {
		e.log.Warn("change feed not read", "err", err)
	}
}

// rootIsGone ends the run when the folder online, or one that it is in, is gone: what
// is here is not to follow it. Whoever reads the feed of the drive may have heard it.
// So it does when another pair has that folder: see OverlapError.
func (e *Engine) rootIsGone() bool {
	for n := int64(e.root); n != 0; {
		if e.fatal = e.overlap(n); e.fatal != nil {
			return true
		}
		it, known, err := e.db.Item(n)
		if err != nil {
			panic(stateError{err})
		}
		if known && it.Gone {
			e.fatal = &RootError{Path: e.cfg.Folder.Path, Why: "the folder online was deleted; nothing was deleted here"}
			return true
		}
		n = it.Parent
	}
	return false
}

// loadDirty takes over the marks that were left on changed items since the last
// time, by a merge, an answer or another pair.
func (e *Engine) loadDirty() {
	e.heard()
	keys, upTo, err := e.db.Dirty(e.cfg.Folder.N, e.marked)
	if err != nil {
		panic(stateError{err})
	}
	e.marked = upTo
	for _, k := range keys {
		e.revive(plan.Key(k))
		e.dirty[plan.Key(k)] = struct{}{}
	}
	if len(keys) > 0 { // what is decided anew is not settled
		e.cleared = slices.DeleteFunc(e.cleared, func(k int64) bool { _, anew := slices.BinarySearch(keys, k); return anew })
	}
}

// settleDoubts asks about what this run of the feed, or one before it, has left
// in doubt.
func (e *Engine) settleDoubts(ctx context.Context) {
	doubts, err := e.db.Doubts(e.cfg.Drive.N)
	if err != nil {
		panic(stateError{err})
	}
	e.inDoubt = false
	var unlisted, others []state.Doubt
	for _, d := range doubts {
		switch {
		case e.asking[d.ID] || e.unfound[d.ID] != nil || !e.due(d):
		case d.Why == state.NotListed:
			unlisted = append(unlisted, d)
		default:
			others = append(others, d)
		}
	}
	for some := range slices.Chunk(others, max(1, min(len(others)/askAtOnce, askInOneGo))) {
		if e.askers < askAtOnce { // the answers that come lead here again
			e.ask(ctx, some...)
		}
	}
	if len(unlisted) > 0 {
		e.ask(ctx, unlisted...)
	}
	if e.heardOf && e.askers == 0 {
		e.takeAnswers()
	}
}

// takeAnswers lets what was heard of items in doubt be decided: together, for they may be
// many of one name.
func (e *Engine) takeAnswers() {
	e.heardOf, e.answered = false, e.clock.Now()
	e.loadDirty()
}

const (
	askAtOnce   = 8           // items that are asked about at a time …
	askInOneGo  = 64          // … and, when there are many, one after the other before any is recorded
	answersWait = time.Second // for those that are still to come, before anything is decided
)

// ask asks about items in doubt beside the loop. What is heard of them is recorded at
// once: what a full listing lacks may be a great deal, and is to be judged together.
func (e *Engine) ask(ctx context.Context, doubts ...state.Doubt) {
	e.askers++
	for _, d := range doubts {
		e.asking[d.ID] = true
	}
	e.spawn(func() report { return e.askAbout(ctx, doubts) })
}

// askAbout fetches, one by one, the items in doubt: absence counts only when the
// service says so of that very item. What gets no answer is asked about again after
// the next reading of the feed.
func (e *Engine) askAbout(ctx context.Context, doubts []state.Doubt) report {
	out := outcome{since: e.db.Moment()}
	var answered, deeper, ended []string
	for _, d := range doubts {
		if d.Why == state.Found {
			inside, err := e.drive.Children(ctx, e.cfg.Drive.ID, d.ID, nil)
			if errors.Is(err, remote.ErrNotFound) {
				out.unfound = append(out.unfound, d.ID) // the listing is asked for again when that is settled
				continue
			}
			if err != nil {
				e.log.Warn("folder in doubt not listed", "item", d.ID, "err", err)
				continue
			}
			out.fresh, answered = append(out.fresh, inside...), append(answered, d.ID)
			for _, it := range inside {
				if it.Kind == remote.Folder {
					deeper = append(deeper, it.ID)
				}
			}
			continue
		}
		row, known, _ := e.db.ItemByID(e.cfg.Drive.N, d.ID)
		proved := !known || row.Gone || d.Why == state.NotListed || d.Why == state.EndedAgain || d.Why == believed || d.Folder != 0
		it, err := e.answer(ctx, d)
		switch {
		case errors.Is(err, remote.ErrNotFound) && proved:
			out.lost = append(out.lost, d.ID)
			if d.Why == state.EndedAgain {
				ended = append(ended, d.ID)
			}
		case errors.Is(err, remote.ErrNotFound):
			out.unfound = append(out.unfound, d.ID) // asked about again when that is settled
			continue
		case err != nil:
			e.log.Warn("item in doubt not read", "item", d.ID, "err", err)
			continue
		case it.ID != "" && d.Folder != 0:
			out.back = append(out.back, it)
		case it.ID != "":
			out.fresh = append(out.fresh, it)
		}
		answered = append(answered, d.ID)
	}
	return report{
		tx: func(tx *state.Tx) error {
			for _, id := range answered {
				if err := tx.DropDoubt(e.cfg.Drive.N, id, out.since); err != nil {
					return err
				}
			}
			for _, id := range ended {
				if err := tx.Unrestore(e.cfg.Drive.N, id); err != nil {
					return err
				}
			}
			for _, id := range deeper {
				if err := tx.PutDoubt(e.cfg.Drive.N, state.Doubt{ID: id, Why: state.Found}); err != nil {
					return err
				}
			}
			_, err := e.learn(tx, out)
			return err
		},
		then: func(error) {
			e.askers--
			for _, d := range doubts {
				delete(e.asking, d.ID)
			}
			e.inDoubt = e.inDoubt || len(answered) > 0 // others may be waiting for their turn
			e.absent(out.unfound)
			if e.heardOf = true; e.askers == 0 && !e.inDoubt || e.clock.Now().Sub(e.answered) >= answersWait {
				e.takeAnswers()
			}
		},
	}
}

// answer gives the item as it is now; one without id when there is no more to be
// had of it.
func (e *Engine) answer(ctx context.Context, d state.Doubt) (remote.Item, error) {
	if d.Folder != 0 {
		return e.bringBack(ctx, d)
	}
	return e.drive.Item(ctx, e.cfg.Drive.ID, d.ID)
}
