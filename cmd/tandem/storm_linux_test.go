package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/remote/remotetest"
)

var (
	kills     = flag.Int("kills", 4, "how often TestStorm kills tandem")
	stormSeed = flag.Uint64("storm-seed", 0, "what the people of TestStorm do; 0 = the time")
)

// quietPeriod is how long a file is left alone at least before it is sent, in any
// of the storms: as long as everywhere. With less, two renames of a person are two to
// a program that has no processor in between.
const quietPeriod = time.Second

// A hand is one person at work.
type hand struct {
	name   string
	rnd    *rand.Rand
	ledger *ledger
	n      int
	log    *eventLog // nil = nobody wants to know
	edits  int
}

// end notes what he has replaced or deleted.
func (h *hand) end(contents ...string) { h.ledger.end(h.name, contents...) }

// erase notes that he has deleted what stood at a path, with these contents.
func (h *hand) erase(path string, contents ...string) { h.ledger.erase(h.name, path, contents...) }

// did notes that something was changed.
func (h *hand) did(format string, args ...any) {
	h.edits++
	h.log.add(h.name+" "+format, args...)
}

// text is a version that nobody has written before. Many are of one size, so
// that only times and bytes tell them apart.
func (h *hand) text() string {
	h.n++
	head := fmt.Sprintf("%s %06d\n", h.name, h.n)
	size := []int{40, 40, 40, 40, 5 << 10, 100 << 10}[h.rnd.IntN(6)]
	if h.rnd.IntN(60) == 0 {
		size = 5 << 20 // sent in an upload session
	}
	return head + strings.Repeat("x", size-len(head))
}

// file and folder name places; few of them, so that people meet.
func (h *hand) folder() string { return []string{"", "d", "e", "d/s", "new"}[h.rnd.IntN(5)] }
func (h *hand) file() string {
	return filepath.Join(h.folder(), fmt.Sprintf("%c.txt", 'a'+h.rnd.IntN(4)))
}

// local is a person at the disk. Where something is replaced or deleted, what
// comes out is looked at afterwards: the ledger knows what went and not what
// was thought to.
type local struct {
	hand
	root, aside string
	turn        *sync.Mutex // of those at the disk: what they do to one another is none of tandem's
}

func (p *local) act() {
	p.turn.Lock()
	defer p.turn.Unlock()
	file := filepath.Join(p.root, p.file())
	switch k := p.rnd.IntN(20); {
	case k < 8:
		p.writeInPlace(file)
	case k < 13:
		p.save(file)
	case k < 16:
		p.move(file, filepath.Join(p.root, p.file()))
	case k < 17:
		p.move(filepath.Join(p.root, p.folder()), filepath.Join(p.root, p.folder()))
	case k < 18:
		os.Mkdir(filepath.Join(p.root, p.folder()), 0o777)
	case k < 19:
		p.remove(file)
	default:
		p.remove(filepath.Join(p.root, []string{"d", "e", "d/s", "new"}[p.rnd.IntN(4)]))
	}
}

// writeInPlace is an editor that truncates and writes, with a breath between.
func (p *local) writeInPlace(name string) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	old, err := io.ReadAll(f)
	if err != nil {
		return
	}
	text := p.text()
	if f.Truncate(0) != nil {
		return
	}
	began := time.Now()
	p.end(string(old))
	p.ledger.make(text, p.rel(name))
	f.WriteAt([]byte(text[:len(text)/2]), 0)
	if p.rnd.IntN(4) == 0 {
		<-time.After(time.Duration(p.rnd.IntN(100)) * time.Millisecond)
	}
	_, err = f.WriteAt([]byte(text[len(text)/2:]), int64(len(text)/2))
	if took := time.Since(began); took > quietPeriod/2 { // it looked finished in between
		for _, part := range []string{"", text[:len(text)/2]} {
			p.ledger.make(part, p.rel(name))
			p.end(part)
		}
	}
	if err != nil {
		p.end(text)
		return
	}
	p.did("wrote %s: %s over %s", p.rel(name), nameOf(text), nameOf(string(old)))
}

func (p *local) rel(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, p.root), "/")
}

// save is an editor that writes anew and renames over the old.
func (p *local) save(name string) {
	p.n++
	fresh := filepath.Join(p.aside, fmt.Sprint("save", p.n))
	text := p.text()
	if os.WriteFile(fresh, []byte(text), 0o666) != nil {
		return
	}
	p.ledger.make(text, p.rel(name))
	p.put(fresh, name, nameOf(text))
}

