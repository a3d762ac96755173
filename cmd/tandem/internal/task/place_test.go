package task

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tandem/syncer/disk"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// failing is a disk without exchange, and without links or with, on which some verbs in a
// row fail.
type failing struct {
	disk.Verbs
	links    bool
	from, to int
	n        *int
}

func (f failing) fails() error {
	if *f.n++; *f.n >= f.from && *f.n < f.to {
		return syscall.EIO
	}
	return nil
}

func (f failing) Exchange(_, _ string) error { return errors.ErrUnsupported }

func (f failing) Link(a, b string) error {
	if !f.links {
		return errors.ErrUnsupported
	}
	if err := f.fails(); err != nil {
		return err
	}
	return f.Verbs.Link(a, b)
}

func (f failing) Rename(a, b string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Verbs.Rename(a, b)
}

func (f failing) Replace(a, b string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Verbs.Replace(a, b)
}

func (f failing) Lstat(a string) (watcher.Entry, error) {
	if err := f.fails(); err != nil {
		return watcher.Entry{}, err
	}
	return f.Verbs.Lstat(a)
}

func (f failing) SyncDir(a string) error { return errors.Join(f.fails(), f.Verbs.SyncDir(a)) }

func (f failing) Remove(a string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Verbs.Remove(a)
}

// TestWhateverFailsWhatStoodThereIsNotLost where a disk cannot exchange names: a task that
// could not replace a file leaves it where people find it, or says where it is.
func TestWhateverFailsWhatStoodThereIsNotLost(t *testing.T) {
	for _, links := range []bool{false, true} {
		for _, saved := range []bool{false, true} { // while it was downloaded
			for _, large := range []bool{false, true} {
				for from := 1; from < 20; from++ {
					for n := 1; n < 10; n++ {
						what := fmt.Sprintf("links %v, saved %v, large %v, verbs %d to %d fail", links, saved, large, from, from+n-1)
						whateverFails(t, what, links, saved, large, from, from+n)
					}
				}
			}
		}
	}
}

func whateverFails(t *testing.T, what string, links, saved, large bool, from, to int) {
	t.Helper()
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, mine := filepath.Join(l.root, "f"), "mine"
	if err := os.WriteFile(f, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	was, err := l.disk.Lstat("f")
	if err != nil {
		t.Fatal(err)
	}
	if saved {
		mine = "mine, and precious"
		if err := os.WriteFile(f, []byte(mine), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name := came(t, l, large)
	sum, err := l.hash(name)
	if err != nil {
		t.Fatal(err)
	}
	real := l.disk
	ours, err := real.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	l.disk = failing{real, links, from, to, new(int)}
	err = l.place(name, sum, ours, "f", &was)
	l.disk = real
	if err == nil && !saved {
		return // it was replaced
	}
	at := find(t, l.root, mine)
	switch {
	case at == "":
		t.Errorf("%s: what stood there is lost; the task says: %v", what, err)
	case isPartial(at):
		t.Errorf("%s: what stood there is in %q, where a download is resumed", what, at)
	case watcher.IsPrivate(strings.Split(at, "/")[0]) && !(errors.Is(err, errLeft) && strings.Contains(err.Error(), strconv.Quote(at))):
		t.Errorf("%s: what stood there is in %q, which the task does not say: %v", what, at, err)
	case err == nil || errors.Is(err, transfer.ErrEdited) && !saved:
		t.Errorf("%s: the task says: %v", what, err)
	}
}

// came leaves a download in a private file.
func came(t *testing.T, l *Landing, large bool) string {
	t.Helper()
	create := l.create
	if large {
		create = l.createPartial
	}
	p, err := create()
	if err == nil {
		_, err = p.Write([]byte("came"))
	}
	if err = errors.Join(err, p.Close()); err != nil {
		t.Fatal(err)
	}
	return p.Name
}

// find gives the path of the file with that content, outside the private area if there is
// one; "" if there is none.
func find(t *testing.T, dir, content string) (at string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		rel := strings.TrimPrefix(p, dir+"/")
		if string(text) == content && (at == "" || watcher.IsPrivate(strings.Split(at, "/")[0])) {
			at = rel
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// held is a disk as on Windows, on which a program has a file open: it can be given a
// second name, and none of its names can be taken away.
type held struct {
	disk.Verbs
	ino uint64
}

func (h held) busy(rel string) error {
	if e, err := h.Verbs.Lstat(rel); err == nil && e.Ino == h.ino {
		return syscall.EBUSY
	}
	return nil
}

func (h held) Exchange(_, _ string) error { return errors.ErrUnsupported }

func (h held) Replace(a, b string) error {
	if err := h.busy(b); err != nil {
		return err
	}
	return h.Verbs.Replace(a, b)
}

func (h held) Rename(a, b string) error {
	if err := h.busy(a); err != nil {
		return err
	}
	return h.Verbs.Rename(a, b)
}

func (h held) Remove(a string) error {
	if err := h.busy(a); err != nil {
		return err
	}
	return h.Verbs.Remove(a)
}

func TestAFileThatAProgramHoldsIsLeftAndALargeDownloadIsKept(t *testing.T) {
	for _, large := range []bool{false, true} {
		l, err := Land(t.TempDir(), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(l.root, "f"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		was, err := l.disk.Lstat("f")
		if err != nil {
			t.Fatal(err)
		}
		name := came(t, l, large)
		real := l.disk
		l.disk = held{real, was.Ino}
		err = placed(l, name, "", &was)
		l.disk = real
		if !errors.Is(err, syscall.EBUSY) || errors.Is(err, errLeft) || find(t, l.root, "mine") != "f" {
			t.Errorf("large %v: %v; what stood there is at %q", large, err, find(t, l.root, "mine"))
		}
		want := ""
		if large {
			want = name
		}
		if at := find(t, l.root, "came"); at != want {
			t.Errorf("large %v: the download is at %q, want %q", large, at, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
