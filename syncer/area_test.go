package syncer

import (
	"os"
	"strings"
	"testing"

	"tandem/remote/remotetest"
	"tandem/state"
)

// TestAPrivateAreaBelowTheTopIsNeverSynced: a task, or a pair of before, has left it
// there. What is in it is a person's own, and goes nowhere.
func TestAPrivateAreaBelowTheTopIsNeverSynced(t *testing.T) {
	for _, name := range []string{".tandem", ".Tandem", ".tandem-0123456789abcdef01234567"} {
		t.Run("here "+name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("sub/f.txt=base g.txt=other")
			p.write("sub/"+name+"/tasks/replaced/20260101-000000/f.txt", "mine alone")
			p.write("new/deep/"+name+"/folder-id", "0")
			p.must(os.Symlink("elsewhere", p.path("sub/"+name+"/tasks/link")))
			s := p.sync()
			if got := tree(p.there()); got != "g.txt=other sub/f.txt=base" {
				t.Errorf("online is %s", got)
			}
			if s.LeftAlone[".tandem item"] != 2 || len(s.LeftAlone) != 1 || s.NeedsPerson() {
				t.Errorf("%+v", s)
			}
			if p.here()["sub/"+name+"/tasks/replaced/20260101-000000/f.txt"] != "mine alone" {
				t.Errorf("here is %s", show(p.here()))
			}
		})
		t.Run("online "+name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("sub/f.txt=base g.txt=other")
			p.put("sub/"+name+"/tasks/replaced/20260101-000000/f.txt", "of a stranger")
			s := p.sync()
			if got := tree(p.here()); got != "g.txt=other sub/f.txt=base" {
				t.Errorf("here is %s", got)
			}
			if len(s.Waiting) == 0 || !strings.Contains(s.Waiting[0].Why, "tandem keeps its own files under this name") {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestWhatWasSyncedAsAPrivateAreaStaysOnBothSides: an older tandem did that.
func TestWhatWasSyncedAsAPrivateAreaStaysOnBothSides(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.fill("sub/old/f.txt=base g.txt=other")
	p.move("sub/old", "sub/.tandem")
	p.must(p.online.Move("sub/old", "sub/.tandem"))
	sub, _, err := p.db.BaseAt(p.cfg.Folder.N, p.cfg.Folder.Root, "sub")
	p.must(err)
	area, known, err := p.db.BaseAt(p.cfg.Folder.N, sub.N, "old")
	if p.must(err); !known {
		t.Fatal("nothing was agreed upon")
	}
	area.LocalName, area.RemoteName, area.Fold = ".tandem", ".tandem", ".tandem"
	p.must(p.db.Update(func(tx *state.Tx) error { return tx.PutBase(p.cfg.Folder.N, area) }))
	s := p.sync()
	const want = "g.txt=other sub/.tandem/f.txt=base"
	if here, there := tree(p.here()), tree(p.there()); here != want || there != want {
		t.Errorf("here is %s\nonline is %s\n%+v", here, there, s)
	}
	if len(s.Waiting) == 0 {
		t.Errorf("nothing is said: %+v", s)
	}
}
