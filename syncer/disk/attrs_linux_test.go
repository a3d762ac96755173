package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// Of a group that we are not in, the next version has another group: that may do no
// more with it than others may.
func TestTheNextVersionGrantsAnotherGroupNoMore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of groups that we are not in")
	}
	dir := t.TempDir()
	for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	_ = os.Chown(dir, stranger, stranger)
	for mode, want := range map[os.FileMode]os.FileMode{0o660: 0o600, 0o664: 0o644, 0o604: 0o604, 0o646: 0o646} {
		old := filepath.Join(dir, mode.String())
		if err := os.WriteFile(old, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Chown(old, stranger, 2345)
		_ = os.Chmod(old, mode)
		squashed(t, stranger, func() {
			from, err := os.Open(old)
			if err != nil {
				t.Error(err)
				return
			}
			defer from.Close()
			to, err := os.Create(old + ".new")
			if err != nil {
				t.Error(err)
				return
			}
			defer to.Close()
			if got := os.FileMode(copyAttrs(to, from, uint32(mode))); got != want {
				t.Errorf("of %v came %v, want %v", mode, got, want)
			}
		})
	}
}

// Without its ACL a mode's group bits are those of the group, which were the mask.
func TestWithoutItsACLAFileGrantsTheGroupWhatThatHad(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list := acl(77)
	list[4+2*aclSize+2] = 0 // the group's own entry
	for _, c := range []struct {
		lost       []byte
		mode, want uint32
	}{{nil, 0o660, 0o660}, {acl(77), 0o660, 0o640}, {list, 0o664, 0o604}} {
		if got := lessFor(int(f.Fd()), uint32(os.Getegid()), c.mode, c.lost); got != c.want {
			t.Errorf("of %o came %o, want %o", c.mode, got, c.want)
		}
	}
}
