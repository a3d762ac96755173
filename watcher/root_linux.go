package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

type Kind uint8

const (
	File Kind = iota + 1
	Dir
	Other
	Mount
)

type Entry struct {
	Name                     string
	Kind                     Kind
	Why                      string
	Ino, Dev                 uint64
	NLink, Mode              uint32
	Born, Size, MTime, CTime int64
}

const Private = ".tandem"

type Root struct {
	path string
	fd   int
	dev  uint64
}

func OpenRoot(p string) (*Root, error) {
	fd, err := unix.Open(p, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, mask, &st); err != nil {
		return nil, err
	}
	return &Root{p, fd, dev(&st)}, nil
}

func (r *Root) Path() string { return r.path }
func (r *Root) Close() error { return unix.Close(r.fd) }
func (r *Root) FD() int      { return r.fd }

const mask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

func (r *Root) openat(rel string, flags uint64) (int, error) {
	if rel == "" {
		rel = "."
	}
	for {
		fd, err := unix.Openat2(r.fd, rel, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: beneath})
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil {
			return -1, &fs.PathError{Op: "open", Path: rel, Err: err}
		}
		return fd, nil
	}
}

func private(rel string) bool { return rel == Private || strings.HasPrefix(rel, Private+"/") }

func (r *Root) OpenDir(rel string) (*os.File, error) {
	fd, err := r.openat(rel, unix.O_DIRECTORY|unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rel), nil
}

func dev(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

func ns(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

func (r *Root) entry(name string, st *unix.Statx_t) Entry {
	e := Entry{Name: name, Ino: st.Ino, Dev: dev(st), NLink: st.Nlink, Mode: uint32(st.Mode) & 0o7777,
		Size: int64(st.Size), MTime: ns(st.Mtime), CTime: ns(st.Ctime)}
	if st.Mask&unix.STATX_BTIME != 0 {
		e.Born = ns(st.Btime)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.Kind = File
	case unix.S_IFDIR:
		e.Kind, e.Size = Dir, 0
		if e.Dev != r.dev {
			e.Kind = Mount
		}
	case unix.S_IFLNK:
		e.Kind, e.Why = Other, "symbolic link"
	case unix.S_IFIFO:
		e.Kind, e.Why = Other, "FIFO"
	case unix.S_IFSOCK:
		e.Kind, e.Why = Other, "socket"
	default:
		e.Kind, e.Why = Other, "device"
	}
	return e
}

var bufs = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

func (r *Root) ReadDir(rel string, out []Entry) ([]Entry, error) {
	out = out[:0]
	fd, err := r.openat(rel, unix.O_DIRECTORY|unix.O_RDONLY)
	if err != nil {
		return out, err
	}
	defer unix.Close(fd)
	bp := bufs.Get().(*[]byte)
	defer bufs.Put(bp)
	buf := *bp
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return out[:0], &fs.PathError{Op: "readdir", Path: rel, Err: err}
		}
		if n == 0 {
			return out, nil
		}
		for b := buf[:n]; len(b) > 0; {
			d := (*unix.Dirent)(unsafe.Pointer(&b[0]))
			raw := b[unsafe.Offsetof(d.Name):d.Reclen]
			b = b[d.Reclen:]
			i := 0
			for i < len(raw) && raw[i] != 0 {
				i++
			}
			name := string(raw[:i])
			if name == "." || name == ".." || rel == "" && name == Private {
				continue
			}
			var st unix.Statx_t
			if err := unix.Statx(fd, name, unix.AT_SYMLINK_NOFOLLOW, mask, &st); err == unix.ENOENT {
				continue
			} else if err != nil {
				return out[:0], &fs.PathError{Op: "stat", Path: path.Join(rel, name), Err: err}
			}
			out = append(out, r.entry(name, &st))
		}
	}
}

func (r *Root) Lstat(rel string) (Entry, error) {
	if rel == "" {
		var st unix.Statx_t
		if err := unix.Statx(r.fd, "", unix.AT_EMPTY_PATH, mask, &st); err != nil {
			return Entry{}, err
		}
		return r.entry("", &st), nil
	}
	dir, name := path.Split(rel)
	fd, err := r.openat(strings.TrimSuffix(dir, "/"), unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return Entry{}, err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err := unix.Statx(fd, name, unix.AT_SYMLINK_NOFOLLOW, mask, &st); err != nil {
		return Entry{}, &fs.PathError{Op: "stat", Path: rel, Err: err}
	}
	return r.entry(name, &st), nil
}

func (r *Root) OpenFile(rel string) (*os.File, Entry, error) {
	fd, err := r.openat(rel, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return nil, Entry{}, err
	}
	f := os.NewFile(uintptr(fd), rel)
	e, err := r.Fstat(f)
	if err == nil && e.Kind != File {
		err = fmt.Errorf("%q is not a regular file", rel)
	}
	if err != nil {
		return nil, e, errors.Join(err, f.Close())
	}
	return f, e, nil
}

func (r *Root) Fstat(f *os.File) (Entry, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, mask, &st); err != nil {
		return Entry{}, err
	}
	return r.entry(path.Base(f.Name()), &st), nil
}

var _ = syscall.EINTR
