package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const stranger = 65533

// A marker counts only where nobody but the user can have put it, or moved it.
func TestAMarkerCountsOnlyWhereNobodyElseCanHavePutIt(t *testing.T) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mode := func(rel string, mode fs.FileMode) func(t *testing.T, top string) {
		return func(t *testing.T, top string) { must(t, os.Chmod(filepath.Join(top, rel), mode)) }
	}
	owner := func(rels ...string) func(t *testing.T, top string) {
		return func(t *testing.T, top string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			for _, rel := range rels {
				must(t, os.Lchown(filepath.Join(top, rel), stranger, stranger))
			}
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, top string)
		counts bool
	}{
		"it is the user's":                        {func(*testing.T, string) {}, true},
		"a group may write to the folder":         {mode("up/folder", 0o770), true},
		"anybody may write to the folder":         {mode("up/folder", 0o777), false},
		"so, and only the owner may remove":       {mode("up/folder", 0o777|fs.ModeSticky), false},
		"anybody may write above":                 {mode("up", 0o777), false},
		"so, and only the owner may remove there": {mode("up", 0o777|fs.ModeSticky), true},
		"anybody may write to the private area":   {mode("up/folder/.tandem", 0o777), false},
		"a group may write to the private area":   {mode("up/folder/.tandem", 0o770), false},
		"another user made the marker":            {owner("up/folder/.tandem", "up/folder/.tandem/folder-id"), false},
		"another user owns the folder":            {owner("up/folder"), false},
		"another user owns one above":             {owner("up"), false},
		"a link leads to the private area": {func(t *testing.T, top string) {
			at := filepath.Join(top, "up/folder/.tandem")
			must(t, os.Rename(at, at+".real"))
			must(t, os.Symlink(at+".real", at))
		}, false},
		"the marker is a link": {func(t *testing.T, top string) {
			at := filepath.Join(top, "up/folder/.tandem/folder-id")
			must(t, os.Rename(at, at+".real"))
			must(t, os.Symlink(at+".real", at))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			folder := filepath.Join(top, "up/folder")
			below := filepath.Join(folder, "a/b")
			must(t, os.MkdirAll(below, 0o755))
			claimed(t, folder)
			c.change(t, top)
			at, found := Synced(below)
			if found != c.counts || found && at != folder {
				t.Errorf("Synced = %q, %v", at, found)
			}
		})
	}
}

// Another user has given the name of the private area to one of their own, since it
// was last made sure of: no verb takes from it, or puts into it.
func TestAPrivateAreaThatWasExchangedServesNoVerb(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	p := claimed(t, t.TempDir())
	p.must(p.create(tmpDir+"/f", "came").Close())
	p.write("mine", "mine")
	area := filepath.Join(p.dir, ".tandem")
	p.must(os.Rename(area, filepath.Join(p.dir, "aside")))
	p.must(os.MkdirAll(filepath.Join(p.dir, tmpDir), 0o777))
	p.write(tmpDir+"/f", "evil")
	for _, rel := range []string{".tandem", tmpDir, tmpDir + "/f"} {
		p.must(os.Lchown(filepath.Join(p.dir, rel), stranger, stranger))
	}
	before := tree(t, p.dir)
	_, created := p.Create(tmpDir + "/g")
	_, appended := p.Append(tmpDir + "/f")
	_, claimed := p.Claim()
	_, proved := p.Proved()
	for verb, err := range map[string]error{
		"Create": created, "Append": appended, "Claim": claimed, "Proved": proved,
		"Rename": p.Rename(tmpDir+"/f", "new"), "Rename in": p.Rename("mine", tmpDir+"/g"), "Link": p.Link(tmpDir+"/f", "new"),
		"Exchange": p.Exchange(tmpDir+"/f", "mine"), "Replace": p.Replace(tmpDir+"/f", "mine"), "Remove": p.Remove(tmpDir + "/f"),
		"MkdirPrivate": p.MkdirPrivate(trashDir),
	} {
		p.is(verb, err, errOthers)
	}
	if now := tree(t, p.dir); !slices.Equal(now, before) {
		t.Errorf("became %q, was %q", now, before)
	}
}

func TestTheMarkerIsWrittenOnceAndByNoVerb(t *testing.T) {
	p := claimed(t, t.TempDir())
	p.write("mine", "mine")
	p.must(p.create(tmpDir+"/f", "came").Close())
	before, err := p.Proved()
	p.must(err)
	_, appended := p.Append(marker)
	for verb, err := range map[string]error{
		"Rename": p.Rename(tmpDir+"/f", marker), "Replace": p.Replace(tmpDir+"/f", marker), "Exchange": p.Exchange("mine", marker),
		"Rename away": p.Rename(marker, "new"), "Remove": p.Remove(marker), "Append": appended, "Link": p.Link("mine", marker),
	} {
		p.is(verb, err, errPrivate)
	}
	if now, err := p.Proved(); err != nil || now != before {
		t.Errorf("%+v, %v", now, err)
	}
}

// Whatever asks for the marker says what to do, with a path that can be pasted.
func TestWhatToDoIsSaidWithTheWholePath(t *testing.T) {
	p := claimed(t, t.TempDir())
	area := filepath.Join(p.dir, ".tandem")
	p.must(os.Chmod(area, 0o770))
	_, err := IdentityAt(p.dir)
	if err == nil || !strings.Contains(err.Error(), "chmod -R go= "+strconv.Quote(area)) {
		t.Error(err)
	}
}
