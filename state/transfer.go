package state

import "time"

// A Session is an upload session that a later run can go on with. Its address
// is a secret: whoever has it can write the file.
type Session struct {
	Folder, Key            int64
	Address                string
	Expires                time.Time
	Path                   string
	Ino                    uint64
	Size, MTime            int64
	Hash, ETag             string
	ParentID, Name, ItemID string
}

const selectSession = "SELECT folder,key,address,expires,path,ino,size,mtime,hash,etag,parent_id,name,item_id FROM session "

func scanSession(row scanner, s *Session) error {
	var ino, expires int64
	var hash []byte
	err := row.Scan(&s.Folder, &s.Key, &s.Address, &expires, &s.Path, &ino, &s.Size, &s.MTime, &hash, &s.ETag, &s.ParentID, &s.Name, &s.ItemID)
	s.Ino, s.Expires, s.Hash = uint64(ino), When(expires), string(hash)
	return err
}

// PutSession writes the one session of an item.
func (tx *Tx) PutSession(s Session) error {
	return tx.exec("INSERT OR REPLACE INTO session VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", s.Folder, s.Key, s.Address, Nanos(s.Expires), s.Path,
		int64(s.Ino), s.Size, s.MTime, blob(s.Hash), s.ETag, s.ParentID, s.Name, s.ItemID)
}

// DropSession removes it.
func (tx *Tx) DropSession(folder, key int64) error {
	return tx.exec("DELETE FROM session WHERE folder=? AND key=?", folder, key)
}

// Session returns the session of an item.
func (db *DB) Session(folder, key int64) (Session, bool, error) {
	return get(db.r, scanSession, selectSession+"WHERE folder=? AND key=?", folder, key)
}

// Sessions lists all sessions.
func (db *DB) Sessions(folder int64) ([]Session, error) {
	return all(db.r, scanSession, selectSession+"WHERE folder=?", folder)
}

// A Partial is a download that can be gone on with.
type Partial struct {
	Folder, Key int64
	Temp        string // what has come is here, below the private area …
	Ino         uint64 // … in this file
	Size        int64
	Hash, ETag  string // of the version that was coming
}

const selectPartial = "SELECT folder,key,temp,size,hash,etag,ino FROM partial "

func scanPartial(row scanner, p *Partial) error {
	var hash []byte
	var ino int64
	err := row.Scan(&p.Folder, &p.Key, &p.Temp, &p.Size, &hash, &p.ETag, &ino)
	p.Hash, p.Ino = string(hash), uint64(ino)
	return err
}

// PutPartial writes the one partial download of an item.
func (tx *Tx) PutPartial(p Partial) error {
	return tx.exec("INSERT OR REPLACE INTO partial VALUES(?,?,?,?,?,?,?)", p.Folder, p.Key, p.Temp, p.Size, blob(p.Hash), p.ETag, int64(p.Ino))
}

// DropPartial removes it.
func (tx *Tx) DropPartial(folder, key int64) error {
	return tx.exec("DELETE FROM partial WHERE folder=? AND key=?", folder, key)
}

// Partial returns the partial download of an item.
func (db *DB) Partial(folder, key int64) (Partial, bool, error) {
	return get(db.r, scanPartial, selectPartial+"WHERE folder=? AND key=?", folder, key)
}

// Partials lists all partial downloads.
func (db *DB) Partials(folder int64) ([]Partial, error) {
	return all(db.r, scanPartial, selectPartial+"WHERE folder=?", folder)
}
