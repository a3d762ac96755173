// Package terminal shows lines on a terminal and hears what keys are pressed.
//
// It promises that nothing reaches the terminal that could control it but what
// this package itself writes: every text that is drawn is made clean first.
// Whoever draws gives whole lines; only those that differ from what is there are
// written. What the lines say is not its business.
package terminal

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// A Line is one line of the screen.
type Line struct {
	Text  string
	Style Style
}

// A Style is how a line looks. There are no colours, so it is readable on any
// background.
type Style string

// The styles.
const (
	Plain   Style = ""
	Bold    Style = "\x1b[1m"
	Faint   Style = "\x1b[2m"
	Reverse Style = "\x1b[7m"
)

// A Frame is all that is to be seen. Where CursorAt is not negative, the cursor
// stands that many columns to the right in the line CursorIn.
type Frame struct {
	Lines              []Line
	CursorIn, CursorAt int
}

// A Painter draws frames.
type Painter struct {
	w             io.Writer
	shown         Frame
	width, height int
}

// Paint draws what has changed since the last frame; all of it when the size has.
func (p *Painter) Paint(f Frame, width, height int) error {
	var b bytes.Buffer
	if width != p.width || height != p.height {
		b.WriteString("\x1b[0m\x1b[2J")
		p.shown, p.width, p.height = Frame{CursorAt: -1}, width, height
	}
	f.Lines = f.Lines[:min(len(f.Lines), height)]
	for i, l := range f.Lines {
		if i < len(p.shown.Lines) && p.shown.Lines[i] == l {
			continue
		}
		text := Cut(Clean(l.Text), width)
		if l.Style == Reverse {
			text = Pad(text, width)
		}
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[0m\x1b[2K%s%s\x1b[0m", i+1, l.Style, text)
	}
	for i := len(f.Lines); i < len(p.shown.Lines); i++ {
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[0m\x1b[2K", i+1)
	}
	if b.Len() == 0 && f.CursorIn == p.shown.CursorIn && f.CursorAt == p.shown.CursorAt {
		return nil
	}
	b.WriteString("\x1b[?25l")
	if f.CursorAt >= 0 {
		fmt.Fprintf(&b, "\x1b[%d;%dH\x1b[?25h", f.CursorIn+1, min(f.CursorAt, width-1)+1)
	}
	p.shown = f
	_, err := p.w.Write(b.Bytes())
	return err
}

// A Screen is a terminal that this program has for itself. It is to be closed,
// so that the shell finds it as it was.
type Screen struct {
	Painter
	in, out *os.File
	before  []func()
}

// Open takes over the terminal that in is. It is drawn on out, or if that leads
// elsewhere, on the terminal of this process.
func Open(in, out *os.File) (*Screen, error) {
	s := &Screen{in: in, out: out}
	if !term.IsTerminal(int(out.Fd())) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		s.out = tty
		s.before = append(s.before, func() { tty.Close() })
	}
	restore, err := understandSequences(s.out)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.before = append(s.before, restore)
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		s.Close()
		return nil, err
	}
	s.before = append(s.before, func() { term.Restore(int(in.Fd()), was) }) // nothing can be done if it fails
	s.w = s.out
	// Another buffer than the shell's; no wrapping, whatever a terminal makes of the width of a letter; pasted text comes marked as such.
	if _, err := io.WriteString(s.out, "\x1b[?1049h\x1b[?7l\x1b[?2004h"); err != nil {
		s.Close()
		return nil, err
	}
	s.before = append(s.before, func() { io.WriteString(s.out, "\x1b[?2004l\x1b[?7h\x1b[0m\x1b[?25h\x1b[?1049l") })
	return s, nil
}

// Size is the terminal's, as it is now.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		width, height = 0, 0
	}
	return cmp.Or(width, 80), cmp.Or(height, 24)
}

// Close gives the terminal back as it was.
func (s *Screen) Close() {
	for i := len(s.before) - 1; i >= 0; i-- {
		s.before[i]()
	}
	s.before = nil
}
