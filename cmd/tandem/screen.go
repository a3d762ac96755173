package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/mattn/go-isatty"

	"tandem/cmd/tandem/internal/terminal"
)

// A screen is where tandem talks: one line a message, "tandem: " before it,
// lower case, no full stop. What helps when stuck follows as a line of its own,
// "tandem: hint: ". Names from disks and drives are other people's texts, so
// nothing reaches the terminal that could move its cursor or turn its letters.
type screen struct {
	terminal bool
	verbose  int
	quiet    bool // about single items

	mu sync.Mutex
	w  io.Writer
}

func newScreen(w io.Writer) *screen {
	return &screen{w: w, terminal: isTerminal(w)}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func (s *screen) say(format string, args ...any) { s.line("tandem: " + fmt.Sprintf(format, args...)) }
func (s *screen) hint(format string, args ...any) {
	s.line("tandem: hint: " + fmt.Sprintf(format, args...))
}

func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	io.WriteString(s.w, clean(text)+"\n")
}

// redirect sends what is said to another writer, as one that draws a progress
// bar below it, and gives back the way to undo that.
func (s *screen) redirect(w io.Writer) (undo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.w
	s.w = w
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.w = old
	}
}

// end says why the program ends and gives its exit code.
func (s *screen) end(err error) int {
	if err == nil {
		return inSync
	}
	f := diagnose(err)
	s.complain("", f)
	return f.code
}

// complain says what is wrong with a folder, or with "" in general.
func (s *screen) complain(folder string, f *failure) {
	if f.err != nil {
		s.say("%s%v", prefix(folder), f.err)
	}
	if f.hint != "" {
		s.hint("%s", f.hint)
	}
}

func prefix(folder string) string {
	if folder == "" {
		return ""
	}
	return folder + ": "
}

// clean makes a text of any origin fit for one line of a terminal.
func clean(text string) string { return terminal.Clean(text) }
