package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tandem/remote/remotetest"
)

// The stories in testdata/script are what a person and the world around do, and
// what must come of it. The program is the real one, run as a process of its
// own; the drive is the emulator; "online" is another person at it.
//
//	pair [KIND]            an emulated drive, a sign-in, local/ sent up
//	emulator [KIND [NAME]] only the drive of NAME, and a configuration for it;
//	                       secret=... client=... redirect=... permissions=A,B is its app,
//	                       consent=admin who has to agree
//	another [KIND NAME]    a drive of somebody else, and the connection "other" to it
//	elsewhere VERB ARG...  online, at that drive
//	signin [NAME]          tandem login, of NAME
//	signin COMMAND ARG...  the same by another command
//	visit                  a browser goes to the address that was printed last
//	online VERB ARG...     see package remotetest: put PATH TEXT, mv FROM TO, fault match=... status=503;
//	                       and leave, return: nobody answers meanwhile
//	edit FILE TEXT         write a file here, in place
//	append FILE FROM       FROM's text at the end of FILE
//	oddname DIR            make a file there whose name is not UTF-8
//	sync CODE [ARG...]     tandem sync --once --json, which must exit with CODE
//	exits CODE ARG...      tandem, which must exit with CODE
//	did WHAT N ...         what that pass did; "did nothing"
//	here PATH TEXT         local/PATH is a file with this text
//	gone PATH              local/PATH is not there
//	conflict STEM TEXT     one conflict copy of STEM is here, with this text
//	intrash NAME TEXT      tandem's trash holds it
//	same                   both sides are equal, and a further pass does nothing
//	await COMMAND ARG...   until that is so; part DIR: a download has begun there; says PATTERN ARG...: tandem prints it;
//	                       asked WHAT N: the drive, the other one if there is, got so many requests of a sort, "9+" or more;
//	                       lacks FILE TEXT: it is no longer in it
//	soon COMMAND ARG...    the same, well before the next poll
//	systemd                what is started from now on is watched over: see notified
//	notified WORD          it has told systemd so
//	mount DISK DIR         what is in DISK, mounted on DIR; unmount DIR: refused while it is in use
//	killed WHAT N ARG...   tandem, killed when the drive got N requests of WHAT
//	stopped WHAT ARG...    tandem, told to end when the drive got a request of WHAT, which it never answers; or with "input"
//	                       when it reads what never comes, with "output" when it writes what nobody reads, with "terminal"
//	                       when it shows something on one, with "edits" while local/ is full of them; or after a time,
//	                       such as 1s: it ends within two seconds, as long as the machine has them for it
//	asuser CODE ARG...     tandem as nobody in particular, so that permissions count; with --json, see did
//	stranger PROGRAM ARG... a program of another user of the machine than asuser's; knock SOCKET: it speaks to a socket
//	squatter ADDRESS       that user listens there until the end of the story
//	machine NAME           what follows happens at this machine: NAME/local; made and signed in the first time
//	everywhere DIR...      passes at each machine until none has anything to do; then holds DIR...
//	holds DIR...           every machine and the drive hold exactly what is in one of those folders, and all say
//	                       in sync; " (conflict)" in a name of DIR stands for that of any conflict copy
//	fill DIR N SIZE        make N files of SIZE bytes in DIR, which another such line makes the same
//
// $TURN and $ERASE are characters that do something to a terminal, $ESC begins what a terminal sends.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup:               setUp,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator": command((*world).emulator), "another": command((*world).another), "elsewhere": command((*world).actElsewhere), "signin": command((*world).signIn), "visit": command((*world).visit), "pair": command((*world).pair),
			"online": command((*world).act), "edit": command((*world).edit), "append": command((*world).append), "oddname": command((*world).oddName), "sync": command((*world).sync), "exits": command((*world).exitsWith), "did": command((*world).did),
			"here": command((*world).here), "gone": command((*world).gone), "conflict": command((*world).conflict),
			"intrash": command((*world).inTrash), "same": command((*world).same), "await": command((*world).await), "soon": command((*world).soon),
			"killed": command((*world).killed), "stopped": command((*world).stopped), "asuser": command((*world).asUser), "stranger": command((*world).asStranger), "squatter": command((*world).squatter), "systemd": command((*world).systemd), "notified": command((*world).notified), "tmpfs": command((*world).tmpfs),
			"mount": command((*world).mount), "unmount": command((*world).unmount),
			"machine": command((*world).goTo), "everywhere": command((*world).everywhere), "asked": command((*world).asked), "holds": command((*world).holds), "fill": command((*world).fill),
		},
	})
}

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "16") // stories mostly wait; -parallel still has the last word
	testscript.Main(m, map[string]func(){"tandem": main, "measured": measured, "tandem-of-old": func() { version = "v0"; main() }, "tandem-elsewhere": elsewhere, "tandem-in-a-hurry": hurried, "xdg-open": browse, "squat": squat, "knock": knock, "exchanger": exchange, "yardstick": beYardstick})
}

