package state

import "time"

// An Enriched is what a work drive has made of a file that it was given: SharePoint writes into documents.
type Enriched struct {
	Drive, ID string // of the item
	ETag      string
	Hash      string // of the item, as the service tells it
	Sum       string // hash of the local file
	Sent      bool   // it was made of what was sent, and not only found to be like it
	Whole     bool   // all that was in the file was seen to be in it
	At        time.Time
}

func scanEnriched(row scanner, e *Enriched) error {
	var hash, sum []byte
	var at int64
	err := row.Scan(&e.Drive, &e.ID, &e.ETag, &hash, &sum, &e.Sent, &e.Whole, &at)
	e.Hash, e.Sum, e.At = string(hash), string(sum), When(at)
	return err
}

// PutEnriched writes what is known of one item.
func (tx *Tx) PutEnriched(e Enriched) error {
	return tx.exec("INSERT OR REPLACE INTO enriched VALUES(?,?,?,?,?,?,?,?)", e.Drive, e.ID, e.ETag, blob(e.Hash), blob(e.Sum), e.Sent, e.Whole, Nanos(e.At))
}

// Enriched returns what is known of an item.
func (db *DB) Enriched(drive, id string) (Enriched, bool, error) {
	return get(db.r, scanEnriched, "SELECT drive,id,etag,hash,sum,sent,whole,at FROM enriched WHERE drive=? AND id=?", drive, id)
}

// ForgetEnriched forgets what was noted before that time.
func (tx *Tx) ForgetEnriched(before time.Time) error {
	return tx.exec("DELETE FROM enriched WHERE at<?", Nanos(before))
}

// ForgetSessions forgets upload sessions of a folder that have expired by that time.
func (tx *Tx) ForgetSessions(folder int64, by time.Time) error {
	return tx.exec("DELETE FROM session WHERE folder=? AND expires<?", folder, Nanos(by))
}
