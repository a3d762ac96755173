// Package tui is the explorer: a person walks drives on a terminal, and starts
// downloads, uploads and deletes from there.
//
// It knows no drive: what it lists and does comes from [Drives]. It promises that
// no name can control the terminal, that it waits for nothing while it listens to
// keys, and that the terminal is as it was when [Explorer.Run] returns, whatever
// the reason.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"tandem/remote"
)

// Drives is what the explorer works on. The functions may take as long as they
// need, until the context ends, and are called from several goroutines.
type Drives struct {
	List     func(ctx context.Context, at Place) (Listing, error)
	Parent   func(ctx context.Context, of Place) (Listing, error) // what is in the folder that a place is in
	Find     func(ctx context.Context, below Place, text string, seen func(items int)) (Listing, error)
	Run      func(ctx context.Context, t Task) Outcome
	Progress func() string                 // of the task that runs
	Complete func(localPath string) string // one that is being typed
	Explain  func(error) string            // what is wrong, and what to do
}

// A Place is a folder online, or the list of connections if it names none.
type Place struct {
	Connection string
	Drive      string // its id; "" = the connection's own
	Path       string
	Folder     remote.Item // with no ID it is the drive's root, not asked for yet
}

func (p Place) String() string {
	if p.Connection == "" {
		return "connections"
	}
	return p.Connection + ":/" + p.Path
}

// A Row is one thing in a place: an item, or a connection.
type Row struct {
	remote.Item
	Path       string // of an item, from the drive's root
	Connection string // of a connection; Name is empty then
	Note       string // about a connection
}

func (r Row) isFolder() bool {
	return r.Connection != "" || r.Kind == remote.Folder || r.Elsewhere.ID != ""
}

func (r Row) key() string {
	if r.Connection != "" {
		return r.Connection
	}
	return r.ID
}

// A Listing is what is in a place, or what was found below it.
type Listing struct {
	At   Place
	Rows []Row
}

// A Task is one cloud task.
type Task struct {
	Verb string // get, put, mkdir or rm
	At   Place
	Rows []Row  // of get and rm
	Arg  string // the local path, or the new folder's name
}

// An Outcome is how a task ended.
type Outcome struct {
	Said   []string
	Failed bool
}

// An Explorer is the model of the screen. Update and View belong to one goroutine.
type Explorer struct {
	drives  Drives
	several bool // there is a list of connections above the drives

	ctx    context.Context // of all that is begun
	cancel context.CancelFunc
	begun  sync.WaitGroup

	frames  []*frame // the folders on the way here; the last one is shown
	order   order
	marked  map[string]bool   // by key, in the last frame
	awaited *request          // keys count again once it is answered
	ahead   []tea.KeyPressMsg // pressed meanwhile

	tasks    []Task // the first one runs
	stop     context.CancelFunc
	progress string
	quitting bool
	cut      bool
	ticking  bool

	prompt   *prompt
	question *question
	notice   []string
	trouble  bool // it is bad news
	help     bool
	helpTop  int // the first of its lines on the screen
	clicked  click

	width, height int
	styles        styles
}

// A frame is a place on the way here.
type frame struct {
	list
	at    Place
	found string   // what was looked for below it; "" = the rows are what is in it
	asked *request // renews it
	stale bool
	made  string // the name of the folder that was made in it, to stand on
}

// New begins at a listing, on the row with that key. several says that there are
// other connections to go up to.
func New(ctx context.Context, d Drives, l Listing, on string, several bool) *Explorer {
	e := &Explorer{drives: d, several: several, marked: map[string]bool{}, width: 80, height: 24, styles: newStyles(true)}
	e.ctx, e.cancel = context.WithCancel(ctx)
	e.enter(&frame{at: l.At, list: list{rows: l.Rows}}, on)
	return e
}

// Close ends what is under way, and waits for it.
func (e *Explorer) Close() {
	e.cancel()
	e.begun.Wait()
}

// Run shows the explorer on a terminal until the person leaves, and reports
// whether a task was cut off by that. Where out leads elsewhere, it is drawn on
// the terminal of this process.
func (e *Explorer) Run(in, out *os.File) (cut bool, err error) {
	defer e.Close()
	if !term.IsTerminal(int(out.Fd())) {
		_, tty, err := tea.OpenTTY()
		if err != nil {
			return false, err
		}
		defer tty.Close()
		out = tty
	}
	program := tea.NewProgram(e, tea.WithContext(e.ctx), tea.WithInput(input{in}), tea.WithOutput(out), tea.WithoutSignalHandler())
	if _, err = program.Run(); e.ctx.Err() != nil {
		err = context.Cause(e.ctx)
	}
	return e.cut, err
}

// input is a terminal whose end is an error: the library would wait for ever.
type input struct{ *os.File }

func (i input) Read(b []byte) (int, error) {
	n, err := i.File.Read(b)
	if errors.Is(err, io.EOF) {
		err = errors.New("the terminal is gone")
	}
	return n, err
}

// begin starts work beside the screen, and gives what waits for its message. A
// panic in there is the library's to catch, which gives the terminal back first.
func (e *Explorer) begin(work func() tea.Msg) tea.Cmd {
	type panicked string
	done := make(chan tea.Msg, 1)
	e.begun.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				done <- panicked(fmt.Sprintf("%v\n%s", r, debug.Stack()))
			}
		}()
		done <- work()
	})
	return func() tea.Msg {
		msg := <-done
		if p, bad := msg.(panicked); bad {
			panic(string(p))
		}
		return msg
	}
}

// ticked is time to show how far things are.
type ticked struct{}

func (e *Explorer) tick() tea.Cmd {
	if e.ticking || e.Idle() {
		return nil
	}
	e.ticking = true
	return tea.Tick(200*time.Millisecond, func(time.Time) tea.Msg { return ticked{} })
}
