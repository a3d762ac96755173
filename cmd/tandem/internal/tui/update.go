package tui

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"

	"tandem/syncer/names"
)

// A request is for a listing.
type request struct {
	doing  string // what to say meanwhile
	seen   atomic.Int64
	cancel context.CancelFunc
	then   func(Listing)
}

type (
	// listed answers a request.
	listed struct {
		to *request
		Listing
		err error
	}
	// ended says how the task that ran did.
	ended Outcome
)

// Init asks the terminal whether it is light or dark.
func (e *Explorer) Init() tea.Cmd { return tea.RequestBackgroundColor }

// Idle reports whether nothing is being waited for.
func (e *Explorer) Idle() bool {
	return e.awaited == nil && len(e.tasks) == 0 && !slices.ContainsFunc(e.frames, func(f *frame) bool { return f.asked != nil })
}

// Update takes what happened, and gives what is to be done.
func (e *Explorer) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var todo tea.Cmd
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		todo = e.key(msg)
	case tea.PasteMsg:
		e.paste(msg.Content)
	case tea.MouseClickMsg:
		todo = e.click(tea.Mouse(msg))
	case tea.MouseWheelMsg:
		e.wheel(tea.Mouse(msg))
	case tea.WindowSizeMsg:
		e.width, e.height = max(msg.Width, 1), max(msg.Height, 1)
	case tea.BackgroundColorMsg:
		e.styles = newStyles(msg.IsDark())
	case listed:
		todo = e.listed(msg)
	case ended:
		todo = e.ended(msg)
	case ticked:
		if e.ticking = false; len(e.tasks) > 0 {
			e.progress = e.drives.Progress()
		}
	}
	e.here().reveal(e.room())
	e.helpTop = max(0, min(e.helpTop, len(e.helpLines())-e.room()))
	return e, tea.Batch(todo, e.tick())
}

func (e *Explorer) here() *frame { return e.frames[len(e.frames)-1] }

func (e *Explorer) say(lines ...string)      { e.notice, e.trouble = lines, false }
func (e *Explorer) complain(lines ...string) { e.notice, e.trouble = lines, true }

// enter walks into a place.
func (e *Explorer) enter(f *frame, on string) {
	e.frames = append(e.frames, f)
	clear(e.marked)
	f.arrange(e.order, on)
}

// rearrange arranges anew, and the cursor stays on its row.
func (e *Explorer) rearrange() {
	row, _ := e.here().row()
	e.here().arrange(e.order, row.key())
}

type lister func(context.Context, *request) (Listing, error)

func (e *Explorer) ask(r *request, list lister) tea.Cmd {
	ctx, cancel := context.WithCancel(e.ctx)
	r.cancel = cancel
	return e.begin(func() tea.Msg {
		defer cancel()
		l, err := list(ctx, r)
		return listed{r, l, err}
	})
}

// await asks for something that keys have to wait for.
func (e *Explorer) await(doing string, list lister, then func(Listing)) tea.Cmd {
	e.awaited, e.notice = &request{doing: doing, then: then}, nil
	return e.ask(e.awaited, list)
}

// giveUp no longer waits.
func (e *Explorer) giveUp() {
	e.awaited.cancel()
	e.awaited, e.ahead = nil, nil
	e.say("cancelled")
}

// renew lists a place anew, while keys go on.
func (e *Explorer) renew(f *frame) tea.Cmd {
	if f.stale = false; f.asked != nil {
		f.asked.cancel()
	}
	f.asked = &request{then: func(l Listing) {
		row, _ := f.row()
		on := row.key()
		if f.set(l.Rows); f.found == "" {
			f.at = l.At
		}
		made := func(r Row) bool { return f.made != "" && names.Fold(r.Name) == names.Fold(f.made) }
		if i := slices.IndexFunc(f.rows, made); i >= 0 {
			on = f.rows[i].key()
		}
		f.made = ""
		f.arrange(e.order, on)
		if f == e.here() {
			e.unmarkGone(f)
		}
	}}
	if f.found != "" {
		return e.ask(f.asked, e.finder(f.at, f.found))
	}
	return e.ask(f.asked, e.lister(f.at))
}