// hurried is tandem with a quiet period of QUIET that reads the change feed every
// POLL: what takes a person a coffee takes a test no minute.
func hurried() {
	var err, also error
	usualSettle, err = time.ParseDuration(os.Getenv("QUIET"))
	usualPoll, also = time.ParseDuration(os.Getenv("POLL"))
	if err := errors.Join(err, also); err != nil {
		log.Fatal(err)
	}
	main()
}

// elsewhere is tandem in a world where Microsoft's cloud is the emulator.
func elsewhere() {
	clouds["global"] = [2]string{os.Getenv("EMULATOR"), os.Getenv("EMULATOR") + "/v1.0"}
	main()
}

// browse is the browser of a desktop, which there is with DISPLAY set: the person
// at it agrees to everything that a page here leads to. It notes what it was started
// with, and what others may do with that, in BROWSED.
func browse() {
	said := os.Args[1]
	page, err := os.ReadFile(said)
	if err != nil {
		return // a page of the web, which none of the stories has
	}
	if note := os.Getenv("BROWSED"); note != "" {
		for _, path := range []string{said, filepath.Dir(said)} {
			info, err := os.Stat(path)
			if err != nil {
				log.Fatal(err)
			}
			said += fmt.Sprintf(" %v", info.Mode())
		}
		if err := os.WriteFile(note, []byte(said+"\n"), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	to := regexp.MustCompile(`url=([^"]+)"`).FindSubmatch(page)
	if to == nil {
		log.Fatalf("%s leads nowhere", page)
	}
	for waits := os.Getenv("WAITS"); waits != ""; time.Sleep(20 * time.Millisecond) { // the person does something else
		if _, err := os.Stat(waits); err == nil {
			break
		}
	}
	answer, err := http.Get(html.UnescapeString(string(to[1])))
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

// squat listens at an address until it is killed.
func squat() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	for {
		if _, err := l.Accept(); err != nil {
			log.Fatal(err)
		}
	}
}

// knock speaks to whoever listens at a socket.
func knock() {
	conn, err := net.Dial("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(conn, "POST /stop HTTP/1.0\r\n\r\n")
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		log.Fatal(err)
	}
}

// A world is where one story happens.
type world struct {
	dir    string
	drive  *remotetest.Drive
	server *http.Server
	hangUp context.CancelFunc              // ends the sockets of push, which the server has let go of
	around func(http.Handler) http.Handler // what is between the drive and everybody; nil = nothing
	at     string                          // the server's address
	ts     *testscript.TestScript          // of the command at hand
	last   outcome                         // of the last sync
	system *system                         // nil without systemd
	other  *world                          // around the other drive

	top      string   // the story's directory, where dir is that of a machine in it
	machines []string // there are
}

type worldKey struct{}

func setUp(env *testscript.Env) error {
	w := &world{dir: env.WorkDir}
	env.Values[worldKey{}] = w
	env.Defer(w.leave)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XDG_CONFIG_HOME", w.path("config"))
	env.Setenv("XDG_STATE_HOME", w.path("state"))
	env.Setenv("TURN", "\u202e")    // what follows is written from right to left
	env.Setenv("ERASE", "\u009b2J") // a terminal is emptied
	env.Setenv("ESC", "\x1b")       // what a mouse does comes with it
	return nil
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "mount":
		return canMount(), nil
	}
	return false, fmt.Errorf("no such condition: %q", cond)
}

// command makes a script command of a method that fails with an error.
func command(do func(*world, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		w := ts.Value(worldKey{}).(*world)
		w.ts = ts
		switch err := do(w, args); {
		case neg && err == nil:
			ts.Fatalf("it did not fail")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

const scriptConfig = `[connection.main]
cloud = "custom"
graph_endpoint = %q
login_endpoint = %q
token_store = "file"

[folder.docs]
connection = "main"
local = %q
`

// another is a second drive, which leaves the first and its configuration alone.
func (w *world) another(args []string) error {
	file := w.path("config/tandem/config.toml")
	mine, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	w.other = &world{dir: w.dir}
	if err := w.other.emulator(append(args, "business", "ben")[:2]); err != nil {
		return err
	}
	w.ts.Defer(w.other.leave)
	w.ts.Setenv("ELSEWHERE", "http://"+w.other.at)
	theirs, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	connection, _, _ := strings.Cut(string(theirs), "[folder.")
	connection = strings.Replace(connection, "connection.main", "connection.other", 1)
	return os.WriteFile(file, []byte(string(mine)+"\n"+connection), 0o666)
}

func (w *world) actElsewhere(args []string) error {
	w.other.ts = w.ts
	return w.other.act(args)
}

func (w *world) emulator(args []string) error {
	opt := remotetest.Options{}
	var plain []string
	for _, arg := range args {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "secret":
			opt.Secret = value
		case "client":
			opt.ClientID = value
		case "redirect":
			opt.Redirect = value
		case "permissions":
			opt.Permissions = strings.Split(value, ",")
		case "consent":
			opt.AdminConsent = value == "admin"
		default:
			plain = append(plain, arg)
		}
	}
	kind, err := remotetest.ParseKind(append(plain, "personal")[0])
	if err != nil {
		return err
	}
	opt.Kind = kind
	if len(plain) > 1 {
		opt.Account = plain[1]
	}
	return w.begin(opt)
}

// controls is the key to what "online" does.
const controls = "the key of the stories"

// begin serves a new drive and configures tandem for it.
func (w *world) begin(opt remotetest.Options) error {
	w.leave()
	opt.Controls = controls
	w.drive, w.at = remotetest.New(opt), ""
	if err := w.comeBack(); err != nil {
		return err
	}
	if w.ts != nil {
		w.ts.Setenv("EMULATOR", "http://"+w.at)
	}
	return w.configure()
}

func (w *world) configure() error {
	file := w.path("config/tandem/config.toml")
	text := fmt.Sprintf(scriptConfig, "http://"+w.at+"/v1.0", "http://"+w.at, w.path("local"))
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666))
}

// comeBack serves the drive, at the same address as before if there was one.
func (w *world) comeBack() error {
	l, err := w.listen()
	if err != nil {
		return err
	}
	w.at = l.Addr().String()
	ctx, hangUp := context.WithCancel(context.Background())
	w.hangUp = hangUp
	w.server = &http.Server{Handler: &remotetest.Guard{Drive: w.drive}, ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx }}
	if w.around != nil {
		w.server.Handler = w.around(w.server.Handler)
	}
	go w.server.Serve(l) // until leave
	return nil
}

