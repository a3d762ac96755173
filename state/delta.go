package state

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Delta is one entry of the change feed.
type Delta struct {
	Item
	Deleted bool
}

// echoWithin is how long the feed may lag behind a change of ours.
const echoWithin = 2 * time.Minute

// StageDelta keeps entries of a run that has not ended; of several for one item
// the last counts.
func (db *DB) StageDelta(drive int64, items []Delta) error {
	return db.Update(func(tx *Tx) error {
		st, err := tx.tx.Prepare("INSERT OR REPLACE INTO stage VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")
		if err != nil {
			return err
		}
		defer st.Close()
		for _, d := range items {
			_, err := st.Exec(drive, d.ID, d.Deleted, d.ParentID, d.Name, d.Fold, d.Kind, d.Why, d.Size, d.MTime, blob(d.Hash), d.ETag)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DropStage forgets a run that did not end.
func (db *DB) DropStage(drive int64) error {
	return db.Update(func(tx *Tx) error { return tx.exec("DELETE FROM stage WHERE drive=?", drive) })
}

// A Merge ends a run of the feed.
type Merge struct {
	Cursor string // empty keeps the old one
	Full   bool   // the run began at the start: what it does not list is in doubt
	At     time.Time
}

// Merged tells what a run brought.
type Merged struct {
	Changed int
	Doubts  []Doubt
	Empty   bool // nothing but what was known
}

// A Doubt is an item to be asked about before the feed is believed.
type Doubt struct {
	N   int64
	ID  string
	Why string
}

// ErrCycle says that the feed made a folder its own ancestor; nothing of the
// run was kept.
var ErrCycle = errors.New("the feed puts a folder into itself")

// MergeDelta applies the staged run to the drive's tree, and stores the cursor,
// in one transaction.
func (db *DB) MergeDelta(drive int64, m Merge) (Merged, error) {
	var out Merged
	err := db.Update(func(tx *Tx) error {
		run := &merge{tx: tx, drive: drive, Merge: m, out: &out}
		return run.do()
	})
	return out, err
}

type merge struct {
	Merge
	tx    *Tx
	drive int64
	out   *Merged
	dirty []int64
}

func (m *merge) do() error {
	for _, step := range []func() error{m.upserts, m.adopt, m.tombstones, m.cycles, m.missing, m.twins, m.mark, m.end} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) staged() ([]Delta, error) {
	rows, err := m.tx.tx.Query("SELECT id,deleted,parent_id,name,fold,kind,why,size,mtime,hash,etag FROM stage WHERE drive=?", m.drive)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Delta
	for rows.Next() {
		var d Delta
		var hash []byte
		if err := rows.Scan(&d.ID, &d.Deleted, &d.ParentID, &d.Name, &d.Fold, &d.Kind, &d.Why, &d.Size, &d.MTime, &hash, &d.ETag); err != nil {
			return nil, err
		}
		d.Drive, d.Hash = m.drive, string(hash)
		out = append(out, d)
	}
	return out, rows.Err()
}

func (m *merge) upserts() error {
	all, err := m.staged()
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Deleted {
			continue
		}
		var old Item
		known, err := one(scanItem(m.tx.tx.QueryRow("SELECT "+itemColumns+" FROM item WHERE drive=? AND id=?", m.drive, d.ID), &old))
		if err != nil {
			return err
		}
		if known && m.same(old, d.Item) {
			if err := m.echoed(old, d.ETag); err != nil {
				return err
			}
			continue
		}
		if known && late(old, d.ETag) {
			if m.At.Sub(old.Own) > echoWithin {
				m.out.Doubts = append(m.out.Doubts, Doubt{old.N, old.ID, "the feed still shows what it was before a change of ours"})
			}
			continue
		}
		n, err := m.tx.PutItem(d.Item)
		if err != nil {
			return err
		}
		m.dirty = append(m.dirty, n)
	}
	return nil
}

// late says that an entry shows a version that a change of ours has ended. Any
// other one is newer than ours, however soon it comes.
func late(old Item, etag string) bool {
	if old.Own.IsZero() {
		return false
	}
	return old.Gone && etag == old.ETag || slices.Contains(strings.Split(old.Over, "\n"), etag)
}

// echoed notes that the feed is in step with a change of ours. An eTag that has
// drifted by itself is taken over.
func (m *merge) echoed(old Item, etag string) error {
	if old.Own.IsZero() && old.ETag == etag {
		return nil
	}
	return m.tx.exec("UPDATE item SET own=0, over='', etag=? WHERE n=?", etag, old.N)
}

// same compares what matters; an eTag alone proves nothing.
func (m *merge) same(old, now Item) bool {
	return !old.Gone && old.ParentID == now.ParentID && old.Name == now.Name && old.Kind == now.Kind && old.Why == now.Why &&
		(now.Kind == kindDir || old.Size == now.Size && old.Hash == now.Hash && old.MTime == now.MTime)
}

// adopt finds the parents that came after their children.
func (m *merge) adopt() error {
	return m.tx.exec(`UPDATE item SET parent=(SELECT p.n FROM item p WHERE p.drive=item.drive AND p.id=item.parent_id)
		WHERE drive=? AND parent=0 AND parent_id<>'' AND EXISTS (SELECT 1 FROM item p WHERE p.drive=item.drive AND p.id=item.parent_id)`, m.drive)
}

func (m *merge) tombstones() error {
	all, err := m.staged()
	if err != nil {
		return err
	}
	for _, d := range all {
		if !d.Deleted {
			continue
		}
		var old Item
		known, err := one(scanItem(m.tx.tx.QueryRow("SELECT "+itemColumns+" FROM item WHERE drive=? AND id=?", m.drive, d.ID), &old))
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		if old.Gone {
			if err := m.tx.exec("UPDATE item SET own=0 WHERE n=?", old.N); err != nil {
				return err
			}
			continue
		}
		rows, err := m.tx.tx.Query(`WITH RECURSIVE below(n) AS (VALUES(?) UNION SELECT item.n FROM item JOIN below ON item.parent=below.n WHERE item.gone=0) SELECT n FROM below`, old.N)
		keys, err := list(rows, err, scanKey)
		if err != nil {
			return err
		}
		if err := m.tx.MarkGone(old.N, time.Time{}); err != nil {
			return err
		}
		m.dirty = append(m.dirty, keys...)
	}
	return nil
}

func (m *merge) cycles() error {
	for _, n := range m.dirty {
		at := n
		for depth := 0; at != 0; depth++ {
			if depth > 2000 {
				return fmt.Errorf("%w: item %d", ErrCycle, n)
			}
			if _, err := one(m.tx.tx.QueryRow("SELECT parent FROM item WHERE n=?", at).Scan(&at)); err != nil {
				return err
			}
			if depth > 0 && at == n {
				return fmt.Errorf("%w: item %d", ErrCycle, n)
			}
			if m.Full && depth > 64 {
				break
			}
		}
		if m.Full {
			break
		}
	}
	return nil
}

func (m *merge) missing() error {
	if !m.Full {
		return nil
	}
	rows, err := m.tx.tx.Query(`SELECT n,id FROM item WHERE drive=? AND gone=0 AND own=0
		AND NOT EXISTS (SELECT 1 FROM stage WHERE stage.drive=item.drive AND stage.id=item.id)`, m.drive)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		d := Doubt{Why: "not in a full listing"}
		if err := rows.Scan(&d.N, &d.ID); err != nil {
			return err
		}
		m.out.Doubts = append(m.out.Doubts, d)
	}
	return rows.Err()
}

// twins asks about the older of two live items of one name: its tombstone may
// have been lost.
func (m *merge) twins() error {
	for _, n := range m.dirty {
		rows, err := m.tx.tx.Query(`SELECT o.n,o.id FROM item i JOIN item o ON o.parent=i.parent AND o.fold=i.fold AND o.gone=0 AND o.n<i.n
			WHERE i.n=? AND i.gone=0 AND i.parent<>0`, n)
		doubts, err := list(rows, err, func(r *sql.Rows, d *Doubt) error {
			d.Why = "another item of the same name has come"
			return r.Scan(&d.N, &d.ID)
		})
		if err != nil {
			return err
		}
		m.out.Doubts = append(m.out.Doubts, doubts...)
	}
	return nil
}

func scanKey(r *sql.Rows, n *int64) error { return r.Scan(n) }

func (m *merge) mark() error {
	rows, err := m.tx.tx.Query("SELECT n FROM folder WHERE drive=?", m.drive)
	folders, err := list(rows, err, scanKey)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if err := m.tx.MarkDirty(f, m.dirty...); err != nil {
			return err
		}
	}
	m.out.Changed, m.out.Empty = len(m.dirty), len(m.dirty) == 0
	return nil
}

// end stores the cursor. A run that brought nothing keeps the old one for a few
// polls: the service delivers a tombstone once, and an empty answer may have
// moved the cursor past one that was still on its way.
func (m *merge) end() error {
	if err := m.tx.exec("DELETE FROM stage WHERE drive=?", m.drive); err != nil {
		return err
	}
	if m.Full {
		if err := m.tx.exec("UPDATE drive SET full_at=? WHERE n=?", m.At.UnixNano(), m.drive); err != nil {
			return err
		}
	}
	if m.Cursor == "" {
		return nil
	}
	if m.out.Empty && !m.Full {
		return m.tx.exec(`UPDATE drive SET cursor=CASE WHEN empty_polls>=3 THEN ? ELSE cursor END,
			empty_polls=CASE WHEN empty_polls>=3 THEN 0 ELSE empty_polls+1 END WHERE n=?`, m.Cursor, m.drive)
	}
	return m.tx.exec("UPDATE drive SET cursor=?, empty_polls=0 WHERE n=?", m.Cursor, m.drive)
}
