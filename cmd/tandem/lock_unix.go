//go:build unix

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"tandem/syncer/disk"
)

// lockFolder locks the directory that was opened, by whatever name it is reached and
// whatever state it is synced with. An open file in it would keep its disk from being
// taken out, and a name that anybody can have would let others keep tandem away: so the
// lock is on a file that is the user's alone, called by the numbers of the directory, and
// besides on a name that reaches further where it is the user's (see takeName).
func (s *session) lockFolder(d *disk.Disk) (unlock func() error, err error) {
	top, err := d.Lstat("")
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", d.Path(), err)
	}
	busy := &failure{occupied, fmt.Errorf("another tandem works on %q", d.Path()), "stop that one first, or wait until it has finished"}
	for _, dir := range s.lockDirs(d.Path()) {
		remove, held, no := lockNamed(filepath.Join(dir, lockName(top.Dev, top.Ino)))
		if err = no; err != nil {
			continue
		}
		if !held {
			return nil, busy
		}
		release, free := takeName(top.Dev, top.Ino)
		if !free {
			return nil, cmp.Or[error](remove(), busy)
		}
		sweepLocks(dir)
		return func() error { return errors.Join(release(), remove()) }, nil
	}
	return nil, fmt.Errorf("lock folder %q: %w", d.Path(), err)
}

// lockNamed takes the lock on a file that is there for it alone. It may have to wait for
// an instant.
func lockNamed(path string) (unlock func() error, held bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, false, err
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		f, err := openLock(path)
		if err != nil {
			return nil, false, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && named(f, path) { // else who held it removed it as it was opened here
			return func() error { return errors.Join(giveBack(f, path), f.Close()) }, true, nil
		}
		f.Close()
		switch {
		case err != nil && err != syscall.EWOULDBLOCK:
			return nil, false, err
		case time.Now().After(end):
			return nil, false, nil
		}
	}
}

// openLock makes the file of a lock or opens it. Root makes it for the owner of the
// directory, who else could not look at it; so a file of another user in a directory of
// one's own is no lock of a tandem that is at work, and goes.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrPermission) && foreign(path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	}
	if err != nil || os.Geteuid() != 0 {
		return f, err
	}
	if err := handOver(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// foreign reports whether a file of another user is in a directory of one's own.
func foreign(path string) bool {
	file, err := os.Lstat(path)
	dir, no := os.Stat(filepath.Dir(path))
	if err != nil || no != nil {
		return false
	}
	me := uint32(os.Geteuid())
	return dir.Sys().(*syscall.Stat_t).Uid == me && file.Sys().(*syscall.Stat_t).Uid != me
}

// handOver gives a file of root's to the owner of the directory that it is in, if it has no
// other name under which it would be given away, too. The path may lead elsewhere by now.
func handOver(f *os.File, path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	var there unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), filepath.Base(path), &there, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	file, err := f.Stat()
	owner, no := dir.Stat()
	if err != nil || no != nil {
		return errors.Join(err, no)
	}
	if st := file.Sys().(*syscall.Stat_t); uint64(st.Dev) != uint64(there.Dev) || st.Ino != there.Ino {
		return fmt.Errorf("%q was exchanged meanwhile", path)
	}
	st, to := file.Sys().(*syscall.Stat_t), owner.Sys().(*syscall.Stat_t)
	if !file.Mode().IsRegular() || st.Size != 0 || st.Nlink > 1 || st.Uid != 0 || to.Uid == 0 {
		return nil
	}
	return f.Chown(int(to.Uid), int(to.Gid))
}

// giveBack removes the file of a lock, unless somebody did and the name is another's now.
func giveBack(f *os.File, path string) error {
	if !named(f, path) {
		return nil
	}
	return os.Remove(path)
}

// named reports whether path is still the name of f.
func named(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there)
}

// occupied tells whether another process works on the folder.
func (s *session) occupied(f *folder) bool {
	info, err := os.Stat(f.Local)
	if err != nil {
		return false
	}
	st := info.Sys().(*syscall.Stat_t)
	if nameTaken(uint64(st.Dev), st.Ino) {
		return true
	}
	for _, dir := range s.lockDirs(f.Local) {
		lock := flock.New(filepath.Join(dir, lockName(uint64(st.Dev), st.Ino)), flock.SetFlag(os.O_RDONLY))
		free, err := lock.TryRLock()
		lock.Close()
		if !free && err == nil {
			return true
		}
	}
	return false
}

// lockDirs are where the lock of a folder may be: where every tandem of this user looks,
// or else beside the state, as where the first cannot be written to or would be in the
// folder itself.
func (s *session) lockDirs(folder string) []string {
	beside := filepath.Join(s.dir, "locks")
	if s.locks == "" || within(realPath(s.locks), realPath(folder)) {
		return []string{beside}
	}
	return []string{s.locks, beside}
}

// lockName says since when the machine runs, too: the directory of the locks may be one
// that other machines have as well, where the same numbers mean another folder.
func lockName(dev, ino uint64) string {
	return strings.TrimSuffix(fmt.Sprintf("%x-%x-%s", dev, ino, thisBoot()), "-")
}

// thisBoot names the time since the machine was started; "" where the numbers have to do.
func thisBoot() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(boot))
}

// ofBoot finds the boot in what [lockName] gives.
var ofBoot = regexp.MustCompile(`^[0-9a-f]+-[0-9a-f]+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// sweepLocks removes the files of locks that were held when their machine ended, for
// nobody comes back to those. What cannot be removed now is left to the next.
func sweepLocks(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if m := ofBoot.FindStringSubmatch(e.Name()); m != nil && m[1] != thisBoot() {
			_ = sweepLock(filepath.Join(dir, e.Name()))
		}
	}
}

// sweepLock removes the file of a lock unless somebody holds it: a tandem on another
// machine that has the directory, too, may.
func sweepLock(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	return giveBack(f, path)
}

// ownLock makes sure that the lock on the state can be opened by the owner of its
// directory, whoever left it.
func ownLock(path string) error {
	f, err := openLock(path)
	if err != nil {
		return err
	}
	return f.Close()
}
