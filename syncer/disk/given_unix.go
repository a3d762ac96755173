//go:build unix

package disk

import (
	"crypto/rand"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Not every disk gives a file to its maker and keeps its mode: a server may make all
// nobody's, a virtual machine's shared folder all that of the mount. No list of such
// file systems is whole, so where a private area seems to be another's it is tried.

// A given is what a disk makes of a file that we make on it.
type given struct {
	uid   int
	modes bool // it keeps them
	tried time.Time
}

// odd disks are remembered for an instant, so that not each verb tries anew. For no
// longer: another disk may get the number.
var oddDisks struct {
	sync.Mutex
	by map[uint64]given
}

const oddFor = time.Minute

// givenIn finds out what the disk makes of a file, in a directory of the private area.
func givenIn(dir *os.File, info fs.FileInfo) given {
	if g, known := givenOn(info); known {
		return g
	}
	g, err := try(dir)
	if err != nil {
		return ordinary()
	}
	if g.uid != os.Geteuid() || !g.modes {
		oddDisks.Lock()
		defer oddDisks.Unlock()
		if oddDisks.by == nil {
			oddDisks.by = map[uint64]given{}
		}
		oddDisks.by[device(info)] = g
	}
	return g
}

// givenOn is what was found out a moment ago of the disk that something is on.
func givenOn(info fs.FileInfo) (given, bool) {
	oddDisks.Lock()
	defer oddDisks.Unlock()
	g, known := oddDisks.by[device(info)]
	if !known || time.Since(g.tried) > oddFor {
		return ordinary(), false
	}
	return g, true
}

// ordinary disks give a file to its maker.
func ordinary() given { return given{uid: os.Geteuid(), modes: true} }

// try makes an empty file in a directory. It is looked at through the descriptor that
// it was made by: whoever may write to the directory can exchange its name for
// something of theirs, but not what we hold.
func try(dir *os.File) (given, error) {
	name := ".tandem-" + rand.Text()
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return given{}, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	_ = unix.Unlinkat(int(dir.Fd()), name, 0)
	_ = f.Chmod(0o600) // what it inherits may have widened it
	info, err := f.Stat()
	if err != nil {
		return given{}, err
	}
	return given{uid(info), info.Mode().Perm()&others == 0, time.Now()}, nil
}

func device(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Dev) }