// listen takes a port that the system gives to nobody by itself: while the service
// is away it must not become that of a connection. A process that is being started
// may hold what was closed here for an instant longer, so it is tried again.
func (w *world) listen() (l net.Listener, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		l, err = net.Listen("tcp", cmp.Or(w.at, fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000))))
		if err == nil {
			break
		}
		<-tick.C
	}
	return l, err
}

func (w *world) leave() {
	if w.server != nil {
		w.hangUp()
		w.server.Close()
	}
}

// signIn reads the address that tandem prints, as a script would, and visits it.
func (w *world) signIn(args []string) error {
	if len(args) < 2 {
		args = append([]string{"login"}, args...)
	}
	cmd := w.tandem(append(args, "--no-browser")...)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	from := bufio.NewReader(out)
	address, _ := from.ReadString('\n') // none comes: it said why
	if answer, err := http.Get(strings.TrimSpace(address)); err == nil {
		answer.Body.Close()
	}
	data, err := io.ReadAll(from)
	err = errors.Join(err, cmd.Wait())
	w.heard(string(data), talk.String())
	return err
}

// visit opens the address on stdout, and not where it leads on to.
func (w *world) visit([]string) error {
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(strings.TrimSpace(w.ts.ReadFile("stdout")))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		said, err := io.ReadAll(answer.Body)
		return errors.Join(err, fmt.Errorf("%s: %s", answer.Status, said))
	}
	return nil
}

