package watcher

import (
	"bytes"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	wanted = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	lstat  = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
)

// A listing is what reading one directory needs besides the entries. It is
// reused: a scan of a million files allocates little but their names.
type listing struct {
	dirents [64 << 10]byte
	st      unix.Statx_t
}

// ReadDir appends the entries of a directory to buf[:0], in no order. It gives
// the whole directory or an error, never a part: what is missing in a listing
// counts as gone. An entry that goes away while the directory is read is left
// out.
func (r *Root) ReadDir(rel string, buf []Entry) ([]Entry, error) {
	buf = buf[:0]
	dir, err := r.open(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return buf, err
	}
	defer unix.Close(dir)
	l, _ := r.lists.Get().(*listing)
	if l == nil {
		l = new(listing)
	}
	defer r.lists.Put(l)
	for {
		n, err := unix.Getdents(dir, l.dirents[:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return buf[:0], fmt.Errorf("list %q: %w", rel, err)
		case n == 0:
			return buf, nil
		default:
			if buf, err = r.stat(rel, dir, l, n, buf); err != nil {
				return buf[:0], err
			}
		}
	}
}

// stat appends the entries named in the first n bytes of l.dirents.
func (r *Root) stat(rel string, dir int, l *listing, n int, buf []Entry) ([]Entry, error) {
	names := string(l.dirents[:n]) // one allocation for all names
	for at := 0; at < n; {
		dirent := (*unix.Dirent)(unsafe.Pointer(&l.dirents[at]))
		start := at + int(unsafe.Offsetof(dirent.Name))
		name := names[start : start+bytes.IndexByte(l.dirents[start:], 0)]
		at += int(dirent.Reclen)
		if name == "." || name == ".." || rel == "" && IsPrivate(name) {
			continue
		}
		switch errno := l.statx(dir, &l.dirents[start]); errno {
		case 0:
			buf = append(buf, r.entry(r.page.Read(name), &l.st))
		case unix.ENOENT:
		default:
			return buf, fmt.Errorf("stat %q in %q: %w", name, rel, errno)
		}
	}
	return buf, nil
}

// statx is unix.Statx of a name that ends with a NUL already: no copy is made.
func (l *listing) statx(dir int, name *byte) unix.Errno {
	for {
		_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(name)),
			lstat, wanted, uintptr(unsafe.Pointer(&l.st)), 0)
		if errno != unix.EINTR {
			return errno
		}
	}
}

// entry puts in our words what statx said.
func (r *Root) entry(name string, st *unix.Statx_t) Entry {
	e := Entry{
		Name: name, Ino: st.Ino, Dev: device(st), NLink: st.Nlink, Mode: uint32(st.Mode) &^ unix.S_IFMT,
		MTime: nanos(st.Mtime), CTime: nanos(st.Ctime),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		e.Born = nanos(st.Btime)
	}
	e.Kind, e.Why = kind(st.Mode)
	switch {
	case e.Kind == File:
		e.Size = int64(st.Size)
	case e.Kind == Dir && mounted(st, r.id.dev):
		e.Kind = Mount
	}
	return e
}

func kind(mode uint16) (Kind, string) {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return File, ""
	case unix.S_IFDIR:
		return Dir, ""
	case unix.S_IFLNK:
		return Other, "symbolic link"
	case unix.S_IFIFO:
		return Other, "FIFO"
	case unix.S_IFSOCK:
		return Other, "socket"
	}
	return Other, "device"
}

// mounted says that something is mounted here. A bind mount from the root's own
// file system has its device number and is known by the attribute alone (Linux
// 5.8). Only directories are judged by their device: overlayfs shows files with
// that of the layer they come from.
func mounted(st *unix.Statx_t, dev uint64) bool {
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 ||
		st.Mode&unix.S_IFMT == unix.S_IFDIR && device(st) != dev
}

func device(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

func nanos(t unix.StatxTimestamp) int64 { return unixNano(time.Unix(t.Sec, int64(t.Nsec))) }