// put lets a file from aside take a name. What stood there, or what could not be
// put there, is over.
func (p *local) put(fresh, name, what string) {
	err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, name, unix.RENAME_EXCHANGE)
	if errors.Is(err, fs.ErrNotExist) {
		err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, name, unix.RENAME_NOREPLACE)
	}
	went := textsIn(fresh)
	p.end(went...)
	os.RemoveAll(fresh)
	if err == nil {
		p.did("saved %s: %s over %s", p.rel(name), what, nameAll(went))
	}
}

// names lists versions for an eventLog.
func nameAll(contents []string) string {
	var all []string
	for _, c := range contents {
		all = append(all, nameOf(c))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (p *local) move(from, to string) {
	if from != p.root && unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE) == nil {
		p.did("moved %s to %s: %s", p.rel(from), p.rel(to), nameAll(textsIn(to)))
	}
}

func (p *local) remove(name string) {
	p.n++
	gone := filepath.Join(p.aside, fmt.Sprint("gone", p.n))
	if name != p.root && os.Rename(name, gone) == nil {
		went := textsIn(gone)
		p.erase(p.rel(name), went...)
		os.RemoveAll(gone)
		p.did("deleted %s: %s", p.rel(name), nameAll(went))
	}
}

// textsIn are those of a file, or of all files below a directory.
func textsIn(name string) []string {
	var all []string
	filepath.WalkDir(name, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if b, err := os.ReadFile(name); err == nil {
				all = append(all, string(b))
			}
		}
		return nil
	})
	return all
}

// browser is a person at the drive.
type browser struct {
	hand
	drive *remotetest.Drive
}

func (p *browser) act() {
	switch k := p.rnd.IntN(20); {
	case k < 12:
		p.put(p.file())
	case k < 15:
		p.move(p.file(), p.file())
	case k < 16:
		p.move(p.folder(), p.folder())
	case k < 17:
		p.drive.Mkdir(p.folder())
	case k < 19:
		p.remove(p.file())
	default:
		p.remove([]string{"d", "e", "d/s", "new"}[p.rnd.IntN(4)])
	}
}

func (p *browser) put(path string) {
	text := p.text()
	p.ledger.make(text, path)
	old, replaced, err := p.drive.PutOver(path, text)
	if err != nil {
		p.end(text)
		return
	}
	over := "nothing"
	if replaced {
		p.end(old)
		over = nameOf(old)
	}
	p.did("put %s: %s over %s", path, nameOf(text), over)
}

func (p *browser) move(from, to string) {
	if from != to && p.drive.Move(from, to) == nil {
		p.did("moved %s to %s", from, to)
	}
}

func (p *browser) remove(path string) {
	if went, err := p.drive.DeleteAll(path); err == nil {
		p.erase(path, went...)
		p.did("deleted %s: %s", path, nameAll(went))
	}
}

// job is an administrator's: it runs cloud tasks on the drive and, by its path
// here, on the same folder while it is synced. It moves and deletes only what it
// has put there itself, under names that nobody else gives.
type job struct {
	hand
	t     *testing.T
	m     *world
	aside string
	files []sent
	done  map[string]int // tasks that did what they were told; of the others somebody had moved a folder away
}

// sent is a file that a task has put somewhere.
type sent struct{ name, place, text string }

func (p *job) act() {
	if len(p.files) == 0 || p.rnd.IntN(3) == 0 {
		p.put()
		return
	}
	i := p.rnd.IntN(len(p.files))
	f := &p.files[i]
	from := f.place + "/" + f.name
	switch p.rnd.IntN(4) {
	case 0:
		if p.task("rm", from) == nil {
			p.end(f.text)
			p.files = slices.Delete(p.files, i, i+1)
		}
	case 1:
		// A place here can be moved to one here only, and so can one online.
		if to := p.place(strings.HasPrefix(f.place, "main:")); p.task("mv", from, to+"/") == nil {
			f.place = to
		}
	default:
		got := filepath.Join(p.aside, "got")
		if p.task("get", from, got, "--overwrite", "always") != nil {
			return // somebody moved its folder
		}
		for _, text := range textsIn(got) {
			if text != f.text {
				p.t.Errorf("get %s brought %.30q, want %.30q", from, text, f.text)
			}
		}
		os.RemoveAll(got)
	}
}

