package state

import (
	"errors"
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
	EmptyPolls int // polls that brought nothing since the cursor was stored
	FullAt     time.Time
}

const selectDrive = "SELECT n,id,kind,account,root_id,cursor,empty_polls,full_at FROM drive "

func scanDrive(row scanner, d *Drive) error {
	var full int64
	err := row.Scan(&d.N, &d.ID, &d.Kind, &d.Account, &d.RootID, &d.Cursor, &d.EmptyPolls, &full)
	d.FullAt = When(full)
	return err
}

// EnsureDrive returns the drive of this id, written down if it is new.
func (db *DB) EnsureDrive(d Drive) (out Drive, err error) {
	err = db.Update(func(tx *Tx) error {
		err := tx.exec(`INSERT INTO drive(id,kind,account,root_id) VALUES(?,?,?,?)
			ON CONFLICT(id) DO UPDATE SET root_id=excluded.root_id WHERE root_id=''`, d.ID, d.Kind, d.Account, d.RootID)
		if err == nil {
			out, _, err = get(db.w, scanDrive, selectDrive+"WHERE id=?", d.ID)
		}
		return err
	})
	return out, err
}

// Drive returns drive n.
func (db *DB) Drive(n int64) (Drive, error) { return driveOf(db.r, n) }

func driveOf(s *statements, n int64) (Drive, error) {
	d, ok, err := get(s, scanDrive, selectDrive+"WHERE n=?", n)
	if err == nil && !ok {
		err = fmt.Errorf("no drive %d", n)
	}
	return d, err
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

const selectFolder = "SELECT n,name,drive,root,path,uuid,fsid,ino,account FROM folder "

func scanFolder(row scanner, f *Folder) error {
	var ino int64
	err := row.Scan(&f.N, &f.Name, &f.Drive, &f.Root, &f.Path, &f.UUID, &f.FSID, &ino, &f.Account)
	f.Ino = uint64(ino)
	return err
}

// Folder returns the pair of this name.
func (db *DB) Folder(name string) (Folder, bool, error) {
	return get(db.r, scanFolder, selectFolder+"WHERE name=?", name)
}

// FoldersOf returns the pairs that have item n for their root online.
func (db *DB) FoldersOf(n int64) ([]Folder, error) {
	return all(db.r, scanFolder, selectFolder+"WHERE root=? ORDER BY n", n)
}

// PutFolder writes a pair, by name. A new one gets the base row of its root, and
// looks at all that is known to be in it online. Drive and root are what makes
// it that pair, and cannot be changed.
func (db *DB) PutFolder(f Folder) (out Folder, err error) {
	err = db.Update(func(tx *Tx) error {
		old, known, err := get(db.w, scanFolder, selectFolder+"WHERE name=?", f.Name)
		if err != nil {
			return err
		}
		if known && (old.Drive != f.Drive || old.Root != f.Root) {
			return errors.New("a pair cannot be bound to another folder online")
		}
		err = tx.exec(`INSERT INTO folder(name,drive,root,path,uuid,fsid,ino,account) VALUES(?,?,?,?,?,?,?,?)
			ON CONFLICT(name) DO UPDATE SET path=excluded.path, uuid=excluded.uuid, fsid=excluded.fsid, ino=excluded.ino,
			account=excluded.account`, f.Name, f.Drive, f.Root, f.Path, f.UUID, f.FSID, int64(f.Ino), f.Account)
		if err != nil {
			return err
		}
		if out, _, err = get(db.w, scanFolder, selectFolder+"WHERE name=?", f.Name); err != nil || known {
			return err
		}
		if err := tx.PutBase(out.N, Base{N: f.Root, Kind: kindDir}); err != nil {
			return err
		}
		return tx.exec(markPair, out.N, tx.db.mark.Add(1))
	})
	return out, err
}
