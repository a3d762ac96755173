package task_test

import (
	"path/filepath"
	"slices"
	"testing"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/remote/remotetest"
)

// carry takes all of one drive to the root of another, and looks on as each
// result comes.
func carry(t *testing.T, from, to *bench, move bool, look func(task.Result)) {
	t.Helper()
	c := task.Carry{From: from.Drive, To: to.Drive, Top: to.root, KeepTimes: true, Move: move, Report: &task.Report{Result: look}}
	kids, err := from.Inside(t.Context(), from.root)
	must(t, err)
	var items []task.Item
	for _, n := range kids {
		items = append(items, task.Item{Node: n, To: n.Name})
	}
	must(t, c.Run(t.Context(), items))
}

func TestOnlyAFewLargeFilesAreHereOnTheirWay(t *testing.T) {
	from, to := newBench(t, remotetest.Options{}), newBench(t, remotetest.Options{Kind: remotetest.Business, Account: "ben"})
	must(t, from.srv.Fill("d", 10, 0, 9<<20))
	most, done := 0, 0
	carry(t, from, to, false, func(r task.Result) {
		parts, _ := filepath.Glob(filepath.Join(to.Notes.Dir, "spool/.tandem/tasks/partial/*.part"))
		most = max(most, len(parts))
		if r.Done == task.Done {
			done++
		}
	})
	if done != 10 || most < 1 || most > 3 {
		t.Errorf("%d carried, at most %d here at once; want 10, and 1 to 3", done, most)
	}
	left, err := filepath.Glob(filepath.Join(to.Notes.Dir, "spool/.tandem/tasks/*/*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left is %v (%v)", left, err)
	}
}

func TestWhatIsMovedIsInTheRecycleBin(t *testing.T) {
	everyKind(t, func(t *testing.T, from *bench) {
		to := newBench(t, remotetest.Options{Kind: remotetest.Business, Account: "ben"})
		from.srv.Put("d/e/f.txt", "f")
		from.srv.Put("g.txt", "g")
		carry(t, from, to, true, func(r task.Result) {
			if r.Done != task.Done {
				t.Errorf("%+v", r)
			}
		})
		if tree := from.srv.Tree(); len(tree) != 0 {
			t.Errorf("left at the source is %v", tree)
		}
		if bin := from.srv.Binned(); !slices.Contains(bin, "f") || !slices.Contains(bin, "g") {
			t.Errorf("in the bin is %q", bin)
		}
		if tree := to.srv.Tree(); tree["d/e/f.txt"] != "f" || tree["g.txt"] != "g" {
			t.Errorf("come is %v", tree)
		}
	})
}

func TestAFileThatComesIntoAMovedFolderStaysWithIt(t *testing.T) {
	from, to := newBench(t, remotetest.Options{}), newBench(t, remotetest.Options{Kind: remotetest.Business, Account: "ben"})
	from.srv.Put("d/f.txt", "f")
	var said []task.Result
	carry(t, from, to, true, func(r task.Result) {
		if said = append(said, r); len(said) == 1 {
			from.srv.Put("d/new.txt", "new")
		}
	})
	if tree := from.srv.Tree(); tree["d/new.txt"] != "new" || len(said) != 2 || said[1].Path != "d" || said[1].Done != task.Skipped {
		t.Errorf("left is %v, said %+v", tree, said)
	}
}

// The feed of a work drive is about all of it, which who shares a folder shares
// with nobody.
func TestALentFolderIsListedWithoutTheFeed(t *testing.T) {
	b := newBench(t, remotetest.Options{Kind: remotetest.Business})
	b.srv.Put("Shared/a/b.txt", "b")
	b.srv.Put("Shared/c.txt", "c")
	b.srv.Put("secret.txt", "s")
	b.Lent = true
	top, err := b.At(t.Context(), "", "Shared")
	must(t, err)
	var got []string
	for n, err := range b.Below(t.Context(), top, false) {
		must(t, err)
		got = append(got, n.Path)
		if n.Path == "a" && n.Kind != remote.Folder {
			t.Errorf("%+v", n)
		}
	}
	if len(got) != 3 || got[0] != "a" || got[1] != "a/b.txt" || got[2] != "c.txt" || b.srv.Count("GET delta") != 0 {
		t.Errorf("listed %q, with %d calls of the feed", got, b.srv.Count("GET delta"))
	}
}

func TestAMovedFileStaysUnlessTheTargetTellsItsHash(t *testing.T) {
	for _, row := range hashes {
		t.Run(row.name, func(t *testing.T) {
			everyKind(t, func(t *testing.T, to *bench) {
				from := newBench(t, remotetest.Options{Account: "ben"})
				from.srv.Put("f", "f")
				to.srv.Fail(remotetest.Fault{Match: row.untold, Twist: remotetest.NoHash})
				carry(t, from, to, true, func(task.Result) {})
				if got, err := to.srv.Content("f"); got != "f" || err != nil {
					t.Errorf("copied is %q, %v", got, err)
				}
				if stays := len(from.srv.List()) > 0; stays != row.stays {
					t.Errorf("the source stays: %v, want %v", stays, row.stays)
				}
			})
		})
	}
}

func TestAFolderThatCouldNotBeMadeStaysAtTheSource(t *testing.T) {
	for _, row := range []struct {
		source, inTheWay string
		goes             bool
	}{
		{"d", "d", false},
		{"p/d", "p/d", false},
		{"p/d", "p", false},
		{"p/d", "", true},
	} {
		t.Run(row.source+" where a file is "+row.inTheWay, func(t *testing.T) {
			from, to := newBench(t, remotetest.Options{}), newBench(t, remotetest.Options{Kind: remotetest.Business, Account: "ben"})
			from.srv.Mkdir(row.source)
			if row.inTheWay != "" {
				to.srv.Put(row.inTheWay, "a file")
			}
			before := from.srv.List()
			var said []task.Result
			carry(t, from, to, true, func(r task.Result) { said = append(said, r) })
			if goes := len(from.srv.List()) < len(before); goes != row.goes {
				t.Errorf("left of %q is %q; said %+v", before, from.srv.List(), said)
			}
			for _, r := range said {
				if r.Done != task.Failed {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}
