package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// canary is what every file of the tree outside is full of, and what all names are made of
// that are there only. Neither may be seen on the way to the drive.
const canary = "canary0f9d2c71"

// canaryTree makes a tree outside. It has the names of a folder that is raced, the sizes and
// times of its files, a private area with all that a tandem would tidy up, and names
// of its own.
func canaryTree(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().AddDate(-1, 0, 0)
	files := map[string]int{
		"part.bin": 1 << 20, "only-" + canary + ".txt": smallFile, ".tandem/folder-id": 33, ".tandem/tmp/1-" + canary: smallFile, ".tandem/stash/1-" + canary: smallFile,
		".tandem/trash/2020-01-01/" + canary: smallFile, ".tandem/tasks/1-1-1.part": smallFile,
		".tandem/tasks/replaced/2020-01-01T00.00.00/" + canary: smallFile, "d/s/only-" + canary: smallFile,
	}
	for rel, size := range racedFiles {
		files[rel] = size
	}
	for rel, size := range files {
		file := filepath.Join(dir, rel)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, bytes.Repeat([]byte(canary), size/len(canary)+1)[:size], 0o640))
		must(t, os.Chtimes(file, old, old))
	}
	must(t, os.MkdirAll(filepath.Join(dir, "e/.tandem"), 0o755))
	for _, rel := range []string{".tandem", ".tandem/tmp", ".tandem/stash", ".tandem/trash", ".tandem/tasks"} {
		must(t, os.Chmod(filepath.Join(dir, rel), 0o700))
	}
}

// sums is a tree by the hashes of what is in it, with all that is known of each name.
func sums(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var text []byte
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		fmt.Fprintf(&all, "%s %v %d %v %x\n", path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid, info.ModTime(), sha256.Sum256(text))
		return err
	}))
	return all.String()
}

// A wire is the way to the drive. It looks for what must never be on it, in addresses and
// in all that is sent, also of what never comes to be a file.
type wire struct {
	http.Handler
	leaks atomic.Pointer[string]
}

func (w *wire) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.String(), canary) {
		w.leak(r, "its address has it")
	}
	r.Body = &sniffed{ReadCloser: r.Body, found: func() { w.leak(r, "its body has it") }}
	w.Handler.ServeHTTP(answer, r)
}

func (w *wire) leak(r *http.Request, why string) {
	said := fmt.Sprintf("%s %s: %s", r.Method, r.URL, why)
	w.leaks.CompareAndSwap(nil, &said)
}

// sniffed looks for the canary in what is read.
type sniffed struct {
	io.ReadCloser
	found func()
	tail  []byte
}

func (s *sniffed) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.tail = append(s.tail, b[:n]...)
	if bytes.Contains(s.tail, []byte(canary)) {
		s.found()
	}
	s.tail = append([]byte(nil), s.tail[max(0, len(s.tail)-len(canary)):]...)
	return n, err
}
