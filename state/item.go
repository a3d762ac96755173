package state

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	kindFile = 1
	kindDir  = 2
)

// An Item is what is known of one item online.
type Item struct {
	N, Drive int64
	ID       string
	Parent   int64 // 0: the drive's root, or a parent not known yet
	ParentID string
	Name     string
	Fold     string // equal for names that cannot stand side by side
	Kind     uint8  // 1 file, 2 folder, 3 no file and never one, 4 a file that cannot be read
	Why      string // of the last two
	Size     int64
	MTime    int64
	Hash     string
	ETag     string
	Gone     bool      // kept as long as something may refer to it
	Own      time.Time // when a change of ours made it so; zero once the feed has said the same
	Over     string    // the versions, a line each, that such changes have replaced: what tells of one of them is late
	Heard    int64     // [DB.Moment] when it was last told something new
}

const itemColumns = "n,drive,id,parent,parent_id,name,fold,kind,why,size,mtime,hash,etag,gone,own,over,heard"

const selectItem = "SELECT " + itemColumns + " FROM item "

func scanItem(row scanner, it *Item) error {
	var hash []byte
	var own int64
	err := row.Scan(&it.N, &it.Drive, &it.ID, &it.Parent, &it.ParentID, &it.Name, &it.Fold, &it.Kind, &it.Why,
		&it.Size, &it.MTime, &hash, &it.ETag, &it.Gone, &own, &it.Over, &it.Heard)
	it.Hash, it.Own = string(hash), When(own)
	return err
}

// Item returns item n.
func (db *DB) Item(n int64) (Item, bool, error) {
	return get(db.r, scanItem, selectItem+"WHERE n=?", n)
}

// ItemsAbove returns those of the items n that are known, with all the folders they are
// in, each once. It reads many at a tenth of the cost of one each.
func (db *DB) ItemsAbove(n []int64) ([]Item, error) {
	return all(db.r, scanItem, `WITH RECURSIVE up(n) AS (SELECT value FROM json_each(?)
		UNION SELECT i.parent FROM up CROSS JOIN item i ON i.n=up.n WHERE i.parent<>0)
		SELECT i.`+strings.ReplaceAll(itemColumns, ",", ",i.")+" FROM up CROSS JOIN item i ON i.n=up.n", list(n))
}

// ItemsBeside lists what is online under the names that the items n have, in the
// folders that they are in: themselves, and what ItemsAt would find there.
func (db *DB) ItemsBeside(n []int64) ([]Item, error) {
	return all(db.r, scanItem, "SELECT i."+strings.ReplaceAll(itemColumns, ",", ",i.")+
		` FROM (SELECT DISTINCT o.parent, o.fold FROM json_each(?) want CROSS JOIN item o ON o.n=want.value) at
		CROSS JOIN item i ON i.parent=at.parent AND i.fold=at.fold WHERE i.gone=0`, list(n))
}

// list is a parameter for json_each.
func list(n []int64) string {
	b := []byte{'['}
	for i, n := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}

// ItemByID returns the item of this id.
func (db *DB) ItemByID(drive int64, id string) (Item, bool, error) {
	return get(db.r, scanItem, selectItem+"WHERE drive=? AND id=?", drive, id)
}

// ItemChildren lists what is live in item n.
func (db *DB) ItemChildren(n int64) ([]Item, error) {
	return all(db.r, scanItem, selectItem+"WHERE parent=+? AND gone=0", n) // +? and not ?: see ItemsAt
}

// ItemsAt lists what is live in parent under a name that folds so; the feed may
// show more than one.
//
// A bare ? for the parent would make SQLite plan the statement anew for each
// value, to see whether it is the 0 of the partial index item_orphan.
func (db *DB) ItemsAt(parent int64, fold string) ([]Item, error) {
	return all(db.r, scanItem, selectItem+"WHERE parent=+? AND fold=? AND gone=0", parent, fold)
}

// Hear takes note of what was told of an item, as far as that is newer than what
// is known, and returns its key. An item that is known by its id keeps the key it
// has; a new one gets it.N, or a new key. Its place is ParentID, or Parent when
// that is empty.
//
// When it is no answer to a change of ours, every pair on the drive is told to
// look: the feed will bring it again, and then it is nothing new. Where it cannot
// be told what is newer, a doubt is left: see [DB.Doubts].
func (tx *Tx) Hear(it Item, by Telling) (int64, Verdict, error) {
	old, known, err := tx.known(it.Drive, it.ID)
	if err != nil {
		return 0, 0, err
	}
	if !known {
		if it.N == 0 {
			it.N = tx.db.NextKey()
		}
		if err := tx.hear(it, old, false, by); err != nil || tx.db.listed[it.Drive] <= by.Since {
			return it.N, Replaces, err
		}
		return it.N, Replaces, tx.PutDoubt(it.Drive, Doubt{N: it.N, ID: it.ID, Why: unlisted})
	}
	it.N = old.N
	if it.ParentID == "" && it.Parent == old.Parent {
		it.ParentID = old.ParentID
	}
	v := newer(old, it, by)
	switch v {
	case Confirms:
		err = tx.confirm(it, old, by)
	case Unclear:
		err = tx.PutDoubt(old.Drive, Doubt{N: old.N, ID: old.ID, Why: unclear})
	case Replaces:
		err = tx.hear(it, old, true, by)
	}
	return it.N, v, err
}

