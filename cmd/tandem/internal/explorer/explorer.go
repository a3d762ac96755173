// Package explorer decides what a person who walks a drive on the terminal sees,
// and what each key does.
//
// It promises to do nothing itself: [Model.Update] takes what happened and gives
// what is to be done, [Model.View] says what the screen shows. Whoever calls it
// looks into folders and runs the tasks, and says how that ended. So it needs no
// terminal, no drive and no time to be tried out.
package explorer

import (
	"strings"
	"time"

	"tandem/remote"
)

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

// What Update is told.
type (
	// Listed answers a Look, an Above or a Find by its Number.
	Listed struct {
		Number  int
		At      Place
		Rows    []Row
		Trouble string // why there is no answer, and what to do
	}
	// Seen says how many items a Find has looked at.
	Seen struct{ Number, Items int }
	// Progress says how far the task at work is.
	Progress string
	// Ended says how the task at work ended.
	Ended struct {
		Said   []string
		Failed bool
	}
	// Completed answers a Complete.
	Completed struct{ From, To string }
	// Size is the terminal's.
	Size struct{ Width, Height int }
)

// What Update wants done.
type (
	// Look lists what is in a place.
	Look struct {
		Number int
		At     Place
	}
	// Above lists what is in the folder that a place is in.
	Above struct {
		Number int
		Of     Place
	}
	// Find lists what has a text in its name, anywhere below a place.
	Find struct {
		Number int
		Below  Place
		Text   string
	}
	// Forget ends whatever is being listed.
	Forget struct{ Number int }
	// Complete completes a path here that is being typed.
	Complete struct{ Path string }
	// Task is one cloud task.
	Task struct {
		Verb string // get, put, mkdir or rm
		At   Place
		Rows []Row  // of get and rm
		Arg  string // the path here, or the new folder's name
	}
	// Stop ends the task at work.
	Stop struct{}
	// Quit ends it all. Cut says that tasks were not waited for.
	Quit struct{ Cut bool }
)

// A frame is a place that was walked to.
type frame struct {
	at     Place
	found  string // the text that was looked for below it; "" = it is the folder itself
	rows   []Row
	shown  []int // of rows, in order
	narrow string
	cursor int // in shown
	top    int // the first of shown that is on the screen
	asked  int // the number of the answer that renews it
	stale  bool
	made   string // the name of the folder that was made in it, to stand on

	sharing int // how wide that column is
}

func (f *frame) row() (Row, bool) {
	if f.cursor < len(f.shown) {
		return f.rows[f.shown[f.cursor]], true
	}
	return Row{}, false
}

// An order is one of rows.
type order int

const (
	byName order = iota
	bySize
	byTime
	orders
)

func (o order) String() string { return [...]string{"by name", "by size", "by date"}[o] }

// when shows a time in a column.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// sharing tells in a few words who shares an item with whom.
func sharing(it remote.Item) string {
	with := map[string]string{"": "", "anonymous": "anyone", "organization": "organisation", "users": "some people"}[it.SharedWith]
	if it.SharedWith != "" && with == "" {
		with = it.SharedWith
	}
	switch {
	case with == "":
		return ""
	case it.SharedBy == "":
		return "with " + with
	}
	return strings.TrimSpace(it.SharedBy) + ": " + with
}
