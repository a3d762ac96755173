// Package state remembers what both sides of a synced folder last agreed on and
// what was last seen of the drive, in one SQLite file.
//
// It promises that what Update wrote is on disk when Update returns, that all
// rows of one Update are there or none, and that the change feed's cursor is
// stored together with the items it stands for. Any older copy of the file is
// safe to run on, and so is none. It decides nothing.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A DB is the open file. It is safe for concurrent use; Update runs one at a
// time, and what others read meanwhile is what was there before it.
type DB struct {
	path      string
	file      fs.FileInfo // the file that was opened: see Present
	use       *use
	key       atomic.Int64 // the greatest in use …
	mark      atomic.Int64 // … and the latest in table dirty: one process alone, that holds the lock, gives out more of either
	moment    atomic.Int64 // the latest that was given out
	recovered string

	readers *sql.DB
	r       *statements // on any of the readers
	writers *sql.DB     // of which there is one:
	conn    *sql.Conn

	mu sync.Mutex
	w  *statements // on conn; guarded by mu

	rewritten map[int64]*rewritten // by folder; guarded by mu

	listed map[int64]int64 // the moment at which each drive was last listed whole; guarded by mu
}

// Open opens the state at path, made if it is not there and brought up to date
// if it is old. A file that is damaged is put aside, and Recovered says so. A
// file of a newer tandem is left alone: [ErrNewer].
func Open(path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	u, err := enter(path)
	if err != nil {
		return nil, err
	}
	db, err := open(path, u)
	if u.alone && damaged(err) {
		db, err = openAfresh(path, u, err)
	}
	if err == nil {
		err = u.settle()
	}
	if err != nil {
		return nil, errors.Join(err, db.disconnect(), u.leave(true))
	}
	return db, nil
}

// openAfresh puts the damaged file aside and makes a new one.
func openAfresh(path string, u *use, damage error) (*DB, error) {
	aside := path + ".corrupt-" + time.Now().Format("20060102-150405")
	for _, ext := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+ext, aside+ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(damage, err)
		}
	}
	u.damaged.Store(false)
	db, err := open(path, u)
	if err == nil {
		db.recovered = fmt.Sprintf("it was damaged (%v) and is now %q", damage, aside)
	}
	return db, err
}

func open(path string, u *use) (*DB, error) {
	db := &DB{path: path, use: u, listed: map[int64]int64{}, rewritten: map[int64]*rewritten{}}
	if err := db.open(); err != nil {
		return nil, errors.Join(err, db.disconnect())
	}
	return db, nil
}

func (db *DB) open() (err error) {
	if err = create(db.path); err != nil {
		return err
	}
	if db.file, err = os.Stat(db.path); err != nil {
		return err
	}
	for _, step := range []func() error{db.connect, db.prepareFile, db.tidy, db.findKey} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// create makes an empty file that only its owner can read; SQLite gives the
// files beside it the same mode. An existing one is not even opened: closing it
// would drop the locks that this process has on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return private(path)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// private takes from others what they may do with an existing file.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, 0o600)
}

func (db *DB) connect() (err error) {
	dsn := "file://" + (&url.URL{Path: slashed(db.path)}).EscapedPath() + "?_pragma=busy_timeout(10000)"
	if db.writers, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	if db.conn, err = db.writers.Conn(context.Background()); err != nil {
		return err
	}
	if db.readers, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)&_pragma=cache_size(-4096)"); err != nil {
		return err
	}
	db.readers.SetMaxOpenConns(4)
	db.readers.SetMaxIdleConns(4)
	db.w = &statements{on: db.conn, use: db.use, kept: map[string]*sql.Stmt{}}
	db.r = &statements{on: db.readers, use: db.use, kept: map[string]*sql.Stmt{}}
	return nil
}

// slashed spells an absolute path as a URI wants it: /C:/Users/…
func slashed(path string) string {
	return "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// prepareFile looks before it writes: at the version first, then, when the last
// use of the file ended badly, at all of it.
func (db *DB) prepareFile() error {
	version, err := db.version()
	if err != nil {
		return err
	}
	if db.use.unclean {
		if err := db.quickCheck(); err != nil {
			return err
		}
	}
	if err := db.use.mark(); err != nil {
		return err
	}
	for _, pragma := range []string{"journal_mode=wal", "synchronous=full", "foreign_keys=1", "cache_size=-20480", "temp.cache_size=-8192", "temp.journal_mode=memory"} {
		if err := db.w.exec("PRAGMA " + pragma); err != nil {
			return err
		}
	}
	if err := db.migrate(version); err != nil {
		return err
	}
	return db.w.exec(scratch)
}

func (db *DB) quickCheck() error {
	verdict, _, err := get(db.w, value[string], "PRAGMA quick_check(1)")
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("%w: %s", errDamaged, verdict)
	}
	return err
}

