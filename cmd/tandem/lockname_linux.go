package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// takeName holds what tandems of this user see whose environment puts the file of the
// lock elsewhere, and those from before there was such a file: a socket without a file,
// named by the numbers of the directory. Anybody can have that name, so it counts only
// where this user has it; free is false then. Where sockets cannot be looked at, or in
// another network namespace, the file has to do.
func takeName(dev, ino uint64) (release func() error, free bool) {
	name := socketName(dev, ino)
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
		switch {
		case err == nil:
			return socket.Close, true
		case !errors.Is(err, syscall.EADDRINUSE):
			return func() error { return nil }, true
		}
		switch uid, err := ownerOf(name); {
		case errors.Is(err, os.ErrNotExist): // it was given back meanwhile
		case err != nil || uid != uint32(os.Geteuid()):
			return func() error { return nil }, true
		}
		if time.Now().After(end) {
			return nil, false
		}
	}
}

// nameTaken tells whether a tandem of this user holds the name.
func nameTaken(dev, ino uint64) bool {
	uid, err := ownerOf(socketName(dev, ino))
	return err == nil && uid == uint32(os.Geteuid())
}

func socketName(dev, ino uint64) string { return fmt.Sprintf("@tandem/folder/%x-%x", dev, ino) }

// What linux/unix_diag.h says.
const (
	showNameAndOwner = 0x01 | 0x40
	nameAttribute    = 0
	ownerAttribute   = 7
	diagLength       = 16 // of unix_diag_msg, before the attributes
)

// ownerOf asks the kernel whose the datagram socket with that name is. Such a socket
// does not say who is at its other end.
func ownerOf(name string) (uid uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, everySocket(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return 0, err
		}
		answers, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return 0, err
		}
		for _, a := range answers {
			switch a.Header.Type {
			case unix.NLMSG_DONE:
				return 0, os.ErrNotExist
			case unix.NLMSG_ERROR:
				return 0, errors.New("the kernel does not tell whose a socket is")
			}
			if uid, is := ownerIn(a.Data, name); is {
				return uid, nil
			}
		}
	}
}

// everySocket asks for names and owners of all sockets of this kind: the kernel picks
// by inode only.
func everySocket() []byte {
	ask := make([]byte, 0, 40)
	ask = binary.NativeEndian.AppendUint32(ask, 40)
	ask = binary.NativeEndian.AppendUint16(ask, unix.SOCK_DIAG_BY_FAMILY)
	ask = binary.NativeEndian.AppendUint16(ask, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ask = append(ask, make([]byte, 8)...)                         // sequence, sender
	ask = append(ask, unix.AF_UNIX, 0, 0, 0)                      // family, protocol
	ask = binary.NativeEndian.AppendUint32(ask, ^uint32(0))       // in any condition
	ask = binary.NativeEndian.AppendUint32(ask, 0)                // inode
	ask = binary.NativeEndian.AppendUint32(ask, showNameAndOwner) //
	return append(ask, 255, 255, 255, 255, 255, 255, 255, 255)    // cookie: none
}

// ownerIn reads one answer, and says whether it is about the name.
func ownerIn(answer []byte, name string) (uid uint32, is bool) {
	if len(answer) < diagLength || answer[1] != unix.SOCK_DGRAM {
		return 0, false
	}
	var named, owned bool
	for rest := answer[diagLength:]; len(rest) >= 4; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < 4 || length > len(rest) {
			break
		}
		value := rest[4:length]
		switch binary.NativeEndian.Uint16(rest[2:]) {
		case nameAttribute:
			named = string(value) == "\x00"+name[1:]
		case ownerAttribute:
			if owned = len(value) == 4; owned {
				uid = binary.NativeEndian.Uint32(value)
			}
		}
		rest = rest[min((length+3)&^3, len(rest)):]
	}
	return uid, named && owned
}
