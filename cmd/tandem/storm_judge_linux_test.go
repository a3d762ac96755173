package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
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

// at is a moment of a made-up storm, in seconds after its last edit.
func at(seconds float64) time.Time {
	return time.Unix(1e9, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func TestRestBeginsWithTheLastThingThatHappened(t *testing.T) {
	type look struct {
		now     float64
		equal   bool
		changed float64 // when the latest change was sent
		pass    float64 // when the running pass began; 0 = none
	}
	cases := []struct {
		name  string
		looks []look
		want  float64 // when it came to rest; -1 = it did not
	}{
		{"nothing was left to do", []look{{1, true, 0, 0}, {6, true, 0, 0}}, 0},
		{"not watched for long enough", []look{{1, true, 0, 0}, {4, true, 0, 0}}, -1},
		{"a change was sent", []look{{4, true, 3, 0}, {7, true, 3, 0}, {9, true, 3, 0}}, 3},
		{"a change is sent again and again", []look{{4, true, 3, 0}, {7, true, 6, 0}, {10, true, 9, 0}}, -1},
		{"the two sides were not equal", []look{{2, false, 0, 0}, {7, true, 0, 0}, {8, true, 0, 0}}, 2},
		{"the two sides are not equal", []look{{2, false, 0, 0}, {10, false, 0, 0}}, -1},
		{"the pass of the last change goes on", []look{{6, true, 2, 1}, {9, true, 2, 1}, {10, true, 2, 0}, {15, true, 2, 0}}, 9},
		{"a later pass changes nothing", []look{{4, true, 2, 3}, {9, true, 2, 3}}, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, got := restWatch{at(0), 5 * time.Second}, -1.0
			for _, l := range c.looks {
				var pass time.Time
				if l.pass > 0 {
					pass = at(l.pass)
				}
				if w.rests(at(l.now), l.equal, at(l.changed), pass) {
					got = w.unrest.Sub(at(0)).Seconds()
					break
				}
			}
			if got != c.want {
				t.Errorf("at rest after %v s, want %v", got, c.want)
			}
		})
	}
}

// TestReadingsAreNoRepeatsWhilePeopleEditOnline: theirs are no requests of tandem's.
func TestReadingsAreNoRepeatsWhilePeopleEditOnline(t *testing.T) {
	o := &observer{listed: map[string]time.Time{}}
	for s := range 3 {
		o.see(remotetest.Exchange{At: at(float64(3 * s)), Method: "GET", Route: "delta", Done: true, Status: 200, Items: 5})
	}
	if _, repeats := o.figures(); repeats != 0 {
		t.Errorf("%d repeats", repeats)
	}
}

func TestTheObserverMeasuresWhatTandemAsks(t *testing.T) {
	type x = remotetest.Exchange
	list := func(s float64, id string) x {
		return x{At: at(s), Method: "GET", Route: "children", ID: id, Folder: true, Done: true, Status: 200}
	}
	remove := func(s float64, id string, status int) x {
		return x{At: at(s), Method: "DELETE", Route: "item", ID: id, Folder: true, Done: status != 0, Status: status}
	}
	feed := func(s float64, items int) x {
		return x{At: at(s), Method: "GET", Route: "delta", Done: true, Status: 200, Items: items}
	}
	patch := func(s float64) x {
		return x{At: at(s), Method: "PATCH", Route: "item", Part: true, Done: true, Status: 200}
	}
	cases := []struct {
		name    string
		seen    []x
		window  string
		repeats int
		changes int
	}{
		{"a folder is listed twice and deleted", []x{list(1, "d"), list(2, "d"), remove(2.1, "d", 204)}, "100ms, at most 100ms of 1", 0, 1},
		{"a delete is tried twice after one listing", []x{list(1, "d"), remove(2, "d", 0), remove(9, "d", 204)}, "8s, at most 8s of 1", 0, 2},
		{"three folders", []x{list(0, "a"), list(0, "b"), list(0, "c"), remove(1, "a", 204), remove(2, "b", 204), remove(3, "c", 204)}, "2s, at most 3s of 3", 0, 3},
		{"a folder is not listed", []x{list(1, "e"), remove(2, "d", 204)}, "of 0 and 1 not listed at all", 0, 1},
		{"the feed brings our own change once", []x{patch(0), feed(3, 5), feed(6, 1)}, "of 0", 0, 1},
		{"the feed brings our own change three times", []x{patch(0), feed(3, 5), feed(6, 5), feed(9, 5)}, "of 0", 2, 1},
		{"a reading comes too soon after the change", []x{patch(0), feed(1, 5), feed(3, 5), feed(6, 1)}, "of 0", 0, 1},
		{"something changes between two readings", []x{patch(0), feed(3, 5), patch(4), feed(7, 2)}, "of 0", 0, 2},
		{"signing in is no change", []x{{At: at(1), Method: "POST", Route: "token", Done: true, Status: 200}}, "of 0", 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := &observer{listed: map[string]time.Time{}, over: true}
			for _, x := range c.seen {
				o.see(x)
			}
			window, repeats := o.figures()
			if _, changes := o.lastChange(); window != c.window || repeats != c.repeats || changes != c.changes {
				t.Errorf("window %s, %d repeats, %d changes; want %s, %d, %d", window, repeats, changes, c.window, c.repeats, c.changes)
			}
		})
	}
}
