package state

import (
	"database/sql"
	"fmt"
	"time"
)

// A Drive is one of the account's drives, and how far its change feed was read.
type Drive struct {
	N          int64
	ID         string
	Kind       string
	Account    string
	RootID     string
	Cursor     string
	EmptyPolls int
	FullAt     time.Time
}

const driveColumns = "n,id,kind,account,root_id,cursor,empty_polls,full_at"

func scanDrive(row interface{ Scan(...any) error }) (Drive, error) {
	var d Drive
	var full int64
	err := row.Scan(&d.N, &d.ID, &d.Kind, &d.Account, &d.RootID, &d.Cursor, &d.EmptyPolls, &full)
	d.FullAt = when(full)
	return d, err
}

// EnsureDrive returns the drive of this id, written down if it is new.
func (db *DB) EnsureDrive(d Drive) (Drive, error) {
	err := db.Update(func(tx *Tx) error {
		return tx.exec(`INSERT INTO drive(id,kind,account,root_id) VALUES(?,?,?,?) ON CONFLICT(id) DO NOTHING`,
			d.ID, d.Kind, d.Account, d.RootID)
	})
	if err != nil {
		return Drive{}, err
	}
	return scanDrive(db.read("SELECT " + driveColumns + " FROM drive WHERE id=?").QueryRow(d.ID))
}

// Drive returns drive n.
func (db *DB) Drive(n int64) (Drive, error) {
	return scanDrive(db.read("SELECT " + driveColumns + " FROM drive WHERE n=?").QueryRow(n))
}

// A Folder is one synced pair.
type Folder struct {
	N       int64
	Name    string
	Drive   int64
	Root    int64 // key of the folder online, and of the base's root
	Path    string
	UUID    string
	FSID    string
	Ino     uint64
	Account string
}

// Folder returns the pair of this name.
func (db *DB) Folder(name string) (Folder, bool, error) {
	var f Folder
	var ino int64
	err := db.read("SELECT n,name,drive,root,path,uuid,fsid,ino,account FROM folder WHERE name=?").QueryRow(name).
		Scan(&f.N, &f.Name, &f.Drive, &f.Root, &f.Path, &f.UUID, &f.FSID, &ino, &f.Account)
	f.Ino = uint64(ino)
	ok, err := one(err)
	return f, ok, err
}

// PutFolder writes a pair, by name, and the base row of its root.
func (db *DB) PutFolder(f Folder) (Folder, error) {
	err := db.Update(func(tx *Tx) error {
		if err := tx.exec(`INSERT INTO folder(name,drive,root,path,uuid,fsid,ino,account) VALUES(?,?,?,?,?,?,?,?)
			ON CONFLICT(name) DO UPDATE SET drive=excluded.drive, root=excluded.root, path=excluded.path, uuid=excluded.uuid,
			fsid=excluded.fsid, ino=excluded.ino, account=excluded.account`,
			f.Name, f.Drive, f.Root, f.Path, f.UUID, f.FSID, int64(f.Ino), f.Account); err != nil {
			return err
		}
		if err := tx.tx.QueryRow("SELECT n FROM folder WHERE name=?", f.Name).Scan(&f.N); err != nil {
			return err
		}
		return tx.PutBase(f.N, Base{N: f.Root, Kind: kindDir})
	})
	return f, err
}

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
	Fold     string
	Kind     uint8
	Why      string
	Size     int64
	MTime    int64
	Hash     string
	ETag     string
	Gone     bool      // kept only as long as a base refers to it
	Own      time.Time // when a change of ours made it so, until the feed says the same
	Over     string    // the eTags, a line each, that such changes have ended: an entry with one of them is late
}

const itemColumns = "n,drive,id,parent,parent_id,name,fold,kind,why,size,mtime,hash,etag,gone,own,over"