// heard lets the script's stdout and stderr commands see what a program said.
func (w *world) heard(data, talk string) {
	if w.ts != nil {
		io.WriteString(w.ts.Stdout(), data)
		io.WriteString(w.ts.Stderr(), talk)
	}
}

func (w *world) tandem(args ...string) *exec.Cmd {
	cmd := exec.Command("tandem", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "HOME="+w.dir, "XDG_CONFIG_HOME="+w.path("config"), "XDG_STATE_HOME="+w.path("state"))
	return cmd
}

// exits runs a command that must end with this exit code.
func (w *world) exits(want int, cmd *exec.Cmd) (data string, err error) {
	var out, talk strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &talk
	err = cmd.Run()
	w.heard(out.String(), talk.String())
	if got := cmd.ProcessState.ExitCode(); got != want {
		return "", fmt.Errorf("exit code %d, want %d (%v)\n%s%s", got, want, err, out.String(), talk.String())
	}
	return out.String(), nil
}

func (w *world) exitsWith(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	_, err = w.exits(want, w.tandem(args[1:]...))
	return err
}

func (w *world) pair(args []string) error {
	if err := w.emulator(args); err != nil {
		return err
	}
	if err := w.signIn(nil); err != nil {
		return err
	}
	if err := os.MkdirAll(w.path("local"), 0o777); err != nil {
		return err
	}
	if err := w.sync([]string{"0"}); err != nil {
		return err
	}
	return w.sync([]string{"0"}) // the drive's word about what was sent has been heard, too
}

// act is another person, or fate, at the drive: it goes through the emulator's
// own verbs.
func (w *world) act(args []string) error {
	verb, args := args[0], args[1:]
	switch verb {
	case "leave":
		w.leave()
		return nil
	case "return":
		return w.comeBack()
	}
	names := map[string][]string{
		"put": {"path", "text"}, "mv": {"from", "to"}, "mkdir": {"path"}, "rm": {"path"}, "cat": {"path"},
		"count": {"of"}, "quota": {"total"}, "expire": {"what"},
	}[verb]
	form := url.Values{}
	for i, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if i < len(names) {
			name, value = names[i], arg
		}
		form.Set(name, value)
	}
	text := form.Get("text")
	form.Del("text")
	if verb == "put" && text != "" {
		text += "\n" // as edit does
	}
	return w.ask(verb, form, text)
}

func (w *world) ask(verb string, form url.Values, body string) error {
	method := http.MethodPost
	if verb == "cat" || verb == "ls" || verb == "count" {
		method = http.MethodGet
	}
	r, err := http.NewRequest(method, "http://"+w.at+"/emulator/"+verb+"?"+form.Encode(), strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+controls)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("online %s: %s", verb, said)
	}
	w.heard(string(said), "")
	return err
}

