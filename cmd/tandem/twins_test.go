package main

import (
	"io"
	"os"
	"testing"

	"tandem/state"
)

// TestWhatCannotBeReadIsNoWordThatThereIsNoTwin: else a source would be deleted
// that may be the only one there is.
func TestWhatCannotBeReadIsNoWordThatThereIsNoTwin(t *testing.T) {
	for _, test := range []struct {
		state  string
		broken func(*session) error
	}{
		{"does not open", func(s *session) error { return os.Mkdir(s.dbPath(), 0o777) }},
		{"does not answer", silence},
	} {
		p := &program{out: io.Discard, screen: newScreen(io.Discard)}
		w := p.sessionOf(&config{Folder: map[string]*folder{"docs": {name: "docs"}}}, t.TempDir()).work(defaultErrand())
		must(t, test.broken(w.session))
		if known, err := w.agreed(&place{base: "root"}, "f.txt", 1); err == nil {
			t.Errorf("of a state that %s: %+v, and no error", test.state, known)
		}
	}
}

// silence gives a session a state that does not answer.
func silence(s *session) (err error) {
	if s.db, err = state.Open(s.dbPath()); err != nil {
		return err
	}
	return s.db.Close()
}

// TestWhatCannotBeReadIsNoWordThatAFolderIsUnbound: else a task would go where the
// configuration points, instead of where the folder is by now.
func TestWhatCannotBeReadIsNoWordThatAFolderIsUnbound(t *testing.T) {
	p := &program{out: io.Discard, screen: newScreen(io.Discard)}
	s := p.sessionOf(&config{}, t.TempDir())
	must(t, silence(s))
	if _, bound, err := s.boundTo(&folder{name: "docs"}); err == nil {
		t.Errorf("bound = %v, and no error", bound)
	}
}

func TestWithoutAStateNothingIsAgreedUpon(t *testing.T) {
	p := &program{out: io.Discard, screen: newScreen(io.Discard)}
	w := p.sessionOf(&config{Folder: map[string]*folder{"docs": {name: "docs"}}}, t.TempDir()).work(defaultErrand())
	if known, err := w.agreed(&place{base: "root"}, "f.txt", 1); len(known.Near)+len(known.Moved) > 0 || err != nil {
		t.Errorf("agreed = %+v, %v", known, err)
	}
}
