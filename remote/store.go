package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// A TokenStore keeps the sign-in of one account between runs. Load returns
// [fs.ErrNotExist] when there is none. Save is atomic: a crash leaves the old
// one or the new one.
type TokenStore interface {
	Load() ([]byte, error)
	Save([]byte) error
	Delete() error
}

// A locker is a store that other processes may use too.
type locker interface {
	lock(ctx context.Context) (unlock func(), err error)
}

func lockStore(ctx context.Context, s TokenStore) (func(), error) {
	if l, ok := s.(locker); ok {
		return l.lock(ctx)
	}
	return func() {}, nil
}

type fileStore struct{ path string }

// FileStore keeps the sign-in in a file that only its owner can read.
func FileStore(path string) TokenStore { return fileStore{path} }

func (s fileStore) Load() ([]byte, error) { return os.ReadFile(s.path) }

func (s fileStore) Save(data []byte) error {
	if err := WriteSecret(s.path, data); err != nil {
		return fmt.Errorf("keep the sign-in in %s: %w", s.path, err)
	}
	return nil
}

// WriteSecret gives path a new file with that content, which only its owner can
// read, whatever stood there: at one stroke, and durably. A link is replaced, for
// somebody else may have put it there; what it leads to stays as it is.
func WriteSecret(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600, and new
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing to remove once it has its name
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename last. Some systems cannot sync a directory, and then
// do not need to.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) { // it may be written to, and not listed
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

func (s fileStore) Delete() error { return os.Remove(s.path) }

func (s fileStore) lock(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, err
	}
	f := flock.New(s.path+".lock", flock.SetPermissions(0o600))
	if _, err := f.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock %s.lock: %w", s.path, err)
	}
	return func() { f.Unlock() }, nil
}
