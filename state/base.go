package state

import (
	"errors"
	"fmt"
	"strings"
)

// A Base is what both sides agreed on for one item: the fingerprint of what is
// here, and what the server had then.
type Base struct {
	N, Parent   int64
	LocalName   string // as the disk spells it
	RemoteName  string
	Fold        string // of RemoteName
	Kind        uint8
	Ino         uint64
	Born        int64
	Size        int64
	MTime       int64
	CTime       int64
	Hash        string
	Racy        bool // the file was too young for its times to be trusted
	RemoteSize  int64
	RemoteMTime int64
	RemoteHash  string // not always Hash: SharePoint rewrites some files
	ETag        string
	TimesDue    bool // the server has still to be told the times
}

const baseColumns = "n,parent,local_name,kind,ino,born,size,mtime,ctime,racy,hash,remote_name,fold,remote_size,remote_mtime,remote_hash,etag,times_due"

const selectBase = "SELECT " + baseColumns + " FROM base "

func scanBase(row scanner, b *Base) error {
	var hash, remoteHash []byte
	var ino int64
	err := row.Scan(&b.N, &b.Parent, &b.LocalName, &b.Kind, &ino, &b.Born, &b.Size, &b.MTime, &b.CTime, &b.Racy, &hash,
		&b.RemoteName, &b.Fold, &b.RemoteSize, &b.RemoteMTime, &remoteHash, &b.ETag, &b.TimesDue)
	b.Ino, b.Hash, b.RemoteHash = uint64(ino), string(hash), string(remoteHash)
	return err
}

// Base returns the agreement on item n.
func (db *DB) Base(folder, n int64) (Base, bool, error) {
	return get(db.r, scanBase, selectBase+"WHERE n=? AND folder=?", n, folder)
}

// Bases returns the agreements there are on the items n, many at a tenth of the
// cost of one each.
func (db *DB) Bases(folder int64, n []int64) ([]Base, error) {
	return all(db.r, scanBase, "SELECT b."+strings.ReplaceAll(baseColumns, ",", ",b.")+
		" FROM json_each(?) want CROSS JOIN base b ON b.n=want.value WHERE b.folder=?", list(n), folder)
}

// BaseAt returns the agreement on the item of this name in parent.
func (db *DB) BaseAt(folder, parent int64, fold string) (Base, bool, error) {
	return get(db.r, scanBase, selectBase+"WHERE folder=? AND parent=? AND fold=?", folder, parent, fold)
}

// BasesBeside returns the agreements there are on items of the names that the
// items n have online, in the folders that they are in.
func (db *DB) BasesBeside(folder int64, n []int64) ([]Base, error) {
	return all(db.r, scanBase, "SELECT b."+strings.ReplaceAll(baseColumns, ",", ",b.")+
		` FROM (SELECT DISTINCT i.parent, i.fold FROM json_each(?) want CROSS JOIN item i ON i.n=want.value) at
		CROSS JOIN base b ON b.parent=at.parent AND b.fold=at.fold WHERE b.folder=?`, list(n), folder)
}

// BaseChildren lists the agreements on what is in parent, by local name.
func (db *DB) BaseChildren(folder, parent int64) ([]Base, error) {
	return all(db.r, scanBase, selectBase+"WHERE folder=? AND parent=? ORDER BY local_name", folder, parent)
}

// BaseByIno lists the agreements on items that had this inode. Left to itself
// SQLite would read all of the folder for it.
func (db *DB) BaseByIno(folder int64, ino uint64) ([]Base, error) {
	return all(db.r, scanBase, selectBase+"INDEXED BY base_ino WHERE folder=? AND ino=?", folder, int64(ino))
}

// CountBelow counts the agreements below item n, itself not counted, nor what is in
// folders that are called closed, unless that is "".
func (db *DB) CountBelow(folder, n int64, closed string) (int, error) {
	count, _, err := get(db.r, value[int], `WITH RECURSIVE below(n, name) AS (SELECT n, local_name FROM base WHERE folder=?1 AND parent=?2
		UNION SELECT b.n, b.local_name FROM below CROSS JOIN base b ON b.folder=?1 AND b.parent=below.n
			WHERE below.name<>?3) SELECT count(*) FROM below`, folder, n, closed)
	return count, err
}

// CountAgreed tells how many agreements a folder has, but that on its root. It
// takes no counting.
func (db *DB) CountAgreed(folder int64) (int, error) {
	count, _, err := get(db.r, value[int], "SELECT agreed-(SELECT count(*) FROM base b WHERE b.n=f.root AND b.folder=f.n) FROM folder f WHERE n=?", folder)
	return count, err
}

// A rewritten tells which agreements in a folder were written since somebody asked.
type rewritten struct {
	n   []int64
	all bool // more than are worth telling one by one
}

const mostRewritten = 10_000

// Rewritten gives the items whose agreements in a folder were written, or dropped, since it
// was asked last. It is false if that may be any.
func (db *DB) Rewritten(folder int64) ([]int64, bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.rewritten[folder]
	delete(db.rewritten, folder)
	if r == nil {
		return nil, true
	}
	return r.n, !r.all
}

