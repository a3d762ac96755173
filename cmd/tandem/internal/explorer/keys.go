package explorer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/remote"
)

// key does what a key means just now.
func (m *Model) key(k terminal.Key) []any {
	switch {
	case k.Name == "ctrl-c" && !k.Pasted:
		return m.quit()
	case m.waits != nil && k.Name == terminal.Escape:
		number := m.waits.number
		m.waits, m.ahead = nil, nil
		m.say("stopped looking")
		return []any{Forget{number}}
	case m.waits != nil:
		m.ahead = append(m.ahead, k)
		return nil
	case m.prompt != nil:
		return m.edit(k)
	case k.Pasted:
		return nil
	case m.question != nil:
		q := m.question
		m.question = nil
		if k.Name == "y" {
			return q.yes()
		}
		m.say("nothing was done")
		return nil
	case m.help:
		m.scrollHelp(k.Name)
		return nil
	}
	if k.Name == "q" {
		return m.quit()
	}
	m.notice = nil
	if m.move(k.Name) {
		return nil
	}
	return m.command(k.Name)
}

// scrollHelp reads on in the help; any other key ends it.
func (m *Model) scrollHelp(key string) {
	switch page := max(m.list()-1, 1); key {
	case terminal.Up, "k":
		m.helpTop--
	case terminal.Down, "j":
		m.helpTop++
	case terminal.PageUp:
		m.helpTop -= page
	case terminal.PageDown, " ":
		m.helpTop += page
	default:
		m.help, m.helpTop, m.notice = false, 0, nil
	}
}

// move moves the cursor, if that is what the key is for.
func (m *Model) move(key string) bool {
	f, page := m.here(), max(m.list()-1, 1)
	switch key {
	case terminal.Up, "k":
		f.cursor--
	case terminal.Down, "j":
		f.cursor++
	case terminal.PageUp:
		f.cursor -= page
	case terminal.PageDown:
		f.cursor += page
	case terminal.Home:
		f.cursor = 0
	case terminal.End:
		f.cursor = len(f.shown)
	default:
		return false
	}
	f.cursor = max(0, min(f.cursor, len(f.shown)-1))
	return true
}

func (m *Model) command(key string) []any {
	f := m.here()
	switch key {
	case terminal.Enter, terminal.Right, "l":
		return m.open()
	case terminal.Backspace, terminal.Left, "h":
		return m.back()
	case terminal.Escape:
		m.escape(f)
	case "/":
		m.prompt = &prompt{label: "only names with: ", text: f.narrow,
			live: func(text string) { f.narrow = text; m.rearrange(f) },
			then: func(string) []any { return nil }}
	case "f":
		return m.find()
	case " ":
		m.mark(f)
	case "s":
		m.order = (m.order + 1) % orders
		m.rearrange(f)
	case "r":
		return m.renew(f)
	case "g":
		return m.get()
	case "p":
		return m.put()
	case "m":
		return m.mkdir()
	case "d", terminal.Delete:
		return m.remove()
	case "x":
		if len(m.tasks) > 0 {
			return []any{Stop{}}
		}
	case "?":
		m.help = true
		m.say("up and down read on, any other key goes back")
	}
	return nil
}

// escape takes back what is the matter: the wish to leave, marks, then what is
// narrowed.
func (m *Model) escape(f *frame) {
	switch {
	case m.quitting:
		m.quitting = false
		return
	case len(m.marked) > 0:
		clear(m.marked)
		return
	}
	f.narrow = ""
	m.rearrange(f)
}

func (m *Model) mark(f *frame) {
	row, there := f.row()
	if !there || row.Connection != "" {
		return
	}
	if _, was := m.marked[row.key()]; was {
		delete(m.marked, row.key())
	} else {
		m.marked[row.key()] = row
	}
	m.move(terminal.Down)
}

func (m *Model) open() []any {
	f := m.here()
	row, there := f.row()
	switch {
	case !there:
		return nil
	case row.Connection != "":
		return m.ask(wait{doing: "opening " + row.Connection}, func(n int) any { return Look{n, Place{Connection: row.Connection}} })
	case row.Kind == remote.Folder:
		at := Place{f.at.Connection, f.at.Drive, row.Path, row.Item}
		return m.ask(wait{doing: "opening " + row.Name}, func(n int) any { return Look{n, at} })
	case row.Elsewhere.ID != "":
		to := row.Elsewhere
		folder := remote.Item{Drive: to.Drive, ID: to.ID, Name: row.Name, Kind: remote.Folder, Elsewhere: to}
		at := Place{f.at.Connection, to.Drive, row.Path, folder}
		return m.ask(wait{doing: "opening " + row.Name}, func(n int) any { return Look{n, at} })
	}
	m.say(details(row))
	return nil
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
		parts = append(parts, "made "+when(r.Born))
	}
	if s := sharing(r.Item); s != "" {
		parts = append(parts, "shared, "+s)
	}
	return strings.Join(parts, "; ")
}

