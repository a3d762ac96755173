package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tandem/syncer/disk"
)

func TestAFolderIsLockedWhereATandemOfThisUserHasItsName(t *testing.T) {
	s, d, name := unlocked(t)
	older, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	var why *failure
	if _, err := s.lockFolder(d); !errors.As(err, &why) || why.code != occupied {
		t.Errorf("an older tandem is not seen: %v", err)
	}
	if !s.occupied(&folder{Local: d.Path()}) {
		t.Error("it is not shown")
	}
	older.Close()
	if s.occupied(&folder{Local: d.Path()}) {
		t.Error("it is shown after its end")
	}
	unlock, err := s.lockFolder(d)
	if err != nil {
		t.Fatal(err)
	}
	if older, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name}); err == nil {
		older.Close()
		t.Error("an older tandem does not see it")
	}
	other := &session{locks: filepath.Join(t.TempDir(), "locks")}
	if _, err := other.lockFolder(d); !errors.As(err, &why) || why.code != occupied {
		t.Errorf("who looks elsewhere does not see it: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestANameThatAnotherUserHasLocksNoFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as two users")
	}
	s, d, name := unlocked(t)
	defer syscall.Close(theirSocket(t, name))
	if s.occupied(&folder{Local: d.Path()}) {
		t.Error("it is shown as locked")
	}
	for range 2 {
		unlock, err := s.lockFolder(d)
		if err != nil {
			t.Fatal(err)
		}
		var why *failure
		if _, err := s.lockFolder(d); !errors.As(err, &why) || why.code != occupied {
			t.Errorf("two have it: %v", err)
		}
		if !s.occupied(&folder{Local: d.Path()}) {
			t.Error("it is not shown as locked")
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	}
}

func unlocked(t *testing.T) (s *session, d *disk.Disk, name string) {
	d, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	top, err := d.Lstat("")
	if err != nil {
		t.Fatal(err)
	}
	return &session{locks: filepath.Join(t.TempDir(), "locks")}, d, socketName(top.Dev, top.Ino)
}

// theirSocket has a name as another user: a socket is that of the user whose files its
// maker works on.
func theirSocket(t *testing.T, name string) (fd int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(stranger); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err := errors.Join(err, unix.Setfsuid(0)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: name}); err != nil {
		t.Fatal(err)
	}
	return fd
}
