package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/remote"
)

var keysHelp = strings.Split(`enter, right   open; details of a file
left           go back, also further up
up, down, page up, page down, home, end
click          move; double click opens
wheel          scroll

/              filter names; esc ends it
f              find names below
s              sort: name, size, date
space          mark, for g and d
r              refresh

g              download
p              upload
m              make a folder
d              delete to the recycle bin
x              stop the running task

q              quit; twice: stop tasks
ctrl-z         suspend`, "\n")

var hints = []string{"? keys", "q quit", "enter open", "left back", "/ filter", "f find", "g get", "p put", "d delete", "m mkdir"}

// styles are the colours, which are the terminal's own sixteen; NO_COLOR and
// what a terminal cannot show are the library's business.
type styles struct{ plain, strong, folder, mark, faint, bad, cursor lipgloss.Style }

func newStyles(dark bool) styles {
	plain, of := lipgloss.NewStyle(), lipgloss.LightDark(dark)
	colour := func(light, dark string) lipgloss.Style {
		return plain.Foreground(of(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	return styles{
		plain:  plain,
		strong: plain.Bold(true),
		folder: colour("4", "12").Bold(true),
		mark:   colour("5", "13").Bold(true),
		faint:  plain.Faint(true),
		bad:    colour("1", "9").Bold(true),
		cursor: plain.Reverse(true),
	}
}

// A span is text of any origin in one style.
type span struct {
	text  string
	style lipgloss.Style
}

// line is where text meets the terminal, so here it is made safe. It is cut to
// the width.
func line(width int, spans ...span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.style.Render(terminal.Clean(s.text)))
	}
	return ansi.Truncate(b.String(), width, "…")
}

// View is what the screen shows.
func (e *Explorer) View() tea.View {
	var lines []string
	if e.listTop() > 0 {
		lines = append(lines, e.title())
	}
	f, help := e.here(), e.helpLines()
	for i := range e.room() {
		var text string
		switch at := f.top + i; {
		case e.help:
			if e.helpTop+i < len(help) {
				text = help[e.helpTop+i]
			}
		case at < len(f.shown):
			text = e.row(f, at)
		case at == 0:
			text = line(e.width, span{"  " + emptiness(f), e.styles.faint})
		}
		lines = append(lines, text)
	}
	view := tea.View{AltScreen: true, MouseMode: tea.MouseModeCellMotion}
	foot, column := e.foot()
	if e.prompt != nil {
		view.Cursor = tea.NewCursor(min(column, e.width-1), len(lines))
	}
	view.Content = strings.Join(append(lines, foot...), "\n")
	return view
}

// listTop is the line where the rows begin.
func (e *Explorer) listTop() int {
	if e.height > 2 {
		return 1
	}
	return 0
}

// room is how many lines there are for rows.
func (e *Explorer) room() int {
	foot, _ := e.foot()
	return max(e.height-len(foot)-e.listTop(), 0)
}

// helpLines tells the keys, in as many lines as that takes.
func (e *Explorer) helpLines() (lines []string) {
	if !e.help {
		return nil
	}
	for _, text := range keysHelp {
		lines = append(lines, e.wrap(e.styles.plain, text, 5)...)
	}
	return lines
}

// wrap breaks text between words into at most so many lines.
func (e *Explorer) wrap(s lipgloss.Style, text string, most int) (lines []string) {
	parts := strings.Split(ansi.Wrap(terminal.Clean(text), e.width, ""), "\n")
	if len(parts) > most {
		parts = append(parts[:most-1], strings.Join(parts[most-1:], " "))
	}
	for _, part := range parts {
		lines = append(lines, line(e.width, span{part, s}))
	}
	return lines
}

func emptiness(f *frame) string {
	switch {
	case f.filter != "":
		return "no name here contains that; esc shows all"
	case f.found != "":
		return "nothing was found"
	}
	return "this folder is empty"
}

func (e *Explorer) title() string {
	f := e.here()
	name, count := terminal.Clean(f.at.String()), items(len(f.rows))
	if f.found != "" {
		name = fmt.Sprintf("%q below %s", terminal.Clean(f.found), name)
	}
	if f.filter != "" {
		count = fmt.Sprintf("%s of %s with %q", humanize.Comma(int64(len(f.shown))), count, terminal.Clean(f.filter))
	}
	after := "  " + count + ", " + e.order.String()
	if len(e.marked) > 0 {
		after += ", " + humanize.Comma(int64(len(e.marked))) + " marked"
	}
	room := e.width - lipgloss.Width(after)
	if room < 12 {
		after, room = "", e.width
	}
	return line(e.width, span{tail(name, room), e.styles.strong}, span{after, e.styles.faint})
}

// tail cuts clean text at its beginning.
func tail(text string, width int) string {
	if over := lipgloss.Width(text) - width; over > 0 {
		return ansi.TruncateLeft(text, over+1, "…")
	}
	return text
}

// row shows one row. The name comes last, so that one that a terminal draws in
// its own way moves nothing else.
func (e *Explorer) row(f *frame, at int) string {
	r := f.rows[f.shown[at]]
	mark := span{"  ", e.styles.plain}
	if at == f.cursor { // seen also where nothing can be shown in reverse
		mark.text = "> "
	}
	if e.marked[r.key()] {
		mark = span{mark.text[:1] + "*", e.styles.mark}
	}
	text := r.Name + r.Connection
	if f.found != "" {
		text = r.Path
	}
	name := span{text, e.styles.plain}
	if r.isFolder() {
		name = span{text + "/", e.styles.folder}
	}
	note := span{r.Note + r.Why, e.styles.faint}
	if note.text != "" {
		note.text = "  (" + note.text + ")"
	}
	spans := []span{mark, {e.columns(f, r), e.styles.plain}, name, note}
	if at != f.cursor {
		return line(e.width, spans...)
	}
	var all string
	for _, s := range spans {
		all += terminal.Clean(s.text)
	}
	return line(e.width, span{all + strings.Repeat(" ", max(e.width-lipgloss.Width(all), 0)), e.styles.cursor})
}

// columns stand before a name: narrow terminals leave out who shares it, then the
// date, then the size.
func (e *Explorer) columns(f *frame, r Row) (text string) {
	if r.Connection != "" {
		return ""
	}
	if e.width >= 34 {
		size := "-"
		if r.Kind == remote.File || r.Size > 0 {
			size = humanize.Bytes(uint64(max(r.Size, 0)))
		}
		text += fmt.Sprintf("%8s  ", size)
	}
	if e.width >= 50 {
		text += fmt.Sprintf("%-16s  ", when(r.MTime))
	}
	if e.width >= 50+f.sharing && f.sharing > 0 {
		with := ansi.Truncate(terminal.Clean(sharing(r.Item)), f.sharing, "…")
		text += with + strings.Repeat(" ", f.sharing-lipgloss.Width(with)+2)
	}
	return text
}

// foot is what stands below the rows, and the column of the cursor in its first
// line where a text is asked for.
func (e *Explorer) foot() (lines []string, column int) {
	most := max(1, min(e.height/4, 4))
	switch {
	case e.prompt != nil:
		label := ansi.Truncate(terminal.Clean(e.prompt.label), max(e.width*2/3, 1), "… ")
		text := tail(terminal.Clean(e.prompt.text), max(e.width-lipgloss.Width(label)-1, 0))
		lines = append(lines, line(e.width, span{label, e.styles.strong}, span{text, e.styles.plain}))
		column = lipgloss.Width(label + text)
	case e.question != nil:
		lines = e.wrap(e.styles.strong, e.question.text, most)
	case e.awaited != nil:
		text := e.awaited.doing
		if seen := e.awaited.seen.Load(); seen > 0 {
			text += ", " + humanize.Comma(seen) + " seen"
		}
		lines = e.wrap(e.styles.plain, text+" ...  esc cancels", 1)
	default:
		style := e.styles.plain
		if e.trouble {
			style = e.styles.bad
		}
		for _, text := range e.notice[max(0, len(e.notice)-most):] {
			lines = append(lines, e.wrap(style, text, most)...)
		}
		lines = lines[:min(len(lines), most)]
	}
	if len(e.tasks) > 0 && e.height > 4 {
		lines = append(lines, line(e.width, span{e.running(), e.styles.plain}))
	}
	if e.height > 5 {
		lines = append(lines, line(e.width, span{hintsFor(e.width), e.styles.faint}))
	}
	return lines, column
}

// hintsFor are the hints that fit.
func hintsFor(width int) string {
	text := hints[0]
	for _, h := range hints[1:] {
		if len(text)+2+len(h) > width {
			break
		}
		text += "  " + h
	}
	return text
}

// running says how far the task that runs is, and how many wait.
func (e *Explorer) running() string {
	t := e.tasks[0]
	what := fmt.Sprintf("%q", terminal.Clean(t.Arg))
	if len(t.Rows) > 0 {
		what = these(t.Rows)
	}
	text := map[string]string{"get": "downloading ", "put": "uploading ", "mkdir": "making ", "rm": "deleting "}[t.Verb] + what
	if e.progress != "" {
		text += ": " + e.progress
	}
	if n := len(e.tasks) - 1; n > 0 {
		text += fmt.Sprintf("; %d more", n)
	}
	if e.quitting {
		text += "; then quits"
	}
	return text
}

// details tells all that is known of what cannot be walked into.
func details(r Row) string {
	parts := []string{r.Name}
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	if r.Kind == remote.File {
		size := humanize.Bytes(uint64(max(r.Size, 0)))
		if r.Size >= 1000 { // where it is rounded
			size += " (" + humanize.Comma(r.Size) + " bytes)"
		}
		parts = append(parts, size)
	}
	if !r.MTime.IsZero() {
		parts = append(parts, "changed "+when(r.MTime))
	}
	if !r.Born.IsZero() {
		parts = append(parts, "created "+when(r.Born))
	}
	if s := sharing(r.Item); s != "" {
		parts = append(parts, "shared, "+s)
	}
	return strings.Join(parts, "; ")
}

// these names one row, or counts several.
func these(rows []Row) string {
	if len(rows) == 1 {
		return fmt.Sprintf("%q", terminal.Clean(rows[0].Name))
	}
	return items(len(rows))
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return humanize.Comma(int64(n)) + " items"
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// sharing tells in a few words who shares an item with whom.
func sharing(it remote.Item) string {
	with, known := map[string]string{"": "", "anonymous": "anyone", "organization": "organisation", "users": "some people"}[it.SharedWith]
	switch {
	case it.SharedWith == "":
		return ""
	case !known:
		with = it.SharedWith
	}
	if it.SharedBy == "" {
		return "with " + with
	}
	return strings.TrimSpace(it.SharedBy) + ": " + with
}
