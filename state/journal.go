package state

import "time"

// An Entry of the journal tells what was done and why.
type Entry struct {
	At                    time.Time
	Op, Path, Why, Detail string
	Key, Top              int64  // Top is the top-level folder it happened in
	Items                 int    // deleted without a person's word
	Hash                  string // of what Detail is in the trash, if those bytes were online
}

// Journal adds an entry.
func (tx *Tx) Journal(folder int64, e Entry) error {
	return tx.exec("INSERT INTO journal(folder,at,op,path,why,detail,key,top,items,hash) VALUES(?,?,?,?,?,?,?,?,?,?)",
		folder, Nanos(e.At), e.Op, e.Path, e.Why, e.Detail, e.Key, e.Top, e.Items, blob(e.Hash))
}

// JournalTail lists the last n entries, the newest first.
func (db *DB) JournalTail(folder int64, n int) ([]Entry, error) {
	return all(db.r, func(row scanner, e *Entry) error {
		var at int64
		err := row.Scan(&at, &e.Op, &e.Path, &e.Why, &e.Detail, &e.Key, &e.Top, &e.Items)
		e.At = When(at)
		return err
	}, "SELECT at,op,path,why,detail,key,top,items FROM journal WHERE folder=? ORDER BY n DESC LIMIT ?", folder, n)
}

// DeletedSince counts the items deleted without a person's word, on either side,
// below top (0: anywhere).
func (db *DB) DeletedSince(folder, top int64, since time.Time) (int, error) {
	n, _, err := get(db.r, value[int], `SELECT ifnull(sum(items),0) FROM journal WHERE folder=?1 AND at>=?2 AND (?3=0 OR top=?3)
		AND op IN ('delete here','delete online')`, folder, Nanos(since), top)
	return n, err
}

// A Trashed is a file that was moved to the trash.
type Trashed struct {
	N       int64  // of its entry in the journal
	Private string // where it went
	Hash    string // of its content, if that was online; else empty
}

// Trashed lists those that went there before then, the oldest first, and are not
// known to have been removed since.
func (db *DB) Trashed(folder int64, before time.Time, most int) ([]Trashed, error) {
	return all(db.r, func(row scanner, t *Trashed) error {
		var hash []byte
		err := row.Scan(&t.N, &t.Private, &hash)
		t.Hash = string(hash)
		return err
	}, `SELECT n, detail, hash FROM journal WHERE folder=? AND at<? AND op IN ('delete here','replaced here') AND detail<>''
		ORDER BY at, n LIMIT ?`, folder, Nanos(before), most)
}

// Emptied notes that they are in the trash no more.
func (tx *Tx) Emptied(entries []int64) error {
	return tx.exec("UPDATE journal SET detail='' WHERE n IN (SELECT value FROM json_each(?))", list(entries))
}

// A Conflict is a file of which both versions were kept.
type Conflict struct {
	Path, Copy string
	At         time.Time
}

// PutConflict writes one down.
func (tx *Tx) PutConflict(folder int64, c Conflict) error {
	return tx.exec("INSERT INTO conflict(folder,path,copy,at) VALUES(?,?,?,?)", folder, c.Path, c.Copy, Nanos(c.At))
}

// Conflicts lists all that were kept, the oldest first.
func (db *DB) Conflicts(folder int64) ([]Conflict, error) {
	return all(db.r, func(row scanner, c *Conflict) error {
		var at int64
		err := row.Scan(&c.Path, &c.Copy, &at)
		c.At = When(at)
		return err
	}, "SELECT path,copy,at FROM conflict WHERE folder=? ORDER BY n", folder)
}
