// Package state remembers what both sides of a synced folder last agreed on and
// what was last seen of the drive, in one SQLite file.
//
// It promises that what Update wrote is on disk when Update returns, that all
// rows of one Update are there or none, and that the change feed's cursor is
// stored together with the items it stands for. Any older copy of the file is
// safe to run on. It decides nothing.
package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

const applicationID = 0x746e646d // "tndm"

// ErrNewer says that a newer tandem has written the file; nothing was changed.
var ErrNewer = errors.New("the state was written by a newer tandem")

// A DB is the open file. It is safe for concurrent use; Update runs one at a time.
type DB struct {
	path      string
	ino       uint64
	w, r      *sql.DB
	key       atomic.Int64
	recovered string

	mu    sync.Mutex
	stmts map[string]*sql.Stmt // on r
	wmu   sync.Mutex
	wst   map[string]*sql.Stmt // on w
}

// Open opens the state at path, made if it is not there and brought up to date
// if it is old. A file that is damaged is put aside, and Recovered says so.
func Open(path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	db, err := open(path)
	if err == nil || errors.Is(err, ErrNewer) || !damaged(err) {
		return db, err
	}
	aside := path + ".corrupt-" + time.Now().Format("20060102-150405")
	if err := os.Rename(path, aside); err != nil {
		return nil, err
	}
	for _, ext := range []string{"-wal", "-shm"} {
		_ = os.Rename(path+ext, aside+ext)
	}
	fresh, err2 := open(path)
	if err2 != nil {
		return nil, err2
	}
	fresh.recovered = fmt.Sprintf("the state was damaged (%v) and put aside as %q; both sides are compared afresh", err, aside)
	return fresh, nil
}

func damaged(err error) bool {
	var coder interface{ Code() int }
	if errors.As(err, &coder) {
		code := coder.Code() & 0xff
		return code == 11 || code == 26 // SQLITE_CORRUPT, SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged)
}

var errDamaged = errors.New("integrity check failed")

func open(path string) (*DB, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	f.Close()
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, ino: inode(info), stmts: map[string]*sql.Stmt{}, wst: map[string]*sql.Stmt{}}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=temp_store(memory)"
	if db.w, err = sql.Open("sqlite", dsn+"&_txlock=immediate&_pragma=cache_size(-16384)"); err != nil {
		return nil, err
	}
	db.w.SetMaxOpenConns(1)
	if db.r, err = sql.Open("sqlite", dsn+"&_pragma=cache_size(-8192)"); err != nil {
		return nil, err
	}
	db.r.SetMaxOpenConns(4)
	db.r.SetMaxIdleConns(4)
	if err := errors.Join(db.migrate()); err != nil {
		return nil, errors.Join(err, db.w.Close(), db.r.Close())
	}
	return db, db.start()
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

func (db *DB) migrate() error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	var version int
	if err := db.w.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(files) {
		return fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewer, version, len(files))
	}
	for i := version; i < len(files); i++ {
		text, err := migrations.ReadFile(files[i])
		if err != nil {
			return err
		}
		tx, err := db.w.Begin()
		if err != nil {
			return err
		}
		for _, q := range []string{string(text), fmt.Sprintf("PRAGMA user_version=%d", i+1), fmt.Sprintf("PRAGMA application_id=%d", applicationID)} {
			if _, err := tx.Exec(q); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// start checks a file that was not closed in order, and finds the greatest key.
func (db *DB) start() error {
	var clean string
	err := db.w.QueryRow("SELECT value FROM note WHERE name='clean'").Scan(&clean)
	if err == nil && clean == "no" {
		var verdict string
		if err := db.w.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
			return errors.Join(err, fmt.Errorf("%w: %s", errDamaged, verdict), db.w.Close(), db.r.Close())
		}
	} else if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var top int64
	if err := db.w.QueryRow("SELECT max(ifnull((SELECT max(n) FROM item),0), ifnull((SELECT max(n) FROM base),0))").Scan(&top); err != nil {
		return err
	}
	db.key.Store(top)
	_, err = db.w.Exec("INSERT OR REPLACE INTO note VALUES('clean','no')")
	return err
}

// Recovered says what was wrong with the file that Open found; empty if nothing.
func (db *DB) Recovered() string { return db.recovered }

// Present says whether the open file is still the one at its path.
func (db *DB) Present() bool {
	info, err := os.Stat(db.path)
	return err == nil && inode(info) == db.ino
}

// Close ends all work and notes that it ended in order.
func (db *DB) Close() error {
	_, err := db.w.Exec("INSERT OR REPLACE INTO note VALUES('clean','yes')")
	return errors.Join(err, db.r.Close(), db.w.Close())
}

// CopyTo writes a consistent copy to path, which must not exist.
func (db *DB) CopyTo(path string) error {
	_, err := db.w.Exec("VACUUM INTO ?", path)
	return err
}

// NextKey gives a key that no item has.
func (db *DB) NextKey() int64 { return db.key.Add(1) }

// A Tx is the one running Update.
type Tx struct {
	db *DB
	tx *sql.Tx
}

// Update runs fn in a transaction: all that it writes is durable when Update
// returns nil, none of it otherwise.
func (db *DB) Update(fn func(*Tx) error) error {
	db.wmu.Lock()
	defer db.wmu.Unlock()
	tx, err := db.w.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := fn(&Tx{db, tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// read prepares q once for all readers.
func (db *DB) read(q string) *sql.Stmt {
	db.mu.Lock()
	defer db.mu.Unlock()
	st, ok := db.stmts[q]
	if !ok {
		var err error
		if st, err = db.r.Prepare(q); err != nil {
			panic("state: " + q + ": " + err.Error())
		}
		db.stmts[q] = st
	}
	return st
}

func (tx *Tx) exec(q string, args ...any) error {
	_, err := tx.tx.Exec(q, args...)
	return err
}

// one reports whether a row was found.
func one(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// blob is a hash as it is stored: NULL when not known.
func blob(s string) any {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func when(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// list collects rows.
func list[T any](rows *sql.Rows, err error, scan func(*sql.Rows, *T) error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
