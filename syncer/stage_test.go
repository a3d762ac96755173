package syncer

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// A stage is the real disk and the real client of a pair, on which a test lets
// something happen in an exact instant: a person saves, a call fails, the
// process is killed. Every call is known by what it says, with the made-up names
// of private files left out: "exchange stash f.txt", "sync tmp", "upload f.txt".
type stage struct {
	fs     *disk.Disk
	online Drive
	db     *state.DB
	drive  int64
	kill   context.CancelFunc // ends the run that is under way

	mu    sync.Mutex
	cues  []*cue
	calls []string
	dead  bool
	done  []string // of the calls, those that change something
	last  int      // at which of these the process is killed; 0: none
	late  bool
	left  string // the database as it stood when the process was killed
	t     testing.TB
}

// A cue is something that happens at a call: before it, and instead of it when
// do returns an error, or after it, and then the error takes the answer's place.
type cue struct {
	call  string // a glob
	skip  int    // so many such calls go by first
	after bool
	times int // 0: once
	do    func() error
}

var errKilled = errors.New("killed")

// onStage lets the pair's next passes run on a stage.
func (p *pair) onStage() *stage {
	s := &stage{fs: p.disk, online: p.client, db: p.db, drive: p.cfg.Drive.N, t: p.t}
	p.cfg.Disk, p.cfg.Remote = s, s
	p.stage = s
	return s
}

// before lets a person do something right before a call.
func (s *stage) before(call string, do func()) {
	s.on(cue{call: call, do: func() error { do(); return nil }})
}

// after lets a person do something right after a call.
func (s *stage) after(call string, do func()) {
	s.on(cue{call: call, after: true, do: func() error { do(); return nil }})
}

// fail lets a call not be made, but end in an error.
func (s *stage) fail(call string, err error) { s.on(cue{call: call, do: func() error { return err }}) }

// never lets no such call succeed.
func (s *stage) never(call string, err error) {
	s.on(cue{call: call, times: 1 << 30, do: func() error { return err }})
}

// crash lets the process be killed right before a call.
func (s *stage) crash(call string) { s.on(cue{call: call, do: s.end}) }

// crashAfter lets the process be killed when a call has done its work, before
// anybody hears of it.
func (s *stage) crashAfter(call string) { s.on(cue{call: call, after: true, do: s.end}) }

func (s *stage) on(c cue) {
	c.times = max(c.times, 1)
	c.call = flat(c.call)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cues = append(s.cues, &c)
}

// end kills the process: nothing it does from now on has an effect, and the
// database is what had been committed by then.
func (s *stage) end() error {
	s.mu.Lock() // no call is made meanwhile, nor fails: the process would write that down
	defer s.mu.Unlock()
	if !s.dead {
		s.left = filepath.Join(s.t.TempDir(), "tandem.db")
		if err := s.db.CopyTo(s.left); err != nil {
			panic(err)
		}
		s.dead = true
		s.kill()
	}
	return errKilled
}

// restart starts the pair anew after it was killed.
func (p *pair) restart() {
	p.t.Helper()
	if p.stage == nil || p.stage.left == "" {
		p.t.Fatal("nothing was killed")
	}
	p.reopen(p.stage.left)
}

// reopen lets the pair go on with another database.
func (p *pair) reopen(file string) {
	p.t.Helper()
	var err error
	p.db, err = state.Open(file)
	p.must(err)
	p.t.Cleanup(func() { p.db.Close() })
	p.cfg.DB = p.db
	p.onStage()
}

// at runs the cues of one moment of a call.
func (s *stage) at(call string, after bool) error {
	s.mu.Lock()
	if s.dead && !after {
		s.mu.Unlock()
		return errKilled
	}
	if !after {
		s.calls = append(s.calls, call)
	}
	var due []func() error
	for _, c := range s.cues {
		if ok, _ := path.Match(c.call, call); !ok || c.after != after || c.times == 0 {
			continue
		}
		if c.skip > 0 {
			c.skip--
			continue
		}
		c.times--
		due = append(due, c.do)
	}
	s.mu.Unlock()
	for _, do := range due {
		if err := do(); err != nil {
			return err
		}
	}
	if verb, _, _ := strings.Cut(call, " "); slices.Contains(deeds, verb) {
		return s.deed(call, after)
	}
	return nil
}

