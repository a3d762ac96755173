package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// doubleClick is how long the second click may take.
const doubleClick = 500 * time.Millisecond

// A click is what a second one has to be close to.
type click struct {
	key string // of the row
	at  time.Time
}

// click puts the cursor on a row; the second click of a double click opens it.
func (e *Explorer) click(m tea.Mouse) tea.Cmd {
	switch f, at := e.here(), e.here().top+m.Y-e.listTop(); {
	case e.awaited != nil || e.question != nil:
	case e.help:
		e.scrollHelp("esc")
	case e.prompt != nil && e.prompt.live == nil:
	case m.Button == tea.MouseBackward:
		return e.back()
	case m.Button != tea.MouseLeft || at < f.top || at >= min(f.top+e.room(), len(f.shown)):
	default:
		e.prompt, e.notice = nil, nil
		f.moveTo(at)
		row, _ := f.row()
		last := e.clicked
		if e.clicked = (click{row.key(), time.Now()}); last.key == row.key() && time.Since(last.at) < doubleClick {
			e.clicked = click{}
			return e.open()
		}
	}
	return nil
}

func (e *Explorer) wheel(m tea.Mouse) {
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[m.Button]
	switch {
	case e.awaited != nil:
	case e.help:
		e.helpTop += by
	default:
		e.here().scroll(by, max(e.room(), 1))
	}
}
