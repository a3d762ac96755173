package task

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem/syncer/disk"
	"tandem/watcher"
)

// watched is a disk on which somebody looks right after an exchange, as if the
// task had been killed there.
type watched struct {
	disk.Verbs
	look func()
}

func (w watched) Exchange(a, b string) error {
	defer w.look()
	return w.Verbs.Exchange(a, b)
}

func TestWhatIsReplacedIsNeverTakenForAHalfDownload(t *testing.T) {
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
	name := came(t, l, true)
	file := filepath.Join(l.root, name)
	looked := false
	l.disk = watched{l.disk, func() {
		looked = true
		if _, err := os.Lstat(file); !absent(err) {
			t.Errorf("where a download goes on lies the replaced version: %v", err)
		}
	}}
	if err := placed(l, name, "", &was); err != nil || !looked {
		t.Error(err, looked)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAHalfDownloadThatCouldNotBePlacedStaysToBeResumed(t *testing.T) {
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	name := came(t, l, true)
	file := filepath.Join(l.root, name)
	l.disk = refusing{l.disk}
	if err := placed(l, name, "", &watcher.Entry{}); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	if _, err := os.Lstat(file); err != nil {
		t.Error(err)
	}
}

// placed gives a private file the name f.
func placed(l *Landing, name, hash string, was *watcher.Entry) error {
	ours, err := l.disk.Lstat(name)
	if err != nil {
		return err
	}
	return l.place(name, hash, ours, "f", was)
}

// refusing is a disk that can exchange nothing.
type refusing struct{ disk.Verbs }

func (refusing) Exchange(_, _ string) error { return syscall.EIO }

// What was given back may after a loss of power bear the private name again, that the
// first exchange gave it, until the second is durable: so nothing removes that name.
func TestWhatIsNotDurablyUndoneStays(t *testing.T) {
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const came = private + "/1.part"
	if err := errors.Join(os.WriteFile(filepath.Join(l.root, "f"), []byte("mine"), 0o600), l.makePrivate(private), os.WriteFile(filepath.Join(l.root, came), []byte("theirs"), 0o600)); err != nil {
		t.Fatal(err)
	}
	sum, err := l.hash(came)
	if err != nil {
		t.Fatal(err)
	}
	l.disk = forgetful{l.disk}
	if err := placed(l, came, sum, &watcher.Entry{}); !errors.Is(err, syscall.EIO) { // it is not what was looked at
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(l.root, "f")); string(got) != "mine" {
		t.Errorf("f = %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(l.root, came)); err != nil {
		t.Error(err)
	}
}

// forgetful is a disk that can make no name durable.
type forgetful struct{ disk.Verbs }

func (forgetful) SyncDir(string) error { return syscall.EIO }
