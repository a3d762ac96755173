package explorer

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/remote"
)

var keysHelp = strings.Split(`enter, right   open a folder; of a file, all that is known
left           back to the folder above
up, down, page up, page down, home, end

/              show only names with a text; escape shows all again
f              find names anywhere below
s              order by name, size or date
space          mark, for g and d
r              look again

g              fetch here
p              send a file or folder from here
m              make a folder
d              delete, to the recycle bin
x              stop the task at work

q              quit, when the tasks are done; twice: now`, "\n")

const hints = "? keys  q quit  enter open  left back  / narrow  f find  g get  p put  m mkdir  d delete"

// View is what the screen shows.
func (m *Model) View() terminal.Frame {
	f := m.here()
	frame := terminal.Frame{CursorAt: -1}
	if m.height > 2 {
		frame.Lines = append(frame.Lines, terminal.Line{Text: m.title(f), Style: terminal.Bold})
	}
	room := m.list()
	help := m.helpLines()
	for i := range room {
		line := terminal.Line{}
		switch at := f.top + i; {
		case m.help && m.helpTop+i < len(help):
			line.Text = help[m.helpTop+i]
		case m.help:
		case at < len(f.shown):
			line = m.line(f, at)
		case at == 0:
			line = terminal.Line{Text: "  " + emptiness(f), Style: terminal.Faint}
		}
		frame.Lines = append(frame.Lines, line)
	}
	foot, cursor := m.foot()
	if cursor >= 0 {
		frame.CursorIn, frame.CursorAt = len(frame.Lines), cursor
	}
	frame.Lines = append(frame.Lines, foot...)
	return frame
}

// helpLines tells the keys, in as many lines as that takes.
func (m *Model) helpLines() (lines []string) {
	if !m.help {
		return nil
	}
	for _, l := range keysHelp {
		lines = append(lines, terminal.Wrap(l, m.width, 5)...)
	}
	return lines
}

func emptiness(f *frame) string {
	switch {
	case f.narrow != "":
		return "no name here has that; escape shows all"
	case f.found != "":
		return "nothing was found"
	}
	return "nothing is in here"
}

// list is how many lines there are for rows.
func (m *Model) list() int {
	foot, _ := m.foot()
	room := m.height - len(foot)
	if m.height > 2 {
		room--
	}
	return max(room, 0)
}

// scroll brings the cursor into sight.
func (m *Model) scroll() {
	f, room := m.here(), max(m.list(), 1)
	m.helpTop = max(0, min(m.helpTop, len(m.helpLines())-room))
	f.top = max(0, min(f.top, f.cursor, len(f.shown)-room))
	f.top = max(f.top, f.cursor-room+1)
}

func (m *Model) title(f *frame) string {
	count := humanize.Comma(int64(len(f.rows)))
	if f.narrow != "" {
		count = humanize.Comma(int64(len(f.shown))) + " of " + count + " with " + fmt.Sprintf("%q", terminal.Clean(f.narrow))
	}
	after := "  " + count + ", " + m.order.String()
	if len(m.marked) > 0 {
		after += ", " + humanize.Comma(int64(len(m.marked))) + " marked"
	}
	name := f.at.String()
	if f.found != "" {
		name = fmt.Sprintf("%q below %s", f.found, name)
	}
	name = terminal.Clean(name)
	if room := m.width - terminal.Width(after); room >= 12 {
		return terminal.Tail(name, room) + after
	}
	return terminal.Tail(name, m.width)
}

// line shows one row: narrow terminals leave out who shares it, then the date,
// then the size. The name comes last, so that one that a terminal draws in its
// own way moves nothing else.
func (m *Model) line(f *frame, at int) terminal.Line {
	r := f.rows[f.shown[at]]
	mark := "  "
	if _, yes := m.marked[r.key()]; yes {
		mark = "* "
	}
	line := terminal.Line{Text: mark + m.columns(f, r) + terminal.Clean(name(f, r))}
	if note := r.Note + r.Why; note != "" {
		line.Text += "  (" + terminal.Clean(note) + ")"
	}
	line.Text = terminal.Cut(line.Text, m.width)
	if at == f.cursor {
		line.Style = terminal.Reverse
	}
	return line
}

func name(f *frame, r Row) string {
	text := r.Name + r.Connection
	if f.found != "" {
		text = r.Path
	}
	if r.isFolder() {
		text += "/"
	}
	return text
}

func (m *Model) columns(f *frame, r Row) string {
	if r.Connection != "" {
		return ""
	}
	var text string
	if m.width >= 34 {
		size := "-"
		if r.Kind == remote.File || r.Size > 0 {
			size = humanize.Bytes(uint64(max(r.Size, 0)))
		}
		text += terminal.PadLeft(size, 8) + "  "
	}
	if m.width >= 50 {
		text += terminal.Pad(when(r.MTime), 16) + "  "
	}
	if m.width >= 50+f.sharing && f.sharing > 0 {
		text += terminal.Pad(terminal.Cut(terminal.Clean(sharing(r.Item)), f.sharing), f.sharing) + "  "
	}
	return text
}

// foot is what stands below the rows, and where in its first line the cursor is;
// -1 = nowhere.
func (m *Model) foot() (lines []terminal.Line, cursor int) {
	cursor = -1
	add := func(style terminal.Style, text string, most int) {
		for _, l := range terminal.Wrap(terminal.Clean(text), m.width, most) {
			lines = append(lines, terminal.Line{Text: l, Style: style})
		}
	}
	most := max(1, min(m.height/4, 4))
	switch {
	case m.prompt != nil:
		label := terminal.Clean(m.prompt.label)
		if most := m.width * 2 / 3; terminal.Width(label) > most {
			label = terminal.Cut(label, most-1) + " "
		}
		text := terminal.Tail(terminal.Clean(m.prompt.text), m.width-terminal.Width(label)-1)
		add(terminal.Bold, label+text, 1)
		cursor = terminal.Width(label + text)
	case m.question != nil:
		add(terminal.Bold, m.question.text, most)
	case m.waits != nil:
		seen := ""
		if m.waits.seen > 0 {
			seen = ", " + humanize.Comma(int64(m.waits.seen)) + " seen"
		}
		add(terminal.Plain, m.waits.doing+seen+" ...  escape stops", 1)
	default:
		style := terminal.Plain
		if m.trouble {
			style = terminal.Bold
		}
		for _, text := range m.notice[max(0, len(m.notice)-most):] {
			add(style, text, most)
		}
		lines = lines[:min(len(lines), most)]
	}
	if len(m.tasks) > 0 && m.height > 4 {
		add(terminal.Plain, m.atWork(), 1)
	}
	if m.height > 5 {
		add(terminal.Faint, hints, 1)
	}
	return lines, cursor
}

// atWork says how far the task at work is, and how many wait.
func (m *Model) atWork() string {
	t := m.tasks[0]
	text := map[string]string{"get": "fetching", "put": "sending", "mkdir": "making", "rm": "deleting"}[t.Verb]
	if len(t.Rows) > 0 {
		text += " " + these(t.Rows)
	} else {
		text += fmt.Sprintf(" %q", terminal.Clean(t.Arg))
	}
	if m.progress != "" {
		text += ": " + m.progress
	}
	if n := len(m.tasks) - 1; n > 0 {
		text += fmt.Sprintf("; %d more", n)
	}
	if m.quitting {
		text += "; then ends"
	}
	return text
}
