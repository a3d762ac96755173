package tui

import (
	"cmp"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/syncer/names"
)

// An order is one of rows; folders come first in all of them.
type order int

const (
	byName order = iota
	bySize
	byTime
	orders
)

func (o order) String() string { return [...]string{"by name", "by size", "by date"}[o] }

// A list is rows, those of them that are shown, and where the cursor stands.
type list struct {
	rows   []Row // by name
	folded []string
	filter string // the text that shown names contain
	shown  []int  // of rows, in order
	cursor int    // in shown
	top    int    // the first of shown that is on the screen

	sharing int // how wide that column is
}

// row is the one that the cursor is on.
func (l *list) row() (Row, bool) {
	if l.cursor < len(l.shown) {
		return l.rows[l.shown[l.cursor]], true
	}
	return Row{}, false
}

// set replaces the rows.
func (l *list) set(rows []Row) { l.rows, l.folded = rows, nil }

// arrange filters and sorts, and puts the cursor on the row with that key, or
// near where it was.
func (l *list) arrange(o order, on string) {
	l.match()
	if o != byName {
		slices.SortStableFunc(l.shown, func(i, j int) int {
			if o == bySize {
				return cmp.Compare(l.rows[j].Size, l.rows[i].Size)
			}
			return l.rows[j].MTime.Compare(l.rows[i].MTime)
		})
	}
	folders := make([]int, 0, len(l.shown))
	var files []int
	for _, i := range l.shown {
		if l.rows[i].isFolder() {
			folders = append(folders, i)
		} else {
			files = append(files, i)
		}
	}
	l.shown, l.sharing = append(folders, files...), 0
	for at, i := range l.shown {
		if l.rows[i].key() == on {
			l.cursor = at
		}
		if with := sharing(l.rows[i].Item); with != "" {
			l.sharing = min(max(l.sharing, lipgloss.Width(terminal.Clean(with))), 24)
		}
	}
	l.moveTo(l.cursor)
}

// match shows the rows whose names contain the filter.
func (l *list) match() {
	l.shown = l.shown[:0]
	text := names.Fold(l.filter)
	if text != "" && l.folded == nil { // once, and not at every letter that is typed
		for _, r := range l.rows {
			l.folded = append(l.folded, names.Fold(r.Name+r.Connection))
		}
	}
	for i := range l.rows {
		if text == "" || strings.Contains(l.folded[i], text) {
			l.shown = append(l.shown, i)
		}
	}
}

func (l *list) moveTo(at int) { l.cursor = max(0, min(at, len(l.shown)-1)) }

// move moves the cursor, and reports whether the key is for that.
func (l *list) move(key string, room int) bool {
	switch page := max(room-1, 1); key {
	case "up", "k":
		l.moveTo(l.cursor - 1)
	case "down", "j":
		l.moveTo(l.cursor + 1)
	case "pgup":
		l.moveTo(l.cursor - page)
	case "pgdown":
		l.moveTo(l.cursor + page)
	case "home":
		l.moveTo(0)
	case "end":
		l.moveTo(len(l.shown))
	default:
		return false
	}
	return true
}

// scroll moves what is seen of the list, with the cursor if that would be lost.
func (l *list) scroll(by, room int) {
	l.top = max(0, min(l.top+by, len(l.shown)-room))
	l.moveTo(max(l.top, min(l.cursor, l.top+room-1)))
}

// reveal brings the cursor into sight.
func (l *list) reveal(room int) {
	l.top = max(0, min(l.top, l.cursor, len(l.shown)-room), l.cursor-room+1)
}
