package state

import (
	"database/sql"
	"errors"
	"fmt"
)

// A Doubt is an item to be asked about: the feed alone is not believed. It is
// kept, beside the cursor, until DropDoubt.
type Doubt struct {
	N      int64 // 0: one that has not been heard of
	ID     string
	Why    string
	Folder int64 // not 0: we deleted this folder, and in that moment somebody had put the item there
}

// Doubts lists what is still to be asked about.
func (db *DB) Doubts(drive int64) ([]Doubt, error) {
	return all(db.r, func(row scanner, d *Doubt) error { return row.Scan(&d.N, &d.ID, &d.Why, &d.Folder) },
		"SELECT n, id, why, folder FROM doubt WHERE drive=? ORDER BY id", drive)
}

// PutDoubt has an item asked about, for the reason that there was first.
func (tx *Tx) PutDoubt(drive int64, d Doubt) error {
	return tx.exec("INSERT INTO doubt(drive,id,n,why,folder,at) VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET at=excluded.at",
		drive, d.ID, d.N, d.Why, d.Folder, tx.db.Moment())
}

// DropDoubt notes that an item need not be asked about any more: it was asked about
// since that moment, and what has been in doubt since a later one still is.
func (tx *Tx) DropDoubt(drive int64, id string, since int64) error {
	return tx.exec("DELETE FROM doubt WHERE drive=? AND id=? AND NOT at BETWEEN ?+1 AND ?", drive, id, since, tx.db.moment.Load()) // later ones are of a clock that was set back since
}

// found has folders listed that were taken for gone and are told of: what is in them
// went with them, and the feed need not tell of that. A full run does.
func (m *merge) found() error {
	if m.Full {
		return nil
	}
	return m.doubt(Found, "SELECT i.n, i.id, 0 FROM temp.news w CROSS JOIN item i ON i.n=w.n WHERE w.verdict='changed' AND i.gone=1 AND i.kind=2")
}

// unclear asks about what the feed tells and an answer contradicts that came since
// the run began.
func (m *merge) unclear() error {
	const of = "SELECT i.n, i.id, 0 FROM temp.news w CROSS JOIN item i ON i.n=w.n WHERE w.verdict="
	return errors.Join(m.doubt(unclear, of+"'unclear'"), m.doubt(EndedAgain, of+"'restored'"))
}

// EndedAgain is why there is a [Doubt] about what we have restored and the feed tells
// the end of, which may be the end that it had before: one look that does not find it
// proves that it is gone. See [Tx.Unrestore].
const EndedAgain = "its end was told after it was restored"

// Unrestore lets the end of an item that we have restored be no end that the restore
// replaced: the feed has told one since, and it was not found.
func (tx *Tx) Unrestore(drive int64, id string) error {
	return tx.exec("UPDATE item SET over='' WHERE drive=? AND id=?", drive, id)
}

const swept = "it went with a folder that was deleted here"

// sweptIn says of item i that it went with a folder above it, one of those in the
// table, without having been agreed upon as it was: somebody put it there, or saved
// it, in that moment. What is in something that went so comes back with that.
func sweptIn(table string) string {
	const agreed = "EXISTS (SELECT 1 FROM base b WHERE b.n=%[1]s.n AND b.parent=%[1]s.parent AND (%[1]s.kind=2 OR b.remote_size=%[1]s.size AND b.remote_hash IS %[1]s.hash))"
	return "i.gone=0 AND i.own=0 AND NOT " + fmt.Sprintf(agreed, "i") +
		" AND EXISTS (SELECT 1 FROM " + table + " t CROSS JOIN item p ON p.n=t.n WHERE p.n=i.parent AND " + fmt.Sprintf(agreed, "p") + ")"
}

// swept looks for what went with a folder that we deleted, and was not known to
// be in it. Not every kind of drive tells of it.
func (m *merge) swept() error {
	if err := m.sweptLate(); err != nil {
		return err
	}
	return m.doubt(swept, `
		SELECT 0, s.id, p.n FROM temp.stage s CROSS JOIN item p ON p.drive=@drive AND p.id=s.parent_id
		LEFT JOIN item i ON i.drive=@drive AND i.id=s.id
		WHERE s.drive=@drive AND s.deleted=1 AND p.gone=1 AND p.own<>0 AND ifnull(i.gone, 0)=0`)
}

