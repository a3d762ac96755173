package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// lockFolder locks a directory by whatever name it is reached. An open file there
// would keep its disk from being taken out, so the lock is a socket without a file,
// named by the numbers of the directory. Who has another network namespace, as in a
// container, does not see it: there the lock on the state has to do.
func lockFolder(dir string) (unlock func() error, err error) {
	name, err := lockName(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", dir, err)
	}
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
			return nil, &failure{occupied, fmt.Errorf("another tandem works on %q", dir), "stop that one first, or wait until it has finished"}
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// occupied tells whether another process works on the folder.
func (f *folder) occupied() bool {
	name, err := lockName(f.Local)
	if err != nil {
		return false
	}
	conn, err := net.DialUnix("unixgram", nil, name)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func lockName(dir string) (*net.UnixAddr, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return &net.UnixAddr{Net: "unixgram", Name: fmt.Sprintf("@tandem/folder/%x-%x", st.Dev, st.Ino)}, nil
}