// deed counts a deed, and kills the process if its time has come.
func (s *stage) deed(call string, after bool) error {
	s.mu.Lock()
	if !after {
		s.done = append(s.done, call)
	}
	due := len(s.done) == s.last && after == s.late
	s.mu.Unlock()
	if due {
		return s.end()
	}
	return nil
}

// deeds are the calls that change something here or online.
var deeds = strings.Fields("create write settime chmod copyattrs sync rename exchange link replace mkdir rmdir remove syncdir upload move delete set cancel")

// killAt lets the process be killed at its n-th deed: right before it, or right
// after it and before anybody hears of it.
func (s *stage) killAt(n int, after bool) { s.last, s.late = n, after }

// heard gives the calls so far that match a glob.
func (s *stage) heard(glob string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(call string) bool {
		ok, _ := path.Match(flat(glob), call)
		return !ok
	})
}

// played makes a call with what happens around it.
func played[T any](s *stage, call string, do func() (T, error)) (T, error) {
	var none T
	call = flat(call)
	if err := s.at(call, false); err != nil {
		return none, err
	}
	v, err := do()
	if e := s.at(call, true); e != nil {
		return none, e
	}
	return v, err
}

// flat has no slashes, at which globs would stop.
func flat(call string) string { return strings.ReplaceAll(call, "/", "|") }

