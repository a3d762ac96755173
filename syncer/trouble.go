package syncer

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// Patience with an item that keeps changing under the hand: looked at again at
// once, then after a delay that doubles.
const (
	firstRetry = 250 * time.Millisecond
	newsRetry  = time.Second // the longest, as long as each try finds something new
	lastRetry  = time.Minute
	patience   = 2 // tries without a delay
	giveUpTry  = 8 // a single pass leaves it to the next one then
)

// longLocked is how long others may have an item open before a person is to hear of it.
const longLocked = time.Hour

// trouble decides what an action that did not succeed means for its item: look
// again, wait for a person or for time, or stop.
func (e *Engine) trouble(s *step, out outcome, news bool) {
	k, err := e.local.key(s.Key), out.err
	e.local.postpone(k, out.torn)
	switch {
	case errors.Is(err, context.Canceled):
	case errors.Is(err, watcher.ErrAway): // it is no trouble of the item's: see away
	case errors.Is(err, remote.ErrSignIn):
		e.fatal = err
	case errors.Is(err, errSuperseded) && out.refusal != nil && !news && e.tries[k] >= patience:
		e.setAside(k, s, out.refusal)
	case errors.Is(err, errSuperseded):
		e.retry(k, s, news)
	case errors.Is(err, errNotFound):
		e.missed(k, s, out.unfound)
	case e.once && errors.As(err, new(*remote.Paused)): // nothing else will be answered either
		e.fatal = err
	case errors.Is(err, remote.ErrOffline):
		e.offline(k, err)
	default:
		e.setAside(k, s, err)
	}
}

// retry lets k be planned anew, more slowly each time; not much more slowly when
// something was found that the plan did not know.
func (e *Engine) retry(k plan.Key, s *step, news bool) {
	e.tries[k]++
	n := e.tries[k]
	switch {
	case n <= patience:
		e.dirty[k] = struct{}{}
	case e.once && n > giveUpTry:
		e.leave(k)
		e.note(k, e.pathOfStep(s), "it keeps changing; it is synced once it is left alone", false, 0)
	default:
		delete(e.dirty, k)
		longest := lastRetry
		if news {
			longest = newsRetry
		}
		e.restUntil(k, e.clock.Now().Add(min(firstRetry<<min(n, 20), longest)))
	}
}

// restUntil keeps k from being planned before then, whatever is seen of it.
func (e *Engine) restUntil(k plan.Key, at time.Time) {
	e.rest[k] = at
	e.lookLater(k, at)
}

// leave leaves k to the next run.
func (e *Engine) leave(k plan.Key) {
	delete(e.dirty, k)
	e.rest[k] = time.Time{}
}

// rests says that k is not to be planned now.
func (e *Engine) rests(k plan.Key) bool {
	at, ok := e.rest[k]
	return ok && (at.IsZero() || e.clock.Now().Before(at))
}

// offline stops a single pass, which cannot do anything more; the agent waits.
func (e *Engine) offline(k plan.Key, err error) {
	if e.once {
		e.fatal = err
		return
	}
	delete(e.dirty, k)
	e.lookLater(k, e.clock.Now().Add(e.cfg.Poll))
}

// setAside lets k wait, with the reason; everything else goes on.
func (e *Engine) setAside(k plan.Key, s *step, err error) {
	path := e.pathOfStep(s)
	why, person, after := e.explain(s, err)
	delete(e.dirty, k)
	e.tries[k]++
	e.note(k, path, why, person, after)
	e.log.Warn("not synced yet", "path", path, "why", why, "err", err)
	if !person && !errors.Is(err, remote.ErrLocked) {
		e.failed = errors.Join(e.failed, oneOf(e.failed, &ItemError{path, why, err}))
	}
	switch {
	case e.once && e.tries[k] > patience:
		e.leave(k) // what was tried may itself have made the file look changed
	case !e.once && after > 0 && e.tries[k] > patience:
		e.restUntil(k, e.clock.Now().Add(after))
	case !e.once && after > 0:
		e.lookLater(k, e.clock.Now().Add(after))
	}
}

