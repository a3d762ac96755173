package watcher

import (
	"io/fs"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

// fill adds what only the system's own stat tells.
func fill(e *Entry, info fs.FileInfo) {
	st := info.Sys().(*syscall.Stat_t)
	e.Ino, e.Dev, e.NLink = st.Ino, uint64(st.Dev), uint32(st.Nlink)
	e.Mode = uint32(st.Mode) &^ syscall.S_IFMT
	e.Born, e.CTime = st.Birthtimespec.Nano(), st.Ctimespec.Nano()
}
