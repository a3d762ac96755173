package disk

import (
	"fmt"

	"golang.org/x/sys/unix"

	"tandem/watcher"
)

func statfs(root *watcher.Root) (unix.Statfs_t, error) {
	var st unix.Statfs_t
	dir, err := root.OpenDir("")
	if err != nil {
		return st, err
	}
	defer dir.Close()
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return st, fmt.Errorf("file system of %q: %w", root.Path(), err)
	}
	return st, nil
}

// fsid is the file system's own number: its UUID, folded, on most.
func fsid(root *watcher.Root) string {
	st, err := statfs(root)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%08x%08x", uint32(st.Fsid.Val[0]), uint32(st.Fsid.Val[1]))
}

// remote says that changes may be made where this kernel does not see them. A
// FUSE file system may be a disk like any other, but who can tell.
func remote(root *watcher.Root) bool {
	st, err := statfs(root)
	if err != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC:
		return true
	}
	return false
}