// sweptLate looks for what went with such a folder and was told of only after that, by
// news that was late: where the feed tells the folder's end, it need not tell that of
// what is in it.
func (m *merge) sweptLate() error {
	if err := m.do(`INSERT INTO temp.missing WITH RECURSIVE below(n) AS (
		SELECT n FROM temp.news CROSS JOIN item USING(n) WHERE verdict='buried' AND gone=1 AND own<>0
		UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0) SELECT n FROM below`); err != nil {
		return err
	}
	if err := m.doubt(swept, `SELECT 0, i.id, p.n FROM temp.missing CROSS JOIN item i USING(n) CROSS JOIN item p ON p.n=i.parent
		WHERE i.gone=0 AND i.own=0 AND p.gone=1`); err != nil {
		return err
	}
	return m.do(
		"INSERT OR IGNORE INTO temp.changed SELECT n FROM temp.missing CROSS JOIN item USING(n) WHERE gone=0",
		"UPDATE item SET gone=1, own=0, over='', heard=@moment, disputed=0 WHERE gone=0 AND n IN (SELECT n FROM temp.missing)",
		"DELETE FROM temp.missing")
}

// NotListed is why there is a [Doubt] about what a full listing lacks: one look that
// does not find it either is proof enough.
const NotListed = "not in a full listing"

// absent looks for what a full listing does not have. Being absent is no proof,
// but what is in a folder that is asked about need not be asked about as well. What
// we changed a moment ago may not be listed yet.
func (m *merge) absent() error {
	if !m.Full {
		return nil
	}
	if err := m.do(`
		INSERT INTO temp.missing SELECT n FROM item i WHERE +drive=@drive AND n<=@before AND NOT (parent=0 AND parent_id='')
			AND NOT EXISTS (SELECT 1 FROM temp.stage s WHERE s.drive=@drive AND s.id=i.id)`,
		"UPDATE item SET own=0, over='', disputed=0 WHERE gone=1 AND own<>0 AND n IN (SELECT n FROM temp.missing)",
		"UPDATE item SET disputed=1 WHERE gone=0 AND own>@late AND n IN (SELECT n FROM temp.missing)"); err != nil {
		return err
	}
	return m.doubt(NotListed, `SELECT i.n, i.id, 0 FROM temp.missing CROSS JOIN item i USING(n) WHERE i.gone=0 AND i.own<=@late
		AND NOT EXISTS (SELECT 1 FROM temp.missing CROSS JOIN item p USING(n) WHERE p.n=i.parent AND p.gone=0 AND p.own<=@late)`)
}

// disputed asks about changes of ours that the feed has not caught up with for
// so long that it may be right.
func (m *merge) disputed() error {
	return m.doubt("the feed still shows what it was before a change of ours",
		"SELECT n, id, 0 FROM item WHERE drive=@drive AND disputed=1 AND own<=@late")
}

// twins asks about the older of two live items of one name: word of its end may
// have been lost.
func (m *merge) twins() error {
	return m.doubt("another item of the same name has come", `
		WITH at(parent, fold, latest) AS (SELECT i.parent, i.fold, max(i.n) FROM temp.changed c CROSS JOIN item i ON i.n=c.n
			WHERE i.gone=0 AND i.parent<>0 AND EXISTS (SELECT 1 FROM item x WHERE x.parent=i.parent AND x.fold=i.fold AND x.gone=0 AND x.n<>i.n)
			GROUP BY i.parent, i.fold)
		SELECT o.n, o.id, 0 FROM at CROSS JOIN item o ON o.parent=at.parent AND o.fold=at.fold
		WHERE o.gone=0 AND (o.n<at.latest OR o.n>at.latest AND NOT EXISTS (SELECT 1 FROM temp.changed WHERE n=o.n))`)
}

// unplaced asks about folders that the feed believes us to know.
func (m *merge) unplaced() error {
	return m.doubt("not known, but something has come that is in it", `
		SELECT DISTINCT i.parent, i.parent_id, 0 FROM temp.changed c CROSS JOIN item i ON i.n=c.n LEFT JOIN item p ON p.n=i.parent
		WHERE i.gone=0 AND i.parent_id<>'' AND ifnull(p.gone, 1)=1`)
}

func (m *merge) doubt(why, q string) error {
	doubts, err := all(m.tx.db.w, func(row scanner, d *Doubt) error { return row.Scan(&d.N, &d.ID, &d.Folder) },
		q, sql.Named("drive", m.drive.N), sql.Named("late", m.At.Add(-FeedLag).UnixNano()))
	for _, d := range doubts {
		if !m.asked[d.ID] {
			m.asked[d.ID] = true
			d.Why = why
			m.out.Doubts = append(m.out.Doubts, d)
		}
	}
	return err
}
