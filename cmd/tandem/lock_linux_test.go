package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tandem/syncer/disk"
)

// asOwner runs act as a user whose directory dir becomes, on a thread of its own which
// then ends.
func asOwner(t *testing.T, dir string, act func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as two users")
	}
	const user = 12345
	if err := os.Chown(dir, user, user); err != nil {
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); strings.HasPrefix(up, os.TempDir()) && up != os.TempDir(); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, user, user, user); errno != 0 {
			t.Error(errno)
			return
		}
		act()
	}()
	<-done
}

func TestALockOfRootsInAUsersDirectoryGoes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"1-2", "lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	asOwner(t, dir, func() {
		unlock, held, err := lockNamed(filepath.Join(dir, "1-2"))
		if !held || err != nil {
			t.Error(held, err)
			return
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
		s := &session{dir: dir}
		unlock, err = s.lockState()
		if err != nil {
			t.Error(err)
			return
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLockOfAStateIsItsOwners(t *testing.T) {
	dir := t.TempDir()
	asOwner(t, dir, func() {})
	s := &session{dir: dir}
	unlock, err := s.lockState()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	info, err := os.Stat(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 12345 {
		t.Errorf("it is %d's", uid)
	}
}

func TestLocksOfOtherBootsAreSweptUnlessSomebodyHoldsThem(t *testing.T) {
	dir := t.TempDir()
	const boot = "-01234567-89ab-cdef-0123-456789abcdef"
	held, own := "3-4"+boot, lockName(5, 6)
	stay := []string{held, own, "1-2", "note-" + boot + ".txt", "7-8" + boot + "-mine"}
	for _, name := range append([]string{"1-2" + boot}, stay...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(dir, held))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	d, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := &session{locks: dir}
	unlock, err := s.lockFolder(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if slices.Sort(stay); !slices.Equal(left, stay) {
		t.Errorf("left are %q, want %q", left, stay)
	}
}

// TestRootGivesAwayNoFileThatLiesElsewhere: the path of a user's directory led to another
// one when the file was opened, and leads back by the time of the look.
func TestRootGivesAwayNoFileThatLiesElsewhere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	theirs, system := t.TempDir(), filepath.Join(t.TempDir(), "lock")
	if err := errors.Join(os.Chown(theirs, 12345, 12345), os.WriteFile(filepath.Join(theirs, "lock"), nil, 0o600), os.WriteFile(system, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(system)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := handOver(f, filepath.Join(theirs, "lock")); err == nil {
		t.Error("it was given away")
	}
	info, err := os.Stat(system)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("it is %+v's, %v", info, err)
	}
}
