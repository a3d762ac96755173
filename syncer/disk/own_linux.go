package disk

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// noOwners are file systems on which all belongs to whom the mount says, or another
// machine: nobody can be kept out of the private area there who is not kept out of
// the whole.
var noOwners = []uint32{
	unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, ntfs, ntfs3, unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC,
	unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
}

const (
	ntfs  = 0x5346544e
	ntfs3 = 0x7366746e
)

// ownerless reports whether a directory is on such a file system. Over NFS root is
// most often nobody.
func ownerless(dir *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil {
		return false
	}
	kind := uint32(st.Type)
	return slices.Contains(noOwners, kind) || kind == unix.NFS_SUPER_MAGIC && os.Geteuid() == 0
}
