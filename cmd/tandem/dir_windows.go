package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// ownedByRoot has no meaning where there is no root.
func ownedByRoot(os.FileInfo) bool { return true }

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func newFileMode() uint32 { return 0o666 }
