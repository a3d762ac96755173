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
