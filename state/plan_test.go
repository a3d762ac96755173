package state

import (
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a poll costs must depend on what it brings. SQLite knows nothing of how
// few rows the scratch tables have, and would gladly read a million items to
// find the three that are in one.
func TestNoPollReadsAWholeTable(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"), file("g", "root", "g"))
	s.agree(Base{N: s.item("d").N, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: s.item("f").N, Parent: s.item("d").N, LocalName: "f", Kind: kindFile})
	s.feed(rootEntry, file("h", "x", "h"), dir("x", "root", "x"), deleted("d"))
	s.must(s.db.Update(func(tx *Tx) error { return tx.MarkGone(s.item("x").N, s.now) }))
	s.must(s.db.Update(func(tx *Tx) error { return tx.DropBase(s.folder, s.item("f").N) }))
	if _, err := s.db.CountBelow(s.folder, s.root); err != nil {
		t.Fatal(err)
	}
	args := []any{sql.Named("drive", 1), sql.Named("late", 1), sql.Named("mark", 1)}
	for range 30 {
		args = append(args, 1)
	}
	// in every statement these names stand for item and base, and for nothing else
	whole := regexp.MustCompile(`^SCAN (item|base|[ipokb])( USING (COVERING )?INDEX (sqlite_autoindex_\w+|item_place|base_\w+))?$`)
	for _, q := range slices.Concat(slices.Collect(maps.Keys(s.db.w.kept)), slices.Collect(maps.Keys(s.db.r.kept))) {
		if !strings.Contains(q, "item") && !strings.Contains(q, "base") || strings.Contains(q, "CREATE") || isInvariant(q) {
			continue
		}
		s.must(s.db.w.each(func(row scanner) error {
			var id, parent, unused int
			var plan string
			err := row.Scan(&id, &parent, &unused, &plan)
			if whole.MatchString(plan) {
				t.Errorf("%s: %s", plan, q)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+q, args...))
	}
}

func isInvariant(q string) bool {
	for _, v := range invariants {
		if v.count == q {
			return true
		}
	}
	return false
}
