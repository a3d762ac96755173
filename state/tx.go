package state

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"sync"
	"time"
)

// A Tx is the one running Update.
type Tx struct{ db *DB }

// Update runs fn in a transaction: all that it writes is durable when Update
// returns nil, none of it otherwise. fn reads through the DB what was there
// before it.
func (db *DB) Update(fn func(*Tx) error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.atomically("BEGIN IMMEDIATE", fn)
}

// atomically needs db.mu. It speaks SQL, and not the Tx of database/sql, which
// would prepare every statement anew.
func (db *DB) atomically(begin string, fn func(*Tx) error) error {
	if err := db.w.exec(begin); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // also when fn panics; after some errors SQLite has rolled back by itself
			_ = db.w.exec("ROLLBACK")
		}
	}()
	if err := fn(&Tx{db}); err != nil {
		return err
	}
	err := db.w.exec("COMMIT")
	committed = err == nil
	return err
}

func (tx *Tx) exec(q string, args ...any) error { return tx.db.w.exec(q, args...) }

// A step is one statement of several.
type step struct {
	q    string
	args []any
}

func (tx *Tx) steps(all ...step) error {
	for _, s := range all {
		if err := tx.exec(s.q, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// statements keeps what it has prepared.
type statements struct {
	on interface {
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	}
	use   *use
	until context.Context // when it ends what runs is given up; nil = nothing is. Set only on the one connection that writes, under its mutex
	mu    sync.Mutex
	kept  map[string]*sql.Stmt
}

func (s *statements) prepare(q string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.kept[q]; ok {
		return st, nil
	}
	st, err := s.on.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, s.use.sawDamage(err)
	}
	s.kept[q] = st
	return st, nil
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.kept {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

func (s *statements) life() context.Context {
	if s.until == nil {
		return context.Background()
	}
	return s.until
}

func (s *statements) exec(q string, args ...any) error {
	_, err := s.run(q, args...)
	return err
}

func (s *statements) run(q string, args ...any) (sql.Result, error) {
	st, err := s.prepare(q)
	if err != nil {
		return nil, err
	}
	res, err := st.ExecContext(s.life(), args...)
	return res, s.use.sawDamage(err)
}

type scanner interface{ Scan(...any) error }

// each calls scan for each row.
func (s *statements) each(scan func(scanner) error, q string, args ...any) error {
	st, err := s.prepare(q)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(s.life(), args...)
	if err != nil {
		return s.use.sawDamage(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return s.use.sawDamage(rows.Err())
}

// all reads all rows.
func all[T any](s *statements, scan func(scanner, *T) error, q string, args ...any) ([]T, error) {
	var out []T
	err := s.each(func(row scanner) error {
		var v T
		err := scan(row, &v)
		out = append(out, v)
		return err
	}, q, args...)
	return out, err
}

// get reads the one row that there may be.
func get[T any](s *statements, scan func(scanner, *T) error, q string, args ...any) (v T, found bool, err error) {
	err = s.each(func(row scanner) error {
		found = true
		return scan(row, &v)
	}, q, args...)
	return v, found && err == nil, err
}

// value scans a row of one column.
func value[T any](row scanner, v *T) error { return row.Scan(v) }

// blob is a hash as it is stored: NULL when it is not known, or no hash at all.
func blob(hash string) any {
	if len(hash) != 20 {
		return nil
	}
	return []byte(hash)
}

// The times that Unix nanoseconds reach.
var earliest, latest = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// Nanos gives a time as it is stored: in Unix nanoseconds, or as near as they reach,
// which is from 1677 to 2262. Zero says that it is not known, and so is not the epoch.
func Nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(earliest):
		return math.MinInt64
	case t.After(latest):
		return math.MaxInt64
	case t.Equal(epoch):
		return epochNanos
	}
	return t.UnixNano()
}

// When gives the time that was stored.
func When(ns int64) time.Time {
	switch ns {
	case 0:
		return time.Time{}
	case epochNanos:
		return epoch
	}
	return time.Unix(0, ns)
}

var epoch = time.Unix(0, 0)

const epochNanos = 1 // finer than any drive keeps time
