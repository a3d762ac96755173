package sim

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
)

// A failure lets verbs of the disk or the state fail.
type failure struct {
	side  string // fs, db
	verb  string
	after int // so many go by first
	times int
	err   error
}

var errnos = map[string]error{
	"ENOSPC": syscall.ENOSPC, "EDQUOT": syscall.EDQUOT, "EIO": syscall.EIO, "EMFILE": syscall.EMFILE, "EACCES": syscall.EACCES,
	"EROFS": syscall.EROFS, "ESTALE": syscall.ESTALE, "EINTR": syscall.EINTR, "short": io.ErrShortWrite,
}

// arrange reads "disk rename ENOSPC after=3 times=2" and "state commit EIO".
func (w *world) arrange(word []string) error {
	if len(word) < 3 || errnos[word[2]] == nil {
		return fmt.Errorf("no such failure: %q", word)
	}
	f := &failure{side: map[string]string{"disk": "fs", "state": "db"}[word[0]], verb: word[1], times: 1, err: errnos[word[2]]}
	for _, one := range word[3:] {
		key, value, _ := strings.Cut(one, "=")
		n, err := strconv.Atoi(value)
		switch {
		case err != nil:
			return err
		case key == "after":
			f.after = n
		case key == "times":
			f.times = n
		default:
			return fmt.Errorf("no such word: %q", key)
		}
	}
	w.fails = append(w.fails, f)
	return nil
}

// struck gives the error with which a verb is to fail.
func (w *world) struck(side, verb string) error {
	w.called(side + " " + verb)
	for _, f := range w.fails {
		if f.side != side || f.verb != verb || f.times == 0 {
			continue
		}
		if f.after > 0 {
			f.after--
			continue
		}
		f.times--
		w.failures++
		w.failing, w.unsynced = true, w.unsynced || verb == "syncdir"
		w.untimed = w.untimed || f.err == syscall.EACCES
		return f.err
	}
	return nil
}

func (w *world) called(verb string) {
	if !w.quiet {
		w.calls[verb]++
	}
}

// effect counts what a crash could come after, and lets it come, to the machine
// that had the effect.
func (m *machine) effect() {
	if m.cur == nil { // not the engine's
		return
	}
	c := m.script.Crash
	if e := m.errand(); e != nil {
		m.deeds++
		e.dying = c.Task > 0 && m.deeds == c.Task
		m.cutShort = m.cutShort || e.dying
		return
	}
	m.effects++
	switch {
	case c.After > 0 && m.effects == c.After:
		if c.Loss != "" {
			m.power(c.Loss)
			m.dead = false
		}
		m.dying = true
	case c.Again > 0 && m.effects == c.After+c.Again:
		m.dying = true
	}
}