func scanItem(row interface{ Scan(...any) error }, it *Item) error {
	var h []byte
	var own int64
	err := row.Scan(&it.N, &it.Drive, &it.ID, &it.Parent, &it.ParentID, &it.Name, &it.Fold, &it.Kind, &it.Why,
		&it.Size, &it.MTime, &h, &it.ETag, &it.Gone, &own, &it.Over)
	it.Hash, it.Own = string(h), when(own)
	return err
}

func (db *DB) item(where string, args ...any) (Item, bool, error) {
	var it Item
	ok, err := one(scanItem(db.read("SELECT "+itemColumns+" FROM item WHERE "+where).QueryRow(args...), &it))
	return it, ok, err
}

// Item returns item n.
func (db *DB) Item(n int64) (Item, bool, error) { return db.item("n=?", n) }

// ItemByID returns the item of this id.
func (db *DB) ItemByID(drive int64, id string) (Item, bool, error) {
	return db.item("drive=? AND id=?", drive, id)
}

func scanItemRow(r *sql.Rows, it *Item) error { return scanItem(r, it) }

// ItemChildren lists what is live in item n.
func (db *DB) ItemChildren(n int64) ([]Item, error) {
	rows, err := db.read("SELECT " + itemColumns + " FROM item WHERE parent=? AND gone=0").Query(n)
	return list(rows, err, scanItemRow)
}

// ItemsAt lists what is live in parent under a name that folds so; the feed may
// show more than one.
func (db *DB) ItemsAt(parent int64, fold string) ([]Item, error) {
	rows, err := db.read("SELECT "+itemColumns+" FROM item WHERE parent=? AND fold=? AND gone=0").Query(parent, fold)
	return list(rows, err, scanItemRow)
}

// PutItem writes an item and returns its key. An item that is known by its id
// keeps the key it has; a new one gets it.N, or a new key.
func (tx *Tx) PutItem(it Item) (int64, error) {
	var n int64
	ok, err := one(tx.tx.QueryRow("SELECT n FROM item WHERE drive=? AND id=?", it.Drive, it.ID).Scan(&n))
	if err != nil {
		return 0, err
	}
	if !ok {
		if n = it.N; n == 0 {
			n = tx.db.NextKey()
		}
	}
	if it.Parent == 0 && it.ParentID != "" {
		if _, err := one(tx.tx.QueryRow("SELECT n FROM item WHERE drive=? AND id=?", it.Drive, it.ParentID).Scan(&it.Parent)); err != nil {
			return 0, err
		}
	}
	if it.ParentID == "" && it.Parent != 0 {
		if _, err := one(tx.tx.QueryRow("SELECT id FROM item WHERE n=?", it.Parent).Scan(&it.ParentID)); err != nil {
			return 0, err
		}
	}
	err = tx.exec(`INSERT INTO item(`+itemColumns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(n) DO UPDATE SET
		parent=excluded.parent, parent_id=excluded.parent_id, name=excluded.name, fold=excluded.fold, kind=excluded.kind,
		why=excluded.why, size=excluded.size, mtime=excluded.mtime, hash=excluded.hash, etag=excluded.etag,
		gone=excluded.gone, own=excluded.own, over=excluded.over`,
		n, it.Drive, it.ID, it.Parent, it.ParentID, it.Name, it.Fold, it.Kind, it.Why, it.Size, it.MTime, blob(it.Hash), it.ETag, it.Gone, stamp(it.Own), it.Over)
	if err != nil {
		return 0, fmt.Errorf("item %q: %w", it.Name, err)
	}
	return n, nil
}

// MarkGone notes that an item, and all below it, is no longer online. own is
// when we deleted it ourselves: a late entry of the feed does not bring it back.
func (tx *Tx) MarkGone(n int64, own time.Time) error {
	return tx.exec(`WITH RECURSIVE below(n) AS (VALUES(?) UNION SELECT item.n FROM item JOIN below ON item.parent=below.n)
		UPDATE item SET gone=1, own=? WHERE n IN below AND gone=0`, n, stamp(own))
}
