package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/remote/remotetest"
)

var (
	raceSeconds = flag.Float64("race-seconds", 0, "how long TestRaces exchanges names under each command; 0 = a moment")
	raceSeed    = flag.Uint64("race-seed", 1, "what is exchanged in TestRaces; 0 = the time")
)

// A raced command writes or reads files here while somebody exchanges their names.
type raced struct {
	covers []string   // commands of the table
	in     string     // the folder in which names are exchanged: "local" is synced, "work" is not
	lines  [][]string // command lines, one after the other
	agent  bool       // the first goes on until it is told to end
	shared bool       // another user races it even if there is little time

	// named is the first request after which the folder itself is exchanged, too: what a
	// person names is where it leads when the command begins. "" = from the start, for a
	// command that knows the folder from before; "-" = never.
	named string
	does  string // requests that show that there was work; "" = the exit code does
}

// races are the commands that have to do with files here.
var races = map[string]raced{
	"sync --once":              {shared: true, covers: []string{"sync"}, in: "local", lines: [][]string{{"sync", "--once"}}, does: "download"},
	"sync --dry-run":           {in: "local", lines: [][]string{{"sync", "--once", "--dry-run"}}, does: "delta"},
	"agent":                    {covers: []string{"status", "sync-now", "stop"}, in: "local", lines: [][]string{{"sync"}, {"status"}, {"sync-now"}, {"status", "--json"}, {"stop"}}, agent: true, does: "delta"},
	"held approve":             {covers: []string{"held", "held approve"}, in: "local", lines: [][]string{{"held"}, {"held", "approve"}, {"sync", "--once"}}, does: "delta"},
	"held deny":                {covers: []string{"held deny"}, in: "local", lines: [][]string{{"held", "deny"}, {"sync", "--once"}}, named: "-", does: "delta"},
	"get":                      {covers: []string{"get"}, in: "work", lines: [][]string{{"get", "main:/d/*.txt", "main:/*.txt", "main:/*.bin", "work/"}}, named: "download", does: "download"},
	"get -R":                   {in: "work", lines: [][]string{{"get", "-R", "main:/", "work/"}}, named: "download", does: "download"},
	"get -R into a synced one": {shared: true, in: "local", lines: [][]string{{"get", "-R", "main:/", "local/"}}, named: "download", does: "download"},
	"put":                      {covers: []string{"put"}, in: "work", lines: [][]string{{"put", "work/", "main:/"}}, named: "content", does: "content"},
	"put -R":                   {in: "work", lines: [][]string{{"put", "-R", "work/", "main:/"}}, named: "content", does: "content"},
	"put -R of a synced one":   {shared: true, in: "local", lines: [][]string{{"put", "-R", "local/", "main:/"}}, named: "content", does: "content"},
	"put -R --delete-source":   {in: "work", lines: [][]string{{"put", "-R", "--delete-source", "work/", "main:/"}}, named: "content", does: "content"},
	"mirror ->":                {covers: []string{"run"}, in: "work", lines: [][]string{{"run", "--yes", "up"}}, named: "content", does: "content"},
	"mirror <-":                {shared: true, in: "work", lines: [][]string{{"run", "--yes", "down"}}, named: "delta", does: "download"},
	"mirror <->":               {in: "work", lines: [][]string{{"run", "--yes", "both"}}, named: "delta", does: "content"},
	"places":                   {covers: []string{"ls", "du", "mkdir", "cp", "mv", "share", "rm"}, in: "local", lines: [][]string{{"ls", "-R", "local/d"}, {"du", "local/d"}, {"mkdir", "local/d/new"}, {"cp", "local/d/x.txt", "local/d/s/z.txt"}, {"share", "local/a.txt"}, {"mv", "local/d/s/z.txt", "local/d/new"}, {"rm", "-R", "local/d/new"}}, does: "item"},
	"login --export":           {covers: []string{"login"}, in: "work", lines: [][]string{{"login", "--export", "work/a.txt", "--passphrase-file", "phrase"}}, named: "-"},
}

// unraced are the commands that have nothing to do with files that others may name.
var unraced = map[string]string{
	"connection": "it only talks", "service": "it only talks",
	"connection add": settings, "connection list": settings, "connection show": settings, "connection test": settings, "connection setup-app": settings,
	"connection secret": settings, "connection consent": settings, "connection remove": settings, "logout": settings,
	"pause": own, "resume": own, "service install": own, "service uninstall": own, "service status": own, "service logs": own,
	"explore":  "what its keys do is what get, put, mkdir and rm do",
	"demo":     "it makes a directory of its own, where nobody else has a name",
	"emulator": "it keeps all in memory", "version": "it only talks", "completion": "it only talks",
}

