package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// A private area here is as safe from others as the folder that it is in: it has
// the access list that it gets from there.

func whose(*os.File) (open bool, err error) { return false, nil }
func own(*os.File) error                    { return nil }
func trusts(string, bool) bool              { return true }
func mine(_, _ *os.File) bool               { return true }

func (*file) planted() bool { return false }
func exposed(*os.File) bool { return false }

func ownedIn(*os.File) func(string) bool { return func(string) bool { return true } }

// TryLock takes the file for this process, unless another has it.
func (f *file) TryLock() (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
