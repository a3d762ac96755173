package watcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A folder that is not what was opened is neither read nor reached, and nothing
// in it counts as gone.
func TestARootThatIsAwayIsNotReached(t *testing.T) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mounts := func(t *testing.T, source, dir, kind string, flags uintptr) {
		if err := unix.Mount(source, dir, kind, flags, ""); err != nil {
			t.Skip("cannot mount: ", err)
		}
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	}
	for name, happens := range map[string]func(t *testing.T, dir string){
		"it is moved":   func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+".away")) },
		"it is deleted": func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) },
		"the one that it is in is moved": func(t *testing.T, dir string) {
			up := filepath.Dir(dir)
			must(t, os.Rename(up, up+".away"))
		},
		"it is made anew": func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.Mkdir(dir, 0o777)) // often with the number of the old one
		},
		"another takes its place": func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir+".copy", 0o777))
			write(t, dir+".copy/f", "F")
			must(t, os.Rename(dir, dir+".away"))
			must(t, os.Rename(dir+".copy", dir))
		},
		"a file takes its place": func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+".away"))
			write(t, dir, "")
		},
		"something is mounted on it": func(t *testing.T, dir string) { mounts(t, "tmpfs", dir, "tmpfs", 0) },
		"the same disk is mounted once more": func(t *testing.T, dir string) { // whoever watched it was told nothing since
			mounts(t, dir, dir, "", unix.MS_BIND)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "up", "here")
			must(t, os.MkdirAll(dir, 0o777))
			write(t, dir+"/f", "F")
			r, err := OpenRoot(dir)
			must(t, err)
			defer r.Close()
			must(t, r.Stands())
			happens(t, dir)
			calls := map[string]func() error{
				"Lstat":    func() error { _, err := r.Lstat("f"); return err },
				"of it":    func() error { _, err := r.Lstat(""); return err },
				"ReadDir":  func() error { _, err := r.ReadDir("", nil); return err },
				"OpenFile": func() error { _, _, err := r.OpenFile("f"); return err },
				"Parent":   func() error { _, _, err := r.Parent("f"); return err },
				"Stands":   r.Stands,
			}
			for call, do := range calls {
				if err := do(); !errors.Is(err, ErrAway) || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", call, err)
				}
			}
			// It is back, but what happened meanwhile nobody was told.
			_ = unix.Unmount(dir, 0)
			if _, err := os.Stat(dir + ".away"); err == nil {
				must(t, os.RemoveAll(dir))
				must(t, os.Rename(dir+".away", dir))
			}
			if err := r.Stands(); !errors.Is(err, ErrAway) {
				t.Errorf("back again: %v", err)
			}
		})
	}
}

func TestAnIdleRootHoldsNothingOpen(t *testing.T) {
	f := watching(t, "a")
	f.write("a/f")
	f.next("a/f")
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, fd := range open {
		if at, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(at, f.dir) {
			t.Errorf("%s is open", at)
		}
	}
}

func TestARootMayBeReachedThroughALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRoot(link)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(t, filepath.Join(dir, "f"), "F")
	if got := names(t, r, ""); len(got) != 1 {
		t.Errorf("listing = %q", got)
	}
	if err := errors.Join(os.Remove(link), os.Symlink(t.TempDir(), link)); err != nil {
		t.Fatal(err)
	}
	if err := r.Stands(); !errors.Is(err, ErrAway) {
		t.Errorf("the link leads elsewhere: %v", err)
	}
}