func (tx *Tx) rewrites(folder int64, n ...int64) {
	r := tx.db.rewritten[folder]
	if r == nil {
		r = &rewritten{}
		tx.db.rewritten[folder] = r
	}
	if r.n = append(r.n, n...); len(n) == 0 || len(r.n) > mostRewritten {
		r.n, r.all = nil, true
	}
}

// ErrNoFolder is returned for an agreement in a folder that itself is not agreed upon.
var ErrNoFolder = errors.New("the folder that it is in is not agreed upon")

// PutBase writes an agreement; in a folder without one it is [ErrNoFolder]. In one
// folder no two names may fold to the same, and no two be the same here; the error then
// tells which item has the name.
func (tx *Tx) PutBase(folder int64, b Base) error {
	if b.Parent != 0 {
		_, agreed, err := get(tx.db.w, value[int], "SELECT 1 FROM base WHERE n=? AND folder=?", b.Parent, folder)
		if err != nil {
			return err
		}
		if !agreed {
			return fmt.Errorf("agree on %q (item %d): %w", b.LocalName, b.N, ErrNoFolder)
		}
	}
	tx.rewrites(folder, b.N)
	err := tx.exec("INSERT INTO base(folder,"+baseColumns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT(n, folder) DO UPDATE SET parent=excluded.parent, local_name=excluded.local_name, kind=excluded.kind,
		ino=excluded.ino, born=excluded.born, size=excluded.size, mtime=excluded.mtime, ctime=excluded.ctime, racy=excluded.racy,
		hash=excluded.hash, remote_name=excluded.remote_name, fold=excluded.fold, remote_size=excluded.remote_size,
		remote_mtime=excluded.remote_mtime, remote_hash=excluded.remote_hash, etag=excluded.etag, times_due=excluded.times_due`,
		folder, b.N, b.Parent, b.LocalName, b.Kind, int64(b.Ino), b.Born, b.Size, b.MTime, b.CTime, b.Racy, blob(b.Hash),
		b.RemoteName, b.Fold, b.RemoteSize, b.RemoteMTime, blob(b.RemoteHash), b.ETag, b.TimesDue)
	if err == nil {
		return nil
	}
	other, found, _ := get(tx.db.w, scanBase, selectBase+"WHERE folder=? AND parent=? AND (fold=? OR local_name=?) AND n<>?",
		folder, b.Parent, b.Fold, b.LocalName, b.N)
	if found {
		return fmt.Errorf("agree on %q (item %d): %q (item %d) has this name: %w", b.LocalName, b.N, other.LocalName, other.N, err)
	}
	return fmt.Errorf("agree on %q (item %d): %w", b.LocalName, b.N, err)
}

// DropBase forgets the agreement on item n; none may be left on what was in it.
// An item that is gone goes with it.
func (tx *Tx) DropBase(folder, n int64) error {
	_, below, err := get(tx.db.w, value[int], "SELECT 1 FROM base WHERE folder=? AND parent=? LIMIT 1", folder, n)
	if err != nil {
		return err
	}
	if below {
		return fmt.Errorf("forget item %d: items in it are still agreed on", n)
	}
	tx.rewrites(folder, n)
	if err := tx.exec("DELETE FROM base WHERE n=? AND folder=?", n, folder); err != nil {
		return err
	}
	return tx.forget(n)
}

// Rekey binds the agreement on item from to item to; what is in it follows.
func (tx *Tx) Rekey(folder, from, to int64) error {
	tx.rewrites(folder) // what is in it, too
	if err := tx.steps(
		step{"UPDATE base SET n=? WHERE n=? AND folder=?", []any{to, from, folder}},
		step{"UPDATE base SET parent=? WHERE folder=? AND parent=?", []any{to, folder, from}},
	); err != nil {
		return fmt.Errorf("bind the agreement on item %d to item %d: %w", from, to, err)
	}
	return tx.forget(from)
}

// Dirty lists the items that have changed online since they were last agreed on
// or looked at, and were marked so after since; 0 is before all. What was marked
// up to upTo has then been told.
func (db *DB) Dirty(folder, since int64) (n []int64, upTo int64, err error) {
	type marked struct{ n, at int64 }
	marks, err := all(db.r, func(row scanner, m *marked) error { return row.Scan(&m.n, &m.at) },
		"SELECT n, mark FROM dirty WHERE folder=? AND mark>? ORDER BY n", folder, since)
	upTo = since
	for _, m := range marks {
		n, upTo = append(n, m.n), max(upTo, m.at)
	}
	return n, upTo, err
}

// MarkDirty lets items be looked at again.
func (tx *Tx) MarkDirty(folder int64, n ...int64) error {
	at := tx.db.mark.Add(1)
	for _, n := range n {
		if err := tx.exec("INSERT OR REPLACE INTO dirty VALUES(?,?,?)", folder, n, at); err != nil {
			return err
		}
	}
	return nil
}

// ClearDirty takes off the marks that Dirty has told up to upTo. One that was set
// since stays.
func (tx *Tx) ClearDirty(folder, upTo int64, n ...int64) error {
	for _, n := range n {
		if err := tx.exec("DELETE FROM dirty WHERE folder=? AND n=? AND mark<=?", folder, n, upTo); err != nil {
			return err
		}
	}
	return nil
}
