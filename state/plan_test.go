package state

import (
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a poll costs must depend on what it brings, and what a look at a file costs
// must not depend on how many there are. SQLite knows nothing of how few rows the
// scratch tables have, nor of how many a folder has, and would gladly read a
// million items to find the three that are in one.
func TestNothingThatHappensOftenReadsAWholeTable(t *testing.T) {
	s := newStore(t)
	s.feed(dir("d", "root", "d"), file("f", "d", "f"), file("g", "root", "g"))
	s.agree(Base{N: s.item("d").N, Parent: s.root, LocalName: "d", Kind: kindDir})
	s.agree(Base{N: s.item("f").N, Parent: s.item("d").N, LocalName: "f", Kind: kindFile})
	s.feed(rootEntry, file("h", "x", "h"), dir("x", "root", "x"), deleted("d"))
	s.must(s.db.Update(func(tx *Tx) error { return s.end(tx, s.item("x").N, s.now) }))
	s.must(s.db.Update(func(tx *Tx) error { return tx.DropBase(s.folder, s.item("f").N) }))
	f := s.item("g")
	for _, ask := range []func() error{
		func() error { _, err := s.db.CountBelow(s.folder, s.root, ""); return err },
		func() error { _, _, err := s.db.Base(s.folder, f.N); return err },
		func() error { _, err := s.db.Bases(s.folder, []int64{f.N}); return err },
		func() error { _, _, err := s.db.BaseAt(s.folder, s.root, "g"); return err },
		func() error { _, err := s.db.BaseChildren(s.folder, s.root); return err },
		func() error { _, err := s.db.BaseByIno(s.folder, 1); return err },
		func() error { _, _, err := s.db.Item(f.N); return err },
		func() error { _, err := s.db.ItemsAbove([]int64{f.N}); return err },
		func() error { _, _, err := s.db.ItemByID(1, f.ID); return err },
		func() error { _, err := s.db.ItemChildren(s.root); return err },
		func() error { _, err := s.db.ItemsAt(s.root, "g"); return err },
		func() error { _, err := s.db.ItemsBeside([]int64{1}); return err },
		func() error { _, err := s.db.BasesBeside(s.folder, []int64{1}); return err },
		func() error { _, err := s.db.CountAgreed(s.folder); return err },
		func() error { _, err := s.db.NotFiles(s.folder); return err },
	} {
		s.must(ask())
	}
	args := []any{sql.Named("drive", 1), sql.Named("now", 1), sql.Named("late", 1), sql.Named("mark", 1), sql.Named("moment", 1)}
	for range 30 {
		args = append(args, 1)
	}
	// in every statement these names stand for item and base, and for nothing else
	const index = `USING (COVERING )?(PRIMARY KEY|INDEX (sqlite_autoindex_\w+|item_place|base_\w+))`
	whole := regexp.MustCompile(`^SCAN (item|base|[ipokb])( ` + index + `)?$|^SEARCH (item|base|[ipokb]) ` + index + ` \((folder|drive)=\?\)$`)
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
