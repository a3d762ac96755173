package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (d *Disk) openToWrite(rel string, flags int) (*os.File, error) {
	fd := -1
	err := d.in(rel, func(dir int, name string) (err error) {
		fd, err = unix.Openat(dir, name, flags|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rel), nil
}

// SetMTime sets the modification time and leaves the access time.
func (f *file) SetMTime(t time.Time) error { return setMTime(f.File, t) }

// setMTime is futimens: utimensat of a descriptor and no name.
func setMTime(f *os.File, t time.Time) error {
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: t.Unix(), Nsec: int64(t.Nanosecond())}}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("set time of %q: %w", f.Name(), errno)
	}
	return nil
}

// clone lets to share the bytes of from: as they are at one moment, for the kernel lets
// nobody write in between.
func clone(to, from *os.File) error {
	err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
	runtime.KeepAlive(from)
	return err
}

const (
	accessACL  = "system.posix_acl_access"
	defaultACL = "system.posix_acl_default" // of a directory: what is made in it gets it
)

// kept says which attributes a file's next version keeps. Those that vouch for
// its bytes (security.ima) or lend it power (security.capability) it must not.
func kept(attr string) bool {
	return strings.HasPrefix(attr, "user.") || attr == accessACL || attr == "security.selinux"
}

// copyAttrs takes over the owner, the ACL and the extended attributes, as far
// as we may and both file systems can, and gives the mode that the file may have then.
func copyAttrs(to, from *os.File, mode uint32) uint32 {
	src, dst := int(from.Fd()), int(to.Fd())
	var st unix.Stat_t
	if unix.Fstat(src, &st) == nil && unix.Fchown(dst, int(st.Uid), int(st.Gid)) != nil {
		_ = unix.Fchown(dst, -1, int(st.Gid)) // a group that we are in
	}
	_ = unix.Fremovexattr(dst, accessACL) // one it got from its directory
	for _, attr := range attrs(src) {
		if value, err := readAttr(src, attr); err == nil && kept(attr) && attr != accessACL {
			_ = unix.Fsetxattr(dst, attr, value, 0)
		}
	}
	return lessFor(dst, st.Gid, mode, copyACL(dst, src))
}

// copyACL takes over the ACL. If that cannot be done it gives what it grants to those
// that a mode speaks of.
func copyACL(dst, src int) (granted []byte) {
	acl, err := readAttr(src, accessACL)
	if err != nil {
		return nil
	}
	if unix.Fsetxattr(dst, accessACL, acl, 0) == nil {
		return nil
	}
	return acl
}

// lessFor lowers a mode for a file that did not get the group, or the ACL, that the
// mode is for: its bits of the group are those of another group then, or the mask of
// the ACL, which is more than its group had. Nobody is granted more than before.
func lessFor(fd int, group, mode uint32, lost []byte) uint32 {
	if lost != nil {
		mode &^= 0o070 &^ (grants(lost, aclGroup) << 3)
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Gid != group {
		mode &^= 0o070 &^ (mode & 0o007 << 3)
	}
	return mode
}

// grants is what an ACL grants to the group of the file, or to others.
func grants(acl []byte, tag uint16) uint32 {
	for at := aclHead; at+aclSize <= len(acl); at += aclSize {
		if binary.LittleEndian.Uint16(acl[at:]) == tag {
			return uint32(binary.LittleEndian.Uint16(acl[at+2:])) & 7
		}
	}
	return 0
}

// inherit gives a file the group and the ACL that a new one in the directory would
// have, and gives the mode that is left to set; its own came with an ACL. A group that
// we are not in the kernel would give, but lets nobody set.
func inherit(to, dir *os.File, mode uint32) (left uint32, set bool) {
	dst, group := int(to.Fd()), os.Getegid()
	var st unix.Stat_t
	if unix.Fstat(int(dir.Fd()), &st) == nil && st.Mode&unix.S_ISGID != 0 {
		group = int(st.Gid)
	}
	_ = unix.Fchown(dst, -1, group)
	acl, err := readAttr(int(dir.Fd()), defaultACL)
	if err == nil && unix.Fsetxattr(dst, accessACL, notToRun(acl), 0) == nil {
		return mode, true
	}
	_ = unix.Fremovexattr(dst, accessACL) // one it got from the private area
	if err != nil {
		return mode, false
	}
	return lessFor(dst, uint32(group), mode&(0o770|grants(acl, aclOthers)), acl), false
}

// notToRun is what the kernel makes of a default ACL for a file that is made with
// mode 0666: all may do what it says, but run it. For the users and groups that it
// names its mask says so, or without one for the group.
func notToRun(acl []byte) []byte {
	limits := []uint16{aclOwner, aclGroup, aclOthers}
	for at := aclHead; at+aclSize <= len(acl); at += aclSize {
		if binary.LittleEndian.Uint16(acl[at:]) == aclMask {
			limits[1] = aclMask
		}
	}
	for at := aclHead; at+aclSize <= len(acl); at += aclSize {
		if slices.Contains(limits, binary.LittleEndian.Uint16(acl[at:])) {
			acl[at+2] &^= 1
		}
	}
	return acl
}

const aclHead, aclSize = 4, 8 // version; tag, permissions, id

// What an entry of an ACL is about, see acl(5).
const (
	aclOwner  = 0x01
	aclGroup  = 0x04
	aclMask   = 0x10
	aclOthers = 0x20
)

func attrs(fd int) []string {
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size == 0 {
		return nil
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(fd, names); err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(names[:size]), "\x00"), "\x00")
}

func readAttr(fd int, attr string) ([]byte, error) {
	size, err := unix.Fgetxattr(fd, attr, nil)
	if err != nil {
		return nil, err
	}
	value := make([]byte, size)
	size, err = unix.Fgetxattr(fd, attr, value)
	return value[:max(size, 0)], err
}

// Quiet says that nobody holds a file open for writing, or that this cannot be
// told: a read lease is given out only while there is no writer. It is handed
// back at once, or the next who opens the file would have to wait for us.
func (d *Disk) Quiet(rel string) bool {
	f, _, err := d.OpenFile(rel)
	if err != nil {
		return !errors.Is(err, unix.EAGAIN)
	}
	defer f.Close()
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return err != unix.EAGAIN
}