// known reads what is known of an item. That something was told of it in a time
// to come, by a clock that was set back since, means nothing.
func (tx *Tx) known(drive int64, id string) (Item, bool, error) {
	it, known, err := get(tx.db.w, scanItem, selectItem+"WHERE drive=? AND id=?", drive, id)
	if it.Heard > tx.db.moment.Load() {
		it.Heard = 0
	}
	return it, known, err
}

// hear writes what replaces old.
func (tx *Tx) hear(it, old Item, known bool, by Telling) error {
	it.Own, it.Over, it.Heard = time.Time{}, "", tx.db.Moment()
	if by.Source == Answer {
		it.Own, it.Over = by.At, by.over(old)
	}
	if it.Hash == "" && it.Size == old.Size && it.MTime == old.MTime {
		it.Hash = old.Hash // it was left out
	}
	if err := tx.place(&it, old); err != nil {
		return err
	}
	if err := tx.write(it, known); err != nil {
		return fmt.Errorf("item %q: %w", it.Name, err)
	}
	if it.Own.IsZero() || old.Gone { // what was restored is news to every pair
		if err := tx.mark(it.Drive, it.N); err != nil {
			return err
		}
	}
	if it.Kind != kindDir || it.Gone || known && !old.Gone {
		return nil
	}
	if old.Gone && by.Source == Look { // it was taken for gone, and with it what is in it, which may be forgotten
		if err := tx.exec(`INSERT INTO doubt(drive,id,n,why,folder,at) VALUES(?,?,?,?,0,?)
			ON CONFLICT DO UPDATE SET at=excluded.at, why=CASE folder WHEN 0 THEN excluded.why ELSE why END`,
			it.Drive, it.ID, it.N, Found, tx.db.Moment()); err != nil {
			return err
		}
	}
	return tx.markBelow(it.Drive, it.N)
}

// confirm completes what is known by what was seen of the same state. What we did
// ourselves goes on counting as ours until the feed has told it.
func (tx *Tx) confirm(it, old Item, by Telling) error {
	if it.Hash == "" {
		it.Hash = old.Hash
	}
	if by.Source == Answer || old.Heard > by.Since || it.ETag == "" || it.ETag == old.ETag && it.Hash == old.Hash {
		return nil
	}
	over := ""
	if !old.Own.IsZero() {
		over = by.over(old)
	}
	return tx.exec("UPDATE item SET etag=?, hash=?, over=?, heard=? WHERE n=?", it.ETag, blob(it.Hash), over, tx.db.Moment(), old.N)
}

// Found is why there is a [Doubt] about what is in a folder that was taken for gone and
// is there: it is to be listed.
const Found = "it was taken for gone, and is there"

const (
	unclear  = "told of twice at once, and not alike"
	unlisted = "told of while all was listed, and not among it"
)

// place completes it.Parent by it.ParentID, or the other way round. An answer may
// be newer than what is known of the folders around it, and so seem to put one
// into itself: it then stays where it was until the feed tells of the others.
func (tx *Tx) place(it *Item, old Item) (err error) {
	if it.ParentID != "" {
		it.Parent, _, err = get(tx.db.w, value[int64], "SELECT n FROM item WHERE drive=? AND id=?", it.Drive, it.ParentID)
	} else if it.Parent != 0 {
		it.ParentID, _, err = get(tx.db.w, value[string], "SELECT id FROM item WHERE n=?", it.Parent)
	}
	if err != nil || old.N == 0 || it.Parent == old.Parent {
		return err
	}
	_, inside, err := get(tx.db.w, value[int], `WITH RECURSIVE up(n) AS (VALUES(?)
		UNION SELECT i.parent FROM up CROSS JOIN item i ON i.n=up.n) SELECT 1 FROM up WHERE n=?`, it.Parent, it.N)
	if inside {
		it.Parent, it.ParentID = old.Parent, old.ParentID
	}
	return err
}

