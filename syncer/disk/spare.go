package disk

import (
	"io"
	"syscall"
)

const (
	// Reserve is disk space that is never used up.
	Reserve = 64 << 20
	// eachLook is how many bytes are written between two looks at what is free.
	eachLook = 8 << 20
)

// Floor is how much must stay free of what is: the reserve, or a twentieth on a disk that
// has little.
func Floor(free uint64) uint64 { return min(Reserve, free/20) }

// A spare writer is for what comes in large pieces.
type spare struct {
	w     io.Writer
	free  func() (bytes, inodes uint64, err error)
	since int64  // bytes, since the last look
	floor uint64 // what must stay free; 0 before the first look
}

// Sparing writes as w does, and looks now and then at what is free on the disk: it ends with
// ENOSPC before nothing is, whoever uses it up. That a file fits is seen before it comes.
func Sparing(v interface {
	Free() (bytes, inodes uint64, err error)
}, w io.Writer) io.Writer {
	return &spare{w: w, free: v.Free}
}

func (s *spare) Write(b []byte) (int, error) {
	if s.since += int64(len(b)); s.since >= eachLook {
		s.since = 0
		free, _, err := s.free()
		if s.floor == 0 {
			s.floor = Floor(free)
		}
		if err == nil && free < s.floor { // not every file system can tell; then the write will
			return 0, syscall.ENOSPC
		}
	}
	return s.w.Write(b)
}
