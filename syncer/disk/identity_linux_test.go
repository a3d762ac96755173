package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/watcher"
)

func TestAFolderIsClaimedOnce(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("opening made %v, %v", entries, err)
	}
	if id, err := d.Identity(); err != nil || id.UUID != "" || id.Ino == 0 {
		t.Errorf("Identity = %+v, %v", id, err)
	}
	first, err := d.Claim()
	if err != nil || len(first.UUID) != 32 {
		t.Fatalf("Claim = %+v, %v", first, err)
	}
	again, err := d.Claim()
	if err != nil || again != first {
		t.Errorf("Claim = %+v, %v, want %+v", again, err, first)
	}
	for _, rel := range []string{".tandem", tmpDir, stashDir, trashDir} {
		if info, err := os.Lstat(filepath.Join(dir, rel)); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", rel, info, err)
		}
	}
	if left, err := d.PrivateDir(tmpDir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTwoFoldersHaveTwoIdentities(t *testing.T) {
	a, b := claimed(t, t.TempDir()), claimed(t, t.TempDir())
	idA, errA := a.Identity()
	idB, errB := b.Identity()
	if err := errors.Join(errA, errB); err != nil || idA.UUID == idB.UUID || idA.Ino == idB.Ino || idA.FSID != idB.FSID {
		t.Errorf("%+v, %+v, %v", idA, idB, err)
	}
}

func TestAMarkerThatIsGoneOrDamagedIsNone(t *testing.T) {
	p := claimed(t, t.TempDir())
	name := filepath.Join(p.dir, marker)
	for _, text := range []string{"", "0123", "zz0123456789abcdef0123456789abcd", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\n"} {
		p.must(os.WriteFile(name, []byte(text), 0o600))
		if id, err := p.Identity(); err != nil || id.UUID != "" {
			t.Errorf("marker %q: %+v, %v", text, id, err)
		}
	}
	p.must(os.Remove(name))
	if id, err := p.Identity(); err != nil || id.UUID != "" {
		t.Errorf("no marker: %+v, %v", id, err)
	}
	if id, err := p.Claim(); err != nil || id.UUID == "" {
		t.Errorf("claimed again: %+v, %v", id, err)
	}
}

// FuzzAMarker: whatever stands in it, it is one of ours or none, and is read no further
// than one of ours is long.
func FuzzAMarker(f *testing.F) {
	for _, text := range []string{"", "0123456789abcdef0123456789abcdef\n", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef more", "0x23456789abcdef0123456789abcdef", "\x00", strings.Repeat("a", 1<<16)} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	d, err := Open(dir)
	if err == nil {
		_, err = d.Claim()
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, marker), text, 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := d.Identity()
		if err != nil || id.UUID != "" && (len(id.UUID) != 32 || !bytes.HasPrefix(text, []byte(id.UUID)) || strings.Trim(id.UUID, "0123456789abcdefABCDEF") != "") {
			t.Fatalf("%q is read as %q, %v", text, id.UUID, err)
		}
	})
}

// What stands at the path is told, and no other folder is reached.
func TestAFolderThatWasReplacedIsNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := claimed(t, dir)
	first, err := p.Identity()
	p.must(err)
	p.must(os.Rename(dir, dir+".away"))
	_, err = p.Identity()
	p.is("folder away", err, fs.ErrNotExist)
	p.must(os.Mkdir(dir, 0o755))
	if id, err := p.Identity(); err != nil || id.UUID != "" || id.Ino == first.Ino {
		t.Errorf("folder replaced: %+v, %v", id, err)
	}
	_, err = p.Lstat(marker)
	p.is("looked at meanwhile", err, watcher.ErrAway)
	p.must(errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)))
	if id, err := p.Identity(); err != nil || id != first {
		t.Errorf("folder back: %+v, %v, want %+v", id, err, first)
	}
}

func TestAPrivateAreaThatIsALinkIsNotOurs(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	if err := os.Symlink(out, filepath.Join(dir, ".tandem")); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if id, err := d.Claim(); err == nil {
		t.Errorf("claimed as %+v", id)
	}
	if got := tree(t, out); len(got) != 0 {
		t.Errorf("made %q outside", got)
	}
}

func TestWhatTheFileSystemCanDoIsTried(t *testing.T) {
	eachDisk(t, func(p place) {
		c, err := p.Caps()
		if err != nil || !c.NoReplace || !c.HardLinks || c.Granularity <= 0 || c.Granularity > 2*time.Second {
			p.Errorf("Caps = %+v, %v", c, err)
		}
		p.holds()
	})
}

func TestWhatIsNotClaimedIsNotTried(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if c, err := d.Caps(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Caps = %+v, %v", c, err)
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("trying made %q", got)
	}
}

func TestTheGranularityIsReadOffATimeThatComesBackRounded(t *testing.T) {
	for _, step := range []time.Duration{1, 100, time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second, 2 * time.Second} {
		stored := odd - odd%int64(step)
		if got := granularity(watcher.Entry{MTime: stored}); got != step {
			t.Errorf("steps of %v are taken for %v", step, got)
		}
	}
}
