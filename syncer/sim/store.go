package sim

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"tandem/state"
)

// A Store is where the machines of a run keep their state. It serves one run at
// a time.
type Store struct {
	Task func(*Errand) error // carries out the task lines of scripts; nil: there are none

	dir string
	all []*database // of the first machine, of the second, …
}

// NewStore makes one in a directory of its own, best one in memory.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// enter gives a machine its database, empty.
func (s *Store) enter(m *machine) (*database, error) {
	for len(s.all) <= m.n {
		d, err := newDatabase(filepath.Join(s.dir, fmt.Sprintf("tandem%d.db", len(s.all))))
		if err != nil {
			return nil, err
		}
		s.all = append(s.all, d)
	}
	return s.all[m.n], s.all[m.n].enter(m)
}

// Close ends its use.
func (s *Store) Close() error {
	var err error
	for _, d := range s.all {
		err = errors.Join(err, d.raw.Close(), d.Close())
	}
	return err
}

// A database is the engine's real state in a real file. It is emptied for each
// run, which is much faster than making a new one.
type database struct {
	*state.DB
	raw     *sql.DB // to empty it
	wipe    string
	back    string // to take a copy of all it holds, …
	forth   string // … and to hold that copy
	machine *machine
}

func newDatabase(path string) (*database, error) {
	s := &database{}
	databases.Lock()
	databases.at[path] = s
	databases.Unlock()
	var err error
	if s.DB, err = state.Open(path); err != nil {
		return nil, err
	}
	if s.raw, err = sql.Open("sqlite", "file:"+path+"?_pragma=foreign_keys(0)"); err != nil {
		return nil, err
	}
	s.raw.SetMaxOpenConns(1)
	if _, err := s.raw.Exec("ATTACH ':memory:' AS backup"); err != nil {
		return nil, err
	}
	// Folders come after their agreements, which are counted in them as they come.
	rows, err := s.raw.Query("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY rowid DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		s.wipe += fmt.Sprintf("DELETE FROM main.%q;", name)
		s.back += fmt.Sprintf("DROP TABLE IF EXISTS backup.%[1]q; CREATE TABLE backup.%[1]q AS SELECT * FROM main.%[1]q;", name)
		s.forth += fmt.Sprintf("INSERT INTO main.%[1]q SELECT * FROM backup.%[1]q;", name)
	}
	return s, rows.Err()
}

func (s *database) enter(m *machine) error {
	err := s.lose()
	s.machine = m
	return err
}

// keep takes a copy of the state, as a backup does.
func (s *database) keep() error {
	_, err := s.raw.Exec("BEGIN IMMEDIATE;" + s.back + "COMMIT")
	return err
}

// restore puts the last copy in place of the state.
func (s *database) restore() error { return s.become(s.wipe + s.forth) }

// lose removes the state.
func (s *database) lose() error { return s.become(s.wipe) }

// become changes the state behind the program's back, which must not be running.
func (s *database) become(how string) error {
	m := s.machine
	s.machine = nil
	defer func() { s.machine = m }()
	if _, err := s.raw.Exec("BEGIN IMMEDIATE;" + how + "COMMIT"); err != nil {
		return err
	}
	return s.Reopen()
}

func (s *database) leave() { s.machine = nil }

// databases tells by the file whose connection is opened.
var databases = struct {
	sync.Mutex
	at map[string]*database
}{at: map[string]*database{}}

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file://"), "?")
		databases.Lock()
		s := databases.at[path]
		databases.Unlock()
		if hooks, ok := conn.(sqlite.HookRegisterer); ok && s != nil {
			hooks.RegisterCommitHook(s.commits)
		}
		return nil
	})
}

// commits is called before each commit; anything but 0 undoes it.
func (s *database) commits() int32 {
	m := s.machine
	if m == nil || m.cur == nil {
		return 0
	}
	if m.dead || m.dying {
		return 1
	}
	if err := m.struck("db", "commit"); err != nil {
		m.say("commit: %v", err)
		return 1
	}
	m.say("commit")
	m.effect()
	return 0
}