var errDamaged = errors.New("quick check")

func damaged(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		code := e.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged)
}

// findKey finds the latest mark, and the greatest key in use. Keys that never
// became an item count: what waits or is journalled under one must not be taken
// for another's.
func (db *DB) findKey() error {
	top, _, err := get(db.r, value[int64], `SELECT ifnull(max(n), 0) FROM (
		SELECT max(n) AS n FROM item UNION ALL SELECT max(n) FROM base UNION ALL SELECT max(n) FROM dirty
		UNION ALL SELECT max(key) FROM intent UNION ALL SELECT max(key) FROM session UNION ALL SELECT max(key) FROM partial
		UNION ALL SELECT max(key) FROM waiting UNION ALL SELECT max(key) FROM held
		UNION ALL SELECT max(max(key, top)) FROM journal)`)
	db.key.Store(top)
	if err != nil {
		return err
	}
	top, _, err = get(db.r, value[int64], "SELECT ifnull(max(mark), 0) FROM dirty")
	db.mark.Store(top)
	return err
}

const journalMost = 100_000 // entries kept

// tidy forgets what nothing refers to any more. It is safe only while nothing
// is under way: an item that is gone may be at work on.
func (db *DB) tidy() error {
	if !db.use.alone {
		return nil
	}
	graves := time.Now().Add(-24 * time.Hour).UnixNano() // no echo is that late
	return db.Update(func(tx *Tx) error {
		return tx.steps(
			step{`DELETE FROM item WHERE gone=1 AND own<? AND NOT EXISTS (SELECT 1 FROM base b WHERE b.n=item.n)
				AND NOT EXISTS (SELECT 1 FROM item c WHERE c.parent=item.n AND c.gone=0)`, []any{graves}},
			step{`DELETE FROM dirty WHERE NOT EXISTS (SELECT 1 FROM item i WHERE i.n=dirty.n)
				AND NOT EXISTS (SELECT 1 FROM base b WHERE b.n=dirty.n)`, nil},
			step{`DELETE FROM journal WHERE n<=(SELECT max(n) FROM journal)-?`, []any{journalMost}},
		)
	})
}

// Recovered says what was wrong with the file that Open found; empty if nothing.
func (db *DB) Recovered() string { return db.recovered }

// Present says whether the open file is still the one at its path: what is
// written to one that was deleted or replaced is lost.
func (db *DB) Present() bool {
	now, err := os.Stat(db.path)
	return err == nil && os.SameFile(now, db.file)
}

// Moment gives the present time by the state's own clock, which never stands still
// and never goes back while the file is open. What is asked for, and what is told,
// is put in order by it.
func (db *DB) Moment() int64 {
	for {
		last := db.moment.Load()
		now := max(time.Now().UnixNano(), last+1)
		if db.moment.CompareAndSwap(last, now) {
			return now
		}
	}
}

// NextKey gives a key that no item has. Items and agreements share one sequence.
func (db *DB) NextKey() int64 { return db.key.Add(1) }

// Reopen does to the open file what closing and opening it again would, but for
// the time that takes. It is for simulations, in which processes end and start
// by the thousand.
func (db *DB) Reopen() error {
	db.mu.Lock()
	for _, table := range []string{"stage", "news", "changed", "lost", "missing"} {
		if err := db.w.exec("DELETE FROM temp." + table); err != nil {
			db.mu.Unlock()
			return err
		}
	}
	db.mu.Unlock()
	return errors.Join(db.tidy(), db.findKey())
}

// CopyTo writes a consistent copy to path, which must not exist.
func (db *DB) CopyTo(path string) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := create(path); err != nil {
		return err
	}
	return db.w.exec("VACUUM INTO ?", path)
}

// Close ends all work, and notes that it ended in order.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return errors.Join(db.disconnect(), db.use.leave(false))
}

func (db *DB) disconnect() error {
	if db == nil {
		return nil
	}
	var errs []error
	for _, s := range []*statements{db.r, db.w} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.conn != nil {
		errs = append(errs, db.conn.Close())
	}
	if db.writers != nil { // the last to go: it empties the log into the file
		errs = append(errs, db.writers.Close())
	}
	return errors.Join(errs...)
}
