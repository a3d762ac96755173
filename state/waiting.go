package state

import "time"

// Waiting is an item that cannot be synced now.
type Waiting struct {
	Key       int64
	Path, Why string
	Person    bool // nothing will come of it unless a person does something
	Tries     int
	Next      time.Time
	Since     time.Time // it waits for this reason
}

// PutWaiting writes why an item waits.
func (tx *Tx) PutWaiting(folder int64, w Waiting) error {
	return tx.exec("INSERT OR REPLACE INTO waiting VALUES(?,?,?,?,?,?,?,?)", folder, w.Key, w.Path, w.Why, w.Person, w.Tries, Nanos(w.Next), Nanos(w.Since))
}

// DropWaiting notes that it does so no longer.
func (tx *Tx) DropWaiting(folder, key int64) error {
	return tx.exec("DELETE FROM waiting WHERE folder=? AND key=?", folder, key)
}

// Waitings lists all that waits, by path.
func (db *DB) Waitings(folder int64) ([]Waiting, error) {
	return all(db.r, scanWaiting, "SELECT key,path,why,person,tries,next,since FROM waiting WHERE folder=? ORDER BY path", folder)
}

func scanWaiting(row scanner, w *Waiting) error {
	var next, since int64
	err := row.Scan(&w.Key, &w.Path, &w.Why, &w.Person, &w.Tries, &next, &since)
	w.Next, w.Since = When(next), When(since)
	return err
}
