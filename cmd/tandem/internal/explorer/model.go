package explorer

import (
	"cmp"
	"slices"
	"strings"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/syncer/plan"
)

// A Model is what the explorer knows. It belongs to one goroutine.
type Model struct {
	several bool // there is a list of connections above the drives
	frames  []*frame
	order   order
	marked  map[string]Row // by key, in the last frame

	number int            // of what was asked last
	waits  *wait          // for what has to be answered before keys count again; nil = nothing
	ahead  []terminal.Key // pressed meanwhile

	tasks    []Task // the first is at work
	progress string
	quitting bool

	prompt   *prompt
	question *question
	notice   []string // what to say at the bottom
	trouble  bool     // it is bad news
	help     bool
	helpTop  int // the first of its lines on the screen

	width, height int
}

// A wait is for the answer to what was asked with that number.
type wait struct {
	number int
	doing  string
	found  string // the text that is looked for
	seen   int    // how many items that has looked at
	rising bool   // to above where it all began
	want   string // the key of the row to stand on then
}

// A prompt asks for a text.
type prompt struct {
	label string
	text  string
	local bool // it is a path here, which can be completed
	live  func(text string)
	then  func(text string) []any
}

// A question wants a yes.
type question struct {
	text string
	yes  func() []any
}

// New begins at a place, on the row with that key. several says that there are
// other connections to go up to.
func New(at Place, rows []Row, on string, several bool) *Model {
	m := &Model{several: several, marked: map[string]Row{}, width: 80, height: 24}
	m.enter(&frame{at: at, rows: rows}, on)
	return m
}

// Idle reports whether nothing is being waited for.
func (m *Model) Idle() bool {
	return m.waits == nil && len(m.tasks) == 0 && !slices.ContainsFunc(m.frames, func(f *frame) bool { return f.asked != 0 })
}

func (m *Model) here() *frame { return m.frames[len(m.frames)-1] }

// Update takes a terminal.Key, or one of the types above that say what happened.
func (m *Model) Update(event any) (todo []any) {
	switch e := event.(type) {
	case terminal.Key:
		todo = m.key(e)
	case Listed:
		todo = m.listed(e)
	case Seen:
		if m.waits != nil && m.waits.number == e.Number {
			m.waits.seen = e.Items
		}
	case Progress:
		if m.progress = string(e); len(m.tasks) == 0 {
			m.progress = "" // it has ended meanwhile
		}
	case Ended:
		todo = m.ended(e)
	case Completed:
		if m.prompt != nil && m.prompt.local && m.prompt.text == e.From {
			m.prompt.text = e.To
		}
	case Size:
		m.width, m.height = max(e.Width, 1), max(e.Height, 1)
	}
	m.scroll()
	return todo
}

func (m *Model) say(text string) { m.notice, m.trouble = []string{text}, false }

// enter walks into a place.
func (m *Model) enter(f *frame, on string) {
	m.frames = append(m.frames, f)
	clear(m.marked)
	m.arrange(f, on)
}

// arrange puts rows in order, without those that are narrowed away, and the
// cursor on the row with that key, or near where it was.
func (m *Model) arrange(f *frame, on string) {
	f.shown, f.sharing = f.shown[:0], 0
	narrow := plan.Fold(f.narrow)
	for i, r := range f.rows {
		if narrow == "" || strings.Contains(plan.Fold(r.Name+r.Connection), narrow) {
			f.shown = append(f.shown, i)
			f.sharing = max(f.sharing, terminal.Width(terminal.Clean(sharing(r.Item))))
		}
	}
	f.sharing = min(f.sharing, 24)
	slices.SortStableFunc(f.shown, func(i, j int) int {
		a, b := f.rows[i], f.rows[j]
		if a.isFolder() != b.isFolder() {
			if a.isFolder() {
				return -1
			}
			return 1
		}
		switch m.order {
		case bySize:
			return cmp.Compare(b.Size, a.Size)
		case byTime:
			return b.MTime.Compare(a.MTime)
		}
		return 0 // as they came: by name
	})
	if at := slices.IndexFunc(f.shown, func(i int) bool { return f.rows[i].key() == on }); at >= 0 {
		f.cursor = at
	}
	f.cursor = max(0, min(f.cursor, len(f.shown)-1))
}

