package task_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote/remotetest"
	"tandem/watcher"
)

// TestASourceIsDeletedWhereItWasSentFrom: its folder, or one on the way to it, comes to lead
// elsewhere after it was sent. What is there is nobody's business.
func TestASourceIsDeletedWhereItWasSentFrom(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, from, outside string){
		"the folder is another": func(t *testing.T, from, outside string) {
			must(t, os.Rename(from, from+" aside"))
			must(t, os.Rename(outside, from))
		},
		"the folder is a link": func(t *testing.T, from, outside string) {
			must(t, os.Rename(from, from+" aside"))
			must(t, os.Symlink(outside, from))
		},
		"a folder in it is a link": func(t *testing.T, from, outside string) {
			must(t, os.Rename(filepath.Join(from, "d"), from+" aside"))
			must(t, os.Symlink(filepath.Join(outside, "d"), filepath.Join(from, "d")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			outside, sent := t.TempDir(), false
			var b *bench
			b = newBench(t, remotetest.Options{Witness: func(x remotetest.Exchange) {
				if x.Route == "content" && !sent {
					sent = true
					exchange(t, b.dir, outside)
				}
			}})
			must(t, os.MkdirAll(filepath.Join(outside, "d"), 0o755))
			must(t, os.WriteFile(filepath.Join(outside, "d/f"), []byte("outside"), 0o644))
			b.write(t, "d/f", "mine")
			top, err := os.Stat(outside)
			must(t, err)
			below, err := os.Stat(filepath.Join(outside, "d"))
			must(t, err)
			b.putAway(t)
			if !sent || len(b.results) != 1 || (b.results[0].Done != task.Failed && name != "a folder in it is a link") { // there it is gone already
				t.Errorf("sent: %v; %+v", sent, b.results)
			}
			at := outside
			if name == "the folder is another" {
				at = b.dir
			}
			for dir, was := range map[string]os.FileInfo{at: top, filepath.Join(at, "d"): below} {
				if now, err := os.Stat(dir); err != nil || !os.SameFile(now, was) || !now.ModTime().Equal(was.ModTime()) {
					t.Errorf("%s was changed (%v)", dir, err)
				}
			}
		})
	}
}

// TestNothingComesIntoAnotherFolderThanWasLookedAt: a plan is made for what stands there.
func TestNothingComesIntoAnotherFolderThanWasLookedAt(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.write(t, "in/f", "mine")
	b.write(t, "outside/f", "outside")
	from, err := task.OpenOrigin(filepath.Join(b.dir, "in"), nil)
	must(t, err)
	defer from.Close()
	into, err := from.Land(0o644)
	must(t, err)
	must(t, into.Close())
	must(t, os.Rename(filepath.Join(b.dir, "in"), filepath.Join(b.dir, "aside")))
	must(t, os.Symlink("outside", filepath.Join(b.dir, "in")))
	if _, err := from.Land(0o644); !errors.Is(err, watcher.ErrAway) {
		t.Errorf("it is opened: %v", err)
	}
}

// TestTheEmptyPrivateAreaOfAnotherFolderStays: the folder was exchanged before the task ends.
func TestTheEmptyPrivateAreaOfAnotherFolderStays(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	into := b.land(t, "in")
	must(t, os.MkdirAll(filepath.Join(b.dir, "outside/.tandem"), 0o700))
	must(t, os.Rename(filepath.Join(b.dir, "in"), filepath.Join(b.dir, "aside")))
	must(t, os.Rename(filepath.Join(b.dir, "outside"), filepath.Join(b.dir, "in")))
	must(t, into.Close())
	if _, err := os.Stat(filepath.Join(b.dir, "in/.tandem")); err != nil {
		t.Error(err)
	}
}
