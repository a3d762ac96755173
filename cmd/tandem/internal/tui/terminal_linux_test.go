package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A pseudoTerminal is what a person has before them.
type pseudoTerminal struct {
	t         *testing.T
	ours, its *os.File
	fd        int // of ours

	mu    sync.Mutex
	shown string
}

func newTerminal(t *testing.T, width, height uint16) *pseudoTerminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("the system has no pseudo-terminals: ", err)
	}
	ours := os.NewFile(uintptr(fd), "/dev/ptmx") // its Fd would make it one that cannot be closed while it is read
	t.Cleanup(func() { ours.Close() })
	p := &pseudoTerminal{t: t, ours: ours, fd: fd}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		p.its, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.its.Close() })
	p.resize(width, height)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ours.Read(b)
			p.mu.Lock()
			p.shown += string(b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *pseudoTerminal) resize(width, height uint16) {
	if err := unix.IoctlSetWinsize(p.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width}); err != nil {
		p.t.Error(err)
	}
}

func (p *pseudoTerminal) mode() unix.Termios {
	mode, err := unix.IoctlGetTermios(int(p.its.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *mode
}

func (p *pseudoTerminal) press(sent string) {
	if _, err := p.ours.WriteString(sent); err != nil {
		p.t.Error(err)
	}
}

// until waits for a text, and gives all that was shown up to then; what comes later
// is of the next.
func (p *pseudoTerminal) until(text string) (shown string) {
	p.t.Helper()
	for range 500 {
		p.mu.Lock()
		if at := strings.Index(p.shown, text); at >= 0 {
			shown, p.shown = p.shown[:at+len(text)], p.shown[at+len(text):]
			p.mu.Unlock()
			return shown
		}
		p.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("%q is not shown, but %q", text, p.shown)
	return ""
}

// switched are the modes of a terminal that were left switched on.
func switched(shown string) (on []string) {
	last := map[string]string{}
	for _, m := range regexp.MustCompile(`\x1b\[\?(\d+)([hl])`).FindAllStringSubmatch(shown, -1) {
		last[m[1]] = m[2]
	}
	for mode, how := range last {
		if (how == "h") != (mode == "25") { // 25 shows the cursor
			on = append(on, mode+how)
		}
	}
	return on
}

func TestTheTerminalIsGivenBack(t *testing.T) {
	tired := errors.New("somebody asked it to end")
	for name, test := range map[string]struct {
		leave func(*pseudoTerminal, context.CancelCauseFunc)
		want  func(error) bool
	}{
		"quit":              {func(p *pseudoTerminal, _ context.CancelCauseFunc) { p.press("q") }, func(err error) bool { return err == nil }},
		"asked to end":      {func(_ *pseudoTerminal, end context.CancelCauseFunc) { end(tired) }, func(err error) bool { return err == tired }},
		"panic":             {func(p *pseudoTerminal, _ context.CancelCauseFunc) { p.press("\r") }, func(err error) bool { return err != nil }},
		"panic in a key":    {func(p *pseudoTerminal, _ context.CancelCauseFunc) { p.press("p\t") }, func(err error) bool { return err != nil }},
		"panic in a task":   {func(p *pseudoTerminal, _ context.CancelCauseFunc) { p.press("mx\r") }, func(err error) bool { return err != nil }},
		"asked in a prompt": {func(p *pseudoTerminal, end context.CancelCauseFunc) { p.press("f"); p.until("find"); end(tired) }, func(err error) bool { return err == tired }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTerminal(t, 80, 24)
			before := p.mode()
			ctx, end := context.WithCancelCause(t.Context())
			e := New(ctx, Drives{
				List:     func(context.Context, Place) (Listing, error) { panic("a mistake") },
				Run:      func(context.Context, Task) Outcome { panic("a mistake") },
				Complete: func(string) string { panic("a mistake") },
			}, Listing{root, []Row{folder("Docs")}}, "", false)
			ended := make(chan error, 1)
			go func() {
				_, err := e.Run(p.its, p.its)
				ended <- err
			}()
			shown := p.until("Docs")
			shown += p.until("? keys")
			if during := p.mode(); during == before || len(switched(shown)) == 0 {
				t.Errorf("it does not have the terminal for itself: %q", shown)
			}
			test.leave(p, end)
			select {
			case err := <-ended:
				if !test.want(err) {
					t.Errorf("it ends with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it does not end")
			}
			if after := p.mode(); after != before {
				t.Errorf("the terminal was %v and is %v", before, after)
			}
			p.its.WriteString("the shell")
			if on := switched(shown + p.until("the shell")); len(on) > 0 {
				t.Errorf("%v are left switched on", on)
			}
		})
	}
}

func TestItEndsWithItsTerminal(t *testing.T) {
	p := newTerminal(t, 80, 24)
	e := New(t.Context(), Drives{}, Listing{root, nil}, "", false)
	ended := make(chan error, 1)
	go func() {
		_, err := e.Run(p.its, p.its)
		ended <- err
	}()
	p.until("? keys")
	p.ours.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("nothing is said")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestItFollowsTheSizeOfTheTerminal(t *testing.T) {
	p := newTerminal(t, 80, 24)
	ctx, end := context.WithCancel(t.Context())
	e := New(ctx, Drives{}, Listing{root, many(100)}, "", false)
	ended := make(chan error, 1)
	go func() {
		_, err := e.Run(p.its, p.its)
		ended <- err
	}()
	if shown := p.until("? keys"); strings.Contains(shown, "file 00030") {
		t.Errorf("24 lines show %q", shown)
	}
	p.resize(100, 60)
	syscall.Kill(os.Getpid(), unix.SIGWINCH) // a terminal tells only who it belongs to
	p.until("file 00050")
	end()
	<-ended
}

// TestItGoesToSleepAndWakes under a shell, which it leaves the terminal as it was.
func TestItGoesToSleepAndWakes(t *testing.T) {
	if os.Getenv("TUI_CHILD") != "" {
		e := New(t.Context(), Drives{}, Listing{root, []Row{folder("Docs")}}, "", false)
		if _, err := e.Run(os.Stdin, os.Stdout); err != nil {
			t.Error(err)
		}
		return
	}
	p := newTerminal(t, 80, 24)
	shell := exec.Command("sh", "-c", `set -m; "$0" -test.run TestItGoesToSleepAndWakes; stty -a; echo asleep; fg; echo awake`, os.Args[0])
	shell.Env = append(os.Environ(), "TUI_CHILD=1", "TERM=xterm")
	shell.Stdin, shell.Stdout, shell.Stderr = p.its, p.its, p.its
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer shell.Wait()
	defer shell.Process.Kill()
	shown := p.until("? keys")
	p.press("\x1a")
	shown += p.until("asleep")
	if on := switched(shown); len(on) > 0 || !strings.Contains(shown, " icanon") {
		t.Errorf("while it sleeps %v are left on: %q", on, shown)
	}
	p.until("Docs")
	p.press("q")
	p.until("awake")
}

func TestWithoutAShellItDoesNotGoToSleep(t *testing.T) {
	if os.Getenv("TUI_CHILD") != "" {
		TestItGoesToSleepAndWakes(t)
		return
	}
	p := newTerminal(t, 80, 24)
	child := exec.Command(os.Args[0], "-test.run", "TestWithoutAShell")
	child.Env = append(os.Environ(), "TUI_CHILD=1", "TERM=xterm")
	child.Stdin, child.Stdout, child.Stderr = p.its, p.its, p.its
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	p.until("? keys")
	p.press("\x1a")
	p.until("no shell")
	p.press("q")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}