// edit writes in place, as many editors do; names in scripts are relative to
// the story's directory.
func (w *world) edit(args []string) error {
	file := w.path(args[0])
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(args[1]+"\n"), 0o666))
}

func (w *world) append(args []string) error {
	text, err := os.ReadFile(w.path(args[1]))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.path(args[0]), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

func (w *world) oddName(args []string) error {
	return os.WriteFile(w.path(args[0]+"/odd\xff.txt"), []byte("odd\n"), 0o666)
}

func (w *world) sync(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	data, err := w.exits(want, w.tandem(append([]string{"sync", "--once", "--json"}, args[1:]...)...))
	if err != nil {
		return err
	}
	return w.outcome(data)
}

// outcome reads what --json printed for the one folder there is.
func (w *world) outcome(data string) error {
	var all []outcome
	if err := json.Unmarshal([]byte(data), &all); err != nil || len(all) != 1 {
		return fmt.Errorf("%d outcomes: %v\n%s", len(all), err, data)
	}
	w.last = all[0]
	return nil
}

func (w *world) did(args []string) error {
	s := w.last.Summary
	done := map[string]int{
		"uploaded": s.Uploaded, "downloaded": s.Downloaded, "created_folders": s.CreatedFolders, "moved": s.Moved, "times_set": s.TimesSet,
		"deleted_local": s.DeletedLocal, "deleted_remote": s.DeletedRemote, "conflicts": s.Conflicts,
	}
	want := map[string]int{}
	if args[0] == "nothing" {
		for what := range done {
			want[what] = 0
		}
		args = nil
	}
	for len(args) > 0 {
		n, err := strconv.Atoi(args[1])
		if _, known := done[args[0]]; err != nil || !known {
			return fmt.Errorf("did %q: no such count", args)
		}
		want[args[0]], args = n, args[2:]
	}
	for what, n := range want {
		if done[what] != n {
			return fmt.Errorf("%s %d, want %d", what, done[what], n)
		}
	}
	return nil
}

func (w *world) here(args []string) error {
	text, err := os.ReadFile(w.path("local/" + args[0]))
	if err == nil && string(text) != args[1]+"\n" {
		err = fmt.Errorf("%s holds %q, want %q", args[0], text, args[1]+"\n")
	}
	return err
}

func (w *world) gone(args []string) error {
	if _, err := os.Lstat(w.path("local/" + args[0])); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is still there (%v)", args[0], err)
	}
	return nil
}

var conflictIn = regexp.MustCompile(` \(conflict [^)]+\)`)

func (w *world) conflict(args []string) error {
	stem := w.path("local/" + args[0])
	entries, err := os.ReadDir(filepath.Dir(stem))
	if err != nil {
		return err
	}
	copyOf := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(stem)) + conflictIn.String() + `(\.[^.]*)?$`)
	var copies []string
	for _, e := range entries {
		if copyOf.MatchString(e.Name()) {
			copies = append(copies, path.Join(path.Dir(args[0]), e.Name()))
		}
	}
	if len(copies) != 1 {
		return fmt.Errorf("%d conflict copies of %s: %q", len(copies), args[0], copies)
	}
	return w.here([]string{copies[0], args[1]})
}

func (w *world) inTrash(args []string) error {
	found := fmt.Errorf("%s is not in the trash", args[0])
	err := filepath.WalkDir(w.path("local/.tandem/trash"), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if strings.Contains(e.Name(), args[0]) && string(text) == args[1]+"\n" {
			found = nil
		}
		return err
	})
	return errors.Join(err, found)
}

