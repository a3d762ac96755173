package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// canMount tells whether a small disk can be made, to be filled up.
func canMount() bool {
	dir, err := os.MkdirTemp("", "tandem-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if syscall.Mount("tandem", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
}

// tmpfs mounts a small disk until the end of the story: tmpfs DIR SIZE.
func (w *world) tmpfs(args []string) error {
	dir := w.path(args[0])
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	w.ts.Defer(func() { syscall.Unmount(dir, 0) })
	return syscall.Mount("tandem", dir, "tmpfs", 0, "size="+args[1])
}

// mount lets what is in one directory be a disk that is mounted on another until
// the end of the story: mount DISK DIR.
func (w *world) mount(args []string) error {
	disk, dir := w.path(args[0]), w.path(args[1])
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	w.ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return syscall.Mount(disk, dir, "", syscall.MS_BIND, "")
}

// unmount is refused while anybody has something open there.
func (w *world) unmount(args []string) error { return syscall.Unmount(w.path(args[0]), 0) }

const nobody = 65534

// asUser runs tandem under a user id that file permissions apply to; tests may
// well run as root, to whom they do not. The first argument is the exit code.
func (w *world) asUser(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	cmd := w.tandem(args[1:]...)
	if os.Geteuid() == 0 {
		if err := errors.Join(give(w.dir), letIn(w.dir), letIn(filepath.Dir(cmd.Path))); err != nil {
			return err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	data, err := w.exits(want, cmd)
	if err == nil && slices.Contains(args, "--json") {
		err = w.outcome(data)
	}
	return err
}

// give hands all that is in dir to nobody, modes as they are, but what is the
// stranger's.
func give(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Sys().(*syscall.Stat_t).Uid == stranger {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// A stranger is another user of the machine than the one whose folder it is.
const stranger = 65533

// asStranger runs a program as that user.
func (w *world) asStranger(args []string) error {
	cmd, err := w.theirs(args)
	if err != nil {
		return err
	}
	_, err = w.exits(0, cmd)
	return err
}

func (w *world) theirs(args []string) (*exec.Cmd, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = w.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	return cmd, errors.Join(letIn(w.dir), letIn(filepath.Dir(w.tandem().Path)))
}

// squatter has that user listen at an address.
func (w *world) squatter(args []string) error {
	cmd, err := w.theirs([]string{"squat", args[0]})
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.ts.Defer(func() { cmd.Process.Kill(); cmd.Wait() })
	_, err = bufio.NewReader(out).ReadString('\n')
	return err
}

// letIn opens the way to dir: temporary directories are their maker's alone.
func letIn(dir string) error {
	for ; strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// peakMB is the most memory a process had.
func peakMB(p *os.ProcessState) float64 {
	return float64(p.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

// atTerminal gives it a terminal of its own, on which it has shown something.
func atTerminal(cmd *exec.Cmd) (midst, error) {
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return midst{}, err
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0))
	if err != nil {
		return midst{}, errors.Join(err, ours.Close())
	}
	theirs, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return midst{}, errors.Join(err, ours.Close())
	}
	cmd.Stdin, cmd.Stdout = theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return once(func() { ours.Read(make([]byte, 1)) }, func() { theirs.Close(); ours.Close() }), nil
}
