//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

func ownedByRoot(dir os.FileInfo) bool { return dir.Sys().(*syscall.Stat_t).Uid == 0 }

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// newFileMode is what the umask leaves of the usual mode. The umask can only be
// read by setting it; nothing else runs when this is called.
func newFileMode() uint32 {
	mask := syscall.Umask(0o077)
	syscall.Umask(mask)
	return 0o666 &^ uint32(mask)
}
