package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/syncer/transfer"
)

// TestAStopIsSaidOnceAndWhatElseFailedIsSaidToo: that a file could not be given its
// name back is the only word on where it lies now.
func TestAStopIsSaidOnceAndWhatElseFailedIsSaidToo(t *testing.T) {
	lies, errStopped := errors.New("it lies in .tandem/tasks"), errors.New("stopped")
	for _, test := range []struct {
		what string
		err  error
		said bool
	}{
		{"what the stop cut short", fmt.Errorf("get: %w", context.Canceled), false},
		{"what the stop cut short, for its reason", fmt.Errorf("get: %w", errStopped), false},
		{"twice cut short", errors.Join(context.Canceled, errStopped), false},
		{"what failed by itself", lies, true},
		{"what failed by itself as the stop came", fmt.Errorf("get: %w", errors.Join(context.Canceled, lies)), true},
	} {
		var said strings.Builder
		p := &program{out: io.Discard, screen: newScreen(&said)}
		w := p.sessionOf(&config{}, t.TempDir()).work(defaultErrand())
		err := w.run(t.Context(), func(_ context.Context, w *work) error {
			w.stop(errStopped)
			w.result(task.Result{Op: "get", Path: "f.txt", Done: task.Failed, Why: test.err.Error(), Err: test.err})
			return nil
		})
		if got := strings.Contains(said.String(), lies.Error()); got != test.said || !errors.Is(err, errStopped) {
			t.Errorf("%s: said %q, ended with %v", test.what, said.String(), err)
		}
		if got := w.tally.Failed == 1; got != test.said {
			t.Errorf("%s: %d failed", test.what, w.tally.Failed)
		}
	}
}

func TestEveryMistakeWithAFileHasANextStep(t *testing.T) {
	for _, err := range []error{task.ErrName, transfer.ErrOccupied, transfer.ErrEdited, task.ErrInTheWay, task.ErrTwin, transfer.ErrDamaged, remote.ErrMalware} {
		if itemHint(fmt.Errorf("get: %w", err)) == "" {
			t.Errorf("there is no hint against %q", err)
		}
	}
}
