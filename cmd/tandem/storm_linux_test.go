package main

import (
	"bytes"
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

// A ledger knows every version that a person made, and which of them a person
// has replaced or deleted since. All others must be somewhere, always.
type ledger struct {
	mu   sync.Mutex
	made map[string]bool // content → live, as far as people are concerned
}

func (l *ledger) make(content string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made[content] = true
}

func (l *ledger) end(contents ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range contents {
		if l.made[c] {
			l.made[c] = false
		}
	}
}

// A hand is one person at work.
type hand struct {
	name   string
	rnd    *rand.Rand
	ledger *ledger
	n      int
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
	p.ledger.end(string(old))
	f.WriteAt([]byte(text[:len(text)/2]), 0)
	if p.rnd.IntN(4) == 0 {
		<-time.After(time.Duration(p.rnd.IntN(100)) * time.Millisecond)
	}
	if _, err := f.WriteAt([]byte(text[len(text)/2:]), int64(len(text)/2)); err == nil {
		p.ledger.make(text)
	}
}

// save is an editor that writes anew and renames over the old.
func (p *local) save(name string) {
	p.n++
	fresh := filepath.Join(p.aside, fmt.Sprint("save", p.n))
	text := p.text()
	if os.WriteFile(fresh, []byte(text), 0o666) != nil {
		return
	}
	err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, name, unix.RENAME_EXCHANGE)
	if errors.Is(err, fs.ErrNotExist) {
		err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, name, unix.RENAME_NOREPLACE)
	}
	if err == nil {
		p.ledger.make(text)
	}
	p.ledger.end(textsIn(fresh)...)
	os.RemoveAll(fresh)
}

func (p *local) move(from, to string) {
	if from != p.root {
		unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	}
}

func (p *local) remove(name string) {
	p.n++
	gone := filepath.Join(p.aside, fmt.Sprint("gone", p.n))
	if name != p.root && os.Rename(name, gone) == nil {
		p.ledger.end(textsIn(gone)...)
		os.RemoveAll(gone)
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
		text := p.text()
		p.ledger.make(text)
		old, replaced, err := p.drive.PutOver(p.file(), text)
		if err != nil {
			p.ledger.end(text)
		}
		if replaced {
			p.ledger.end(old)
		}
	case k < 15:
		p.drive.Move(p.file(), p.file())
	case k < 16:
		p.drive.Move(p.folder(), p.folder())
	case k < 17:
		p.drive.Mkdir(p.folder())
	case k < 19:
		went, _ := p.drive.DeleteAll(p.file())
		p.ledger.end(went...)
	default:
		went, _ := p.drive.DeleteAll([]string{"d", "e", "d/s", "new"}[p.rnd.IntN(4)])
		p.ledger.end(went...)
	}
}

// TestStorm lets two people work on one tree, one here and one online, while
// tandem is killed again and again. After each kill every version that nobody
// has replaced must be here, online, or among what tandem keeps; in the end both
// sides must be the same with no help.
func TestStorm(t *testing.T) {
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-storm-seed %d", seed)
	w := newStorm(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	book := &ledger{made: map[string]bool{}}
	var turn sync.Mutex
	hands := []interface{ act() }{
		&local{hand{"ann", rand.New(rand.NewPCG(seed, 1)), book, 0}, w.path("local"), w.path("aside"), &turn},
		&local{hand{"bob", rand.New(rand.NewPCG(seed, 2)), book, 0}, w.path("local"), w.path("aside2"), &turn},
		&browser{hand{"eve", rand.New(rand.NewPCG(seed, 3)), book, 0}, w.drive},
	}
	for n := range *kills {
		w.round(t, rnd, hands)
		w.nothingLost(t, book, fmt.Sprint("after kill ", n+1))
	}
	w.quiet(t)
	w.nothingLost(t, book, "in the end")
	live := 0
	for _, is := range book.made {
		if is {
			live++
		}
	}
	t.Logf("%d kills, %d versions written, %d of them live in the end, none lost", *kills, len(book.made), live)
}

func newStorm(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	t.Cleanup(w.leave)
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(w.begin(remotetest.Options{Latency: 2 * time.Millisecond}))
	try(w.signIn(nil))
	for _, dir := range []string{"local", "aside", "aside2"} {
		try(os.Mkdir(w.path(dir), 0o777))
	}
	file := w.path("config/tandem/config.toml")
	text, err := os.ReadFile(file)
	try(err)
	try(os.WriteFile(file, append(text, "hold_deletes_count = 100000\n"...), 0o666))
	return w
}

// round lets everybody work while tandem does, and kills it.
func (w *world) round(t *testing.T, rnd *rand.Rand, hands []interface{ act() }) {
	args := []string{"sync"}
	if rnd.IntN(3) > 0 {
		args = append(args, "--once")
	}
	cmd := w.tandem(args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Duration(200+rnd.IntN(3500)) * time.Millisecond)
	stop := make(chan struct{})
	var working sync.WaitGroup
	for i, h := range hands {
		pace := rand.New(rand.NewPCG(rnd.Uint64(), uint64(i)))
		working.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(pace.ExpFloat64() * float64(60*time.Millisecond))):
					h.act()
				}
			}
		})
	}
	<-deadline
	cmd.Process.Kill()
	cmd.Wait()
	close(stop)
	working.Wait()
}

// nothingLost looks for every version that is live, as far as people know.
func (w *world) nothingLost(t *testing.T, book *ledger, when string) {
	t.Helper()
	kept := map[string]bool{}
	for _, c := range textsIn(w.path("local")) { // what tandem keeps lies in there, too
		kept[c] = true
	}
	for _, c := range w.drive.Tree() {
		kept[c] = true
	}
	for text, live := range book.made {
		if live && !kept[text] {
			head, _, _ := strings.Cut(text, "\n")
			t.Errorf("%s: %q is lost", when, head)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// quiet lets tandem finish, with nobody else at work, until a pass does nothing.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	var last string
	for range 12 {
		var talk bytes.Buffer
		cmd := w.tandem("sync", "--once", "--json")
		cmd.Stderr = &talk
		out, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != waits) {
			t.Fatalf("%v\n%s", err, talk.String())
		}
		last = string(out) + talk.String()
		if strings.Contains(talk.String(), "deletes with: tandem held") {
			w.tandem("held", "approve", "docs").Run()
			continue
		}
		if strings.Contains(talk.String(), "nothing to do") {
			here, err := contents(w.path("local"))
			if err != nil {
				t.Fatal(err)
			}
			there := map[string]string{}
			for path, text := range w.drive.Tree() {
				there[strings.TrimPrefix(path, "/")] = text
			}
			if paths := differing(here, there); len(paths) > 0 {
				t.Fatalf("at rest, but the two sides differ in %q\nhere   %q\nonline %q\n%s", paths,
					slices.Sorted(maps.Keys(here)), slices.Sorted(maps.Keys(there)), last)
			}
			return
		}
	}
	t.Fatalf("no end\n%s", last)
}
