package state

import "time"

// Held is a delete that waits for a person.
type Held struct {
	Key     int64
	Path    string
	Side    string // where it would be done: local, remote
	Items   int
	Why     string
	Verdict uint8 // 0 asked, 1 approved, 2 denied
	At      time.Time
}

// SetHeld replaces the list. What was said of an item stays with it as long as
// it is the same question: a yes to some items is none to more of them, nor to
// a delete on the other side.
func (tx *Tx) SetHeld(folder int64, list []Held) error {
	old, err := all(tx.db.w, scanHeld, selectHeld, folder)
	if err != nil {
		return err
	}
	said := make(map[int64]Held, len(old))
	for _, h := range old {
		said[h.Key] = h
	}
	if err := tx.exec("DELETE FROM held WHERE folder=?", folder); err != nil {
		return err
	}
	for _, h := range list {
		if was := said[h.Key]; h.Verdict == 0 && was.Side == h.Side && was.Items >= h.Items {
			h.Verdict = was.Verdict
		}
		err := tx.exec("INSERT INTO held VALUES(?,?,?,?,?,?,?,?)", folder, h.Key, h.Path, h.Side, h.Items, h.Why, h.Verdict, Nanos(h.At))
		if err != nil {
			return err
		}
	}
	return nil
}

const selectHeld = "SELECT key,path,side,items,why,verdict,at FROM held WHERE folder=? ORDER BY path"

func scanHeld(row scanner, h *Held) error {
	var at int64
	err := row.Scan(&h.Key, &h.Path, &h.Side, &h.Items, &h.Why, &h.Verdict, &at)
	h.At = When(at)
	return err
}

// Held lists the deletes that wait, by path.
func (db *DB) Held(folder int64) ([]Held, error) { return all(db.r, scanHeld, selectHeld, folder) }

// Judge notes what a person says of held deletes. The agent may be running.
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
