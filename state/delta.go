package state

// A Delta is one entry of the change feed. Of a deleted one only the id counts.
// What is its folder tells ParentID; the root of the drive has none.
type Delta struct {
	Item
	Deleted bool
}

// scratch holds a run of the feed until it is merged. It lives as long as the
// connection: a run that was cut off is read again from its beginning.
const scratch = `
	CREATE TEMP TABLE stage(
		seq INTEGER PRIMARY KEY, drive INTEGER, id TEXT, deleted INTEGER, parent_id TEXT, name TEXT, fold TEXT, kind INTEGER,
		why TEXT, size INTEGER, mtime INTEGER, hash BLOB, etag TEXT,
		n INTEGER,  -- the item's key
		verdict TEXT, -- what becomes of the entry: see merge.sort
		UNIQUE(drive, id));
	CREATE TEMP TABLE changed(n INTEGER PRIMARY KEY);
	CREATE TEMP TABLE lost(n INTEGER PRIMARY KEY);
	CREATE TEMP TABLE missing(n INTEGER PRIMARY KEY);`

// StageDelta keeps entries of a run that has not ended; of several for one item
// the last counts.
func (db *DB) StageDelta(drive int64, items []Delta) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.atomically("BEGIN", func(tx *Tx) error {
		for _, d := range items {
			err := tx.exec("INSERT OR REPLACE INTO temp.stage VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL)", drive, d.ID,
				d.Deleted, d.ParentID, d.Name, d.Fold, d.Kind, d.Why, d.Size, d.MTime, blob(d.Hash), d.ETag)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DropStage forgets a run that did not end.
func (db *DB) DropStage(drive int64) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.dropStage(drive)
}

func (db *DB) dropStage(drive int64) error {
	return db.w.exec("DELETE FROM temp.stage WHERE drive=?", drive)
}
