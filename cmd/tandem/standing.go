package main

import (
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer"
)

// A standing is what is known of one folder without asking anybody. Its JSON
// shape is a contract.
type standing struct {
	Folder     string           `json:"folder"`
	Connection string           `json:"connection"`
	Local      string           `json:"local"`
	Remote     string           `json:"remote"`
	InSync     bool             `json:"in_sync"` // as of At
	State      string           `json:"state"`
	Running    bool             `json:"running"` // a tandem is at work on it now
	Paused     bool             `json:"paused"`
	Until      *time.Time       `json:"paused_until"`    // null when the pause has no end of its own
	Throttled  *time.Time       `json:"throttled_until"` // while the service wants to be left alone, else null
	Progress   *progress        `json:"progress"`        // while an agent transfers something, else null
	Items      int              `json:"items"`           // agreed upon
	At         *time.Time       `json:"at"`              // end of the last pass, or when the agent last read the drive; null before the first
	Error      string           `json:"error"`
	Waiting    []syncer.Waiting `json:"waiting"`
	Held       []heldDelete     `json:"held"`
	Conflicts  []conflictCopy   `json:"conflicts"`
	NotFiles   []syncer.NotFile `json:"not_files"` // online, and never synced
	Writing    []syncer.Writing `json:"writing"`   // sent once they are left alone; some of them, if more
	More       int              `json:"writing_more"`

	onlyWriting bool // nothing else is out of sync
}

// progress is how far the transfers under way have come.
type progress struct {
	Files int   `json:"files"`
	Done  int   `json:"files_done"`
	Bytes int64 `json:"bytes"`
	Moved int64 `json:"bytes_done"`
}

type heldDelete struct {
	Path  string `json:"path"`
	Side  string `json:"side"` // on which it would be deleted: local or remote
	Items int    `json:"items"`
	Why   string `json:"why"`
}

type conflictCopy struct {
	Path string    `json:"path"`
	Copy string    `json:"copy"`
	At   time.Time `json:"at"`
}

// standings tells how folders stand. What the agent says of itself counts for
// more than what it has left behind; now is nil when none runs.
func (s *session) standings(folders []*folder, now *health) ([]standing, error) {
	all := []standing{}
	paused := readPause(s.dir)
	if now != nil {
		paused = now.Paused
	}
	if s.db == nil && s.hasState() {
		if err := s.openState(); err != nil {
			return nil, err
		}
	}
	for _, f := range folders {
		st := standing{
			Folder: f.name, Connection: f.Connection, Local: f.Local, Remote: f.Remote,
			Waiting: []syncer.Waiting{}, Held: []heldDelete{}, Conflicts: []conflictCopy{}, NotFiles: []syncer.NotFile{}, Writing: []syncer.Writing{},
		}
		if s.db != nil {
			if err := s.fill(&st, f); err != nil {
				return nil, err
			}
		}
		if paused != nil {
			st.Paused, st.State = true, paused.String()
			if !paused.Until.IsZero() {
				st.Until = &paused.Until
			}
		}
		quiet, idle := now.fill(&st)
		if away, err := s.misplaced(f); err != nil {
			return nil, err
		} else if away != nil {
			st.Error = away.Error()
		}
		st.judge(quiet, idle)
		all = append(all, st)
	}
	return all, nil
}

func (s *session) fill(st *standing, f *folder) error {
	known, found, err := s.db.Folder(f.name)
	if err != nil || !found {
		return err
	}
	if st.Items, err = s.db.CountAgreed(known.N); err != nil {
		return err
	}
	if err := s.fillLists(st, known); err != nil {
		return err
	}
	st.Running = s.occupied(f)
	if n := s.note(f.name); !n.At.IsZero() {
		st.At, st.Error = &n.At, n.Error
	}
	return nil
}

// fill adds what the agent says, if one runs and keeps this folder; quiet says
// that it has nothing to do, and idle, that it only waits for what is being written.
func (h *health) fill(st *standing) (quiet, idle bool) {
	if h == nil {
		return false, false
	}
	for _, l := range h.Folders {
		if l.Folder != st.Folder {
			continue
		}
		if st.Running = l.Running; !l.Throttled.IsZero() {
			st.Throttled = &l.Throttled
		}
		if st.Error = l.Trouble; l.Running {
			st.Error = l.Now.Trouble
		}
		if !l.Now.Read.IsZero() {
			st.At = &l.Now.Read
		}
		if p := l.Now.Progress; p.Done < p.Files {
			st.Progress = &progress{p.Files, p.Done, p.Bytes, p.Moved}
		}
		st.Writing, st.More = append(st.Writing, l.Now.Writing...), l.Now.More
		return l.Now.Quiet, l.Now.Idle
	}
	return false, false
}

func (s *session) fillLists(st *standing, known state.Folder) error {
	all, err := s.db.Waitings(known.N)
	if err != nil {
		return err
	}
	for _, w := range all {
		x := syncer.Waiting{Path: w.Path, Why: w.Why, Person: w.Person}
		if !w.Person && w.Next.After(time.Now()) {
			x.Next = &w.Next
		}
		st.Waiting = append(st.Waiting, x)
	}
	held, err := s.db.Held(known.N)
	if err != nil {
		return err
	}
	for _, h := range held {
		st.Held = append(st.Held, heldDelete{h.Path, h.Side, h.Items, h.Why})
	}
	conflicts, err := s.db.Conflicts(known.N)
	for _, c := range conflicts {
		st.Conflicts = append(st.Conflicts, conflictCopy{c.Path, c.Copy, c.At})
	}
	if err != nil {
		return err
	}
	list, err := syncer.NotFiles(s.db, known.N)
	st.NotFiles = append(st.NotFiles, list...)
	return err
}

// judge puts the whole into a few words, never better than is known. quiet says
// that an agent runs and has nothing to do, idle, that it only waits for what is being
// written.
func (st *standing) judge(quiet, idle bool) {
	paused := st.State
	switch {
	case st.Error != "":
		st.State = "not in sync: " + st.Error
	case st.Throttled != nil:
		st.State = (&remote.Paused{Until: *st.Throttled}).Error()
	case len(st.Held) > 0:
		st.State = "deletes are held"
	case len(st.Waiting) > 0:
		st.State = count(len(st.Waiting), "item") + " not synced"
	case idle && len(st.Writing) > 0:
		st.State, st.onlyWriting = written(len(st.Writing)+st.More), true
	case st.Running && !quiet:
		st.State = "at work"
	case st.At == nil:
		st.State = "never synced"
	default:
		st.State, st.InSync = "in sync", true
	}
	switch {
	case st.Paused && st.InSync:
		st.State, st.InSync = paused, false // what happens meanwhile is not seen
	case st.Paused:
		st.State = paused + "; " + st.State
	}
}
