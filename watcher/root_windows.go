package watcher

import (
	"io/fs"
	"syscall"
)

const nonblock = 0 // a name of a directory never leads to a pipe

// fill adds what only the system's own stat tells. A listing on Windows brings
// no file number; the birth time, in steps of 100 ns, takes its place.
func fill(e *Entry, info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		e.Born = st.CreationTime.Nanoseconds()
	}
}
