package disk

import (
	"io/fs"
	"os"
	"path/filepath"
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
