package tui

import (
	"context"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"tandem/remote"
)

// name is what a key is called here: with modifiers an arrow is an arrow, and
// what old terminals send counts as the key that it stands for.
func name(k tea.KeyPressMsg) string {
	if k.Code > unicode.MaxRune || k.Code == tea.KeyEnter || k.Code == tea.KeyBackspace || k.Code == tea.KeyEscape {
		return tea.Key{Code: k.Code}.String()
	}
	switch s := k.String(); s {
	case "ctrl+j", "ctrl+m":
		return "enter"
	case "ctrl+h":
		return "backspace"
	case "ctrl+i":
		return "tab"
	default:
		return s
	}
}

// key does what a key means just now.
func (e *Explorer) key(k tea.KeyPressMsg) tea.Cmd {
	key := name(k)
	switch {
	case key == "ctrl+c":
		return e.leave()
	case key == "ctrl+l":
		return tea.ClearScreen
	case key == "ctrl+z":
		return e.suspend()
	case e.awaited != nil && key == "esc":
		e.giveUp()
		return nil
	case e.awaited != nil:
		e.ahead = append(e.ahead, k)
		return nil
	case e.prompt != nil:
		return e.edit(key, k.Text)
	case e.question != nil:
		q := e.question
		if e.question = nil; key == "y" {
			return q.yes()
		}
		e.say("nothing was done")
		return nil
	case e.help:
		e.scrollHelp(key)
		return nil
	case key == "q":
		return e.leave()
	}
	e.notice = nil
	if e.here().move(key, e.room()) {
		return nil
	}
	return e.command(key)
}

func (e *Explorer) suspend() tea.Cmd {
	if canSuspend() {
		return tea.Suspend
	}
	e.say("there is no shell to go back to; q quits")
	return nil
}

// scrollHelp reads on in the help; any other key ends it.
func (e *Explorer) scrollHelp(key string) {
	switch page := max(e.room()-1, 1); key {
	case "up", "k":
		e.helpTop--
	case "down", "j":
		e.helpTop++
	case "pgup":
		e.helpTop -= page
	case "pgdown", "space":
		e.helpTop += page
	default:
		e.help, e.helpTop, e.notice = false, 0, nil
	}
}

func (e *Explorer) command(key string) tea.Cmd {
	f := e.here()
	switch key {
	case "enter", "right", "l":
		return e.open()
	case "backspace", "left", "h":
		return e.back()
	case "esc":
		e.escape()
	case "/":
		e.prompt = &prompt{label: "filter: ", text: f.filter, live: func(text string) {
			f.filter = text
			e.rearrange()
		}}
	case "f":
		return e.find()
	case "space":
		e.mark()
	case "s":
		e.order = (e.order + 1) % orders
		e.rearrange()
	case "r":
		return e.renew(f)
	case "g":
		e.get()
	case "p":
		e.put()
	case "m":
		e.mkdir()
	case "d", "delete":
		e.remove()
	case "x":
		if len(e.tasks) > 0 {
			e.stop()
		}
	case "?":
		e.help = true
		e.say("up, down: scroll; other keys: close")
	}
	return nil
}

// escape takes back one thing: the wish to leave, the marks, then the filter.
func (e *Explorer) escape() {
	switch {
	case e.quitting:
		e.quitting = false
	case len(e.marked) > 0:
		clear(e.marked)
	default:
		e.here().filter = ""
		e.rearrange()
	}
}

func (e *Explorer) mark() {
	f := e.here()
	row, there := f.row()
	if !there || row.Connection != "" {
		return
	}
	if e.marked[row.key()] {
		delete(e.marked, row.key())
	} else {
		e.marked[row.key()] = true
	}
	f.moveTo(f.cursor + 1)
}

// open walks into what the cursor is on, or tells all that is known of it.
func (e *Explorer) open() tea.Cmd {
	f := e.here()
	row, there := f.row()
	to := Place{f.at.Connection, f.at.Drive, row.Path, row.Item}
	switch elsewhere := row.Elsewhere; {
	case !there:
		return nil
	case row.Connection != "":
		to = Place{Connection: row.Connection}
	case row.Kind == remote.Folder:
	case elsewhere.ID != "":
		to.Drive = elsewhere.Drive
		to.Folder = remote.Item{Drive: elsewhere.Drive, ID: elsewhere.ID, Name: row.Name, Kind: remote.Folder, Elsewhere: elsewhere}
	default:
		e.say(details(row))
		return nil
	}
	return e.await("opening "+row.Name+row.Connection, e.lister(to), func(l Listing) {
		e.enter(&frame{at: l.At, list: list{rows: l.Rows}}, "")
	})
}

