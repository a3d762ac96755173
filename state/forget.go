package state

// ForgetAgreements forgets what was agreed on in a pair, all but that its two
// roots belong together, and what waits or was under way. It is for a folder
// that, as a person says, was replaced: both sides meet afresh, as at first,
// when equal files are adopted, different ones are both kept and nothing is
// deleted. What is on record of files in the private area stays: if they are
// still there, one may be the only copy of something.
func (tx *Tx) ForgetAgreements(folder int64) error {
	pair := []any{folder}
	tx.rewrites(folder)
	return tx.steps(
		step{"DELETE FROM base WHERE folder=? AND parent<>0", pair},
		step{"DELETE FROM waiting WHERE folder=?", pair},
		step{"DELETE FROM held WHERE folder=?", pair},
		step{"DELETE FROM intent WHERE folder=? AND private=''", pair},
		step{markPair, []any{folder, tx.db.mark.Add(1)}},
	)
}

// markPair lets a pair look at all that is online in its folder: a feed whose
// cursor is past it will not bring it again.
const markPair = `INSERT OR REPLACE INTO dirty
	WITH RECURSIVE below(n) AS (SELECT i.n FROM folder f CROSS JOIN item i ON i.parent=f.root WHERE f.n=?1 AND i.gone=0
		UNION SELECT i.n FROM below CROSS JOIN item i ON i.parent=below.n WHERE i.gone=0)
	SELECT ?1, n, ?2 FROM below`
