package state

import (
	"database/sql"
	"errors"
	"time"
)

// An Intent announces a step whose traces alone would not tell, after a crash,
// what it was about.
type Intent struct {
	N, Folder           int64
	Op                  string
	Key                 int64
	Path, Private, Keep string
	Ino                 uint64
	Size                int64
	Hash, Want          string
	ParentID, Name      string
	At                  time.Time
}

// PutIntent writes an intent and returns its number.
func (tx *Tx) PutIntent(in Intent) (int64, error) {
	res, err := tx.tx.Exec("INSERT INTO intent(folder,op,key,path,private,keep,ino,size,hash,want,parent_id,name,at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
		in.Folder, in.Op, in.Key, in.Path, in.Private, in.Keep, int64(in.Ino), in.Size, blob(in.Hash), blob(in.Want), in.ParentID, in.Name, stamp(in.At))
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// DropIntent removes one.
func (tx *Tx) DropIntent(n int64) error { return tx.exec("DELETE FROM intent WHERE n=?", n) }

// Intents lists what was announced and not yet ended.
func (db *DB) Intents(folder int64) ([]Intent, error) {
	rows, err := db.read("SELECT n,folder,op,key,path,private,keep,ino,size,hash,want,parent_id,name,at FROM intent WHERE folder=? ORDER BY n").Query(folder)
	return list(rows, err, func(r *sql.Rows, in *Intent) error {
		var ino, at int64
		var hash, want []byte
		err := r.Scan(&in.N, &in.Folder, &in.Op, &in.Key, &in.Path, &in.Private, &in.Keep, &ino, &in.Size, &hash, &want, &in.ParentID, &in.Name, &at)
		in.Ino, in.Hash, in.Want, in.At = uint64(ino), string(hash), string(want), when(at)
		return err
	})
}

// A Session is an upload session that a later run can go on with. Its address
// is a secret.
type Session struct {
	Folder, Key            int64
	Address                string
	Expires                time.Time
	Path                   string
	Ino                    uint64
	Size, MTime            int64
	Hash, ETag             string
	ParentID, Name, ItemID string
}

func (tx *Tx) PutSession(s Session) error {
	return tx.exec("INSERT OR REPLACE INTO session VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", s.Folder, s.Key, s.Address, stamp(s.Expires), s.Path,
		int64(s.Ino), s.Size, s.MTime, blob(s.Hash), s.ETag, s.ParentID, s.Name, s.ItemID)
}

func (tx *Tx) DropSession(folder, key int64) error {
	return tx.exec("DELETE FROM session WHERE folder=? AND key=?", folder, key)
}

func (db *DB) Sessions(folder int64) ([]Session, error) {
	rows, err := db.read("SELECT folder,key,address,expires,path,ino,size,mtime,hash,etag,parent_id,name,item_id FROM session WHERE folder=?").Query(folder)
	return list(rows, err, func(r *sql.Rows, s *Session) error {
		var ino, expires int64
		var hash []byte
		err := r.Scan(&s.Folder, &s.Key, &s.Address, &expires, &s.Path, &ino, &s.Size, &s.MTime, &hash, &s.ETag, &s.ParentID, &s.Name, &s.ItemID)
		s.Ino, s.Expires, s.Hash = uint64(ino), when(expires), string(hash)
		return err
	})
}

func (db *DB) Session(folder, key int64) (Session, bool, error) {
	all, err := db.Sessions(folder)
	for _, s := range all {
		if s.Key == key {
			return s, true, err
		}
	}
	return Session{}, false, err
}

// A Partial is a download that can be gone on with.
type Partial struct {
	Folder, Key int64
	Temp        string
	Size        int64
	Hash, ETag  string
}

func (tx *Tx) PutPartial(p Partial) error {
	return tx.exec("INSERT OR REPLACE INTO partial VALUES(?,?,?,?,?,?)", p.Folder, p.Key, p.Temp, p.Size, blob(p.Hash), p.ETag)
}

func (tx *Tx) DropPartial(folder, key int64) error {
	return tx.exec("DELETE FROM partial WHERE folder=? AND key=?", folder, key)
}

func (db *DB) Partials(folder int64) ([]Partial, error) {
	rows, err := db.read("SELECT folder,key,temp,size,hash,etag FROM partial WHERE folder=?").Query(folder)
	return list(rows, err, func(r *sql.Rows, p *Partial) error {
		var hash []byte
		err := r.Scan(&p.Folder, &p.Key, &p.Temp, &p.Size, &hash, &p.ETag)
		p.Hash = string(hash)
		return err
	})
}

func (db *DB) Partial(folder, key int64) (Partial, bool, error) {
	var p Partial
	var hash []byte
	ok, err := one(db.read("SELECT folder,key,temp,size,hash,etag FROM partial WHERE folder=? AND key=?").QueryRow(folder, key).
		Scan(&p.Folder, &p.Key, &p.Temp, &p.Size, &hash, &p.ETag))
	p.Hash = string(hash)
	return p, ok, err
}

// Waiting is an item that cannot be synced now.
type Waiting struct {
	Key       int64
	Path, Why string
	Person    bool
	Tries     int
	Next      time.Time
}

func (tx *Tx) PutWaiting(folder int64, w Waiting) error {
	return tx.exec("INSERT OR REPLACE INTO waiting VALUES(?,?,?,?,?,?,?)", folder, w.Key, w.Path, w.Why, w.Person, w.Tries, stamp(w.Next))
}

func (tx *Tx) DropWaiting(folder, key int64) error {
	return tx.exec("DELETE FROM waiting WHERE folder=? AND key=?", folder, key)
}

func (db *DB) Waitings(folder int64) ([]Waiting, error) {
	rows, err := db.read("SELECT key,path,why,person,tries,next FROM waiting WHERE folder=? ORDER BY path").Query(folder)
	return list(rows, err, func(r *sql.Rows, w *Waiting) error {
		var next int64
		err := r.Scan(&w.Key, &w.Path, &w.Why, &w.Person, &w.Tries, &next)
		w.Next = when(next)
		return err
	})
}

// Held is a delete that waits for a person.
type Held struct {
	Key        int64
	Path, Side string
	Items      int
	Why        string
	Verdict    uint8
	At         time.Time
}

// SetHeld replaces the list; what was said of an item that stays on it stays.
func (tx *Tx) SetHeld(folder int64, list []Held) error {
	said := map[int64]uint8{}
	rows, err := tx.tx.Query("SELECT key,verdict FROM held WHERE folder=?", folder)
	if err != nil {
		return err
	}
	for rows.Next() {
		var k int64
		var v uint8
		if err := rows.Scan(&k, &v); err != nil {
			return errors.Join(err, rows.Close())
		}
		said[k] = v
	}
	if err := errors.Join(rows.Err(), rows.Close(), tx.exec("DELETE FROM held WHERE folder=?", folder)); err != nil {
		return err
	}
	for _, h := range list {
		if err := tx.exec("INSERT INTO held VALUES(?,?,?,?,?,?,?,?)", folder, h.Key, h.Path, h.Side, h.Items, h.Why, max(h.Verdict, said[h.Key]), stamp(h.At)); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) Held(folder int64) ([]Held, error) {
	rows, err := db.read("SELECT key,path,side,items,why,verdict,at FROM held WHERE folder=? ORDER BY path").Query(folder)
	return list(rows, err, func(r *sql.Rows, h *Held) error {
		var at int64
		err := r.Scan(&h.Key, &h.Path, &h.Side, &h.Items, &h.Why, &h.Verdict, &at)
		h.At = when(at)
		return err
	})
}

// Judge notes what a person says of held deletes.
func (db *DB) Judge(folder int64, keys []int64, verdict uint8) error {
	return db.Update(func(tx *Tx) error {
		for _, k := range keys {
			if err := tx.exec("UPDATE held SET verdict=? WHERE folder=? AND key=?", verdict, folder, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// An Entry of the journal tells what was done and why.
type Entry struct {
	At                    time.Time
	Op, Path, Why, Detail string
	Key, Top              int64
	Items                 int
}

func (tx *Tx) Journal(folder int64, e Entry) error {
	return tx.exec("INSERT INTO journal(folder,at,op,path,why,detail,key,top,items) VALUES(?,?,?,?,?,?,?,?,?)",
		folder, stamp(e.At), e.Op, e.Path, e.Why, e.Detail, e.Key, e.Top, e.Items)
}

func (db *DB) JournalTail(folder int64, n int) ([]Entry, error) {
	rows, err := db.read("SELECT at,op,path,why,detail,key,top,items FROM journal WHERE folder=? ORDER BY n DESC LIMIT ?").Query(folder, n)
	return list(rows, err, func(r *sql.Rows, e *Entry) error {
		var at int64
		err := r.Scan(&at, &e.Op, &e.Path, &e.Why, &e.Detail, &e.Key, &e.Top, &e.Items)
		e.At = when(at)
		return err
	})
}

// DeletedSince counts the items deleted, on either side, below top (0: anywhere).
func (db *DB) DeletedSince(folder, top int64, since time.Time) (n int, err error) {
	err = db.read(`SELECT ifnull(sum(items),0) FROM journal WHERE folder=?1 AND at>=?2 AND (?3=0 OR top=?3)
		AND op IN ('delete here','delete online')`).QueryRow(folder, stamp(since), top).Scan(&n)
	return n, err
}

// A Conflict is a file of which both versions were kept.
type Conflict struct {
	Path, Copy string
	At         time.Time
}

func (tx *Tx) PutConflict(folder int64, c Conflict) error {
	return tx.exec("INSERT INTO conflict VALUES(?,?,?,?)", folder, c.Path, c.Copy, stamp(c.At))
}

func (db *DB) Conflicts(folder int64) ([]Conflict, error) {
	rows, err := db.read("SELECT path,copy,at FROM conflict WHERE folder=? ORDER BY at").Query(folder)
	return list(rows, err, func(r *sql.Rows, c *Conflict) error {
		var at int64
		err := r.Scan(&c.Path, &c.Copy, &at)
		c.At = when(at)
		return err
	})
}

// Check verifies what must hold of the base at any time: one root, no orphan, no
// cycle, every row bound to an item.
func (db *DB) Check() error {
	for what, q := range map[string]string{
		"base rows without a parent": `SELECT count(*) FROM base b WHERE parent<>0 AND NOT EXISTS (SELECT 1 FROM base p WHERE p.folder=b.folder AND p.n=b.parent)`,
		"base rows without an item":  `SELECT count(*) FROM base b WHERE NOT EXISTS (SELECT 1 FROM item i WHERE i.n=b.n)`,
		"folders without one root":   `SELECT count(*) FROM folder f WHERE (SELECT count(*) FROM base b WHERE b.folder=f.n AND b.parent=0)<>1`,
		"base rows not below a root": `SELECT (SELECT count(*) FROM base) - (WITH RECURSIVE below(f,n) AS (SELECT folder,n FROM base WHERE parent=0
			UNION SELECT base.folder,base.n FROM base JOIN below ON base.folder=f AND base.parent=below.n) SELECT count(*) FROM below)`,
	} {
		var n int
		if err := db.r.QueryRow(q).Scan(&n); err != nil {
			return err
		}
		if n != 0 {
			return errors.New("state: " + what)
		}
	}
	return nil
}
