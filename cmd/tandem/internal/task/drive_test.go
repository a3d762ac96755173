package task_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/remote/remotetest"
	"tandem/syncer/disk"
	"tandem/syncer/transfer"
)

// A bench is an emulated drive, and a folder here.
type bench struct {
	*task.Drive
	srv  *remotetest.Server
	root remote.Item
	dir  string

	results []task.Result
}

func newBench(t *testing.T, opt remotetest.Options) *bench {
	t.Helper()
	clock := &fastClock{now: time.Now()}
	opt.Clock = clock.Now
	b := &bench{srv: remotetest.NewServer(remotetest.New(opt)), dir: t.TempDir()}
	t.Cleanup(b.srv.Close)
	c, err := remote.New(remote.Config{
		ClientID: "app", GraphEndpoint: b.srv.GraphEndpoint(), LoginEndpoint: b.srv.LoginEndpoint(),
		Tokens: remote.FileStore(t.TempDir() + "/sign-in"), Clock: clock, Patience: 2 * time.Minute,
	})
	must(t, err)
	must(t, c.LoginDevice(t.Context(), func(_, _, _ string) {}))
	told, err := c.Drive(t.Context(), "")
	must(t, err)
	b.Drive = &task.Drive{Client: c, ID: told.ID, Kind: told.Kind, Notes: &task.Notes{Dir: filepath.Join(t.TempDir(), "tasks")}}
	t.Cleanup(func() { must(t, b.Notes.Close()) })
	b.root, err = b.At(t.Context(), "", "")
	must(t, err)
	return b
}

// fastClock makes waiting instant, for the client and the emulator alike.
type fastClock struct {
	remote.WallClock
	mu  sync.Mutex
	now time.Time
}

func (c *fastClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fastClock) Jitter() float64 { return 0.5 }

func (c *fastClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return context.Cause(ctx)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func everyKind(t *testing.T, f func(t *testing.T, b *bench)) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library} {
		t.Run(kind.String(), func(t *testing.T) { f(t, newBench(t, remotetest.Options{Kind: kind})) })
	}
}

func (b *bench) report() *task.Report {
	b.results = nil
	return &task.Report{Result: func(r task.Result) { b.results = append(b.results, r) }}
}

// outcome is what became of each, in the order of paths.
func (b *bench) outcome() string {
	var all []string
	for _, r := range b.results {
		all = append(all, r.Path+" "+r.Done)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (b *bench) write(t *testing.T, rel, text string) {
	t.Helper()
	file := filepath.Join(b.dir, rel)
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(text), 0o666))
}

func (b *bench) read(t *testing.T, rel string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, rel))
	must(t, err)
	return string(text)
}

func (b *bench) land(t *testing.T, dir string) *task.Landing {
	t.Helper()
	l, err := task.Land(filepath.Join(b.dir, dir), 0o644, nil)
	must(t, err)
	return l
}

// items gives everything below the root, to land by the same path.
func (b *bench) items(t *testing.T) []task.Item {
	t.Helper()
	var all []task.Item
	for n, err := range b.Below(t.Context(), b.root, true) {
		must(t, err)
		all = append(all, task.Item{Node: n, To: n.Path})
	}
	return all
}

func (b *bench) get(t *testing.T, into *task.Landing, items []task.Item) {
	t.Helper()
	get := task.Get{From: b.Drive, Into: into, KeepTimes: true, Report: b.report()}
	get.Run(t.Context(), items)
	must(t, into.Close())
}

func (b *bench) put(t *testing.T, ctx context.Context) {
	t.Helper()
	b.send(t, ctx, false)
}

// putAway sends everything, and deletes it here.
func (b *bench) putAway(t *testing.T) {
	t.Helper()
	b.send(t, t.Context(), true)
}

