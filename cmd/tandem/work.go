package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/syncer"
	"tandem/syncer/transfer"
)

// A tally is what an errand did. Its JSON shape, one object a task, is a
// contract.
type tally struct {
	Task    string `json:"task,omitempty"`
	Verb    string `json:"verb"`
	Done    int    `json:"done"`
	Same    int    `json:"same"`
	Skipped int    `json:"skipped"`
	Failed  int    `json:"failed"`
	Planned int    `json:"planned"`
	Held    int    `json:"held"`

	TimesSet  int `json:"times_set,omitempty"`  // of those that are the same, how many got the time of their source …
	TimesLeft int `json:"times_left,omitempty"` // … and how many keep another

	Bytes   int64   `json:"bytes"` // of what was done
	Made    int     `json:"created_folders"`
	Reqs    int64   `json:"requests"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error"`

	codes []int
	hint  string // against the first trouble with a file
}

// A work is one errand under way.
type work struct {
	*session
	*errand
	tally  tally
	report *task.Report
	stop   context.CancelCauseFunc
	cut    func(error) bool // it was stopped, and this failed for nothing else
	inJob  bool             // of tandem run: single results are not printed
	before int64            // requests that others have sent in this session

	mu sync.Mutex // of the tally

	synced struct {
		sync.Mutex
		places map[string]*place // of folders here; nil: in no synced one
	}
}

// errand reads the configuration and runs one errand of the command line.
func (p *program) errand(ctx context.Context, e *errand) error {
	if key, problem := e.check(); problem != "" {
		return usage(fmt.Errorf("--%s: %s", strings.ReplaceAll(key, "_", "-"), problem), "see: tandem "+e.Verb+" --help")
	}
	s, err := p.begin()
	if err != nil {
		return err
	}
	defer s.close()
	return s.work(e).do(ctx)
}

func (s *session) work(e *errand) *work {
	w := &work{session: s, errand: e, tally: tally{Task: e.name, Verb: e.Verb}}
	w.report = &task.Report{Result: w.result}
	w.synced.places = map[string]*place{}
	w.before = s.sent()
	return w
}

// sent counts the requests of this session.
func (s *session) sent() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		n += c.Requests()
	}
	return n
}

// do does what the verb says.
func (w *work) do(ctx context.Context) error {
	return w.run(ctx, func(ctx context.Context, w *work) error { return verbNamed(w.Verb).do(w, ctx) })
}

// run does the work, shows how far it is, and says how it ended.
func (w *work) run(ctx context.Context, do func(context.Context, *work) error) error {
	start := time.Now()
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w.stop, w.cut = stop, func(err error) bool { return inner.Err() != nil && tellsOnly(err, context.Cause(inner)) }
	end := w.watch(inner)
	err := do(inner, w)
	end()
	if cause := context.Cause(inner); cause != nil && ctx.Err() == nil {
		err = cause
	} else if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	w.tally.Reqs = w.sent() - w.before
	w.tally.Seconds = time.Since(start).Seconds()
	if err != nil {
		w.tally.Error = err.Error()
	}
	return w.conclude(err)
}

// tellsOnly reports whether an error tells of nothing but a stop. It may be joined
// with what nobody else will say, as where a file of the person's lies now.
func tellsOnly(err, stop error) bool {
	if err == context.Canceled || err == stop {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !tellsOnly(err, stop) })
	case interface{ Unwrap() error }:
		return tellsOnly(e.Unwrap(), stop)
	}
	return false
}