func (e *Explorer) lister(at Place) lister {
	return func(ctx context.Context, _ *request) (Listing, error) { return e.drives.List(ctx, at) }
}

func (e *Explorer) finder(below Place, text string) lister {
	return func(ctx context.Context, r *request) (Listing, error) {
		return e.drives.Find(ctx, below, text, func(items int) { r.seen.Store(int64(items)) })
	}
}

func (e *Explorer) unmarkGone(f *frame) {
	was := e.marked
	e.marked = map[string]bool{}
	for _, r := range f.rows {
		if was[r.key()] {
			e.marked[r.key()] = true
		}
	}
}

func (e *Explorer) listed(l listed) tea.Cmd {
	if l.to == e.awaited {
		ahead := e.ahead
		e.awaited, e.ahead = nil, nil
		if l.err != nil { // keys pressed meanwhile were meant for another folder
			e.complain(e.drives.Explain(l.err))
			return nil
		}
		l.to.then(l.Listing)
		var todo []tea.Cmd
		for _, k := range ahead {
			todo = append(todo, e.key(k))
		}
		return tea.Batch(todo...)
	}
	for _, f := range e.frames {
		if f.asked != l.to {
			continue
		}
		if f.asked = nil; l.err != nil {
			f.stale = true
			e.complain(e.drives.Explain(l.err))
			continue
		}
		l.to.then(l.Listing)
	}
	return nil
}

// start runs a task, after those that were started before.
func (e *Explorer) start(t Task) tea.Cmd {
	e.tasks = append(e.tasks, t)
	clear(e.marked)
	e.notice = nil
	if len(e.tasks) > 1 {
		return nil
	}
	return e.next()
}

func (e *Explorer) next() tea.Cmd {
	t := e.tasks[0]
	ctx, stop := context.WithCancel(e.ctx)
	e.stop = stop
	return e.begin(func() tea.Msg {
		defer stop()
		return ended(e.drives.Run(ctx, t))
	})
}

func (e *Explorer) ended(o ended) tea.Cmd {
	done := e.tasks[0]
	e.tasks, e.progress = e.tasks[1:], ""
	e.notice, e.trouble = o.Said, o.Failed
	var todo []tea.Cmd
	if f := e.here(); done.Verb != "get" {
		for _, f := range e.frames {
			f.stale = f.stale || f.at.Connection == done.At.Connection
		}
		if done.Verb == "mkdir" && !o.Failed && f.at.Folder.ID == done.At.Folder.ID {
			f.made, _, _ = strings.Cut(strings.TrimLeft(done.Arg, "/"), "/")
		}
		if f.stale && e.awaited == nil {
			todo = append(todo, e.renew(f))
		}
	}
	switch {
	case len(e.tasks) > 0:
		todo = append(todo, e.next())
	case e.quitting:
		todo = append(todo, tea.Quit)
	}
	return tea.Batch(todo...)
}

// chosen are the marked rows, or the one that the cursor is on.
func (e *Explorer) chosen() []Row {
	f := e.here()
	var rows []Row
	for _, i := range f.shown {
		if e.marked[f.rows[i].key()] {
			rows = append(rows, f.rows[i])
		}
	}
	if row, there := f.row(); there && len(rows) == 0 {
		rows = append(rows, row)
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return r.Connection != "" })
}

// leave ends when the tasks have; asked twice, at once.
func (e *Explorer) leave() tea.Cmd {
	if len(e.tasks) == 0 || e.quitting {
		e.cut = len(e.tasks) > 0
		return tea.Quit
	}
	e.quitting = true
	e.say("quits when the tasks are done; q again quits now, esc stays")
	return nil
}