func (b *bench) send(t *testing.T, ctx context.Context, away bool) {
	t.Helper()
	from, err := task.OpenOrigin(b.dir, nil)
	must(t, err)
	defer from.Close()
	all, err := from.Inside(t.Context(), "", true, func(rel string, err error) { t.Errorf("%s: %v", rel, err) })
	must(t, err)
	for i := range all {
		all[i].To = all[i].Path
	}
	put := task.Put{To: b.Drive, Top: b.root, KeepTimes: true, DeleteSource: away, Report: b.report()}
	put.Run(ctx, all)
}

// reaches waits until the drive has got so many requests of a sort.
func (b *bench) reaches(t *testing.T, what string, n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.srv.Count(what) < n && t.Context().Err() == nil {
		<-tick.C
	}
}

func TestEverythingIsListedInEveryKindOfDrive(t *testing.T) {
	everyKind(t, func(t *testing.T, b *bench) {
		must(t, b.srv.Fill("x/y", 500, 20, 1))
		must(t, b.srv.Fill("elsewhere", 300, 3, 1))
		top, err := b.At(t.Context(), "", "x")
		must(t, err)
		for _, twist := range []remotetest.Twist{"", remotetest.Shuffled, remotetest.Duplicates, remotetest.Ghost} {
			if twist != "" {
				b.srv.Fail(remotetest.Fault{Match: "GET delta", Twist: twist})
			}
			seen := map[string]bool{}
			for n, err := range b.Below(t.Context(), top, false) {
				must(t, err)
				if seen[n.Path] {
					t.Fatalf("%q: %q twice", twist, n.Path)
				}
				seen[n.Path] = true
			}
			if len(seen) != 521 || !seen["y"] || !seen["y/f3/3.bin"] {
				t.Errorf("%q: %d items", twist, len(seen))
			}
			b.srv.Calm()
		}
	})
}

func TestFilesComeBackAsTheyWent(t *testing.T) {
	everyKind(t, func(t *testing.T, b *bench) {
		then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
		want := map[string]string{"a": "1", "d/b": "", "d/e/large": strings.Repeat("large ", 2<<20)}
		for rel, text := range want {
			b.write(t, rel, text)
			must(t, os.Chtimes(filepath.Join(b.dir, rel), then, then))
		}
		b.put(t, t.Context())
		if got := b.outcome(); strings.Count(got, "done") != 3 || len(b.results) != 3 {
			t.Fatalf("put: %s", got)
		}
		b.get(t, b.land(t, "back"), b.items(t))
		for rel, text := range want {
			info, err := os.Stat(filepath.Join(b.dir, "back", rel))
			must(t, err)
			if got := b.read(t, "back/"+rel); got != text || !info.ModTime().Equal(then) || info.Mode().Perm() != 0o644 {
				t.Errorf("%s: %d bytes, %v, %v", rel, len(got), info.ModTime(), info.Mode())
			}
		}
		if versions, err := b.srv.Versions("a"); err != nil || len(versions) != 0 {
			t.Errorf("setting the time made versions %q, %v", versions, err)
		}
	})
}

// A thousand files cost hardly more requests than there are files.
func TestManySmallFilesTakeFewRequests(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	then := time.Now().Add(-time.Hour)
	for i := range 200 {
		rel := filepath.Join("d", string(rune('a'+i%10)), time.Duration(i).String())
		b.write(t, rel, rel)
		must(t, os.Chtimes(filepath.Join(b.dir, rel), then, then))
	}
	b.srv.ResetCounts()
	b.put(t, t.Context())
	if n := b.srv.Requests(); n > 200+10+1+10+2 {
		t.Errorf("put took %d requests: %d content, %d folders, %d batches, %d listings", n,
			b.srv.Count("PUT content"), b.srv.Count("POST children"), b.srv.Count("POST batch"), b.srv.Count("GET children"))
	}
	b.srv.ResetCounts()
	b.get(t, b.land(t, "back"), b.items(t))
	if n := b.srv.Requests(); n > 200+1 {
		t.Errorf("get took %d requests", n)
	}
}

