package state

import "fmt"

// invariants are counts that must be zero at every commit.
var invariants = []struct{ what, count string }{
	{"folders without exactly one root", `SELECT count(*) FROM folder f WHERE
		(SELECT count(*) FROM base b WHERE b.folder=f.n AND b.parent=0)<>1`},
	{"folders whose agreements are not as many as they say", `SELECT count(*) FROM folder f WHERE
		agreed<>(SELECT count(*) FROM base b WHERE b.folder=f.n)`},
	{"agreed items without the folder they are in", `SELECT count(*) FROM base b WHERE parent<>0
		AND NOT EXISTS (SELECT 1 FROM base p WHERE p.n=b.parent AND p.folder=b.folder)`},
	{"agreed items that are in themselves", `SELECT (SELECT count(*) FROM base) - (WITH RECURSIVE below(folder, n) AS (
		SELECT folder, n FROM base WHERE parent=0
		UNION SELECT b.folder, b.n FROM below CROSS JOIN base b ON b.folder=below.folder AND b.parent=below.n)
		SELECT count(*) FROM below)`},
	{"agreed items that are bound to nothing", `SELECT count(*) FROM base b WHERE NOT EXISTS (SELECT 1 FROM item i WHERE i.n=b.n)`},
	{"items whose folder is another than they say", `SELECT count(*) FROM item i WHERE parent<>0 AND gone=0
		AND NOT EXISTS (SELECT 1 FROM item p WHERE p.n=i.parent AND p.drive=i.drive AND p.id=i.parent_id)`},
	{"items that have not found their folder", `SELECT count(*) FROM item i WHERE parent=0 AND parent_id<>'' AND gone=0
		AND EXISTS (SELECT 1 FROM item p WHERE p.drive=i.drive AND p.id=i.parent_id)`},
	{"items that are in themselves", `SELECT (SELECT count(*) FROM item WHERE gone=0) - (WITH RECURSIVE below(n) AS (
		SELECT n FROM item i WHERE gone=0 AND (parent=0 OR EXISTS (SELECT 1 FROM item p WHERE p.n=i.parent AND p.gone=1))
		UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0) SELECT count(*) FROM below)`},
}

// Check verifies that the trees are well formed: one root, no orphan, no cycle,
// every agreement bound to an item.
func (db *DB) Check() error {
	for _, v := range invariants {
		n, _, err := get(db.r, value[int], v.count)
		if err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("the state has %d %s", n, v.what)
		}
	}
	return nil
}
