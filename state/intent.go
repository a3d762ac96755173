package state

import "time"

// An Intent announces a step whose traces alone would not tell, after a crash,
// what it was about.
type Intent struct {
	N, Folder int64
	Op        string // what is about to be done, in the engine's words
	Key       int64
	Path      string // where it happens
	Private   string // below the private area: what is put in place, or where it is taken to
	Keep      string // where a version nobody expected is to be kept
	Ino       uint64
	Size      int64
	Hash      string
	Want      string
	ParentID  string
	Name      string
	At        time.Time
}

// Removing is the Op of an intent to delete item Key online. While there is one,
// word of the item's end is taken for the answer.
const Removing = "remove"

// Swept is the Op of an intent to forget what was agreed on item Key: it went with
// a folder that we deleted, and the drive gives nothing back, so what is here of it
// is all there is.
const Swept = "swept"

// PutIntent writes an intent and returns its number.
func (tx *Tx) PutIntent(in Intent) (int64, error) {
	res, err := tx.db.w.run(`INSERT INTO intent(folder,op,key,path,private,keep,ino,size,hash,want,parent_id,name,at)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)`, in.Folder, in.Op, in.Key, in.Path, in.Private, in.Keep, int64(in.Ino), in.Size,
		blob(in.Hash), blob(in.Want), in.ParentID, in.Name, Nanos(in.At))
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// DropIntent removes one.
func (tx *Tx) DropIntent(n int64) error { return tx.exec("DELETE FROM intent WHERE n=?", n) }

// DropIntentsLike removes those that announce the same as in: the same kind of
// step, for the same item or to the same place online, and with the same content,
// unless in wants none.
func (tx *Tx) DropIntentsLike(in Intent) error {
	return tx.exec(`DELETE FROM intent WHERE folder=? AND op=? AND (key=? OR parent_id<>'' AND parent_id=? AND name=?)
		AND want IS coalesce(?,want)`, in.Folder, in.Op, in.Key, in.ParentID, in.Name, blob(in.Want))
}

// Intents lists what was announced and not yet ended, oldest first.
func (db *DB) Intents(folder int64) ([]Intent, error) {
	return all(db.r, scanIntent, `SELECT n,folder,op,key,path,private,keep,ino,size,hash,want,parent_id,name,at
		FROM intent WHERE folder=? ORDER BY n`, folder)
}

func scanIntent(row scanner, in *Intent) error {
	var ino, at int64
	var hash, want []byte
	err := row.Scan(&in.N, &in.Folder, &in.Op, &in.Key, &in.Path, &in.Private, &in.Keep, &ino, &in.Size, &hash, &want,
		&in.ParentID, &in.Name, &at)
	in.Ino, in.Hash, in.Want, in.At = uint64(ino), string(hash), string(want), When(at)
	return err
}