func (p *job) put() {
	text := p.text()
	f := sent{name: fmt.Sprintf("%s-%d.txt", p.hand.name, p.n), place: p.place(p.rnd.IntN(2) == 0), text: text}
	file := filepath.Join(p.aside, f.name)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		p.t.Error(err)
	}
	if p.task("put", file, f.place+"/") == nil {
		p.ledger.make(text, f.place+"/"+f.name)
		p.files = append(p.files, f)
	}
	os.Remove(file)
}

func (p *job) place(online bool) string {
	if online {
		return "main:/" + p.folder()
	}
	return filepath.Join(p.m.path("local"), p.folder())
}

func (p *job) task(args ...string) error {
	err := p.m.tandem(args...).Run()
	if err == nil {
		p.done[args[0]]++
	}
	return err
}

// TestTasksInAStorm lets jobs run cloud tasks on what an agent and people work on.
func TestTasksInAStorm(t *testing.T) {
	var tasks *job
	storm(t, 1, max(*kills/2, 1), os.Kill, false, func(m *world, someone func(string) hand) worker {
		aside := m.path("job")
		if err := os.Mkdir(aside, 0o777); err != nil {
			t.Fatal(err)
		}
		tasks = &job{hand: someone("job"), t: t, m: m, aside: aside, done: map[string]int{}}
		return tasks
	})
	if t.Logf("tasks done: %v", tasks.done); tasks.done["put"] == 0 {
		t.Error("no task was done")
	}
}

// TestStorm lets two people work on one tree, one here and one online, while
// tandem is killed again and again. After each kill every version that nobody
// has replaced must be here, online, or among what tandem keeps; in the end both
// sides must be the same with no help.
func TestStorm(t *testing.T) { storm(t, 1, *kills, os.Kill, false) }

// TestStormInACrampedPlace has a disk that is full every now and then, with the
// state on it as well, and few files may be open.
func TestStormInACrampedPlace(t *testing.T) {
	if !canMount() {
		t.Skip("only root may mount a small disk")
	}
	storm(t, 1, *kills, os.Kill, true)
}

// TestThreeMachines has three of them on one drive.
func TestThreeMachines(t *testing.T) {
	storm(t, 3, max(*kills/2, 1), os.Kill, false)
}

// TestThreeMachinesStopped ends tandem as its user does. No version may then be
// kept twice. (A download that was killed before it could be written down passes
// for a file of this machine, which may cost a copy.)
func TestThreeMachinesStopped(t *testing.T) {
	keptOnce(t, storm(t, 3, max(*kills/2, 1), os.Interrupt, false))
}

func storm(t *testing.T, machines, kills int, end os.Signal, cramped bool, more ...func(m *world, someone func(string) hand) worker) *remotetest.Drive {
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-storm-seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	book := newLedger()
	someone := func(name string) hand {
		return hand{name: name, rnd: rand.New(rand.NewPCG(seed, rnd.Uint64())), ledger: book}
	}
	online := &world{dir: t.TempDir()}
	t.Cleanup(online.leave)
	if err := online.begin(remotetest.Options{Latency: 2 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	hands := []worker{&browser{someone("eve"), online.drive}}
	var all []*world
	for n := range machines {
		name := fmt.Sprint("machine", n+1)
		if cramped {
			smallDisk(t, online.path(name))
		}
		m := online.machine(t, name)
		all = append(all, m)
		var turn sync.Mutex
		for _, name := range []string{"ann", "bob"} {
			aside := m.path(name)
			if err := os.Mkdir(aside, 0o777); err != nil {
				t.Fatal(err)
			}
			hands = append(hands, &local{someone(fmt.Sprint(name, n+1)), m.path("local"), aside, &turn})
		}
	}
	for _, worker := range more {
		hands = append(hands, worker(all[0], someone))
	}
	for n := range kills {
		round(t, rnd, all, hands, end, cramped)
		nothingLost(t, book, fmt.Sprint("after kill ", n+1), all)
	}
	if cramped {
		moreRoom(t, all[0].dir)
	}
	quiet(t, all)
	nothingLost(t, book, "in the end", all)
	t.Logf("%d kills of %d, %d versions written, %d of them live in the end, none lost", kills, machines, len(book.versions), book.live())
	return online.drive
}

// smallDisk makes a directory that holds little.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.Mkdir(dir, 0o777), unix.Mount("tandem", dir, "tmpfs", 0, "size=12m")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

func moreRoom(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tandem", dir, "tmpfs", unix.MS_REMOUNT, "size=1g"); err != nil {
		t.Fatal(err)
	}
}

// A worker is somebody who does something when it is his turn.
type worker interface{ act() }

// machine is another one that syncs with the drive of w.
func (w *world) machine(t *testing.T, name string) *world {
	t.Helper()
	m := &world{dir: w.path(name), drive: w.drive, at: w.at}
	file := m.path("config/tandem/config.toml")
	text := fmt.Sprintf(scriptConfig, "http://"+m.at+"/v1.0", "http://"+m.at, m.path("local")) + "hold_deletes_count = 100000\n"
	err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.MkdirAll(m.path("local"), 0o777), os.WriteFile(file, []byte(text), 0o666))
	if err = errors.Join(err, m.signIn(nil)); err != nil {
		t.Fatal(err)
	}
	return m
}

