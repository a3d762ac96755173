package disk

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// squashed runs act on a thread whose files get another owner, as on a server that
// makes all nobody's.
func squashed(t *testing.T, owner int, act func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of somebody else")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if err := unix.Setfsuid(owner); err != nil {
			t.Error(err)
			return
		}
		act()
	}()
	<-done
	oddDisks.Lock()
	clear(oddDisks.by)
	oddDisks.Unlock()
}

func TestADiskThatGivesFilesToSomebodyElseCanBeSynced(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "folder")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	_ = os.Chown(dir, stranger, stranger)
	squashed(t, stranger, func() {
		d, err := Open(dir)
		if err != nil {
			t.Error(err)
			return
		}
		defer d.Close()
		if id, err := d.Claim(); err != nil || id.UUID == "" {
			t.Errorf("Claim = %+v, %v", id, err)
			return
		}
		if at, found := Synced(dir); !found || at != dir {
			t.Errorf("Synced = %q, %v", at, found)
		}
		f, err := d.Create(tmpDir + "/f")
		if err != nil {
			t.Error(err)
			return
		}
		f.Close()
		more, err := d.Append(tmpDir + "/f")
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.WriteString(more, "text"); err != nil {
			t.Error(err)
		}
		more.Close()
		if left, err := d.PrivateDir(tmpDir); err != nil || len(left) != 1 {
			t.Errorf("left is %v, %v", left, err)
		}
	})
}

// Others may make it look so only to us: what they made stays theirs.
func TestAnAreaOfSomebodyElseStaysTheirsOnADiskThatGivesFilesAway(t *testing.T) {
	dir := t.TempDir()
	_ = os.Chmod(filepath.Dir(dir), 0o755)
	_ = os.Chmod(dir, 0o777)
	area := filepath.Join(dir, ".tandem")
	for _, mode := range []os.FileMode{0o700, 0o755, 0o777} {
		_ = os.Mkdir(area, mode)
		_ = os.Chmod(area, mode)
		_ = os.Chown(area, 1234, 1234)
		for _, owner := range []int{0, stranger} {
			squashed(t, owner, func() {
				d, err := Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				defer d.Close()
				place{t, d, dir}.is("claimed", d.MkdirPrivate(tmpDir), errOthers)
			})
		}
	}
	if left, err := os.ReadDir(area); err != nil || len(left) != 0 {
		t.Errorf("left is %v, %v", left, err)
	}
}

func TestADiskThatKeepsNoModesCanBeSynced(t *testing.T) {
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := os.WriteFile(image, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("mkfs.vfat", image).CombinedOutput(); err != nil {
		t.Skipf("cannot make a disk: %v: %s", err, text)
	}
	if text, err := exec.Command("mount", "-o", "loop,umask=0", image, dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount: %v: %s", err, text)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	known := noOwners
	noOwners = nil
	t.Cleanup(func() { noOwners = known })
	claimed(t, dir)
}