func (e *Explorer) back() tea.Cmd {
	f := e.here()
	if len(e.frames) > 1 {
		e.frames = e.frames[:len(e.frames)-1]
		clear(e.marked)
		if e.rearrange(); e.here().stale { // the order may be another by now
			return e.renew(e.here())
		}
		return nil
	}
	if f.at.Connection == "" || f.at.Folder.Root && !e.several {
		e.say("this is the top")
		return nil
	}
	on := f.at.Folder.ID
	if f.at.Folder.Root {
		on = f.at.Connection
	}
	parent := func(ctx context.Context, _ *request) (Listing, error) { return e.drives.Parent(ctx, f.at) }
	return e.await("going up", parent, func(l Listing) {
		e.frames = nil
		e.enter(&frame{at: l.At, list: list{rows: l.Rows}}, on)
	})
}

func (e *Explorer) find() tea.Cmd {
	at := e.here().at
	if at.Connection == "" {
		e.say("open a connection first: enter")
		return nil
	}
	e.prompt = &prompt{label: "find below " + at.String() + ": ", then: func(text string) tea.Cmd {
		return e.await("looking for "+text, e.finder(at, text), func(l Listing) {
			e.enter(&frame{at: l.At, found: text, list: list{rows: l.Rows}}, "")
		})
	}}
	return nil
}

func (e *Explorer) get() {
	rows := slices.DeleteFunc(e.chosen(), func(r Row) bool { return r.Kind == remote.Opaque })
	if len(rows) == 0 {
		e.say("nothing here can be downloaded")
		return
	}
	e.prompt = &prompt{label: "download " + these(rows) + " into the folder: ", text: "./", local: true, then: e.starter("get", rows)}
}

func (e *Explorer) put() {
	if e.inFolder() {
		e.prompt = &prompt{label: "upload to " + e.here().at.String() + " the file or folder: ", local: true, then: e.starter("put", nil)}
	}
}

func (e *Explorer) mkdir() {
	if e.inFolder() {
		e.prompt = &prompt{label: "new folder in " + e.here().at.String() + ": ", then: e.starter("mkdir", nil)}
	}
}

// starter starts a task here once its argument is typed.
func (e *Explorer) starter(verb string, rows []Row) func(string) tea.Cmd {
	at := e.here().at
	return func(arg string) tea.Cmd { return e.start(Task{Verb: verb, At: at, Rows: rows, Arg: arg}) }
}

// inFolder reports whether things can be put here, and else says why not.
func (e *Explorer) inFolder() bool {
	f := e.here()
	switch {
	case f.at.Connection == "":
		e.say("open a connection first: enter")
	case f.found != "":
		e.say("these are from many folders; go back to one: left")
	default:
		return true
	}
	return false
}

func (e *Explorer) remove() {
	rows, at := e.chosen(), e.here().at
	if len(rows) == 0 {
		e.say("nothing here can be deleted")
		return
	}
	what := these(rows)
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Kind == remote.Folder }) {
		what += ", with all that is in it,"
	}
	e.question = &question{"delete " + what + " to the recycle bin? y or n", func() tea.Cmd {
		return e.start(Task{Verb: "rm", At: at, Rows: rows})
	}}
}

// A question wants a yes.
type question struct {
	text string
	yes  func() tea.Cmd
}

// A prompt asks for a text.
type prompt struct {
	label string
	text  string
	local bool // it is a local path, which can be completed
	live  func(text string)
	then  func(text string) tea.Cmd
}

// edit edits the text that is asked for.
func (e *Explorer) edit(key, text string) tea.Cmd {
	p := e.prompt
	switch {
	case text != "" && key != "enter":
		e.paste(text)
		return nil
	case key == "enter":
		if e.prompt = nil; p.text == "" || p.then == nil {
			return nil
		}
		return p.then(p.text)
	case key == "esc":
		e.prompt, p.text = nil, ""
	case key == "backspace":
		if runes := []rune(p.text); len(runes) > 0 {
			p.text = string(runes[:len(runes)-1])
		}
	case key == "ctrl+u":
		p.text = ""
	case key == "ctrl+w":
		p.text = p.text[:strings.LastIndexAny(strings.TrimRight(p.text, " /"), " /")+1]
	case key == "tab" && p.local:
		p.text = e.drives.Complete(p.text)
	case p.live != nil && e.here().move(key, e.room()):
		return nil
	}
	if p.live != nil {
		p.live(p.text)
	}
	return nil
}

// paste adds to the text that is asked for. What would control anything is left
// out, and where no text is asked for it presses no key.
func (e *Explorer) paste(text string) {
	p := e.prompt
	if p == nil || e.awaited != nil {
		return
	}
	p.text += strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	if p.live != nil {
		p.live(p.text)
	}
}