func (tx *Tx) write(it Item, known bool) error {
	args := []any{it.Parent, it.ParentID, it.Name, it.Fold, it.Kind, it.Why, it.Size, it.MTime, blob(it.Hash), it.ETag,
		it.Gone, Nanos(it.Own), it.Over, it.Heard, it.N}
	if known {
		return tx.exec(`UPDATE item SET parent=?,parent_id=?,name=?,fold=?,kind=?,why=?,size=?,mtime=?,hash=?,etag=?,
			gone=?,own=?,over=?,heard=?,disputed=0 WHERE n=?`, args...)
	}
	err := tx.exec(`INSERT INTO item(parent,parent_id,name,fold,kind,why,size,mtime,hash,etag,gone,own,over,heard,n,drive,id)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, append(args, it.Drive, it.ID)...)
	if err != nil {
		return err
	}
	return tx.exec("UPDATE item SET parent=? WHERE drive=? AND parent_id=? AND parent=0 AND parent_id<>''", it.N, it.Drive, it.ID)
}

// mark lets every pair on the drive look at item n.
func (tx *Tx) mark(drive, n int64) error {
	return tx.exec("INSERT OR REPLACE INTO dirty SELECT n, ?, ? FROM folder WHERE drive=?", n, tx.db.mark.Add(1), drive)
}

// markBelow lets every pair look at what is in folder n, which can be seen only
// now.
func (tx *Tx) markBelow(drive, n int64) error {
	return tx.exec(`INSERT OR REPLACE INTO dirty
		WITH RECURSIVE below(n) AS (SELECT n FROM item WHERE parent=?2 AND gone=0
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0)
		SELECT f.n, below.n, ?3 FROM below CROSS JOIN folder f WHERE f.drive=?1`, drive, n, tx.db.mark.Add(1))
}

// HearGone takes note of the end of item n, and of all below it, as far as that is
// newer than what is known. After an answer to a delete of ours a late entry of
// the feed does not bring them back, and what somebody did in a folder in the
// moment that we deleted it is left as a doubt. After anything else every pair is
// told to look.
func (tx *Tx) HearGone(n int64, by Telling) (Verdict, error) {
	id, is, err := get(tx.db.w, func(row scanner, it *Item) error { return row.Scan(&it.Drive, &it.ID) }, "SELECT drive, id FROM item WHERE n=?", n)
	if err != nil || !is {
		return Confirms, err
	}
	old, _, err := tx.known(id.Drive, id.ID)
	if err != nil {
		return 0, err
	}
	v := newer(old, Item{Gone: true}, by)
	switch {
	case v == Unclear:
		return v, tx.PutDoubt(old.Drive, Doubt{N: old.N, ID: old.ID, Why: unclear})
	case v == Late, v == Confirms && (by.Source == Answer || old.Own.IsZero()):
		return v, nil
	}
	now := tx.db.Moment()
	own := time.Time{}
	if by.Source == Answer && tx.db.listed[old.Drive] <= by.Since { // what was listed whole since will not be told of again
		own = by.At
	}
	if err := tx.steps(
		step{"DELETE FROM temp.lost", nil},
		step{`INSERT INTO temp.lost WITH RECURSIVE below(n) AS (VALUES(?)
			UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n) SELECT n FROM below`, []any{n}},
	); err != nil {
		return v, err
	}
	if by.Source == Answer {
		if err := tx.exec(`INSERT OR REPLACE INTO doubt(drive,id,n,why,folder,at) SELECT i.drive, i.id, i.n, ?, i.parent, ?
			FROM temp.lost l CROSS JOIN item i ON i.n=l.n WHERE i.heard>? AND `+sweptIn("temp.lost"), swept, now, by.Since); err != nil {
			return v, err
		}
		if d, err := driveOf(tx.db.w, old.Drive); err != nil {
			return v, err
		} else if err := tx.keepSwept(d, now, by.At); err != nil {
			return v, err
		}
	}
	if err := tx.exec(`UPDATE item SET gone=1, own=?1, heard=?2, disputed=0 WHERE n IN (SELECT n FROM temp.lost) AND (gone=0 OR ?1=0)`, Nanos(own), now); err != nil {
		return v, err
	}
	if by.Source == Answer {
		return v, tx.exec("UPDATE item SET over=? WHERE n=?", by.over(old), n)
	}
	at := []any{sql.Named("mark", tx.db.mark.Add(1))}
	return v, tx.steps(
		step{"INSERT OR REPLACE INTO dirty SELECT f.n, i.n, @mark FROM temp.lost l CROSS JOIN item i ON i.n=l.n CROSS JOIN folder f ON f.drive=i.drive", at},
		step{markBelowLost, at})
}

// markBelowLost marks what was agreed on below folders that are gone: it may be
// that the drive's tree does not show it there.
const markBelowLost = `INSERT OR REPLACE INTO dirty
	WITH RECURSIVE below(folder, n) AS (SELECT b.folder, b.n FROM temp.lost l CROSS JOIN base b ON b.n=l.n AND b.kind=2
		UNION SELECT b.folder, b.n FROM below CROSS JOIN base b ON b.folder=below.folder AND b.parent=below.n)
	SELECT folder, n, @mark FROM below`

// forget removes the item row that only an agreement still needed. What is being asked
// about is not forgotten: the answer may be older than the end.
func (tx *Tx) forget(n int64) error {
	return tx.exec(`DELETE FROM item WHERE n=? AND gone=1 AND own=0 AND NOT EXISTS (SELECT 1 FROM base b WHERE b.n=item.n)
		AND NOT EXISTS (SELECT 1 FROM doubt t WHERE t.drive=item.drive AND t.id=item.id)
		AND NOT EXISTS (SELECT 1 FROM item c WHERE c.parent=item.n AND c.gone=0)`, n)
}
