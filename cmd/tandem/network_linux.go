package main

import (
	"context"
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// networkChanges calls changed whenever this machine got an address or a route,
// until ctx ends.
func networkChanges(ctx context.Context, changed func()) error {
	news, err := networkNews()
	if err != nil {
		return err
	}
	return hearNetwork(ctx, news, changed)
}

func hearNetwork(ctx context.Context, news *os.File, changed func()) error {
	defer context.AfterFunc(ctx, func() { news.Close() })()
	defer news.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := news.Read(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS): // more news than we could read
			changed()
		case err != nil:
			return err
		case isArrival(buf[:n]):
			changed()
		}
	}
}

// networkNews opens what the kernel tells of addresses and routes.
func networkNews() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	groups := uint32(unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// isArrival says that any of the messages brings something; what goes away is
// of no use to us.
func isArrival(messages []byte) bool {
	for len(messages) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(messages))
		switch binary.NativeEndian.Uint16(messages[4:]) {
		case unix.RTM_NEWADDR, unix.RTM_NEWROUTE:
			return true
		}
		if length = (length + 3) &^ 3; length < unix.NLMSG_HDRLEN || length > len(messages) {
			return false
		}
		messages = messages[length:]
	}
	return false
}
