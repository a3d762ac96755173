package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/zalando/go-keyring"
)

// A Keyring is the desktop's. Whether there is one that works is found out by
// trying, once for all that is kept in it.
type Keyring struct {
	usable func() bool
}

const keyringService = "tandem"

// NewKeyring makes a Keyring. It is not touched before it is needed.
func NewKeyring() *Keyring { return &Keyring{sync.OnceValue(probeKeyring)} }

// Store keeps a sign-in under the given name, and in the fallback where there
// is no keyring or it will not take it.
func (k *Keyring) Store(name string, fallback TokenStore) TokenStore {
	return &keyringStore{k, name, fallback}
}

// Secret reads a secret that was kept under the given name, by [Keyring.Keep] or
// with the desktop's own tools: service "tandem", user name as here.
func (k *Keyring) Secret(name string) (Secret, error) {
	if !k.usable() {
		return "", errNoKeyring
	}
	v, err := keyring.Get(keyringService, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", fmt.Errorf("the keyring has no %q", name)
	}
	if err != nil {
		return "", fmt.Errorf("read the keyring: %w", err)
	}
	return Secret(v), nil
}

// Keep keeps a secret. There is no fallback: who asks for the keyring does not
// want a file.
func (k *Keyring) Keep(name string, s Secret) error {
	if !k.usable() {
		return errNoKeyring
	}
	if err := keyring.Set(keyringService, name, s.Reveal()); err != nil {
		return fmt.Errorf("write to the keyring: %w", err)
	}
	return nil
}

var errNoKeyring = errors.New("no keyring works here, or it is locked")

type keyringStore struct {
	*Keyring
	name     string
	fallback TokenStore
}

// probeKeyring writes, reads and removes an entry. A locked keyring may wait
// for a person who is not there, so it gets a moment only; the goroutine ends
// with the call, or with the process.
func probeKeyring() bool {
	ok := make(chan bool, 1)
	go func() {
		entry := fmt.Sprintf("probe of %d", os.Getpid()) // two processes must not take it from one another
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
