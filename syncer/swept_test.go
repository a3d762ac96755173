package syncer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"tandem/remote/remotetest"
)

// The service deletes a folder with all that is in it by then, and has no guard
// against what comes between our look and our request.

// tooLate is a pair of which folder top/d, deleted here, gets a file online in the
// moment that it is deleted there. Another file stays.
func tooLate(t *testing.T, opt remotetest.Options, stays string) *pair {
	t.Helper()
	p := newPair(t, opt)
	p.write("top/d/f.txt", "base")
	p.write(stays, "stays")
	p.sync()
	p.remove("top/d")
	p.onStage().before("delete online d", func() { p.put("top/d/late.txt", "theirs") })
	return p
}

func TestWhatIsPutIntoAFolderAsItIsDeletedOnlineComesBack(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/g.txt")
	p.sync()
	p.sync() // its end is told only now
	p.sync()
	if text := p.here()["top/late.txt"]; text != "theirs" {
		t.Errorf("here is %s", show(p.here()))
	}
	p.same()
}

func TestWhatComesBackWhereItsNameIsTakenGetsAnother(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/late.txt")
	p.sync()
	p.sync() // its end is told only now
	p.sync()
	p.holds("top/late.txt", "stays")
	if !p.kept("theirs") {
		t.Errorf("here is %s", show(p.here()))
	}
	p.same()
}

func TestWhatCannotBeRestoredIsSaidToBeInTheRecycleBin(t *testing.T) {
	p := tooLate(t, remotetest.Options{Kind: remotetest.Business}, "top/g.txt")
	var said bytes.Buffer
	p.cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
	p.sync()
	p.sync()
	if !strings.Contains(said.String(), "recycle bin") {
		t.Errorf("nothing was said of it: %s", said.String())
	}
	p.same()
}

func TestADryRunRestoresNothing(t *testing.T) {
	p := tooLate(t, remotetest.Options{AllTombstones: true}, "top/g.txt")
	p.sync()
	_, _, err := New(p.cfg).DryRun(t.Context())
	p.must(err)
	if n := p.online.Count("POST restore"); n > 0 {
		t.Errorf("%d restored", n)
	}
}