func (m *Model) back() []any {
	f := m.here()
	if len(m.frames) > 1 {
		m.frames = m.frames[:len(m.frames)-1]
		clear(m.marked)
		if m.here().stale {
			return m.renew(m.here())
		}
		return nil
	}
	if f.at.Connection == "" || f.at.Folder.Root && !m.several {
		m.say("this is the top")
		return nil
	}
	want := f.at.Folder.ID
	if f.at.Folder.Root {
		want = f.at.Connection
	}
	return m.ask(wait{doing: "going up", rising: true, want: want}, func(n int) any { return Above{n, f.at} })
}

func (m *Model) find() []any {
	f := m.here()
	if f.at.Connection == "" {
		m.say("open a connection first: enter")
		return nil
	}
	m.prompt = &prompt{label: "find below " + f.at.String() + ": ", then: func(text string) []any {
		if text == "" {
			return nil
		}
		return m.ask(wait{doing: "looking for " + text, found: text}, func(n int) any { return Find{n, f.at, text} })
	}}
	return nil
}

func (m *Model) get() []any {
	rows, at := slices.DeleteFunc(m.chosen(), func(r Row) bool { return r.Kind == remote.Opaque }), m.here().at
	if len(rows) == 0 {
		m.say("there is nothing here that can be fetched")
		return nil
	}
	m.prompt = &prompt{label: "fetch " + these(rows) + " into the folder: ", text: "./", local: true, then: func(dir string) []any {
		if dir == "" {
			return nil
		}
		return m.start(Task{Verb: "get", At: at, Rows: rows, Arg: dir})
	}}
	return nil
}

// inFolder reports whether things can be put here, and else says why not.
func (m *Model) inFolder() bool {
	f := m.here()
	switch {
	case f.at.Connection == "":
		m.say("open a connection first: enter")
	case f.found != "":
		m.say("these are from many folders; go back to one: left")
	default:
		return true
	}
	return false
}

func (m *Model) put() []any {
	if at := m.here().at; m.inFolder() {
		m.prompt = &prompt{label: "send to " + at.String() + " from here: ", local: true, then: func(arg string) []any {
			if arg == "" {
				return nil
			}
			return m.start(Task{Verb: "put", At: at, Arg: arg})
		}}
	}
	return nil
}

func (m *Model) mkdir() []any {
	if at := m.here().at; m.inFolder() {
		m.prompt = &prompt{label: "new folder in " + at.String() + ": ", then: func(name string) []any {
			if name == "" {
				return nil
			}
			return m.start(Task{Verb: "mkdir", At: at, Arg: name})
		}}
	}
	return nil
}

func (m *Model) remove() []any {
	rows, at := m.chosen(), m.here().at
	if len(rows) == 0 {
		m.say("there is nothing here that can be deleted")
		return nil
	}
	what := these(rows)
	for _, r := range rows {
		if r.Kind == remote.Folder {
			what += ", with all that is in it,"
			break
		}
	}
	m.question = &question{"delete " + what + " to the recycle bin? y or n", func() []any {
		return m.start(Task{Verb: "rm", At: at, Rows: rows})
	}}
	return nil
}

// these names one row, or counts several.
func these(rows []Row) string {
	if len(rows) == 1 {
		return fmt.Sprintf("%q", terminal.Clean(rows[0].Name))
	}
	return humanize.Comma(int64(len(rows))) + " items"
}

// quit ends when the tasks have; asked twice, at once.
func (m *Model) quit() []any {
	if len(m.tasks) == 0 || m.quitting {
		return []any{Quit{Cut: len(m.tasks) > 0}}
	}
	m.quitting = true
	m.say("ends when what is at work is done; q again stops it now, escape goes on")
	return nil
}

// edit edits the text that is asked for.
func (m *Model) edit(k terminal.Key) []any {
	p := m.prompt
	switch {
	case k.Text() != "":
		p.text += k.Text()
	case k.Name == terminal.Enter:
		m.prompt = nil
		return p.then(p.text)
	case k.Name == terminal.Escape:
		m.prompt = nil
		if p.live == nil {
			return nil
		}
		p.text = ""
	case k.Name == terminal.Backspace:
		if runes := []rune(p.text); len(runes) > 0 {
			p.text = string(runes[:len(runes)-1])
		}
	case k.Name == "ctrl-u":
		p.text = ""
	case k.Name == "ctrl-w":
		p.text = p.text[:strings.LastIndexAny(strings.TrimRight(p.text, " /"), " /")+1]
	case k.Name == terminal.Tab && p.local:
		return []any{Complete{p.text}}
	case p.live != nil && m.move(k.Name):
		return nil
	}
	if p.live != nil {
		p.live(p.text)
	}
	return nil
}
