//go:build unix

package tui

import "golang.org/x/sys/unix"

// canSuspend reports whether a shell is there to wake this process again: one that
// leads its session has none, as with ssh -t, and would sleep for ever.
func canSuspend() bool {
	session, err := unix.Getsid(0)
	return err == nil && session != unix.Getpid()
}
