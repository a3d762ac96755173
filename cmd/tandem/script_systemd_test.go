package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// A system is what a service tells systemd.
type system struct {
	mu   sync.Mutex
	told []string
}

// systemd opens the socket that it gives to services, and wants a sign of life
// every 400 ms.
func (w *world) systemd([]string) error {
	path := w.path("notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	w.system = new(system)
	w.ts.Defer(func() { socket.Close() })
	w.ts.Setenv("NOTIFY_SOCKET", path)
	w.ts.Setenv("WATCHDOG_USEC", "400000")
	go w.system.hear(socket)
	return nil
}

func (s *system) hear(socket *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := socket.Read(buf)
		if err != nil {
			return // the story is over
		}
		s.mu.Lock()
		s.told = append(s.told, strings.Split(string(buf[:n]), "\n")...)
		s.mu.Unlock()
	}
}

// notified makes sure that a word was told, and forgets it.
func (w *world) notified(args []string) error {
	w.system.mu.Lock()
	defer w.system.mu.Unlock()
	i := slices.Index(w.system.told, args[0])
	if i < 0 {
		return fmt.Errorf("systemd was told %q", w.system.told)
	}
	w.system.told = slices.Delete(w.system.told, i, i+1)
	return nil
}
