package disk

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// While every verb works in it, a directory is swapped, again and again, for a
// link to a tree outside. Each verb meets the directory or fails; the tree
// outside stays as it was.
func TestADirectorySwappedForALinkLeadsNoVerbOutside(t *testing.T) {
	eachDisk(t, func(p place) {
		out := t.TempDir()
		for _, name := range []string{"empty", "d"} {
			p.must(os.Mkdir(filepath.Join(out, name), 0o755))
		}
		for _, name := range []string{"a", "b", "d/x"} {
			p.must(os.WriteFile(filepath.Join(out, name), []byte("canary"), 0o644))
		}
		want := tree(t, out)
		p.must(os.Mkdir(filepath.Join(p.dir, "in"), 0o755))
		p.must(os.Symlink(out, filepath.Join(p.dir, "link")))

		const rounds = 300
		done := make(chan struct{})
		var swapping sync.WaitGroup
		swapping.Go(func() {
			in, link := filepath.Join(p.dir, "in"), filepath.Join(p.dir, "link")
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := unix.Renameat2(unix.AT_FDCWD, in, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					return
				}
			}
		})
		acted := 0
		for range rounds {
			acted += p.tryAll()
		}
		close(done)
		swapping.Wait()
		if got := tree(t, out); !slices.Equal(got, want) {
			t.Errorf("outside became %q, was %q", got, want)
		}
		if acted == 0 {
			t.Error("no verb ever met the directory")
		}
		t.Logf("%d times a verb met the directory", acted)
	})
}

// tryAll lets each verb act on names in in/, and counts those that could.
func (p place) tryAll() (acted int) {
	name := func() string { return "in/" + []string{"a", "b", "empty", "d", "d/x"}[rand.IntN(5)] }
	tmp := tmpDir + "/t"
	if f, err := p.Create(tmp); err == nil {
		p.must(f.Close())
	}
	_, mkdirErr := p.Mkdir(name())
	_, openErr := p.Open(name())
	for _, err := range []error{
		mkdirErr, openErr, p.Rename(name(), name()), p.Rename(tmp, name()), p.Rename(name(), stashDir+"/s"), p.Link(name(), name()),
		p.Exchange(name(), tmp), p.Replace(tmp, name()), p.Rmdir(name()), p.SyncDir("in"), p.Remove(stashDir + "/s"),
	} {
		if err == nil {
			acted++
		}
	}
	return acted
}
