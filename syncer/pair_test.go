package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/state"
	"tandem/syncer/disk"
)

// A pair is a folder on a real disk and an emulated drive, with a real database
// between them.
type pair struct {
	t      testing.TB
	online *remotetest.Server
	client *remote.Client
	db     *state.DB
	disk   *disk.Disk
	dir    string
	tokens string
	cfg    Config
	stage  *stage // nil: nothing happens between two calls
	saved  bool   // somebody saved in the last instant
}

func newPair(t testing.TB, opt remotetest.Options) *pair {
	t.Helper()
	p := &pair{t: t, dir: filepath.Join(t.TempDir(), "folder"), online: remotetest.NewServer(remotetest.New(opt))}
	t.Cleanup(p.online.Close)
	p.must(os.Mkdir(p.dir, 0o777))
	p.tokens = filepath.Join(t.TempDir(), "token")
	p.connect()
	p.must(p.client.LoginBrowser(t.Context(), browse))
	var err error
	p.db, err = state.Open(filepath.Join(t.TempDir(), "state", "tandem.db"))
	p.must(err)
	t.Cleanup(func() { p.db.Close() })
	p.open()
	return p
}

// connect makes a client that remembers nothing but the sign-in.
func (p *pair) connect() { p.connectBy(nil) }

// connectBy makes one for which time passes as clock has it.
func (p *pair) connectBy(clock remote.Clock) {
	p.t.Helper()
	var err error
	p.client, err = remote.New(remote.Config{
		ClientID: "tandem-test", Tenant: "common", LoginEndpoint: p.online.LoginEndpoint(), GraphEndpoint: p.online.GraphEndpoint(),
		Tokens: remote.FileStore(p.tokens), Clock: clock,
	})
	p.must(err)
	p.cfg.Remote = p.client
}

// browse does what a browser does with the sign-in page of the emulator.
func browse(address string) {
	go func() {
		if res, err := http.Get(address); err == nil {
			res.Body.Close()
		}
	}()
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// open sets the pair up, as the program does at the first run.
func (p *pair) open() {
	p.t.Helper()
	var err error
	p.disk, err = disk.Open(p.dir)
	p.must(err)
	p.t.Cleanup(func() { p.disk.Close() })
	id, err := p.disk.Claim()
	p.must(err)
	drive, err := p.client.Drive(p.t.Context(), "")
	p.must(err)
	root, err := p.client.Root(p.t.Context(), drive.ID)
	p.must(err)
	d, err := p.db.EnsureDrive(state.Drive{ID: drive.ID, Kind: drive.Kind, RootID: root.ID})
	p.must(err)
	var key int64
	p.must(p.db.Update(func(tx *state.Tx) error {
		key, _, err = tx.Hear(state.Item{Drive: d.N, ID: root.ID, Name: "root", Fold: "root", Kind: 2}, state.Telling{Source: state.Look, Since: p.db.Moment()})
		return err
	}))
	f, err := p.db.PutFolder(state.Folder{
		Name: "docs", Drive: d.N, Root: key, Path: p.dir, UUID: id.UUID, FSID: id.FSID, Ino: id.Ino,
	})
	p.must(err)
	p.cfg = Config{
		Name: "docs", Folder: f, Drive: d, Disk: p.disk, Remote: p.client, DB: p.db,
		Host: "here", HoldCount: 20, HoldPercent: 20, Settle: time.Millisecond,
	}
}

// sync makes one pass with a fresh engine, as a new process would.
func (p *pair) sync() Summary {
	p.t.Helper()
	s, err := p.try()
	p.must(err)
	p.must(p.db.Check())
	return s
}

func (p *pair) try() (Summary, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	if p.stage != nil {
		p.stage.kill = cancel
	}
	return New(p.cfg).Once(ctx)
}

// write saves a file here, as an editor does that writes in place.
func (p *pair) write(rel, text string) {
	p.t.Helper()
	name := filepath.Join(p.dir, rel)
	p.must(os.MkdirAll(filepath.Dir(name), 0o777))
	p.must(os.WriteFile(name, []byte(text), 0o666))
}

func (p *pair) move(from, to string) {
	p.t.Helper()
	p.must(os.Rename(filepath.Join(p.dir, from), filepath.Join(p.dir, to)))
}

func (p *pair) remove(rel string) {
	p.t.Helper()
	p.must(os.RemoveAll(filepath.Join(p.dir, rel)))
}

// here lists the folder: files with their text, folders with a slash.
func (p *pair) here() map[string]string {
	tree := map[string]string{}
	p.must(filepath.WalkDir(p.dir, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(p.dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // an agent is at work
		case err != nil:
			return err
		case rel == ".":
		case rel == ".tandem":
			return fs.SkipDir
		case e.IsDir():
			tree[rel+"/"] = ""
		case !e.Type().IsRegular(): // never synced
		default:
			text, err := os.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			tree[rel] = string(text)
			return err
		}
		return nil
	}))
	return tree
}

// there lists the drive in the same way.
func (p *pair) there() map[string]string {
	tree := map[string]string{}
	for path, text := range p.online.Tree() {
		tree[strings.TrimPrefix(path, "/")] = text
	}
	return tree
}

// same fails unless both sides are equal and a further pass does nothing.
func (p *pair) same() {
	p.t.Helper()
	if here, there := p.here(), p.there(); !maps.Equal(here, there) {
		p.t.Fatalf("the two sides differ\nhere:  %v\nthere: %v", show(here), show(there))
	}
	if s := p.sync(); s.Uploaded+s.Downloaded+s.Moved+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote+s.Conflicts != 0 {
		p.t.Fatalf("a further pass did something: %+v", s)
	}
}

func show(tree map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "%s=%.20q ", k, tree[k])
	}
	return b.String()
}

// put saves a file online, as somebody in a browser does.
func (p *pair) put(path, text string) {
	p.t.Helper()
	_, err := p.online.Put(path, text)
	p.must(err)
}

// agent runs e until the returned function is called, or the test ends.
func (p *pair) agent(e *Engine) (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	if p.stage != nil {
		p.stage.kill = cancel
	}
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return func() {
		p.t.Helper()
		cancel()
		select {
		case err := <-ended:
			p.must(err)
		case <-time.After(time.Minute):
			p.t.Fatal("the agent does not end")
		}
	}
}

// until waits for something that an agent is about to do.
func (p *pair) until(what string, done func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-late:
			p.t.Fatalf("not within 20 s: %s\nhere:  %s\nthere: %s", what, show(p.here()), show(p.there()))
		}
	}
}
