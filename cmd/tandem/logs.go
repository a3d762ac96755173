package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// showLog prints the agent's log file, and with follow what comes to it until
// ctx ends.
func (s *session) showLog(ctx context.Context, follow bool) error {
	f, err := os.Open(s.logPath())
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{failed, errors.New("there is no log yet"), "install the service with: tandem service install"}
	}
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.Copy(s.out, f); err != nil || !follow {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		was, err := f.Stat()
		if err != nil {
			return err
		}
		if now, err := os.Stat(s.logPath()); err == nil && !os.SameFile(was, now) { // it has become the old one
			next, err := os.Open(s.logPath())
			if err != nil {
				return err
			}
			f.Close()
			f = next
		}
	}
}
