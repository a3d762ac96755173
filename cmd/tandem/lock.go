package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Two locks keep tandems apart: one on the state, whose keys are given out by
// one process only, and one on the synced folder itself, which also holds
// against a tandem with another state. The kernel drops both when the process
// ends, however it ends, so nothing is ever left for a person to remove.

// lockPatience outlasts a status that is just trying the lock.
const lockPatience = 300 * time.Millisecond

func (s *session) lockState() (unlock func() error, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	file := filepath.Join(s.dir, "lock")
	if err := ownLock(file); err != nil {
		return nil, fmt.Errorf("lock state %q: %w", s.dir, err)
	}
	lock := flock.New(file, flock.SetPermissions(0o600))
	switch held, err := acquire(lock); {
	case held:
		return lock.Unlock, nil
	case err != nil:
		return nil, fmt.Errorf("lock state %q: %w", s.dir, err)
	}
	return nil, &failure{occupied, fmt.Errorf("another tandem works with the state in %q", s.dir), "an agent takes orders: tandem sync-now; or end it: tandem stop; else wait until it has finished"}
}

func acquire(lock *flock.Flock) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	held, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	return held, err
}

// stateInUse tells whether another process works with the state in dir.
func stateInUse(dir string) bool {
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	lock.Close()
	return !free && err == nil
}
