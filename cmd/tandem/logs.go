package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
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
		if err := s.printLines(f); err != nil || !follow {
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

// printLines prints what is left to be read, made fit for a terminal: some of it may
// be the last words of a program that broke down.
func (s *session) printLines(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		text, whole := strings.CutSuffix(line, "\n")
		if text = clean(text); whole {
			text += "\n"
		}
		if _, bad := fmt.Fprint(s.out, text); bad != nil {
			return bad
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