const (
	settings = "it keeps to the settings, the sign-in and the secrets: see secret_files.txtar"
	own      = "it keeps to directories of the user's own"
)

// TestEveryCommandIsRacedOrKeepsOffFiles: a command that is new has to be thought of.
func TestEveryCommandIsRacedOrKeepsOffFiles(t *testing.T) {
	thought := map[string]bool{}
	for _, r := range races {
		for _, name := range r.covers {
			thought[name] = true
		}
	}
	for name := range unraced {
		if thought[name] {
			t.Errorf("%q is raced, and said not to be", name)
		}
		thought[name] = true
	}
	eachCommand((&program{screen: newScreen(io.Discard)}).command(), func(name string) {
		if !thought[name] {
			t.Errorf("%q is not raced, and nothing says that it has nothing to do with files", name)
		}
		delete(thought, name)
	})
	for name := range thought {
		t.Errorf("there is no command %q", name)
	}
}

// TestRaces lets each command work again and again in a folder in which a process exchanges
// names: one of the same user, who may exchange all of them, or one of another user, who
// may where the modes let them. The tree outside stays as it was, to the last bit, and
// nothing of it goes online.
func TestRaces(t *testing.T) {
	for _, by := range []string{"the same user", "another user"} {
		for name, r := range races {
			t.Run(name+"/"+by, func(t *testing.T) {
				if *raceSeconds == 0 && by == "another user" && !r.shared {
					t.Skip("make races has it")
				}
				if by == "another user" && os.Geteuid() != 0 {
					t.Skip("only root can act as two users")
				}
				if *raceSeconds == 0 { // with so long each, one after the other
					t.Parallel()
				}
				newRace(t, r, by == "another user").run()
			})
		}
	}
}

const smallFile = 2000

// racedFiles are in the folder that is raced, and there are others of these names outside.
var racedFiles = map[string]int{"a.txt": smallFile, "b.txt": smallFile, "d/x.txt": smallFile, "d/s/y.txt": smallFile, "e/z.txt": smallFile, "big.bin": 9 << 20}

// A race is one command that is raced.
type race struct {
	raced
	t      *testing.T
	w      *world
	wire   *wire
	rnd    *rand.Rand
	folder *os.Root // held open, so that the editor meets no name that was exchanged
	other  bool     // users

	planted int // files
	said    strings.Builder
}

func newRace(t *testing.T, r raced, other bool) *race {
	seed := *raceSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-race-seed %d", seed)
	c := &race{raced: r, t: t, w: &world{dir: t.TempDir()}, wire: &wire{}, rnd: rand.New(rand.NewPCG(seed, 1)), other: other}
	t.Cleanup(c.w.leave)
	c.w.around = func(drive http.Handler) http.Handler { c.wire.Handler = drive; return c.wire }
	must(t, c.w.begin(remotetest.Options{Latency: time.Millisecond, Seed: seed}))
	c.settle()
	canaryTree(t, c.w.path("outside"))
	return c
}

// settle makes the folders, and syncs them for the first time.
func (c *race) settle() {
	w, t := c.w, c.t
	for _, dir := range []string{"local", "work"} {
		must(t, os.Mkdir(w.path(dir), 0o777))
		for rel, size := range racedFiles {
			if size > smallFile && dir != c.in {
				continue
			}
			must(t, os.MkdirAll(filepath.Dir(w.path(dir+"/"+rel)), 0o777))
			must(t, os.WriteFile(w.path(dir+"/"+rel), c.text(size), 0o666))
		}
	}
	must(t, w.append([]string{"config/tandem/config.toml", c.tasks()}))
	must(t, w.signIn(nil))
	must(t, os.WriteFile(w.path("phrase"), []byte("a phrase\n"), 0o600))
	if out, err := w.tandem("sync", "--once").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, err := w.drive.Put("big.bin", string(c.text(racedFiles["big.bin"])))
	must(t, err)
	must(t, os.CopyFS(w.path("copy"), os.DirFS(w.path(c.in))))
	must(t, os.Mkdir(w.path("aside"), 0o777))
	c.folder, err = os.OpenRoot(w.path(c.in))
	must(t, err)
	t.Cleanup(func() { c.folder.Close() })
	w.drive.Fail(remotetest.Fault{Match: "GET download", Chance: 0.3, CutAt: 8<<20 + 4000}) // something is left to go on with
}

func (c *race) tasks() string {
	var all strings.Builder
	all.WriteString("hold_deletes_count = 100000\n")
	for name, direction := range map[string]string{"up": "->", "down": "<-", "both": "<->"} {
		fmt.Fprintf(&all, "[task.%s]\nverb = \"sync\"\nsource = [\"~/work/\"]\ntarget = \"main:/\"\ndirection = %q\n", name, direction)
		if name != "both" {
			all.WriteString("source_missing = \"delete\"\n")
		}
	}
	file := c.w.path("tasks.toml")
	must(c.t, os.WriteFile(file, []byte(all.String()), 0o666))
	return "tasks.toml"
}

