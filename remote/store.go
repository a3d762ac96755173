package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/zalando/go-keyring"
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
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(s.path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing to remove once it has its name
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("keep the sign-in in %s: %w", s.path, err)
	}
	if err := os.Rename(tmp.Name(), s.path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename last. Some systems cannot sync a directory, and then
// do not need to.
func syncDir(dir string) error {
	d, err := os.Open(dir)
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

// keyringStore keeps the sign-in in the desktop's keyring, and in another store
// where there is none or it will not take it.
type keyringStore struct {
	name     string
	fallback TokenStore
	usable   func() bool
}

const keyringService = "tandem"

// KeyringStore keeps the sign-in under the given name in the desktop's keyring.
// Machines without one, found out by trying, use the fallback.
func KeyringStore(name string, fallback TokenStore) TokenStore {
	return &keyringStore{name, fallback, sync.OnceValue(func() bool { return probeKeyring(name) })}
}

// probeKeyring writes, reads and removes an entry. A locked keyring may wait
// for a person who is not there, so it gets a moment only; the goroutine ends
// with the call, or with the process.
func probeKeyring(name string) bool {
	ok := make(chan bool, 1)
	go func() {
		entry := name + " (probe)"
		err := keyring.Set(keyringService, entry, "probe")
		if err == nil {
			_, err = keyring.Get(keyringService, entry)
		}
		if err == nil {
			err = keyring.Delete(keyringService, entry)
		}
		ok <- err == nil
	}()
	select {
	case works := <-ok:
		return works
	case <-time.After(3 * time.Second):
		return false
	}
}

func (s *keyringStore) Load() ([]byte, error) {
	if s.usable() {
		v, err := keyring.Get(keyringService, s.name)
		if err == nil {
			return []byte(v), nil
		}
		if !errors.Is(err, keyring.ErrNotFound) {
			return nil, fmt.Errorf("read the keyring: %w", err)
		}
	}
	return s.fallback.Load()
}

// Save leaves one copy only, so that no stale one is ever loaded.
func (s *keyringStore) Save(data []byte) error {
	if s.usable() && keyring.Set(keyringService, s.name, string(data)) == nil {
		return ignoreMissing(s.fallback.Delete())
	}
	if err := s.fallback.Save(data); err != nil { // also where the sign-in is too large for the keyring
		return err
	}
	if s.usable() {
		return ignoreMissing(keyring.Delete(keyringService, s.name))
	}
	return nil
}

func (s *keyringStore) Delete() error {
	var err error
	if s.usable() {
		err = ignoreMissing(keyring.Delete(keyringService, s.name))
	}
	return errors.Join(err, ignoreMissing(s.fallback.Delete()))
}

func (s *keyringStore) lock(ctx context.Context) (func(), error) { return lockStore(ctx, s.fallback) }

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}