// round lets everybody work while tandem does, and kills it.
func round(t *testing.T, rnd *rand.Rand, machines []*world, people []worker, end os.Signal, cramped bool) {
	var running []*exec.Cmd
	for _, m := range machines {
		args := []string{"sync"}
		if rnd.IntN(3) > 0 {
			args = append(args, "--once")
		}
		cmd := m.tandem(args...)
		if cramped {
			few := []string{"-c", fmt.Sprintf("ulimit -n %d && exec tandem %s", 24+rnd.IntN(40), strings.Join(args, " "))}
			dir, env := cmd.Dir, cmd.Env
			cmd = exec.Command("sh", few...)
			cmd.Dir, cmd.Env = dir, env
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	deadline := time.After(time.Duration(200+rnd.IntN(3500)) * time.Millisecond)
	stop := make(chan struct{})
	var working sync.WaitGroup
	for i, p := range people {
		pace := rand.New(rand.NewPCG(rnd.Uint64(), uint64(i)))
		working.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(pace.ExpFloat64() * float64(60*time.Millisecond))):
					p.act()
				}
			}
		})
	}
	<-deadline
	for _, cmd := range running {
		cmd.Process.Signal(end)
		cmd.Wait()
	}
	close(stop)
	working.Wait()
}

// nothingLost looks for every version that is live, as far as people know. What
// is put into a folder in the moment that this is deleted online goes with it,
// and only the recycle bin has it: the service knows no guard against that.
func nothingLost(t *testing.T, book *ledger, when string, machines []*world) {
	t.Helper()
	kept := digests(maps.Values(machines[0].drive.Tree()))
	for _, m := range machines {
		maps.Copy(kept, digests(slices.Values(textsIn(m.path("local"))))) // what tandem keeps lies in there, too
	}
	binned := digests(slices.Values(machines[0].drive.Binned()))
	for d, v := range book.versions {
		switch {
		case len(v.over) > 0 || kept[d]:
		case binned[d]:
			t.Logf("%s: %q went with the folder it was put into; it is in the recycle bin", when, v.name)
			v.over = []string{"the service"}
		default:
			t.Errorf("%s: %q is lost", when, v.name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// quiet lets tandem finish on every machine, with nobody else at work, until no
// pass does anything. Then all must be the same.
func quiet(t *testing.T, machines []*world) {
	t.Helper()
	var said string
	for range 12 {
		done := true
		said = ""
		for _, m := range machines {
			talk := m.finish(t)
			said += talk
			done = done && strings.Contains(talk, "nothing to do")
		}
		if done {
			for _, m := range machines {
				m.likeOnline(t, said)
			}
			return
		}
	}
	t.Fatalf("no end\n%s", said)
}

// finish makes a pass, and agrees to whatever it wants to delete.
func (w *world) finish(t *testing.T) (talk string) {
	t.Helper()
	cmd := w.tandem("sync", "--once")
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != waits) {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "deletes with: tandem held") {
		if out, err := w.tandem("held", "approve", "docs").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return "held\n"
	}
	return string(out)
}

func (w *world) likeOnline(t *testing.T, said string) {
	t.Helper()
	here, err := contents(w.path("local"))
	if err != nil {
		t.Fatal(err)
	}
	there := w.online()
	if paths := differing(here, there); len(paths) > 0 {
		t.Fatalf("at rest, but the two sides differ in %q\nhere   %q\nonline %q\n%s", paths,
			slices.Sorted(maps.Keys(here)), slices.Sorted(maps.Keys(there)), said)
	}
}

func keptOnce(t *testing.T, drive *remotetest.Drive) {
	t.Helper()
	at := map[string]string{}
	for path, text := range drive.Tree() {
		if strings.HasSuffix(path, "/") {
			continue
		}
		if at[text] != "" {
			t.Errorf("one version is kept twice: %q and %q", at[text], path)
		}
		at[text] = path
	}
}
