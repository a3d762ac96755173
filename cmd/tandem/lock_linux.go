package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"tandem/syncer/disk"
)

// lockFolder locks the directory that was opened, by whatever name it is reached. An
// open file there would keep its disk from being taken out, so the lock is a socket
// without a file, named by the numbers of the directory. Who has another network
// namespace, as in a container, does not see it: there the lock on the state has to do.
func lockFolder(d *disk.Disk) (unlock func() error, err error) {
	top, err := d.Lstat("")
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", d.Path(), err)
	}
	name := lockName(top.Dev, top.Ino)
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	for {
		lock, err := net.ListenUnixgram("unixgram", name)
		switch {
		case err == nil:
			return lock.Close, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return func() error { return nil }, nil
		}
		select {
		case <-ctx.Done():
			return nil, &failure{occupied, fmt.Errorf("another tandem works on %q", d.Path()), "stop that one first, or wait until it has finished"}
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// occupied tells whether another process works on the folder.
func (f *folder) occupied() bool {
	info, err := os.Stat(f.Local)
	if err != nil {
		return false
	}
	st := info.Sys().(*syscall.Stat_t)
	conn, err := net.DialUnix("unixgram", nil, lockName(st.Dev, st.Ino))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func lockName(dev, ino uint64) *net.UnixAddr {
	return &net.UnixAddr{Net: "unixgram", Name: fmt.Sprintf("@tandem/folder/%x-%x", dev, ino)}
}