// rearrange is arrange that stays on its row.
func (m *Model) rearrange(f *frame) {
	row, _ := f.row()
	m.arrange(f, row.key())
}

// ask wants something listed; keys wait for the answer.
func (m *Model) ask(w wait, what func(number int) any) []any {
	m.number++
	w.number = m.number
	m.waits, m.notice = &w, nil
	return []any{what(w.number)}
}

// renew wants the present place listed anew, while keys go on.
func (m *Model) renew(f *frame) []any {
	m.number++
	f.asked, f.stale = m.number, false
	if f.found != "" {
		return []any{Find{m.number, f.at, f.found}}
	}
	return []any{Look{m.number, f.at}}
}

func (m *Model) listed(l Listed) []any {
	if m.waits != nil && m.waits.number == l.Number {
		return m.arrived(l)
	}
	for _, f := range m.frames {
		if f.asked != l.Number {
			continue
		}
		f.asked = 0
		if l.Trouble != "" {
			f.stale = true
			m.notice, m.trouble = []string{l.Trouble}, true
			return nil
		}
		row, _ := f.row()
		f.rows = l.Rows
		if f.found == "" {
			f.at = l.At
		}
		on := row.key()
		if i := slices.IndexFunc(f.rows, func(r Row) bool { return plan.Fold(r.Name) == plan.Fold(f.made) }); i >= 0 && f.made != "" {
			on = f.rows[i].key()
		}
		f.made = ""
		m.arrange(f, on)
		if f == m.here() {
			m.unmarkGone(f)
		}
	}
	return nil
}

func (m *Model) unmarkGone(f *frame) {
	there := map[string]bool{}
	for _, r := range f.rows {
		there[r.key()] = true
	}
	for key := range m.marked {
		if !there[key] {
			delete(m.marked, key)
		}
	}
}

// arrived takes the answer that keys have waited for.
func (m *Model) arrived(l Listed) (todo []any) {
	w, ahead := m.waits, m.ahead
	m.waits, m.ahead = nil, nil
	if l.Trouble != "" { // what was pressed ahead was meant for another folder
		m.notice, m.trouble = []string{l.Trouble}, true
		return nil
	}
	if w.rising {
		m.frames = nil
	}
	m.enter(&frame{at: l.At, rows: l.Rows, found: w.found}, w.want)
	for i, k := range ahead {
		if m.waits != nil {
			m.ahead = append(m.ahead, ahead[i:]...)
			break
		}
		todo = append(todo, m.key(k)...)
	}
	return todo
}

// start has a task done, after those that are.
func (m *Model) start(t Task) []any {
	m.tasks = append(m.tasks, t)
	clear(m.marked)
	m.notice = nil
	if len(m.tasks) > 1 {
		return nil
	}
	return []any{t}
}

func (m *Model) ended(e Ended) (todo []any) {
	done := m.tasks[0]
	m.tasks, m.progress = m.tasks[1:], ""
	m.notice, m.trouble = e.Said, e.Failed
	if done.Verb != "get" {
		for _, f := range m.frames {
			f.stale = f.stale || f.at.Connection == done.At.Connection
		}
		if f := m.here(); done.Verb == "mkdir" && !e.Failed && f.at.Folder.ID == done.At.Folder.ID {
			f.made, _, _ = strings.Cut(strings.TrimLeft(done.Arg, "/"), "/")
		}
		if m.here().stale && m.waits == nil {
			todo = m.renew(m.here())
		}
	}
	switch {
	case len(m.tasks) > 0:
		todo = append(todo, m.tasks[0])
	case m.quitting:
		todo = append(todo, Quit{})
	}
	return todo
}

// chosen are the marked rows, or the one that the cursor is on.
func (m *Model) chosen() []Row {
	f := m.here()
	var rows []Row
	for _, i := range f.shown {
		if _, yes := m.marked[f.rows[i].key()]; yes {
			rows = append(rows, f.rows[i])
		}
	}
	if row, there := f.row(); there && len(rows) == 0 {
		rows = append(rows, row)
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return r.Connection != "" })
}
