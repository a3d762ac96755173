package main

import (
	"reflect"
	"strings"
	"testing"
)

// TestTheJudgeMissesNothing holds the judge of the storms against ends that are
// known: one that finds nothing to complain about would look as good as tandem.
func TestTheJudgeMissesNothing(t *testing.T) {
	const mine, theirs = "ann 000001\nx", "eve 000001\nx"
	none := func(*ledger) {}
	cases := []struct {
		name   string
		people func(*ledger)
		found  found
		want   judgement
	}{
		{"both are on both sides", none,
			found{here: tree("a", mine, "b", theirs), online: tree("a", mine, "b", theirs)}, judgement{}},
		{"each is on one side", none,
			found{here: tree("a", mine), online: tree("a", theirs)}, judgement{}},
		{"one is nowhere", none,
			found{here: tree("a", mine), online: tree("a", mine)}, judgement{lost: []string{"eve 000001"}}},
		{"the other overwrote it", func(l *ledger) { l.end("ann", theirs) },
			found{here: tree("a", mine), online: tree("a", mine)}, judgement{}},
		{"it was online once", none,
			found{here: tree("a", mine), online: tree("a", mine), past: []string{theirs, mine}}, judgement{lost: []string{"eve 000001"}}},
		{"it was deleted and restored by the same", func(l *ledger) { l.end("eve", theirs); restore(l, "eve", theirs) },
			found{here: tree("a", mine)}, judgement{lost: []string{"eve 000001"}}},
		{"it was restored by one, and deleted by the other, too", func(l *ledger) { l.end("eve", theirs); l.end("ann", theirs); restore(l, "eve", theirs) },
			found{here: tree("a", mine)}, judgement{}},
		{"it is in the trash, and nobody deleted it", none,
			found{here: tree("a", mine), private: tree("trash/run/d/b", theirs)}, judgement{lost: []string{"eve 000001"}}},
		{"it is in the trash, and somebody deleted what stood there", func(l *ledger) { l.erase("eve", "d/b", "another") },
			found{here: tree("a", mine), private: tree("trash/run/d/b", theirs)}, judgement{trash: []string{"eve 000001"}}},
		{"it is in the trash, and somebody deleted its folder", func(l *ledger) { l.erase("ann", "d") },
			found{here: tree("a", mine), private: tree("trash/run/d/s/b", theirs)}, judgement{trash: []string{"eve 000001"}}},
		{"it is in the trash, and somebody deleted what is beside it", func(l *ledger) { l.erase("ann", "d/a") },
			found{here: tree("a", mine), private: tree("trash/run/d/b", theirs)}, judgement{lost: []string{"eve 000001"}}},
		{"it is in the stash", func(l *ledger) { l.erase("ann", "b") },
			found{here: tree("a", mine), private: tree("tmp/b", theirs)}, judgement{lost: []string{"eve 000001"}}},
		{"it is in the recycle bin", none,
			found{here: tree("a", mine), binned: []string{theirs}}, judgement{weak: []string{"eve 000001"}}},
		{"half of a version is here", none,
			found{here: tree("a", mine, "b", theirs, "c", "eve 0")}, judgement{torn: []string{`here "c": "eve 0"`}}},
		{"an empty file is online", none,
			found{here: tree("a", mine, "b", theirs), online: tree("d/", "", "c", "")}, judgement{torn: []string{`online "c": ""`}}},
		{"two versions in one were online once", none,
			found{here: tree("a", mine, "b", theirs), past: []string{mine + theirs}}, judgement{torn: []string{`online once: "ann 000001\nxeve 000001\nx"`}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger()
			l.make(mine, "a")
			l.make(theirs, "b")
			c.people(l)
			if got := l.judge(c.found); !reflect.DeepEqual(got, c.want) {
				t.Errorf("judged %+v, want %+v", got, c.want)
			}
		})
	}
}

// tree makes one of paths and contents in turn.
func tree(pairs ...string) map[string]string {
	made := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		made[pairs[i]] = pairs[i+1]
	}
	return made
}

func restore(l *ledger, who string, contents ...string) {
	l.restore(who, func() ([]string, error) { return contents, nil })
}

// TestTheEventLogTellsWhatBecameOfAVersion tells it with what was done to its item
// and to the folder that it was in, and with nothing else.
func TestTheEventLogTellsWhatBecameOfAVersion(t *testing.T) {
	c := &eventLog{}
	for _, line := range []string{
		"tandem PUT content id 7 (d/a) 200: ann 000001", "eve put id 7 (d/a) : eve 000001 over ann 000001", "tandem GET children id 3 (d) 200: ",
		"tandem PUT content id 7 (d/a) 200: ann 000002", "tandem PUT content id 8 (b) 200: ann 000003", "tandem DELETE item id 3 (d) 204: ",
	} {
		c.add("%s", strings.TrimSpace(line))
	}
	var said []string
	for _, line := range c.about("eve 000001", 10) {
		_, deed, _ := strings.Cut(strings.TrimSpace(line), " ") // the time
		said = append(said, deed)
	}
	want := []string{"eve put id 7 (d/a) : eve 000001 over ann 000001", "tandem PUT content id 7 (d/a) 200: ann 000002", "tandem DELETE item id 3 (d) 204:"}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("it tells %q, want %q", said, want)
	}
	if n := len(c.about("eve 000001", 2)); n != 2 {
		t.Errorf("it tells %d lines", n)
	}
	c.add("tandem DELETE item id 8 (b) 204: ann 000003")
	for version, want := range map[string]bool{"ann 000003": true, "ann 000002": false} {
		if c.deletedAlone(version) != want {
			t.Errorf("%s was deleted alone: %t", version, !want)
		}
	}
}
