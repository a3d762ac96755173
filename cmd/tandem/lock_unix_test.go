//go:build unix

package main

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tandem/syncer/disk"
)

func TestOneAtATimeHoldsAFolderThoughItsLockComesAndGoes(t *testing.T) {
	dir, locks := t.TempDir(), filepath.Join(t.TempDir(), "locks")
	var holders, turns atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			d, err := disk.Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			s := &session{locks: locks}
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
				unlock, err := s.lockFolder(d)
				if err != nil {
					continue // another has it for long
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have it", n)
				}
				turns.Add(1)
				holders.Add(-1)
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if turns.Load() < 10 {
		t.Errorf("only %d turns", turns.Load())
	}
}

func TestTheLockOfAFolderIsNotInTheFolder(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o777); err != nil {
		t.Fatal(err)
	}
	s := &session{dir: filepath.Join(dir, "state"), locks: filepath.Join(home, ".local/state/tandem/locks")}
	d, err := disk.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unlock, err := s.lockFolder(d)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("in the folder are %v (%v)", left, err)
	}
	if !s.occupied(&folder{Local: home}) {
		t.Error("nobody notices")
	}
	if err := unlock(); err != nil || s.occupied(&folder{Local: home}) {
		t.Errorf("it is not given back: %v", err)
	}
}

func TestALockIsGivenBackUnderItsOwnNameOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks", "1-2")
	unlock, held, err := lockNamed(path)
	if !held || err != nil {
		t.Fatal(held, err)
	}
	if err := os.Remove(path); err != nil { // as a cleaner of old files may
		t.Fatal(err)
	}
	next, held, err := lockNamed(path)
	if !held || err != nil {
		t.Fatal(held, err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("the lock of another is gone:", err)
	}
	if err := next(); err != nil {
		t.Error(err)
	}
}

func TestALockThatRootLeftKeepsNoUserOut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as two users")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "1-2")
	unlock, held, err := lockNamed(path)
	if !held || err != nil {
		t.Fatal(held, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 {
		t.Errorf("it is %d's", st.Uid)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
