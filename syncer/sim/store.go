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

// A Store is the engine's real state in a real file, best one in memory. It is
// emptied for each run, which is much faster than making a new one, and serves
// one run at a time.
type Store struct {
	db    *state.DB
	raw   *sql.DB // to empty it
	wipe  string
	world *world
}

// NewStore makes one in a directory of its own.
func NewStore(dir string) (*Store, error) {
	path := filepath.Join(dir, "tandem.db")
	s := &Store{}
	stores.Lock()
	stores.at[path] = s
	stores.Unlock()
	var err error
	if s.db, err = state.Open(path); err != nil {
		return nil, err
	}
	if s.raw, err = sql.Open("sqlite", "file:"+path+"?_pragma=foreign_keys(0)"); err != nil {
		return nil, err
	}
	s.raw.SetMaxOpenConns(1)
	rows, err := s.raw.Query("SELECT name FROM sqlite_schema WHERE type='table'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		s.wipe += fmt.Sprintf("DELETE FROM %q;", name)
	}
	return s, rows.Err()
}

// Close ends its use.
func (s *Store) Close() error { return errors.Join(s.raw.Close(), s.db.Close()) }

func (s *Store) enter(w *world) error {
	s.world = nil
	if _, err := s.raw.Exec("BEGIN IMMEDIATE;" + s.wipe + "COMMIT"); err != nil {
		return err
	}
	s.world = w
	return s.db.Reopen()
}

func (s *Store) leave() { s.world = nil }

// stores tells by the file whose connection is opened.
var stores = struct {
	sync.Mutex
	at map[string]*Store
}{at: map[string]*Store{}}

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file://"), "?")
		stores.Lock()
		s := stores.at[path]
		stores.Unlock()
		if hooks, ok := conn.(sqlite.HookRegisterer); ok && s != nil {
			hooks.RegisterCommitHook(s.commits)
		}
		return nil
	})
}

// commits is called before each commit; anything but 0 undoes it.
func (s *Store) commits() int32 {
	w := s.world
	if w == nil || w.cur == nil {
		return 0
	}
	if w.dead || w.dying {
		return 1
	}
	if err := w.struck("db", "commit"); err != nil {
		w.say("commit: %v", err)
		return 1
	}
	w.say("commit")
	w.effect()
	return 0
}
