package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tandem/watcher"
)

type Identity struct {
	UUID, FSID string
	Ino        uint64
}
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	Stat() (watcher.Entry, error)
	Sync() error
	SetMTime(int64) error
	CopyAttrs(File) error
	Chmod(uint32) error
	Close() error
}
type Disk struct{ *watcher.Root }

func Open(p string) (*Disk, error) {
	r, err := watcher.OpenWhole(p)
	if err != nil {
		return nil, err
	}
	return &Disk{r}, nil
}

func (d *Disk) Claim() (Identity, error) {
	for _, s := range []string{"tmp", "stash", "trash"} {
		if err := os.MkdirAll(filepath.Join(d.Path(), watcher.Private, s), 0o700); err != nil {
			return Identity{}, err
		}
	}
	name := filepath.Join(d.Path(), watcher.Private, "folder-id")
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		b := make([]byte, 16)
		rand.Read(b)
		if err := os.WriteFile(name, []byte(hex.EncodeToString(b)), 0o600); err != nil {
			return Identity{}, err
		}
	}
	return d.Identity()
}

func (d *Disk) Identity() (Identity, error) {
	info, err := os.Stat(d.Path())
	if err != nil {
		return Identity{}, err
	}
	_ = info
	b, err := os.ReadFile(filepath.Join(d.Path(), watcher.Private, "folder-id"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Identity{}, err
	}
	return Identity{UUID: string(b)}, nil
}

type file struct {
	*os.File
	d *Disk
}

func (f file) Stat() (watcher.Entry, error) { return f.d.Fstat(f.File) }
func (f file) SetMTime(ns int64) error {
	ts := []unix.Timespec{unix.NsecToTimespec(ns), unix.NsecToTimespec(ns)}
	return unix.UtimesNanoAt(int(f.Fd()), "", ts, unix.AT_EMPTY_PATH)
}
func (f file) CopyAttrs(from File) error {
	e, err := from.Stat()
	if err != nil {
		return err
	}
	return f.Chmod(e.Mode)
}
func (f file) Chmod(m uint32) error { return f.File.Chmod(os.FileMode(m)) }

func (d *Disk) Open(rel string) (File, error) {
	f, _, err := d.OpenFile(rel)
	if err != nil {
		return nil, err
	}
	return file{f, d}, nil
}

func priv(rel string) error {
	if !strings.HasPrefix(rel, watcher.Private+"/") {
		return fmt.Errorf("%q is not private", rel)
	}
	return nil
}

func (d *Disk) at(rel string, fn func(fd int, name string) error) error {
	dir, name := path.Split(rel)
	f, err := d.OpenDir(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fn(int(f.Fd()), name); err != nil {
		return &fs.PathError{Op: "change", Path: rel, Err: err}
	}
	return nil
}

func (d *Disk) Create(rel string) (File, error) { return d.openw(rel, unix.O_CREAT|unix.O_EXCL) }
func (d *Disk) Append(rel string) (File, error) { return d.openw(rel, unix.O_APPEND) }
func (d *Disk) openw(rel string, flags int) (File, error) {
	if err := priv(rel); err != nil {
		return nil, err
	}
	var f *os.File
	err := d.at(rel, func(fd int, name string) error {
		n, err := unix.Openat(fd, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0o600)
		f = os.NewFile(uintptr(n), name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return file{f, d}, nil
}

func (d *Disk) two(a, b string, flags uint) error {
	return d.at(a, func(fa int, na string) error {
		return d.at(b, func(fb int, nb string) error { return unix.Renameat2(fa, na, fb, nb, flags) })
	})
}
func (d *Disk) Rename(a, b string) error   { return d.two(a, b, unix.RENAME_NOREPLACE) }
func (d *Disk) Exchange(a, b string) error { return d.two(a, b, unix.RENAME_EXCHANGE) }
func (d *Disk) Replace(a, b string) error  { return d.two(a, b, 0) }
func (d *Disk) Link(a, b string) error {
	return d.at(a, func(fa int, na string) error {
		return d.at(b, func(fb int, nb string) error { return unix.Linkat(fa, na, fb, nb, 0) })
	})
}
func (d *Disk) Mkdir(rel string) (watcher.Entry, error) {
	if err := d.at(rel, func(fd int, n string) error { return unix.Mkdirat(fd, n, 0o777) }); err != nil {
		return watcher.Entry{}, err
	}
	return d.Lstat(rel)
}
func (d *Disk) Rmdir(rel string) error {
	return d.at(rel, func(fd int, n string) error { return unix.Unlinkat(fd, n, unix.AT_REMOVEDIR) })
}
func (d *Disk) Remove(rel string) error {
	if err := priv(rel); err != nil {
		return err
	}
	return d.at(rel, func(fd int, n string) error { return unix.Unlinkat(fd, n, 0) })
}
func (d *Disk) MkdirPrivate(rel string) error {
	return os.MkdirAll(filepath.Join(d.Path(), rel), 0o700)
}
func (d *Disk) PrivateDir(rel string) ([]watcher.Entry, error) { return d.ReadDir(rel, nil) }
func (d *Disk) SyncDir(rel string) error {
	f, err := d.OpenDir(rel)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
func (d *Disk) Free() (uint64, uint64, error) {
	var st unix.Statfs_t
	err := unix.Statfs(d.Path(), &st)
	return st.Bavail * uint64(st.Bsize), st.Ffree, err
}
func (d *Disk) Quiet(rel string) bool { return true }
