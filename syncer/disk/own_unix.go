//go:build unix

package disk

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	others  = 0o077 // may read or write
	writers = 0o022 // may write
	anybody = 0o002 // may write
)

// whose makes sure that a directory of the private area is the user's own.
func whose(dir *os.File) (open bool, err error) {
	info, err := dir.Stat()
	if err != nil {
		return false, err
	}
	mode := info.Mode().Perm()
	if uid(info) == os.Geteuid() && mode&others == 0 || ownerless(dir) {
		return false, nil
	}
	disk := givenIn(dir, info)
	switch {
	case uid(info) != os.Geteuid() && uid(info) != disk.uid:
		return false, errOthers
	case mode&writers != 0 && disk.modes:
		return false, errWritable
	}
	return mode&others != 0 && disk.modes, nil
}

// own makes sure that nobody else may change what is in a directory of the private
// area: then a name in it stands for what we have put there.
func own(dir *os.File) error {
	_, err := whose(dir)
	return err
}

// trusts reports whether nobody but the user, and root, can have put a directory,
// or anything that is in it, where it is. Where a sticky directory is on the way,
// as /tmp is, others may add to it and change nothing that is ours; what they add
// to the folder itself may be a marker. A group that may write is no stranger: a
// folder that is synced may be shared with one, and tandem's own directory in it
// belongs to the user alone all the same.
func trusts(path string, itself bool) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	if keepsNoOwners(path) {
		return true
	}
	owner := uid(info)
	if disk, known := givenOn(info); known && owner == disk.uid {
		owner = os.Geteuid()
	}
	free := info.Mode()&anybody != 0 && (itself || info.Mode()&fs.ModeSticky == 0)
	return (owner == os.Geteuid() || owner == root()) && !free
}

// mine reports whether an open file in a directory of the private area is the user's
// own.
func mine(f, dir *os.File) bool {
	info, err := f.Stat()
	return err == nil && (uid(info) == os.Geteuid() || ownerless(f) || uid(info) == givenIn(dir, info).uid)
}

// exposed reports whether anybody may rename what is in a directory.
func exposed(dir *os.File) bool {
	info, err := dir.Stat()
	return err != nil || info.Mode()&anybody != 0 && info.Mode()&fs.ModeSticky == 0 && !ownerless(dir)
}

// ownedIn gives a quick look at whether something in a directory may be the user's own.
func ownedIn(dir *os.File) func(name string) bool {
	info, err := dir.Stat()
	if err != nil || ownerless(dir) {
		return func(string) bool { return true }
	}
	disk := givenIn(dir, info)
	return func(name string) bool {
		var st unix.Stat_t
		err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		return err == nil && (int(st.Uid) == os.Geteuid() || int(st.Uid) == disk.uid)
	}
}

// planted reports whether a file is another user's, in a directory to which anybody may
// add.
func (f *file) planted() bool {
	info, err := f.File.Stat()
	if err != nil || uid(info) == os.Geteuid() || ownerless(f.File) {
		return false
	}
	dir, err := f.disk.OpenDir(dirOf(f.rel))
	if err != nil {
		return true
	}
	defer dir.Close()
	in, err := dir.Stat()
	return err != nil || in.Mode()&anybody != 0
}

// TryLock takes the file for this process, unless another has it.
func (f *file) TryLock() (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

func uid(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// keepsNoOwners reports whether a directory is on a file system of which
// [ownerless] is true.
func keepsNoOwners(path string) bool {
	dir, err := os.Open(path)
	if err != nil {
		return false
	}
	defer dir.Close()
	return ownerless(dir)
}
