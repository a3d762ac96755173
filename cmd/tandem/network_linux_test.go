package main

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestANetworkThatComesIsNoticed, in a world of its own that begins without one.
func TestANetworkThatComesIsNoticed(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	came, ended := make(chan struct{}, 10), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this world
		if unix.Unshare(unix.CLONE_NEWNET) != nil {
			ended <- errors.ErrUnsupported
			return
		}
		news, err := networkNews()
		if err == nil {
			err = bringUp("lo")
		}
		if err == nil {
			err = hearNetwork(ctx, news, func() { came <- struct{}{} })
		}
		ended <- err
	}()
	select {
	case <-came:
	case err := <-ended:
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("no network of its own is to be had here")
		}
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was noticed")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// bringUp starts an interface of this thread's world.
func bringUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	up, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up)
}

func TestBrokenNewsOfTheNetworkIsNone(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, 16), {255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if isArrival(b) {
			t.Errorf("% x is an arrival", b)
		}
	}
}
