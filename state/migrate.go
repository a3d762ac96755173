package state

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// One file for each version of the schema, in the order of their names. What a
// release has shipped is never edited again.
//
//go:embed migrations/*.sql
var migrations embed.FS

const applicationID = 0x746e646d // "tndm"

// ErrNewer says that a newer tandem has written the file; nothing was changed.
var ErrNewer = errors.New("written by a newer tandem")

// version tells how far the file is, and refuses what is not for us.
func (db *DB) version() (int, error) {
	scan := func(row scanner, v *[3]int) error { return row.Scan(&v[0], &v[1], &v[2]) }
	v, _, err := get(db.w, scan, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`)
	id, version, tables := v[0], v[1], v[2]
	switch known := len(versions()); {
	case err != nil:
		return 0, err
	case id != applicationID && tables > 0:
		return 0, errors.New("a database of another program")
	case version > known:
		return 0, fmt.Errorf("%w: its schema is %d, this one knows %d", ErrNewer, version, known)
	}
	return version, nil
}

func versions() []string {
	names, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is a good one
	slices.Sort(names)
	return names
}

// migrate brings the file up to date, one version a transaction.
func (db *DB) migrate(version int) error {
	for i, name := range versions()[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		err = db.Update(func(tx *Tx) error {
			return tx.steps(
				step{string(text), nil},
				step{fmt.Sprintf("PRAGMA user_version=%d", version+i+1), nil},
				step{fmt.Sprintf("PRAGMA application_id=%d", applicationID), nil},
			)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
