package state

// NotFile is something online that can never be a file or folder here, such as a
// notebook or a shortcut.
type NotFile struct{ Path, Why string }

// NotFiles lists, by path, those of them below a folder that it never agreed upon with
// here: what has taken the place of a file waits for a person. What is in one of them
// is not told.
func (db *DB) NotFiles(folder int64) ([]NotFile, error) {
	const deepest = "1000" // a feed may have put folders into one another
	return all(db.r, func(row scanner, it *NotFile) error { return row.Scan(&it.Path, &it.Why) },
		`WITH RECURSIVE up(parent, path, why, depth) AS (
			SELECT i.parent, i.name, i.why, 0 FROM folder f CROSS JOIN item i INDEXED BY item_no_file ON i.drive=f.drive AND i.kind=3 AND i.gone=0
				WHERE f.n=?1 AND NOT EXISTS (SELECT 1 FROM base b WHERE b.n=i.n AND b.folder=f.n)
			UNION ALL
			SELECT p.parent, p.name || '/' || up.path, up.why, up.depth+1 FROM folder f CROSS JOIN up CROSS JOIN item p ON p.n=up.parent
				WHERE f.n=?1 AND up.parent<>f.root AND p.kind=2 AND p.gone=0 AND up.depth<`+deepest+`)
		SELECT up.path, up.why FROM folder f CROSS JOIN up ON up.parent=f.root WHERE f.n=?1 ORDER BY up.path`, folder)
}
