package task

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"tandem/syncer/disk"
	"tandem/watcher"
)

// What may have been a person's file is kept as what was replaced, and what is
// surely half a download goes.
func TestWhatAKilledTaskLeftIsSortedWhenItIsOld(t *testing.T) {
	const resumable = "partial/1-2-4.part"
	numbered := []string{"1-2-1.gone", "1-2-2.part", "1-2-3.part.new"}
	all := append(slices.Clone(numbered), resumable)
	for _, row := range []struct {
		when                   string
		after                  time.Duration
		stay, replaced         []string
		resumableIsInUse       bool
		numberedAreOpenToWrite bool
	}{
		{when: "within a day", after: 23 * time.Hour, stay: all},
		{when: "the next day", after: 25 * time.Hour, stay: []string{resumable}, replaced: numbered},
		{when: "the next day, and somebody writes", after: 25 * time.Hour, stay: all, numberedAreOpenToWrite: true},
		{when: "weeks later", after: keepFor + time.Hour, replaced: numbered},
		{when: "weeks later, and another task goes on", after: keepFor + time.Hour, stay: []string{resumable}, replaced: numbered, resumableIsInUse: true},
	} {
		t.Run(row.when, func(t *testing.T) {
			if row.numberedAreOpenToWrite && runtime.GOOS != "linux" {
				t.Skip("only Linux tells who has a file open")
			}
			l, err := Land(t.TempDir(), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(l.root, private)
			if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range all {
				f, err := os.Create(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if !row.numberedAreOpenToWrite {
					f.Close()
				}
			}
			if row.resumableIsInUse {
				lock := flock.New(filepath.Join(dir, resumable))
				if held, err := lock.TryLock(); !held || err != nil {
					t.Fatal(held, err)
				}
				defer lock.Close()
			}
			l.began = time.Now().Add(row.after)
			l.forget()
			if got := files(t, dir); !slices.Equal(got, row.stay) {
				t.Errorf("left are %q, want %q", got, row.stay)
			}
			kept := filepath.Join(l.root, disk.Replaced, l.began.Format(disk.ReplacedAt))
			if got := files(t, kept); !slices.Equal(got, row.replaced) {
				t.Errorf("kept are %q, want %q", got, row.replaced)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// files are the names of the files in a folder and of partial downloads below it, in order.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
		if e.Name() == "partial" {
			for _, below := range files(t, filepath.Join(dir, e.Name())) {
				names = append(names, "partial/"+below)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestWhatAKilledTaskLeftGoesInTheEnd(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, private), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, private, "1-2-1.gone"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{2, 40} {
		l, err := Land(dir, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.began = l.began.AddDate(0, 0, days)
		l.forget()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left is %v, %v", entries, err)
	}
}

// Where the usual private area is not to be had, others are made: the next task goes on
// with what is in one, and all go in the end.
func TestWhatAKilledTaskLeftInAnAreaOfItsOwnGoesToo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, watcher.Private), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	land := func() *Landing {
		t.Helper()
		l, err := Land(dir, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	killed := func(l *Landing, area string) string {
		t.Helper()
		l.area = area
		return came(t, l, true)
	}
	first := killed(land(), "")
	if !watcher.IsPrivate(strings.Split(first, "/")[0]) || strings.HasPrefix(first, private) {
		t.Fatalf("it is in %q", first)
	}
	if next := killed(land(), ""); path.Dir(next) != path.Dir(first) {
		t.Errorf("the next is in %q; want that of %q", next, first)
	}
	killed(land(), disk.NewArea())
	l := land()
	l.began = l.began.AddDate(0, 0, 40)
	l.forget()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left is %v, %v", entries, err)
	}
}

// TestAFolderOfYoursThatWasGivenTheNameOfAnAreaStaysAsItIs: where anybody may rename what
// is in a directory, others could have tandem clear a folder away that only you can enter.
func TestAFolderOfYoursThatWasGivenTheNameOfAnAreaStaysAsItIs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory there has an access list")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var mine []string
	for _, name := range []string{watcher.Private, disk.NewArea()} {
		file := filepath.Join(dir, name, "tasks", "todo.txt")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		mine = append(mine, file)
	}
	for _, days := range []int{2, 60, 100} {
		l, err := Land(dir, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.began = l.began.AddDate(0, 0, days)
		l.forget()
		name := came(t, l, true)
		if strings.HasPrefix(name, private) {
			t.Errorf("a download passes through %q", name)
		}
		if err := errors.Join(l.disk.Remove(name), l.Close()); err != nil {
			t.Error(err)
		}
	}
	for _, file := range mine {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(mine) {
		t.Errorf("left is %v, %v", entries, err)
	}
}