// text is a content that there was not before.
func (c *race) text(size int) []byte {
	head := strconv.FormatUint(c.rnd.Uint64(), 36) + "\n"
	return []byte(head + strings.Repeat("x", size-len(head)))
}

// run runs the commands, and judges.
func (c *race) run() {
	want := sums(c.t, c.w.path("outside"))
	if c.other {
		c.handOver()
		want = sums(c.t, c.w.path("outside"))
	}
	x := c.exchanger()
	began, runs, raced, worked := time.Now(), 0, 0, 0
	for runs < 3 || raced < 3 || worked == 0 || time.Since(began) < time.Duration(*raceSeconds*float64(time.Second)) {
		if time.Since(began) > time.Minute+time.Duration(*raceSeconds*float64(time.Second)) {
			c.t.Fatalf("%d runs, %d of them raced, and %d with something to do\n%s", runs, raced, worked, c.said.String())
		}
		c.edit()
		c.plant()
		before, at := c.count(), x.ask("below")
		ended := c.runAll(x)
		if runs++; x.ask("still") > at {
			raced++
		}
		if c.does != "" && c.count() > before || c.does == "" && ended == 0 {
			worked++
		}
		if c.wire.leaks.Load() != nil {
			break
		}
	}
	n := x.end()
	if testing.Verbose() {
		c.t.Log(c.said.String())
	}
	c.t.Logf("%d names were exchanged in %d runs, %d of which had something to do; %d files were planted", n, runs, worked, c.planted)
	c.judge(want)
}

func (c *race) count() int { return c.w.drive.Count(c.does) }

// edit gives both sides something to do.
func (c *race) edit() {
	for _, rel := range []string{"d/s", "e"} {
		_ = c.folder.MkdirAll(rel, 0o777) // or it is something else just now
	}
	for rel, size := range racedFiles {
		if size > smallFile && c.rnd.IntN(5) > 0 {
			continue
		}
		switch c.rnd.IntN(4) {
		case 0:
			_ = c.folder.WriteFile(rel, c.text(size), 0o666)
		case 1:
			_, _ = c.w.drive.Put(rel, string(c.text(size)))
		case 2:
			if c.w.drive.Delete(rel) != nil {
				_, _ = c.w.drive.Put(rel, string(c.text(size)))
			}
		}
	}
	if _, err := c.w.drive.Stat("d/s"); err != nil {
		_, _ = c.w.drive.Mkdir("d/s")
	}
}

// partial are files in the private area at the end of which a later run goes on.
var partial = regexp.MustCompile(`/tmp/[^/]+$|/[0-9a-f]{24}\.part$`)

// plant gives what a run has left to go on with, now and then, to a file outside: as another
// name of that.
func (c *race) plant() {
	files, _ := filepath.Glob(c.w.path(c.in + "/.tandem/t[ma][ps]*/*"))
	for _, file := range files {
		if partial.MatchString(file) && c.rnd.IntN(2) == 0 {
			must(c.t, errors.Join(os.Remove(file), os.Link(c.w.path("outside/part.bin"), file)))
			c.planted++
		}
	}
}

// judge says what came of the tree outside.
func (c *race) judge(want string) {
	c.t.Helper()
	if got := sums(c.t, c.w.path("outside")); got != want {
		c.t.Errorf("outside became\n%s\nand was\n%s\n%s", got, want, c.said.String())
	}
	if leak := c.wire.leaks.Load(); leak != nil {
		c.t.Errorf("something of what is outside was sent: %s\n%s", *leak, c.said.String())
	}
	for _, text := range c.w.drive.Kept() {
		if strings.Contains(text, canary) {
			c.t.Errorf("what is outside is online: %.60q", text)
		}
	}
}

// runAll runs the commands, now and then to be killed in the midst, and gives the last
// exit code.
func (c *race) runAll(x *theExchanger) (ended int) {
	if c.named != "" && c.named != "-" {
		over := make(chan struct{})
		defer close(over)
		go c.onceAsked(over, x, c.w.drive.Count(c.named))
	} else if c.named == "" && c.rnd.IntN(2) == 0 {
		late := time.AfterFunc(time.Duration(c.rnd.IntN(300))*time.Millisecond, func() { x.ask("named") })
		defer late.Stop()
	}
	var agent *exec.Cmd
	for i, args := range c.lines {
		cmd := c.tandem(args...)
		out := new(strings.Builder)
		cmd.Stdout, cmd.Stderr = out, out
		must(c.t, cmd.Start())
		if c.agent && i == 0 {
			agent = cmd
			time.Sleep(time.Duration(c.rnd.IntN(800)) * time.Millisecond)
			continue
		}
		var kill *time.Timer
		if c.rnd.IntN(5) == 0 {
			kill = time.AfterFunc(time.Duration(20+c.rnd.IntN(150))*time.Millisecond, func() { cmd.Process.Kill() })
		}
		_ = cmd.Wait() // most fail now and then
		if kill != nil {
			kill.Stop()
		}
		ended = cmd.ProcessState.ExitCode()
		c.say(args, ended, out.String())
	}
	if agent != nil {
		agent.Process.Signal(syscall.SIGTERM)
		_ = agent.Wait()
		c.say(c.lines[0], agent.ProcessState.ExitCode(), fmt.Sprint(agent.Stdout))
	}
	return ended
}

