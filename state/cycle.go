package state

import "fmt"

// cycles refuses a run that has made a folder its own ancestor. Every cycle has
// a folder in it that this run has moved, so it is enough to walk up from those;
// and each folder need be passed only once.
func (m *merge) cycles() error {
	type place struct{ n, parent int64 }
	moved, err := all(m.tx.db.w, func(row scanner, p *place) error { return row.Scan(&p.n, &p.parent) },
		`SELECT i.n, i.parent FROM temp.changed c CROSS JOIN item i ON i.n=c.n
		WHERE i.gone=0 AND EXISTS (SELECT 1 FROM item k WHERE k.parent=i.n AND k.gone=0)`)
	if err != nil {
		return err
	}
	parent := make(map[int64]int64, len(moved))
	for _, p := range moved {
		parent[p.n] = p.parent
	}
	walk := make(map[int64]int64, len(moved)) // which folder was passed on the walk from which
	for _, p := range moved {
		for at := p.n; at != 0 && walk[at] == 0; {
			walk[at] = p.n
			next, known := parent[at]
			if !known {
				next, _, err = get(m.tx.db.w, value[int64], "SELECT parent FROM item WHERE n=? AND gone=0", at)
				if err != nil {
					return err
				}
			}
			if next != 0 && walk[next] == p.n {
				return fmt.Errorf("%w: item %d", ErrCycle, next)
			}
			at = next
		}
	}
	return nil
}