// An ItemError is what could not be done with one item in this run.
type ItemError struct {
	Path string
	Why  string // in words for a person
	Err  error
}

func (e *ItemError) Error() string { return `"` + e.Path + `": ` + e.Why }
func (e *ItemError) Unwrap() error { return e.Err }

// oneOf keeps the first error of a run: the others stand in the waiting list.
func oneOf(first, next error) error {
	if first != nil {
		return nil
	}
	return next
}

func (e *Engine) note(k plan.Key, path, why string, person bool, after time.Duration) {
	tx := e.waitFor(k, path, why, person, after)
	e.commit(report{tx: func(t *state.Tx) error { return tx(t) }})
}

// explain puts an error in words, and says who or what can change it.
func (e *Engine) explain(s *step, err error) (why string, person bool, after time.Duration) {
	backoff := min(time.Minute<<min(e.tries[s.Key], 6), time.Hour)
	switch {
	case errors.Is(err, remote.ErrLocked):
		why = "somebody has it open or checked out online; waiting to " + aim(s.Op) + said(err)
		was := e.waiting[e.local.key(s.Key)]
		person = was.Why == why && e.clock.Now().Sub(was.Since) >= longLocked
		return why, person, max(backoff, 5*time.Minute)
	case errors.Is(err, remote.ErrQuota):
		return "the drive is full; free space there", false, 10 * time.Minute
	case errors.Is(err, remote.ErrMalware):
		return "flagged as malware online; it is not downloaded", true, 0
	case errors.Is(err, remote.ErrDamaged):
		return "what is online is not what was sent" + said(err) + "; it is sent again", false, backoff
	case errors.Is(err, remote.ErrDenied):
		return "no permission to " + aim(s.Op) + said(err), true, time.Hour
	case errors.Is(err, remote.ErrRefused):
		return "the service does not let tandem " + aim(s.Op) + said(err), true, 0
	case errors.Is(err, remote.ErrChanged), errors.Is(err, remote.ErrExists), errors.Is(err, remote.ErrNotFound):
		return "the service refuses it, though all there is as expected" + said(err), false, backoff
	case errors.Is(err, remote.ErrBusySession):
		return "an earlier upload of it is still open online", false, backoff
	case errors.Is(err, remote.ErrThrottled):
		return "the service asks to wait", false, backoff
	case disk.Full(err):
		trash, _ := errors.AsType[*noRoom](err)
		return trash.words(), false, time.Minute
	case errors.Is(err, fs.ErrPermission) && s.Op == plan.Upload:
		return "cannot be read: " + reason(err), true, time.Minute
	case errors.Is(err, fs.ErrPermission):
		return "cannot be written: " + reason(err), true, time.Minute
	case errors.Is(err, syscall.EROFS):
		return "cannot be written: the disk is read-only", true, time.Minute
	case errors.Is(err, watcher.ErrAlias):
		return watcher.ErrAlias.Error(), true, 0
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "its name or path is too long for this disk", true, 0
	case errors.Is(err, transfer.ErrDamaged):
		return transfer.ErrDamaged.Error() + "; it is tried again later", false, backoff
	}
	return err.Error(), false, backoff
}

// aim says what an action that did not succeed was to do.
func aim(op plan.Op) string {
	switch op {
	case plan.DeleteRemote:
		return "delete it online, as it was deleted here"
	case plan.MoveRemote:
		return "move it online"
	case plan.MakeRemoteDir:
		return "make it online"
	case plan.Stamp:
		return "set its time online"
	case plan.Download:
		return "fetch it"
	}
	return "send it"
}

// said is what the service adds to its refusal.
func said(err error) string {
	if e, ok := errors.AsType[*remote.Error](err); ok && e.Message != "" {
		return ": " + e.Message
	}
	return ""
}

// reason gives the plain cause of a file system error, without the call and the
// path that the caller names anyway.
func reason(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "permission denied; give yourself access to it"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
