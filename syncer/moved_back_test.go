package syncer

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/remote/remotetest"
	"tandem/watcher"
)

func TestAFolderThatComesBackWhileItIsDeletedOnlineIsSentAnew(t *testing.T) {
	p := newPair(t, remotetest.Options{})
	p.cfg.HoldCount, p.cfg.HoldPercent = 1000, 100
	p.write("d/f.txt", "f")
	p.write("d/sub/h.txt", "h")
	p.write("e/g.txt", "g")
	p.sync()
	p.sync()
	w, err := watcher.New(p.dir, time.Millisecond)
	p.must(err)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	p.cfg.Watch, p.cfg.Settle, p.cfg.Poll = w, time.Millisecond, 100*time.Millisecond
	stop := p.agent(New(p.cfg))
	p.online.Fail(remotetest.Fault{Match: "DELETE item", Times: 1, Stall: 500 * time.Millisecond})
	outside := filepath.Join(t.TempDir(), "d")
	p.must(os.Rename(p.path("d"), outside))
	p.until("it is being deleted online", func() bool { return p.online.Count("DELETE item") > 0 })
	p.must(os.Rename(outside, p.path("e/d2")))
	p.until("both sides are equal", func() bool { return maps.Equal(p.here(), p.there()) && p.there()["e/d2/sub/h.txt"] == "h" })
	stop()
	p.cfg.Watch, p.cfg.Settle = nil, 0
	p.same()
}
