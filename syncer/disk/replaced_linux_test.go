package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tandem/watcher"
)

func TestWhatTasksReplacedIsForgottenInTime(t *testing.T) {
	now := time.Now()
	stamp := func(ago time.Duration) string { return Replaced + "/" + now.Add(-ago).Format(ReplacedAt) }
	old, young, strange := stamp(10*time.Hour), stamp(time.Hour), Replaced+"/mine"
	for _, c := range []struct {
		what   string
		before time.Time
		most   int
		files  int
		left   []string
	}{
		{"nothing is old enough", now.Add(-11 * time.Hour), 10, 0, []string{old + "/a", old + "/d/b", young + "/a", strange + "/a"}},
		{"a task was long ago, but its files were written to since", now.Add(-2 * time.Hour), 10, 0, []string{old + "/a", old + "/d/b", young + "/a", strange + "/a"}},
		{"both tasks were long ago", now.Add(time.Hour), 10, 3, []string{strange + "/a"}},
		{"and nothing is to be removed", now.Add(time.Hour), 0, 0, []string{old + "/a", old + "/d/b", young + "/a", strange + "/a"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			for _, rel := range []string{old + "/a", old + "/d/b", young + "/a", strange + "/a"} {
				file := filepath.Join(dir, rel)
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			d, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if n, err := ForgetReplaced(d, watcher.Private, c.before, c.most); n != c.files || err != nil {
				t.Errorf("%d files, %v; want %d", n, err, c.files)
			}
			var left []string
			for _, pattern := range []string{"*/*", "*/d/*"} {
				files, err := filepath.Glob(filepath.Join(dir, Replaced, pattern))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					if info, err := os.Stat(file); err == nil && !info.IsDir() {
						rel, _ := filepath.Rel(dir, file)
						left = append(left, rel)
					}
				}
			}
			slices.Sort(left)
			want := slices.Sorted(slices.Values(c.left))
			if !slices.Equal(left, want) {
				t.Errorf("left is %q, want %q", left, want)
			}
		})
	}
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n, err := ForgetReplaced(d, watcher.Private, now, 10); n != 0 || err != nil {
		t.Errorf("where no task was: %d, %v", n, err)
	}
}
