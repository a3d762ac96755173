package disk

import (
	"errors"
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

// mostSize is more than any file has; an announced size may be a lie.
const mostSize = 1 << 60

// Lacks tells how many bytes must go before a file of that size fits; 0 where it does. Not
// every file system can tell; then the write will.
func Lacks(v Verbs, size int64) int64 {
	free, inodes, err := v.Free()
	size = min(max(size, 0), mostSize)
	left := int64(min(free, 2*mostSize)) - size
	switch {
	case err != nil:
		return 0
	case left < int64(Floor(free)):
		return min(Reserve, size/19+1) - left // a twentieth is left then, too
	case inodes == 0:
		return 1
	}
	return 0
}

// Full reports whether err says that the disk, or what we may use of it, is used up.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

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