func (w *world) same([]string) error {
	here, err := contents(w.path("local"))
	if err != nil {
		return err
	}
	if paths := differing(here, w.online()); len(paths) > 0 {
		return fmt.Errorf("the two sides differ in %q", paths)
	}
	if err := w.sync([]string{"0"}); err != nil {
		return err
	}
	return w.did([]string{"nothing"})
}

// online is all that the drive holds.
func (w *world) online() map[string]string {
	there := map[string]string{}
	for path, text := range w.drive.Tree() {
		there[strings.TrimPrefix(path, "/")] = text
	}
	return there
}

// part makes sure that a large download is under way below a folder.
func (w *world) part(args []string) error {
	found, err := filepath.Glob(w.path(args[0] + "/*.part"))
	for _, file := range found {
		if info, err := os.Stat(file); err == nil && info.Size() > 10<<20 {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("no part of a download is in %s: %q", args[0], found))
}

// says makes sure that what tandem prints matches.
func (w *world) says(args []string) error {
	want, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	out, err := w.tandem(args[1:]...).Output()
	if err == nil && !want.Match(out) {
		err = fmt.Errorf("it says %q", out)
	}
	return err
}

func (w *world) lacks(args []string) error {
	text, err := os.ReadFile(w.path(args[0]))
	if err == nil && strings.Contains(string(text), args[1]) {
		err = fmt.Errorf("%s still has %q", args[0], args[1])
	}
	return err
}

// asked makes sure that the drive, the other one if there is, got a number of
// requests of a sort.
func (w *world) asked(args []string) error {
	drive := w.drive
	if w.other != nil {
		drive = w.other.drive
	}
	n, more := strings.CutSuffix(args[1], "+")
	want, err := strconv.Atoi(n)
	if got := drive.Count(args[0]); err != nil || got != want && (!more || got < want) {
		return fmt.Errorf("%d of %q", got, args[0])
	}
	return nil
}

// await looks again and again until a command holds, or patience ends.
func (w *world) await(args []string) error { return w.within(600, args) }

// soon is await with the patience of somebody who looks at the screen.
func (w *world) soon(args []string) error { return w.within(200, args) }

func (w *world) within(ticks int, args []string) error {
	checks := map[string]func(*world, []string) error{"here": (*world).here, "gone": (*world).gone, "online": (*world).act, "conflict": (*world).conflict, "part": (*world).part, "says": (*world).says, "lacks": (*world).lacks, "asked": (*world).asked, "holds": (*world).holds, "notified": (*world).notified, "unmount": (*world).unmount}
	check := checks[args[0]]
	if check == nil {
		return fmt.Errorf("cannot await %q", args[0])
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range ticks {
		if check(w, args[1:]) == nil {
			return nil
		}
		<-tick.C
	}
	return check(w, args[1:])
}

// stopped runs tandem and asks it to end in the midst of something that does not end.
func (w *world) stopped(args []string) error {
	cmd := w.tandem(args[1:]...)
	cmd.Env = append(cmd.Env, "PATH="+w.ts.Getenv("PATH"))
	var talk strings.Builder
	cmd.Stderr = &talk
	m, err := w.midst(args[0], cmd)
	if err != nil {
		return err
	}
	defer m.end()
	measure, err := w.yardstick()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !m.begun() {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended before %q: %v\n%s", args[0], err, talk.String())
		case <-tick.C:
		}
	}
	usual := measure()
	asked := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	<-ended
	took := time.Since(asked)
	late.Stop()
	w.heard("", talk.String())
	w.ts.Logf("it ended after %v: %v", took.Round(time.Millisecond), cmd.ProcessState)
	// What writes to a disk in that moment ends only once that has written.
	const promised, slack = 2 * time.Second, time.Second / 2
	if took <= promised {
		return nil
	}
	slow := float64(<-usual) / float64(endWithin)
	if took > time.Duration(float64(promised+slack)*slow) {
		return fmt.Errorf("it ended after %v, on a machine that takes %.2f times as long as others\n%s", took, slow, talk.String())
	}
	return nil
}

// yardstick starts a process that does nothing but to end endWithin after it was told to:
// how long it takes is what a machine with much else to do makes of that. measure tells it,
// and gives what it took.
func (w *world) yardstick() (measure func() <-chan time.Duration, err error) {
	cmd := exec.Command("yardstick")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	w.ts.Defer(func() { cmd.Process.Kill() }) // nobody may have measured
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, err
	}
	return func() <-chan time.Duration {
		took := make(chan time.Duration, 1)
		told := time.Now()
		cmd.Process.Signal(syscall.SIGTERM)
		go func() {
			cmd.Wait()
			took <- time.Since(told)
		}()
		return took
	}, nil
}

