package task

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"tandem/remote"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// busy is a disk on which another task ends its work on a part, once we have read
// that to its end.
type busy struct {
	disk.Verbs
	end func()
}

func (b busy) Append(rel string) (disk.File, error) {
	f, err := b.Verbs.Append(rel)
	return readToEnd{f, b.end}, err
}

type readToEnd struct {
	disk.File
	then func()
}

func (r readToEnd) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.File.ReadAt(b, at)
	if err == io.EOF {
		r.then()
	}
	return n, err
}

// half leaves the first bytes of a large item in a folder, and gives the file.
func half(t *testing.T, l *Landing, it remote.Item) string {
	t.Helper()
	id := sha256.Sum256([]byte(it.Drive + "\n" + it.ID + "\n" + it.Hash))
	file := filepath.Join(l.root, private, hex.EncodeToString(id[:12])+".part")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

var large = remote.Item{Drive: "d", ID: "i", Hash: "h", Size: resumeAbove}

func TestAPartIsItsOwnBeforeItIsRead(t *testing.T) {
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := half(t, l, large)
	other := flock.New(file, flock.SetFlag(os.O_RDONLY))
	if held, err := other.TryLock(); !held || err != nil {
		t.Fatal(held, err)
	}
	l.disk = busy{l.disk, func() {
		if err := errors.Join(os.WriteFile(file, []byte("half, and more"), 0o600), other.Close()); err != nil {
			t.Error(err)
		}
	}}
	if p, err := l.part(large); !errors.Is(err, ErrOccupied) {
		t.Errorf("%+v, %v", p, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := l.part(large)
	if err != nil || p.size != int64(len("half")) {
		t.Fatalf("%+v, %v", p, err)
	}
	p.close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAPartThatCannotBeLockedIsNotUsed(t *testing.T) {
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	half(t, l, large)
	l.disk = lockless{l.disk}
	if _, err := l.part(large); !errors.Is(err, syscall.ENOLCK) {
		t.Error(err)
	}
}

// lockless is a disk that has no locks.
type lockless struct{ disk.Verbs }

func (d lockless) Append(rel string) (disk.File, error) {
	f, err := d.Verbs.Append(rel)
	return unlockable{f}, err
}

type unlockable struct{ disk.File }

func (unlockable) TryLock() (bool, error) { return false, syscall.ENOLCK }

// TestAPartThatIsNoneIsNotWrittenTo: a second name of a file outside, or a link to it,
// stands where a download would go on.
func TestAPartThatIsNoneIsNotWrittenTo(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"another name": os.Link, "a link": os.Symlink} {
		t.Run(name, func(t *testing.T) {
			l, err := Land(t.TempDir(), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			file, outside := half(t, l, large), filepath.Join(t.TempDir(), "outside")
			if err := errors.Join(os.WriteFile(outside, []byte("canary"), 0o600), os.Remove(file), link(outside, file)); err != nil {
				t.Fatal(err)
			}
			if p, err := l.part(large); err == nil {
				_, err = p.file.Write([]byte("more"))
				if p.close(); err != nil || l.root+"/"+p.name == file {
					t.Errorf("%q, %v", p.name, err)
				}
			} else if name == "another name" {
				t.Error(err)
			}
			if text, err := os.ReadFile(outside); err != nil || string(text) != "canary" {
				t.Errorf("outside is %q, %v", text, err)
			}
		})
	}
}

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
	file := half(t, l, large)
	if err := os.Truncate(file, large.Size); err != nil {
		t.Fatal(err)
	}
	looked := false
	l.disk = watched{l.disk, func() {
		looked = true
		if _, err := os.Lstat(file); !absent(err) {
			t.Errorf("where a download goes on lies the replaced version: %v", err)
		}
	}}
	if err := placed(l, strings.TrimPrefix(file, l.root+"/"), "", &was); err != nil || !looked {
		t.Error(err, looked)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAHalfDownloadThatCouldNotBePlacedStaysToBeGoneOnWith(t *testing.T) {
	l, err := Land(t.TempDir(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := half(t, l, large)
	if err := os.Truncate(file, large.Size); err != nil {
		t.Fatal(err)
	}
	l.disk = refusing{l.disk}
	if err := placed(l, strings.TrimPrefix(file, l.root+"/"), "", &watcher.Entry{}); !errors.Is(err, syscall.EIO) {
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
