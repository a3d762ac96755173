package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// In a namespace that has the user alone, the folders above are root's all the same.
func TestAMarkerCountsInANamespaceWithoutRoot(t *testing.T) {
	if dir := os.Getenv("TANDEM_SYNCED"); dir != "" {
		if at, found := Synced(dir); !found || at != dir {
			t.Errorf("Synced = %q, %v", at, found)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make a folder of another user")
	}
	dir := t.TempDir()
	for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	claimed(t, dir)
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error { return os.Lchown(path, stranger, stranger) })
	program := filepath.Join(t.TempDir(), "test")
	for at := filepath.Dir(program); at != os.TempDir(); at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	one := []syscall.SysProcIDMap{{ContainerID: stranger, HostID: stranger, Size: 1}}
	cmd := exec.Command(program, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "TANDEM_SYNCED="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: one, GidMappings: one,
		Credential: &syscall.Credential{Uid: stranger, Gid: stranger, NoSetGroups: true}}
	if said, err := cmd.CombinedOutput(); cmd.ProcessState == nil {
		t.Skip("no namespaces here: ", err)
	} else if err != nil {
		t.Errorf("%v: %s", err, said)
	}
}
