package state

import "fmt"

// cycles refuses a run that has made a folder its own ancestor. A cycle of this
// run's making has a folder in it that the run has changed, so it is enough to
// walk up from those; and no folder need be passed twice.
func (m *merge) cycles() error {
	parent, err := m.changedFolders()
	if err != nil {
		return err
	}
	changed := len(parent)
	isChanged := make(map[int64]bool, changed)
	for n := range parent {
		isChanged[n] = true
	}
	up := func(n int64) int64 {
		p, known := parent[n]
		if !known && err == nil {
			p, _, err = get(m.tx.db.w, value[int64], "SELECT parent FROM item WHERE n=? AND gone=0", n)
			parent[n] = p
		}
		return p
	}
	passed := make(map[int64]int64, changed) // by the walk from where
	for start := range isChanged {
		at := start
		for at != 0 && passed[at] == 0 {
			passed[at] = start
			at = up(at)
		}
		if at == 0 || passed[at] != start {
			continue
		}
		for n, first := at, true; first || n != at; n, first = up(n), false {
			if isChanged[n] {
				return fmt.Errorf("%w: item %d", ErrCycle, n)
			}
		}
	}
	return err
}

// changedFolders gives the parents of the changed items that have something in
// them.
func (m *merge) changedFolders() (map[int64]int64, error) {
	parent := map[int64]int64{}
	err := m.tx.db.w.each(func(row scanner) error {
		var n, p int64
		err := row.Scan(&n, &p)
		parent[n] = p
		return err
	}, `SELECT i.n, i.parent FROM temp.changed c CROSS JOIN item i ON i.n=c.n
		WHERE i.gone=0 AND EXISTS (SELECT 1 FROM item k WHERE k.parent=i.n AND k.gone=0)`)
	return parent, err
}