// beYardstick is the process.
func beYardstick() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	fmt.Println("ready")
	<-told
	time.Sleep(endWithin)
}

// A midst is something that does not end by itself.
type midst struct {
	begun func() bool
	end   func()
}

// midst arranges for it.
func (w *world) midst(what string, cmd *exec.Cmd) (m midst, err error) {
	if after, err := time.ParseDuration(what); err == nil {
		at := time.Now().Add(after)
		return midst{func() bool { return time.Now().After(at) }, func() {}}, nil
	}
	switch what {
	case "input":
		return readsInVain(cmd)
	case "output":
		return writesInVain(cmd)
	case "terminal":
		return atTerminal(cmd)
	case "edits":
		return w.amidEdits(), nil
	}
	w.drive.Fail(remotetest.Fault{Match: what, Times: 1 << 20, Stall: time.Hour})
	count := func() int { return w.drive.Count(what) }
	if what == "*" {
		count = w.drive.Requests
	}
	before := count()
	return midst{func() bool { return count() > before }, w.drive.Calm}, nil
}

// readsInVain has it read from a pipe that does not end.
func readsInVain(cmd *exec.Cmd) (midst, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return midst{}, err
	}
	cmd.Stdin = in
	return once(func() { // it has room for less, so that the write ends when some of it was read
		out.Write(bytes.Repeat([]byte(" "), 70_000))
	}, func() { in.Close(); out.Close() }), nil
}

// writesInVain has it write to a pipe of which one byte only is read.
func writesInVain(cmd *exec.Cmd) (midst, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return midst{}, err
	}
	cmd.Stdout = out
	return once(func() { in.Read(make([]byte, 1)) }, func() { in.Close(); out.Close() }), nil
}

// once is begun when act has come to its end.
func once(act, end func()) midst {
	var done atomic.Bool
	go func() {
		act()
		done.Store(true)
	}()
	return midst{done.Load, end}
}

// amidEdits has somebody edit a hundred files without a pause, of which some were sent.
func (w *world) amidEdits() midst {
	dir := w.path("local/edits")
	before := w.drive.Count("PUT content")
	over, idle := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(idle)
		os.MkdirAll(dir, 0o777)
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			default:
				os.WriteFile(filepath.Join(dir, strconv.Itoa(n%100)), []byte(strconv.Itoa(n)), 0o666)
				os.Rename(filepath.Join(dir, strconv.Itoa(n%50)), filepath.Join(dir, "to", strconv.Itoa(n%70)))
			}
			if n%100 == 0 {
				time.Sleep(time.Duration(n%7) * 200 * time.Millisecond) // what is never left alone is not sent
			}
		}
	}()
	return midst{func() bool { return w.drive.Count("PUT content") > before+5 }, func() { close(over); <-idle }}
}

// killed runs tandem and kills it, without a word, once the drive has got so
// many requests of a sort.
func (w *world) killed(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	before := w.drive.Count(args[0])
	cmd := w.tandem(args[2:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.drive.Count(args[0])-before < n {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended after %d of %q: %v", w.drive.Count(args[0])-before, args[0], err)
		case <-tick.C:
		}
	}
	cmd.Process.Kill()
	<-ended
	return nil
}
