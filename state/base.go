package state

import (
	"database/sql"
	"fmt"
	"iter"
)

// A Base is what both sides agreed on for one item.
type Base struct {
	N, Parent   int64
	LocalName   string
	RemoteName  string
	Fold        string
	Kind        uint8
	Ino         uint64
	Born        int64
	Size        int64
	MTime       int64
	CTime       int64
	Hash        string
	Racy        bool
	RemoteSize  int64
	RemoteMTime int64
	RemoteHash  string
	ETag        string
	TimesDue    bool
}

const baseColumns = "n,parent,local_name,remote_name,fold,kind,ino,born,size,mtime,ctime,hash,racy,remote_size,remote_mtime,remote_hash,etag,times_due"

func scanBase(row interface{ Scan(...any) error }, b *Base) error {
	var hash, remoteHash []byte
	var ino int64
	err := row.Scan(&b.N, &b.Parent, &b.LocalName, &b.RemoteName, &b.Fold, &b.Kind, &ino, &b.Born, &b.Size, &b.MTime,
		&b.CTime, &hash, &b.Racy, &b.RemoteSize, &b.RemoteMTime, &remoteHash, &b.ETag, &b.TimesDue)
	b.Ino, b.Hash, b.RemoteHash = uint64(ino), string(hash), string(remoteHash)
	return err
}

func scanBaseRow(r *sql.Rows, b *Base) error { return scanBase(r, b) }

// Base returns the agreement on item n.
func (db *DB) Base(folder, n int64) (Base, bool, error) {
	var b Base
	ok, err := one(scanBase(db.read("SELECT "+baseColumns+" FROM base WHERE folder=? AND n=?").QueryRow(folder, n), &b))
	return b, ok, err
}

// BaseAt returns the agreement on the item of this name in parent.
func (db *DB) BaseAt(folder, parent int64, fold string) (Base, bool, error) {
	var b Base
	ok, err := one(scanBase(db.read("SELECT "+baseColumns+" FROM base WHERE folder=? AND parent=? AND fold=?").QueryRow(folder, parent, fold), &b))
	return b, ok, err
}

// BaseChildren lists the agreements on what is in parent.
func (db *DB) BaseChildren(folder, parent int64) ([]Base, error) {
	rows, err := db.read("SELECT "+baseColumns+" FROM base WHERE folder=? AND parent=?").Query(folder, parent)
	return list(rows, err, scanBaseRow)
}

// BaseByIno lists the agreements on items that had this inode.
func (db *DB) BaseByIno(folder int64, ino uint64) ([]Base, error) {
	rows, err := db.read("SELECT "+baseColumns+" FROM base WHERE folder=? AND ino=?").Query(folder, int64(ino))
	return list(rows, err, scanBaseRow)
}

// WalkBase reads the whole base, folder by folder in the order of their keys.
// Only what a scan compares is filled in.
func (db *DB) WalkBase(folder int64) iter.Seq2[Base, error] {
	return func(yield func(Base, error) bool) {
		rows, err := db.r.Query("SELECT n,parent,local_name,kind,ino,born,size,mtime,ctime,racy FROM base WHERE folder=? ORDER BY parent,local_name", folder)
		if err != nil {
			yield(Base{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var b Base
			var ino int64
			err := rows.Scan(&b.N, &b.Parent, &b.LocalName, &b.Kind, &ino, &b.Born, &b.Size, &b.MTime, &b.CTime, &b.Racy)
			b.Ino = uint64(ino)
			if !yield(b, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Base{}, err)
		}
	}
}

// CountBelow counts the agreements below item n, itself not counted.
func (db *DB) CountBelow(folder, n int64) (count int, err error) {
	err = db.read(`WITH RECURSIVE below(n) AS (SELECT n FROM base WHERE folder=?1 AND parent=?2
		UNION SELECT base.n FROM base JOIN below ON base.folder=?1 AND base.parent=below.n) SELECT count(*) FROM below`).
		QueryRow(folder, n).Scan(&count)
	return count, err
}

// PutBase writes an agreement. Two items of one name in one folder are refused.
func (tx *Tx) PutBase(folder int64, b Base) error {
	if err := tx.exec("DELETE FROM base WHERE folder=? AND n=?", folder, b.N); err != nil {
		return err
	}
	err := tx.exec("INSERT INTO base(folder,"+baseColumns+") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", folder, b.N, b.Parent,
		b.LocalName, b.RemoteName, b.Fold, b.Kind, int64(b.Ino), b.Born, b.Size, b.MTime, b.CTime, blob(b.Hash), b.Racy,
		b.RemoteSize, b.RemoteMTime, blob(b.RemoteHash), b.ETag, b.TimesDue)
	if err != nil {
		return fmt.Errorf("agree on %q: %w", b.LocalName, err)
	}
	return nil
}

// DropBase forgets the agreement on item n; none may be left on what was in it.
func (tx *Tx) DropBase(folder, n int64) error {
	var below int
	if err := tx.tx.QueryRow("SELECT count(*) FROM base WHERE folder=? AND parent=?", folder, n).Scan(&below); err != nil {
		return err
	}
	if below > 0 {
		return fmt.Errorf("item %d still has %d agreed items in it", n, below)
	}
	if err := tx.exec("DELETE FROM base WHERE folder=? AND n=?", folder, n); err != nil {
		return err
	}
	return tx.exec("DELETE FROM item WHERE n=? AND gone=1 AND own=0 AND NOT EXISTS (SELECT 1 FROM base WHERE base.n=item.n)", n)
}

// Rekey binds the agreement on item from to item to; what is in it follows.
func (tx *Tx) Rekey(folder, from, to int64) error {
	if err := tx.exec("UPDATE base SET n=? WHERE folder=? AND n=?", to, folder, from); err != nil {
		return err
	}
	return tx.exec("UPDATE base SET parent=? WHERE folder=? AND parent=?", to, folder, from)
}

// Dirty lists the items that have changed online since they were last agreed or
// looked at.
func (db *DB) Dirty(folder int64) ([]int64, error) {
	rows, err := db.read("SELECT n FROM dirty WHERE folder=?").Query(folder)
	return list(rows, err, func(r *sql.Rows, n *int64) error { return r.Scan(n) })
}

// MarkDirty lets items be looked at again.
func (tx *Tx) MarkDirty(folder int64, n ...int64) error {
	for _, n := range n {
		if err := tx.exec("INSERT OR IGNORE INTO dirty VALUES(?,?)", folder, n); err != nil {
			return err
		}
	}
	return nil
}

// ClearDirty takes the marks off.
func (tx *Tx) ClearDirty(folder int64, n ...int64) error {
	for _, n := range n {
		if err := tx.exec("DELETE FROM dirty WHERE folder=? AND n=?", folder, n); err != nil {
			return err
		}
	}
	return nil
}
