package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestALogThatGrowsBecomesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	line := []byte(strings.Repeat("x", 1<<20) + "\n")
	for _, reopened := range []bool{false, true} {
		l, err := openLog(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			if n, err := l.Write(line); n != len(line) || err != nil {
				t.Fatalf("Write = %d, %v (opened again: %v)", n, err, reopened)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, lines := range map[string]int{path: 4, path + ".old": 4} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stamped := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d x+$`)
		if got := len(stamped.FindAll(text, -1)); got != lines || strings.Count(string(text), "\n") != lines {
			t.Errorf("%s has %d lines with the time, want %d", filepath.Base(name), got, lines)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
}

func TestALogIsShownSoThatATerminalOnlyShowsIt(t *testing.T) {
	var out bytes.Buffer
	s := &session{program: &program{out: &out}, dir: t.TempDir()}
	said := "tandem: plain\npanic: \u009b2J\u202e\nno end"
	if err := os.WriteFile(s.logPath(), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.showLog(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if want := "tandem: plain\npanic: \\u009b2J\\u202e\nno end"; out.String() != want {
		t.Errorf("it shows %q, want %q", out.String(), want)
	}
}