// watch shows how far the work is, until end is called: from when there is
// something to move, and not among lines of data.
func (w *work) watch(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		var show func(syncer.Progress)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var now syncer.Progress
			if now.Done, now.Files, now.Moved, now.Bytes = w.report.Progress(); now.Files == 0 || w.json || w.foresee {
				continue
			}
			if show == nil {
				g := w.screen.gauge()
				defer g.end()
				var done func()
				show, done = g.folder(w.name)
				defer done() // before the gauge ends
			}
			show(now)
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// result counts and prints what became of one file.
func (w *work) result(r task.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Done == task.Failed && w.cut(r.Err) {
		return // said once, at the end
	}
	switch r.Done {
	case task.Done:
		w.tally.Done++
		w.tally.Bytes += r.Size
	case task.Same:
		w.tally.Same++
		switch r.Time {
		case task.TimeSet:
			w.tally.TimesSet++
		case task.TimeLeft:
			w.tally.TimesLeft++
		}
	case task.Skipped:
		w.tally.Skipped++
	case task.Planned:
		w.tally.Planned++
	case task.Failed:
		w.tally.Failed++
	}
	if r.Err != nil {
		w.tally.codes = append(w.tally.codes, itemCode(r.Err))
		w.tally.hint = cmp.Or(w.tally.hint, itemHint(r.Err))
		if hopeless(r.Err) {
			w.stop(r.Err)
			return // said once, at the end
		}
	}
	w.print(r)
}

func (w *work) print(r task.Result) {
	switch {
	case w.json && !w.inJob:
		printJSON(w.out, r)
	case r.Done == task.Planned:
		fmt.Fprintln(w.out, clean(sentence(r)))
	}
	switch {
	case r.Done == task.Failed, r.Done == task.Skipped && (r.Err != nil || r.Op == "sync" || w.screen.verbose > 0):
		if w.tally.Failed+w.tally.Skipped <= mostLines || w.screen.verbose > 0 {
			w.screen.say("%s%s %q: %s", prefix(w.name), r.Op, r.Path, r.Why)
		}
	case w.screen.verbose > 0 && r.Done != task.Planned:
		w.screen.say("%s%s (%s)", prefix(w.name), sentence(r), r.Done)
	}
}

func sentence(r task.Result) string {
	text := fmt.Sprintf("%s %q", r.Op, r.Path)
	if r.To != "" {
		text += fmt.Sprintf(" to %q", r.To)
	}
	if r.Why != "" {
		text += " (" + r.Why + ")"
	}
	return text
}

// itemCode is the exit code for trouble with one file.
func itemCode(err error) int {
	switch {
	case errors.Is(err, transfer.ErrOccupied):
		return occupied
	case errors.Is(err, task.ErrName), errors.Is(err, task.ErrInTheWay), errors.Is(err, transfer.ErrEdited), errors.Is(err, task.ErrTwin),
		errors.Is(err, transfer.ErrSuperseded), errors.Is(err, remote.ErrChanged), errors.Is(err, remote.ErrExists), errors.Is(err, remote.ErrMalware):
		return waits
	}
	return diagnose(err).code
}

// itemHint says what to do against trouble with one file.
func itemHint(err error) string {
	const again = ", then run the same command again"
	switch {
	case errors.Is(err, transfer.ErrOccupied):
		return "wait until that has finished" + again
	case errors.Is(err, task.ErrName):
		return "give it another name" + again
	case errors.Is(err, task.ErrInTheWay), errors.Is(err, remote.ErrExists):
		return "move away what is in the way, or name another target" + again
	case errors.Is(err, transfer.ErrEdited), errors.Is(err, transfer.ErrSuperseded), errors.Is(err, remote.ErrChanged):
		return "run the same command again; it looks anew"
	case errors.Is(err, task.ErrTwin):
		return "leave both, or delete both with: tandem rm"
	case errors.Is(err, transfer.ErrDamaged):
		return "run the same command again; if it stays so, open the file in the browser"
	case errors.Is(err, remote.ErrMalware):
		return "look at it in the browser; what the service takes for malware it does not hand out"
	}
	return diagnose(err).hint
}

// hopeless reports whether all other files would meet the same trouble.
func hopeless(err error) bool {
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrSignIn) || errors.Is(err, remote.ErrThrottled) ||
		errors.Is(err, remote.ErrQuota) || isDiskFull(err)
}

// conclude says how the work ended, and gives the error that carries the exit
// code.
func (w *work) conclude(err error) error {
	t := &w.tally
	code := gravest(t.codes...)
	if t.Held > 0 {
		code = gravest(code, waits)
	}
	if err != nil {
		code = gravest(code, diagnose(err).code)
		f := diagnose(err)
		if t.Done > 0 {
			w.screen.say("%snot finished: %s", prefix(w.name), w.deeds())
		}
		return &failure{code, f.err, f.hint}
	}
	if verbNamed(w.Verb).past != "" && (!w.json || w.tally.Failed > 0 || w.screen.verbose > 0) {
		w.screen.say("%s%s", prefix(w.name), w.deeds())
	}
	if code != inSync {
		return &failure{code: code, hint: t.hint}
	}
	return nil
}

// deeds is what was done, in a few words.
func (w *work) deeds() string {
	t := &w.tally
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, humanize.Comma(int64(n))+" "+what)
		}
	}
	add(t.Done, verbNamed(w.Verb).past)
	if t.Made > 0 {
		parts = append(parts, count(t.Made, "folder")+" created")
	}
	add(t.Same, "the same already")
	if t.TimesSet > 0 {
		parts = append(parts, count(t.TimesSet, "time")+" set")
	}
	if t.TimesLeft > 0 {
		parts = append(parts, count(t.TimesLeft, "time")+" left alone")
	}
	add(t.Skipped, "skipped")
	add(t.Failed, "failed")
	add(t.Held, "deletes held")
	if t.Planned > 0 {
		parts = append(parts, "dry run: "+count(t.Planned, "step")+", nothing was changed")
	}
	switch {
	case len(parts) == 0 && w.Verb == "sync": // what is equal is not counted
		parts = []string{"nothing to do"}
	case len(parts) == 0:
		parts = []string{"nothing matches, nothing to do"}
	}
	var took []string
	if t.Bytes > 0 {
		took = append(took, humanize.Bytes(uint64(t.Bytes)))
	}
	took = append(took, count(int(t.Reqs), "request"), time.Duration(t.Seconds*float64(time.Second)).Round(10*time.Millisecond).String())
	return fmt.Sprintf("%s (%s)", strings.Join(parts, ", "), strings.Join(took, ", "))
}
