package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem/syncer/disk"
)

// TestAFileThatAnotherUserHasPutThereGrantsNothing: in a directory to which anybody may add
// they would read, and write to, what comes in its place.
func TestAFileThatAnotherUserHasPutThereGrantsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a file of another user's")
	}
	const another = 65533
	for name, c := range map[string]struct {
		dir     os.FileMode
		granted bool
	}{
		"where anybody may add":      {0o777 | os.ModeSticky, false},
		"where only the user may":    {0o755, true}, // root who restores into somebody's home
		"where a group may, as well": {0o775, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			old := filepath.Join(dir, "f")
			err := errors.Join(os.WriteFile(old, []byte("planted"), 0o666), os.Chmod(old, 0o666), os.Chown(old, another, another), os.Chmod(dir, c.dir))
			if err != nil {
				t.Fatal(err)
			}
			d, err := disk.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.MkdirPrivate(".tandem/tmp"); err != nil {
				t.Fatal(err)
			}
			f, err := d.Create(".tandem/tmp/1")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := disk.TakeAfter(d, "f", f, 0o600); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, ".tandem/tmp/1"))
			if err != nil {
				t.Fatal(err)
			}
			granted := info.Sys().(*syscall.Stat_t).Uid == another || info.Mode().Perm()&0o077 != 0
			if granted != c.granted {
				t.Errorf("mode %v, owner %d", info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
			}
		})
	}
}