func TestNoNameFromOnlineLeadsOutOfTheTarget(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("f", "theirs")
	f, err := b.At(t.Context(), "", "f")
	must(t, err)
	b.write(t, "outside/secret", "mine")
	must(t, os.MkdirAll(filepath.Join(b.dir, "in"), 0o777))
	must(t, os.Symlink(filepath.Join(b.dir, "outside"), filepath.Join(b.dir, "in/link")))
	must(t, os.Symlink(filepath.Join(b.dir, "outside/secret"), filepath.Join(b.dir, "in/direct")))
	for _, to := range []string{"../outside/secret", "..", ".", "", "a/../../outside/secret", "a//b", "link/secret", "link/new", "direct",
		".tandem/tasks/x", ".TANDEM/x", "nul\x00", strings.Repeat("x", 300)} {
		b.get(t, b.land(t, "in"), []task.Item{{Node: task.Node{Item: f, Path: "f"}, To: to}})
		if len(b.results) != 1 || b.results[0].Done != task.Failed {
			t.Errorf("%q: %+v", to, b.results)
		}
	}
	entries, err := os.ReadDir(filepath.Join(b.dir, "outside"))
	must(t, err)
	if len(entries) != 1 || b.read(t, "outside/secret") != "mine" {
		t.Errorf("outside there is %v, %q", entries, b.read(t, "outside/secret"))
	}
	if entries, err := os.ReadDir(filepath.Join(b.dir, "in")); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWhatIsNotWhatTheServiceSaysGetsNoName(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("f", "theirs")
	b.srv.Fail(remotetest.Fault{Match: "GET download", Status: 200, Body: "<html>pay for the network here</html>"})
	b.get(t, b.land(t, "in"), b.items(t))
	if b.outcome() != "f failed" || !errors.Is(b.results[0].Err, transfer.ErrDamaged) {
		t.Errorf("%+v", b.results)
	}
	if entries, err := os.ReadDir(filepath.Join(b.dir, "in")); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestALargeDownloadGoesOnWhereItBroke(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	must(t, b.srv.Fill("", 1, 0, 20<<20))
	b.srv.Fail(remotetest.Fault{Match: "GET download", Times: 1, CutAt: 12 << 20})
	b.srv.Fail(remotetest.Fault{Match: "GET download", Times: 1, Status: 403, Code: "accessDenied"})
	b.srv.Fail(remotetest.Fault{Match: "GET content", Times: 1, Status: 403, Code: "accessDenied"})
	items := b.items(t)
	b.get(t, b.land(t, "in"), items)
	if b.outcome() != "0.bin failed" {
		t.Fatal(b.outcome())
	}
	parts, err := filepath.Glob(filepath.Join(b.dir, "in/.tandem/tasks/partial/*.part"))
	must(t, err)
	if len(parts) != 1 {
		t.Fatalf("%q are kept", parts)
	}
	before, err := os.Stat(parts[0])
	must(t, err)
	b.srv.Calm()
	get := task.Get{From: b.Drive, Into: b.land(t, "in"), KeepTimes: true, Report: b.report()}
	get.Run(t.Context(), items)
	must(t, get.Into.Close())
	if _, _, moved, _ := get.Report.Progress(); b.outcome() != "0.bin done" || moved != 20<<20-before.Size() {
		t.Errorf("%s; %d bytes came the second time, %d were here", b.outcome(), moved, before.Size())
	}
	if entries, err := os.ReadDir(filepath.Join(b.dir, "in")); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestALargeUploadGoesOnWhereItStopped(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.write(t, "large", strings.Repeat("0123456789abcdef", 2<<20)) // 32 MiB, in four pieces
	ctx, cancel := context.WithCancel(t.Context())
	b.srv.Fail(remotetest.Fault{Match: "PUT upload", After: 2, Times: 1, Stall: time.Minute})
	go func() {
		b.reaches(t, "PUT upload", 3)
		cancel()
	}()
	b.put(t, ctx)
	if b.outcome() != filepath.Join(b.dir, "large")+" failed" {
		t.Fatal(b.outcome())
	}
	notes, err := filepath.Glob(filepath.Join(b.Notes.Dir, "tasks.db*"))
	must(t, err)
	if len(notes) == 0 {
		t.Error("nothing is noted")
	}
	for _, note := range notes {
		if info, err := os.Stat(note); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", note, info.Mode(), err)
		}
	}
	b.srv.Calm()
	b.srv.ResetCounts()
	b.put(t, t.Context())
	if n := b.srv.Count("PUT upload"); b.outcome() != filepath.Join(b.dir, "large")+" done" || n > 2 || b.srv.Count("POST createUploadSession") != 0 {
		t.Errorf("%s with %d pieces and %d sessions", b.outcome(), n, b.srv.Count("POST createUploadSession"))
	}
	if left, err := filepath.Glob(filepath.Join(b.Notes.Dir, "locks/*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// hashes are what services tell of what they were sent: some compute a hash only a
// little later, and some never.
var hashes = []struct {
	name, untold string // of which requests the answers lack hashes
	stays        bool   // the source does
}{
	{"told at once", "POST nothing", false},
	{"told a little later", "PUT", false},
	{"never told", "", true},
}

func TestASentFileStaysUnlessTheServiceTellsItsHash(t *testing.T) {
	for _, row := range hashes {
		t.Run(row.name, func(t *testing.T) {
			everyKind(t, func(t *testing.T, b *bench) {
				b.write(t, "f", "f")
				b.srv.Fail(remotetest.Fault{Match: row.untold, Twist: remotetest.NoHash})
				b.putAway(t)
				_, err := os.Stat(filepath.Join(b.dir, "f"))
				if stays := err == nil; stays != row.stays || row.stays != (b.results[0].Done == task.Failed) {
					t.Errorf("the source stays: %v, want %v; %+v", stays, row.stays, b.results)
				}
			})
		})
	}
}

// Where something else has the name of the private area, another serves instead.
func TestWhatIsSentIsDeletedThoughThePrivateAreaIsNotOurs(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.write(t, ".tandem", "a file, so no folder can be made under this name")
	b.write(t, "top", "1")
	b.write(t, "ours/f", "2")
	b.write(t, "ours/d/g", "3")
	b.putAway(t)
	if want := fmt.Sprintf("%[1]s/ours/d/g done, %[1]s/ours/f done, %[1]s/top done", b.dir); b.outcome() != want {
		t.Errorf("%s, want %s", b.outcome(), want)
	}
	var left []string
	must(t, filepath.WalkDir(b.dir, func(at string, d os.DirEntry, err error) error {
		left = append(left, strings.TrimPrefix(at, b.dir))
		return err
	}))
	if want := []string{"", "/.tandem", "/ours", "/ours/d"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// Somebody else writes the name between the look and the upload.
func TestAnUploadOverwritesOnlyWhatItHasSeen(t *testing.T) {
	everyKind(t, func(t *testing.T, b *bench) {
		b.srv.Put("f", "seen")
		b.write(t, "f", "mine")
		from, err := task.OpenOrigin(b.dir, nil)
		must(t, err)
		defer from.Close()
		l, err := from.Look("f")
		must(t, err)
		l.To = "f"
		seen := b.items(t)
		b.srv.Put("f", "unseen")
		put := task.Put{To: b.Drive, Top: b.root, Overwrite: task.Never, Report: b.report()}
		for _, it := range seen {
			put.Seen = append(put.Seen, it.Node)
		}
		put.Overwrite = task.SizeSame // lets it replace "seen", and not "unseen"
		put.Run(t.Context(), []task.Local{l})
		if got, err := b.srv.Content("f"); got != "unseen" || err != nil || !strings.HasSuffix(b.outcome(), "skipped") {
			t.Errorf("online is %q, %v; %s", got, err, b.outcome())
		}
	})
}

func TestWhatChangedHereMeanwhileStays(t *testing.T) {
	b := newBench(t, remotetest.Options{Latency: 200 * time.Millisecond})
	b.srv.Put("f", "online")
	items := b.items(t)
	b.write(t, "in/f", "old")
	into := b.land(t, "in")
	done := make(chan struct{})
	before := b.srv.Count("GET download")
	go func() {
		defer close(done)
		b.reaches(t, "GET download", before+1)
		os.WriteFile(filepath.Join(b.dir, "new"), []byte("saved just now"), 0o666)
		os.Rename(filepath.Join(b.dir, "new"), filepath.Join(b.dir, "in/f"))
	}()
	get := task.Get{From: b.Drive, Into: into, Overwrite: task.SizeLarger, Report: b.report()}
	get.Run(t.Context(), items)
	<-done
	if got := b.read(t, "in/f"); got != "saved just now" || b.outcome() != "f skipped" {
		t.Errorf("here is %q; %s", got, b.outcome())
	}
}

func TestWhatIsReplacedInASyncedFolderIsKept(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("sub/f", "online")
	b.write(t, "in/.tandem/folder-id", "")
	b.write(t, "in/sub/f", "mine")
	into := b.land(t, "in/sub")
	b.get(t, into, []task.Item{{Node: b.items(t)[1].Node, To: "f"}})
	if b.outcome() != "sub/f done" || b.read(t, "in/sub/f") != "online" {
		t.Fatalf("%+v, %q", b.results, b.read(t, "in/sub/f"))
	}
	kept, err := filepath.Glob(filepath.Join(b.dir, "in/.tandem/tasks/replaced/*/sub/f"))
	must(t, err)
	if len(kept) != 1 {
		t.Fatalf("kept is %q", kept)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "in/sub/.tandem")); err == nil {
		t.Error("there is a private area within the synced folder")
	}
}

// A folder that others may write to is synced all the same, though nothing passes
// through its private area; and of another user's marker nobody can tell.
func TestWhatIsReplacedIsKeptWhereAMarkerDoesNotCount(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, folder string){
		"others may write to the folder": func(t *testing.T, folder string) { must(t, os.Chmod(folder, 0o777)) },
		"others may write to the private area": func(t *testing.T, folder string) {
			must(t, os.Chmod(filepath.Join(folder, ".tandem"), 0o777))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, remotetest.Options{})
			b.srv.Put("sub/f", "online")
			b.write(t, "in/.tandem/folder-id", "")
			b.write(t, "in/sub/f", "mine")
			change(t, filepath.Join(b.dir, "in"))
			into := b.land(t, "in/sub")
			if into.Synced {
				t.Skip("it counts on this system")
			}
			b.get(t, into, []task.Item{{Node: b.items(t)[1].Node, To: "f"}})
			must(t, into.Close())
			kept, err := filepath.Glob(filepath.Join(b.dir, "in/sub/.tandem/tasks/replaced/*/f"))
			must(t, err)
			if b.outcome() != "sub/f done" || len(kept) != 1 {
				t.Errorf("%s; kept is %q", b.outcome(), kept)
			}
		})
	}
}

func TestWhatWasReplacedLongAgoIsForgotten(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	old, young := time.Now().Add(-31*24*time.Hour), time.Now().Add(-29*24*time.Hour)
	for _, at := range []time.Time{old, young} {
		must(t, os.MkdirAll(filepath.Join(b.dir, "in", disk.Replaced, at.Format(disk.ReplacedAt), "empty"), 0o700))
	}
	for _, dry := range []bool{true, false} {
		into := b.land(t, "in")
		get := task.Get{From: b.Drive, Into: into, Dry: dry, Report: b.report()}
		get.Run(t.Context(), nil)
		must(t, into.Close())
		left, err := os.ReadDir(filepath.Join(b.dir, "in", disk.Replaced))
		must(t, err)
		if dry && len(left) != 2 || !dry && (len(left) != 1 || left[0].Name() != young.Format(disk.ReplacedAt)) {
			t.Errorf("dry run: %v; left is %v", dry, left)
		}
	}
}

func TestOnlyAnEmptyFolderIsTidiedAway(t *testing.T) {
	for _, made := range []struct {
		name string
		make func(at string) error
	}{
		{"a file", func(at string) error { return os.WriteFile(at, []byte("mine"), 0o666) }},
		{"a link", func(at string) error { return os.Symlink("elsewhere", at) }},
	} {
		t.Run(made.name, func(t *testing.T) {
			b := newBench(t, remotetest.Options{})
			must(t, made.make(filepath.Join(b.dir, ".tandem")))
			must(t, b.land(t, "").Close())
			if _, err := os.Lstat(filepath.Join(b.dir, ".tandem")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatPassedByGoesWithTheNextTaskThatKeepsSomething(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	old := filepath.Join(b.Notes.Dir, "spool/.tandem/tasks/1-2-3.part")
	must(t, os.MkdirAll(filepath.Dir(old), 0o700))
	must(t, os.WriteFile(old, nil, 0o600))
	then := time.Now().Add(-16 * 24 * time.Hour)
	must(t, os.Chtimes(old, then, then))
	_, remove, err := b.Spool(t.Context(), strings.NewReader("piped"))
	must(t, err)
	remove()
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
}

// A process number is used again: in a container always.
func TestWhatAKilledTaskLeftIsInNobodysWay(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("f", "online")
	into := b.land(t, "in")
	b.write(t, fmt.Sprintf("in/.tandem/tasks/%d-1.part", os.Getpid()), "half")
	b.get(t, into, b.items(t))
	if b.outcome() != "f done" {
		t.Errorf("%+v", b.results)
	}
}

func TestAFolderIsDeletedOnlyWithWhatWasListed(t *testing.T) {
	everyKind(t, func(t *testing.T, b *bench) {
		b.srv.Put("d/e/f", "1")
		known := map[string]bool{}
		var d task.Node
		for _, it := range b.items(t) {
			known[it.ID] = true
			if it.Path == "d" {
				d = it.Node
			}
		}
		b.srv.Put("d/e/new", "2")
		change := task.Change{On: b.Drive, Known: known, Report: b.report()}
		change.Remove(t.Context(), []task.Node{d})
		if b.outcome() != "d failed" || !errors.Is(b.results[0].Err, remote.ErrChanged) || len(b.srv.List()) != 4 {
			t.Errorf("%+v; online is %q", b.results, b.srv.List())
		}
		b.srv.Delete("d/e/new")
		change.Report = b.report()
		change.Remove(t.Context(), []task.Node{d})
		if b.outcome() != "d done" || len(b.srv.List()) != 0 {
			t.Errorf("%s; online is %q", b.outcome(), b.srv.List())
		}
	})
}

// A copy in place of another is whole before that one goes.
func TestAFailedCopyLosesNothing(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("from", "new")
	b.srv.Put("to/f", "old one")
	top, err := b.At(t.Context(), "", "to")
	must(t, err)
	from, err := b.At(t.Context(), "", "from")
	must(t, err)
	copied := []task.Item{{Node: task.Node{Item: from, Path: "from"}, To: "f"}}
	b.srv.Fail(remotetest.Fault{Match: "GET monitor", Status: 200, Body: `{"status":"failed","error":{"code":"quotaLimitReached"}}`})
	change := task.Change{On: b.Drive, Top: top, Report: b.report()}
	change.Copy(t.Context(), copied)
	if got, _ := b.srv.Content("to/f"); got != "old one" || !errors.Is(b.results[0].Err, remote.ErrQuota) {
		t.Errorf("there is %q; %+v", got, b.results)
	}
	b.srv.Calm()
	change.Report = b.report()
	change.Copy(t.Context(), copied)
	if got, _ := b.srv.Content("to/f"); got != "new" {
		t.Errorf("there is %q; %+v", got, b.results)
	}
}