func (s *stage) play(call string, do func() error) error {
	_, err := played(s, call, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// short leaves the made-up part out of a private name.
func short(rel string) string {
	part := strings.SplitN(rel, "/", 4)
	switch {
	case rel == "":
		return "."
	case part[0] != watcher.Private || len(part) == 1:
		return rel
	case part[1] == "trash" && len(part) == 4:
		return "trash/" + part[3]
	case part[1] == "stash" && strings.HasSuffix(rel, ".new"):
		return "stash.new"
	}
	return part[1]
}

func (s *stage) ReadDir(rel string, buf []watcher.Entry) ([]watcher.Entry, error) {
	return played(s, "list "+short(rel), func() ([]watcher.Entry, error) { return s.fs.ReadDir(rel, buf) })
}

func (s *stage) Lstat(rel string) (watcher.Entry, error) {
	return played(s, "lstat "+short(rel), func() (watcher.Entry, error) { return s.fs.Lstat(rel) })
}

func (s *stage) Open(rel string) (disk.File, error) {
	return s.opened("open", rel, s.fs.Open)
}

func (s *stage) Create(rel string) (disk.File, error) {
	return s.opened("create", rel, s.fs.Create)
}

func (s *stage) Append(rel string) (disk.File, error) {
	return s.opened("append", rel, s.fs.Append)
}

func (s *stage) opened(verb, rel string, open func(string) (disk.File, error)) (disk.File, error) {
	return played(s, verb+" "+short(rel), func() (disk.File, error) {
		f, err := open(rel)
		if err != nil {
			return nil, err
		}
		return &stageFile{f, s, short(rel)}, nil
	})
}

func (s *stage) Rename(from, to string) error {
	return s.play("rename "+short(from)+" "+short(to), func() error { return s.fs.Rename(from, to) })
}

func (s *stage) Exchange(a, b string) error {
	return s.play("exchange "+short(a)+" "+short(b), func() error { return s.fs.Exchange(a, b) })
}

func (s *stage) Link(from, to string) error {
	return s.play("link "+short(from)+" "+short(to), func() error { return s.fs.Link(from, to) })
}

func (s *stage) Replace(from, to string) error {
	return s.play("replace "+short(from)+" "+short(to), func() error { return s.fs.Replace(from, to) })
}

func (s *stage) Mkdir(rel string) (watcher.Entry, error) {
	return played(s, "mkdir "+rel, func() (watcher.Entry, error) { return s.fs.Mkdir(rel) })
}

func (s *stage) Rmdir(rel string) error {
	return s.play("rmdir "+rel, func() error { return s.fs.Rmdir(rel) })
}

func (s *stage) Remove(rel string) error {
	return s.play("remove "+short(rel), func() error { return s.fs.Remove(rel) })
}

func (s *stage) MkdirPrivate(rel string) error {
	return s.play("private mkdir", func() error { return s.fs.MkdirPrivate(rel) })
}

func (s *stage) PrivateDir(rel string) ([]watcher.Entry, error) {
	return played(s, "list "+path.Base(rel), func() ([]watcher.Entry, error) { return s.fs.PrivateDir(rel) })
}

func (s *stage) SyncDir(rel string) error {
	return s.play("syncdir "+short(rel), func() error { return s.fs.SyncDir(rel) })
}

func (s *stage) DateDir(rel string, t time.Time) error {
	return s.play("datedir "+short(rel), func() error { return s.fs.DateDir(rel, t) })
}

func (s *stage) Stands() error { return s.fs.Stands() }

func (s *stage) Free() (bytes, inodes uint64, err error) { return s.fs.Free() }

func (s *stage) Quiet(rel string) bool {
	if err := s.at(flat("quiet "+short(rel)), false); err != nil {
		return false
	}
	return s.fs.Quiet(rel)
}

func (s *stage) Identity() (disk.Identity, error) { return played(s, "identity", s.fs.Identity) }

// A stageFile is an open file on a stage.
type stageFile struct {
	disk.File
	s    *stage
	name string
}

// ReadAt reads in two goes, between which something may happen.
func (f *stageFile) ReadAt(b []byte, at int64) (int, error) {
	return played(f.s, "read "+f.name, func() (int, error) {
		n, err := f.File.ReadAt(b[:len(b)/2], at)
		if err != nil {
			return n, err
		}
		if err := f.s.at(flat("read on "+f.name), false); err != nil {
			return n, err
		}
		more, err := f.File.ReadAt(b[n:], at+int64(n))
		return n + more, err
	})
}

func (f *stageFile) Write(b []byte) (int, error) {
	return played(f.s, "write "+f.name, func() (int, error) { return f.File.Write(b) })
}

func (f *stageFile) Sync() error { return f.s.play("sync "+f.name, f.File.Sync) }

func (f *stageFile) SetMTime(at time.Time) error {
	return f.s.play("settime "+f.name, func() error { return f.File.SetMTime(at) })
}

func (f *stageFile) Chmod(mode uint32) error {
	return f.s.play("chmod "+f.name+" "+strconv.FormatUint(uint64(mode), 8), func() error { return f.File.Chmod(mode) })
}

func (f *stageFile) AsNewIn(dir string, mode uint32) error {
	return f.s.play("asnew "+f.name+" in "+dir, func() error { return f.File.AsNewIn(dir, mode) })
}

func (f *stageFile) CopyAttrs(from disk.File) error {
	return f.s.play("copyattrs "+f.name, func() error { return f.File.CopyAttrs(from.(*stageFile).File) })
}

// named is what a person calls an item online.
func (s *stage) named(id string) string {
	it, _, err := s.db.ItemByID(s.drive, id)
	if err != nil || it.Name == "" {
		return id
	}
	return it.Name
}

func (s *stage) Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error) {
	return played(s, "delta", func() (remote.DeltaPage, error) { return s.online.Delta(ctx, drive, link) })
}

func (s *stage) Item(ctx context.Context, drive, id string) (remote.Item, error) {
	return played(s, "item "+s.named(id), func() (remote.Item, error) { return s.online.Item(ctx, drive, id) })
}

func (s *stage) ItemIn(ctx context.Context, drive, parentID, name string) (remote.Item, error) {
	return played(s, "lookup "+name, func() (remote.Item, error) { return s.online.ItemIn(ctx, drive, parentID, name) })
}

func (s *stage) Children(ctx context.Context, drive, id string, wanted func(remote.Item) bool) ([]remote.Item, error) {
	return played(s, "children "+s.named(id), func() ([]remote.Item, error) { return s.online.Children(ctx, drive, id, wanted) })
}

func (s *stage) CreateFolder(ctx context.Context, drive, parentID, name string, mtime time.Time) (remote.Item, error) {
	return played(s, "mkdir online "+name, func() (remote.Item, error) { return s.online.CreateFolder(ctx, drive, parentID, name, mtime) })
}

func (s *stage) Move(ctx context.Context, drive, id, etag, parentID, name string, mtime time.Time) (remote.Item, error) {
	return played(s, "move online "+s.named(id), func() (remote.Item, error) {
		return s.online.Move(ctx, drive, id, etag, parentID, name, mtime)
	})
}

func (s *stage) Delete(ctx context.Context, drive, id, etag string) error {
	return s.play("delete online "+s.named(id), func() error { return s.online.Delete(ctx, drive, id, etag) })
}

func (s *stage) Restore(ctx context.Context, drive, id, parentID, name string) (remote.Item, error) {
	return played(s, "restore online "+s.named(id), func() (remote.Item, error) { return s.online.Restore(ctx, drive, id, parentID, name) })
}

func (s *stage) TrySetTimes(ctx context.Context, drive string, stamps []remote.Stamp) ([]remote.StampResult, error) {
	return played(s, "set times", func() ([]remote.StampResult, error) { return s.online.TrySetTimes(ctx, drive, stamps) })
}

// DeleteFolder plays as a delete what comes between the look and the delete: what
// happens before that look is played at its requests.
func (s *stage) DeleteFolder(ctx context.Context, drive, id string, look func(context.Context) (string, error)) error {
	call := flat("delete online " + s.named(id))
	first := true
	err := s.online.DeleteFolder(ctx, drive, id, func(ctx context.Context) (version string, err error) {
		if version, err = look(ctx); err == nil && first {
			first, err = false, s.at(call, false)
		}
		return version, err
	})
	if first {
		return err
	}
	return errors.Join(s.at(call, true), err)
}

func (s *stage) Upload(ctx context.Context, u remote.Upload) (remote.Uploaded, error) {
	name := u.Name
	if u.ID != "" {
		name = s.named(u.ID)
	}
	return played(s, "upload "+name, func() (remote.Uploaded, error) { return s.online.Upload(ctx, u) })
}

func (s *stage) CancelSession(ctx context.Context, session remote.Session) error {
	return s.play("cancel session", func() error { return s.online.CancelSession(ctx, session) })
}

func (s *stage) Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error) {
	return played(s, "download "+s.named(id)+" from "+strconv.FormatInt(offset, 10), func() (*remote.Body, error) {
		return s.online.Download(ctx, drive, id, address, offset)
	})
}

func (s *stage) Requests() int64 { return s.online.Requests() }

// A hurried clock runs so many times as fast as the one on the wall, from a
// start that may be put forward.
type hurried struct {
	remote.WallClock
	start time.Time
	times time.Duration
	mu    sync.Mutex
	ahead time.Duration
}

func newHurried(times int) *hurried { return &hurried{start: time.Now(), times: time.Duration(times)} }

func (c *hurried) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(time.Since(c.start)*c.times + c.ahead)
}

func (c *hurried) After(d time.Duration) <-chan time.Time { return time.After(d / c.times) }

// Sleep and Jitter make it the client's clock as well.
func (c *hurried) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.After(d):
		return nil
	}
}

func (c *hurried) Jitter() float64 { return .5 }

// forward lets time pass at once.
func (c *hurried) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