// say keeps what the last commands said.
func (c *race) say(args []string, code int, out string) {
	if c.said.Len() > 20_000 {
		c.said.Reset()
	}
	fmt.Fprintf(&c.said, "%q: %d\n%s", args, code, out)
}

// onceAsked has the folder itself exchanged once the drive gets a request of a sort.
func (c *race) onceAsked(over chan struct{}, x *theExchanger, before int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.w.drive.Count(c.named) == before {
		select {
		case <-over:
			return
		case <-tick.C:
		}
	}
	x.ask("named")
}

// tandem is in a hurry, and of the user whose folders these are.
func (c *race) tandem(args ...string) *exec.Cmd {
	cmd := c.w.tandem(args...)
	hurried := exec.Command("tandem-in-a-hurry", args...)
	hurried.Dir, hurried.Env = cmd.Dir, append(cmd.Env, "QUIET=20ms", "POLL=200ms")
	if c.other {
		hurried.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return hurried
}

// handOver gives all to the one user, and lets the other exchange the folder itself, and
// what is in some folders of it.
func (c *race) handOver() {
	must(c.t, errors.Join(give(c.w.dir), letIn(c.w.dir), letIn(filepath.Dir(c.w.tandem().Path))))
	for _, rel := range []string{"", "aside", c.in + "/d", c.in + "/d/s"} {
		must(c.t, os.Chmod(c.w.path(rel), 0o777))
	}
	must(c.t, os.Lchown(c.w.path("aside"), stranger, stranger))
}

// theExchanger is the process that exchanges names.
type theExchanger struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  chan struct{} // for one word at a time
	in  io.WriteCloser
	out *bufio.Reader
}

func (c *race) exchanger() *theExchanger {
	x := &exchanger{
		Root: c.w.path(c.in), Outside: c.w.path("outside"), Copy: c.w.path("copy"), Aside: c.w.path("aside"),
		Seed: c.rnd.Uint64(), Mount: os.Geteuid() == 0 && !c.other,
		Below: [][]string{
			{"d", "d", "d", "d/s", "d/s", "d/x.txt"}, {"e", "e", "e/z.txt"}, {"a.txt", "b.txt", "big.bin"},
			{".tandem", ".tandem", ".tandem/folder-id", ".tandem/tmp", ".tandem/stash", ".tandem/trash", ".tandem/tasks", ".tandem/tmp/*", ".tandem/tasks/*", ".tandem/stash/*"},
		},
	}
	cmd := exec.Command("exchanger")
	cmd.Dir, cmd.Stderr = c.w.dir, os.Stderr
	if c.other {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	}
	in, err := cmd.StdinPipe()
	must(c.t, err)
	out, err := cmd.StdoutPipe()
	must(c.t, err)
	must(c.t, cmd.Start())
	c.t.Cleanup(func() { // also of what it has mounted
		cmd.Process.Kill()
		cmd.Wait()
		for _, rel := range append(slices.Concat(x.Below...), "") {
			unix.Unmount(filepath.Join(x.Root, rel), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
	})
	must(c.t, json.NewEncoder(in).Encode(x))
	return &theExchanger{c.t, cmd, make(chan struct{}, 1), in, bufio.NewReader(out)}
}

// ask says a word, and gives how often names have been exchanged.
func (x *theExchanger) ask(word string) int {
	x.mu <- struct{}{}
	defer func() { <-x.mu }()
	_, err := fmt.Fprintln(x.in, word)
	line, also := x.out.ReadString('\n')
	n, atLast := strconv.Atoi(strings.TrimSpace(line))
	if err := errors.Join(err, also, atLast); err != nil {
		x.t.Errorf("the exchanger: %v", err)
	}
	return n
}

// end has all in its place, and the process end.
func (x *theExchanger) end() int {
	n := x.ask("still")
	x.in.Close()
	if err := x.cmd.Wait(); err != nil {
		x.t.Errorf("the exchanger: %v", err)
	}
	return n
}
