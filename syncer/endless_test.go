package syncer

import (
	"context"
	"errors"
	"testing"

	"tandem/syncer/disk"
)

// endless is a file that is read and read; stop is called once that has begun.
type endless struct {
	disk.File
	stop func()
}

func (f endless) Read(b []byte) (int, error) {
	f.stop()
	return len(b), nil
}

func TestNoFileIsReadForLongerThanTheRunGoesOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	e := New(Config{})
	e.ending = ctx.Done()
	if _, err := e.hashFile(endless{stop: stop}); !errors.Is(err, errOver) {
		t.Errorf("it ended with %v", err)
	}
}
