package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"iter"
)

// WalkBase reads the whole base from front to back, ordered by parent and local
// name. Only what a scan compares is filled in.
func (db *DB) WalkBase(folder int64) iter.Seq2[Base, error] {
	return func(yield func(Base, error) bool) {
		stopped := errors.New("stopped")
		err := db.walk(folder, func(b Base) error {
			if !yield(b, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && err != stopped {
			yield(Base{}, err)
		}
	}
}

// walk takes the rows straight from the driver: at a start-up scan this read is
// the greater part of the work, and half of it would be spent in Rows.Scan.
func (db *DB) walk(folder int64, each func(Base) error) error {
	conn, err := db.readers.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		rows, err := c.(driver.QueryerContext).QueryContext(context.Background(), `SELECT n,parent,local_name,kind,ino,born,size,mtime,ctime,racy
			FROM base WHERE folder=? ORDER BY parent,local_name`, []driver.NamedValue{{Ordinal: 1, Value: folder}})
		if err != nil {
			return db.use.sawDamage(err)
		}
		defer rows.Close()
		v := make([]driver.Value, len(rows.Columns()))
		for {
			if err := rows.Next(v); err == io.EOF {
				return nil
			} else if err != nil {
				return db.use.sawDamage(err)
			}
			if err := each(walked(v)); err != nil {
				return err
			}
		}
	})
}

// walked trusts the types: the table is STRICT.
func walked(v []driver.Value) Base {
	n := func(i int) int64 { return v[i].(int64) }
	return Base{
		N: n(0), Parent: n(1), LocalName: v[2].(string), Kind: uint8(n(3)), Ino: uint64(n(4)),
		Born: n(5), Size: n(6), MTime: n(7), CTime: n(8), Racy: n(9) != 0,
	}
}
