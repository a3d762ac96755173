package state

// A Delta is one entry of the change feed. Of a deleted one only the id counts.
// What is its folder tells ParentID; the root of the drive has none.
type Delta struct {
	Item
	Deleted bool
}

// scratch holds a run of the feed until it is merged, and what the merge works
// out. It lives as long as the connection: a run that was cut off is read again
// from its beginning.
const scratch = `
	CREATE TEMP TABLE stage(
		seq INTEGER PRIMARY KEY, drive INTEGER, id TEXT, deleted INTEGER, parent_id TEXT, name TEXT, fold TEXT, kind INTEGER,
		why TEXT, size INTEGER, mtime INTEGER, hash BLOB, etag TEXT, UNIQUE(drive, id));
	CREATE INDEX temp.stage_gone ON stage(drive) WHERE deleted=1;
	CREATE INDEX temp.stage_root ON stage(drive) WHERE parent_id='';
	CREATE TEMP TABLE news(seq INTEGER PRIMARY KEY, n INTEGER, verdict TEXT); -- the entries that tell something: see merge.sort
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
			err := tx.exec("INSERT OR REPLACE INTO temp.stage VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?)", drive, d.ID,
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

// dropStage needs db.mu. To delete all rows is far cheaper than to pick some.
func (db *DB) dropStage(drive int64) error {
	_, others, err := get(db.w, value[int], "SELECT 1 FROM temp.stage WHERE drive<>? LIMIT 1", drive)
	switch {
	case err != nil:
		return err
	case others:
		return db.w.exec("DELETE FROM temp.stage WHERE drive=?", drive)
	default:
		return db.w.exec("DELETE FROM temp.stage")
	}
}
