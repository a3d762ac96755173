package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"tandem/remote/remotetest"
)

// A walk is an explorer of an emulated drive, without a terminal.
type walk struct {
	*walker
	t        *testing.T
	world    *world
	messages chan tea.Msg
}

func newWalk(t *testing.T, w *world, args ...string) *walk {
	t.Helper()
	t.Chdir(w.dir)
	p := &program{env: func(key string) string { return map[string]string{"HOME": w.dir}[key] }, out: io.Discard, screen: newScreen(io.Discard),
		configPath: w.path("config/tandem/config.toml"), stateDir: w.path("state/tandem")}
	s, err := p.begin()
	must(t, err)
	t.Cleanup(func() { s.close() })
	x := s.walker(defaultErrand())
	must(t, x.begin(t.Context(), args))
	t.Cleanup(x.listen())
	t.Cleanup(x.explorer.Close)
	return &walk{x, t, w, make(chan tea.Msg, 1000)}
}

// press types what a terminal would send, and waits after each key until there
// is nothing more to wait for.
func (w *walk) press(sent string) {
	w.t.Helper()
	w.keys(sent, w.rest)
}

func (w *walk) keys(sent string, after func()) {
	var d uv.EventDecoder
	for rest := []byte(sent); len(rest) > 0; {
		n, event := d.Decode(rest)
		if key, ok := event.(uv.KeyPressEvent); ok {
			w.tell(tea.KeyPressMsg(key))
			after()
		}
		rest = rest[n:]
	}
}

// tell has the explorer take a message, and starts what it wants done.
func (w *walk) tell(msg tea.Msg) {
	todo := []tea.Cmd{}
	if batch, ok := msg.(tea.BatchMsg); ok {
		todo = batch
	} else {
		_, one := w.explorer.Update(msg)
		todo = append(todo, one)
	}
	for _, do := range todo {
		if do != nil {
			go func() { w.messages <- do() }()
		}
	}
}

// rest waits until all that was begun has ended.
func (w *walk) rest() {
	for !w.explorer.Idle() {
		w.tell(<-w.messages)
	}
}

// sees is the screen without its colours.
func (w *walk) sees() string { return ansi.Strip(w.explorer.View().Content) }

func (w *walk) wants(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(w.sees(), text) {
			w.t.Errorf("%q is not on the screen:\n%s", text, w.sees())
		}
	}
}

func (w *walk) lacks(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if strings.Contains(w.sees(), text) {
			w.t.Errorf("%q is on the screen:\n%s", text, w.sees())
		}
	}
}

const (
	down  = "\x1b[B"
	left  = "\x1b[D"
	enter = "\r"
)

func furnishedWorld(t *testing.T) *world {
	w := newWorld(t, remotetest.Options{})
	for path, text := range map[string]string{"Docs/a.txt": "hello", "Docs/Sub/deep.pdf": "1234567890", "Docs/Sub/x.txt": "x", "top.txt": "top"} {
		if _, err := w.drive.Put(path, text); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func TestAWalkGoesDownAndUp(t *testing.T) {
	w := newWalk(t, furnishedWorld(t))
	w.wants("main:/  2 items, by name", "Docs/", "top.txt", "3 B")
	w.press(enter)
	w.wants("main:/Docs", "Sub/", "a.txt", "5 B")
	w.press(enter + left + left)
	w.wants("main:/  2", ">     16 B")
	w.press(left)
	w.wants("this is the top")
}

func TestAWalkThatBeginsDeepGoesUpAllTheSame(t *testing.T) {
	w := newWalk(t, furnishedWorld(t), "main:/Docs/Sub/x.txt")
	w.wants("main:/Docs/Sub")
	w.press(enter)
	w.wants("x.txt; 1 B; changed")
	w.press(left)
	w.wants("main:/Docs  2")
	w.press(left)
	w.wants("main:/  2")
}

func TestWhoSharesWhatIsShown(t *testing.T) {
	world := furnishedWorld(t)
	must(t, world.tandem("share", "main:/Docs/a.txt").Run())
	if _, err := world.drive.PutOpaque("Docs/Theirs", remotetest.Shortcut); err != nil {
		t.Fatal(err)
	}
	w := newWalk(t, world, "main:/Docs")
	w.wants("ann: anyone", "bob: some people", "Theirs/  (shortcut to a shared …")
}

func TestAShortcutLeadsIntoTheOtherDrive(t *testing.T) {
	world := furnishedWorld(t)
	if _, err := world.drive.PutOpaque("Docs/Theirs", remotetest.Shortcut); err != nil {
		t.Fatal(err)
	}
	w := newWalk(t, world, "main:/Docs")
	w.press("sss/Theirs" + enter + enter)
	w.wants("main:/Docs/Theirs  4", "Old/", "hello.txt")
	w.press(enter)
	w.wants("main:/Docs/Theirs/Old  1", "deep.txt")
	w.press("g" + enter)
	if text, err := os.ReadFile("deep.txt"); err != nil || string(text) != "deep\n" {
		t.Errorf("what was fetched is %q (%v)", text, err)
	}
	w.press(left + left)
	w.wants("main:/Docs  1 of 3 items", "Theirs/")
}

func TestAWalkBeginsBehindAShortcutAndComesOutOfIt(t *testing.T) {
	world := furnishedWorld(t)
	if _, err := world.drive.PutOpaque("Docs/Theirs", remotetest.Shortcut); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ arg, wants string }{
		{"main:/Docs/Theirs/Old", "main:/Docs/Theirs/Old  1"},
		{"main:/Docs/Theirs/Old/deep.txt", "main:/Docs/Theirs/Old  1"},
	} {
		w := newWalk(t, world, test.arg)
		w.wants(test.wants, "deep.txt")
		w.press(left)
		w.wants("main:/Docs/Theirs  4", "hello.txt", "> ", "Old/")
		w.press(left)
		w.wants("main:/Docs  3", "a.txt", "Theirs/")
		w.press(left)
		w.wants("main:/  2")
	}
	for _, arg := range []string{"main:/Docs/Theirs/", "main:/Docs/Theirs/hello.txt"} {
		w := newWalk(t, world, arg)
		w.wants("main:/Docs/Theirs  4", "Old/")
		w.press(left)
		w.wants("main:/Docs  3")
	}
	w := newWalk(t, world, "main:/Docs/Theirs")
	w.wants("main:/Docs  3", "Theirs/  (shortcut")
}

func TestNamesAreSoughtHereAndBelow(t *testing.T) {
	w := newWalk(t, furnishedWorld(t))
	w.press("/TOP")
	w.wants("1 of 2", "top.txt")
	w.lacks("Docs/")
	w.press("\x1b")
	w.wants("Docs/")
	w.press("f.PDF" + enter)
	w.wants(`".PDF" below main:/`, "Docs/Sub/deep.pdf")
	w.press("g" + enter)
	if text, err := os.ReadFile("deep.pdf"); err != nil || string(text) != "1234567890" {
		t.Errorf("what was found and fetched is %q (%v)", text, err)
	}
	w.press(left + "fnowhere" + enter)
	w.wants("nothing was found")
}

func TestFilesAreFetchedAndSent(t *testing.T) {
	w := newWalk(t, furnishedWorld(t))
	w.press(" " + " g\x15into" + enter) // both are marked
	w.wants("fetched")
	for name, want := range map[string]string{"into/Docs/Sub/deep.pdf": "1234567890", "into/top.txt": "top"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s holds %q (%v)", name, text, err)
		}
	}
	must(t, os.WriteFile("mine.txt", []byte("mine"), 0o666))
	w.press("\x1b[H" + enter + "p~/mi\t" + enter)
	w.wants("sent", "mine.txt")
	w.press("pnowhere.txt" + enter)
	w.wants(`nothing is at "nowhere.txt"`, "hint: look with: ls .")
	w.press("p-" + enter)
	w.wants(`nothing is at "./-"`)
	if got := w.world.drive.Tree()["Docs/mine.txt"]; got != "mine" {
		t.Errorf("online it is %q", got)
	}
}

func TestFoldersAreMadeAndThingsDeleted(t *testing.T) {
	w := newWalk(t, furnishedWorld(t), "main:/Docs")
	w.press("mNew/Deeper" + enter)
	w.wants("made", "New/")
	w.press(enter)
	w.wants("main:/Docs/New  1", "Deeper/")
	w.press(left)
	w.press("m../Out" + enter)
	w.wants("neither . nor ..")
	w.press("/sub" + enter + "dn")
	w.wants("nothing was done", "Sub/")
	w.press("d")
	w.wants(`delete "Sub", with all that is in it, to the recycle bin? y or n`)
	w.press("y\x1b")
	w.lacks("Sub/")
	tree := w.world.drive.Tree()
	if _, there := tree["Docs/Sub/x.txt"]; there || tree["Docs/a.txt"] != "hello" {
		t.Errorf("online there is %q", tree)
	}
}

func TestOnlyWhatWasSeenIsDeleted(t *testing.T) {
	world := furnishedWorld(t)
	w := newWalk(t, world, "main:/Docs/a.txt")
	must(t, world.drive.Move("Docs/a.txt", "Docs/renamed.txt"))
	if _, err := world.drive.Put("Docs/a.txt", "another"); err != nil {
		t.Fatal(err)
	}
	w.press("dy")
	w.wants("1 failed", "changed")
	if tree := world.drive.Tree(); tree["Docs/a.txt"] != "another" || tree["Docs/renamed.txt"] != "hello" {
		t.Errorf("online there is %q", tree)
	}
}

func TestWhatIsNewerHereIsNotReplacedByAKey(t *testing.T) {
	w := newWalk(t, furnishedWorld(t), "main:/Docs")
	must(t, os.WriteFile("a.txt", []byte("my own words"), 0o666))
	w.flags.Overwrite = "newer"
	w.press(down + "g" + enter)
	w.wants("1 skipped", "--overwrite always")
	if text, err := os.ReadFile("a.txt"); err != nil || string(text) != "my own words" {
		t.Errorf("it holds %q (%v)", text, err)
	}
}

func TestKeysPressedAheadCountOnceAFolderIsThere(t *testing.T) {
	w := newWalk(t, furnishedWorld(t))
	w.keys(enter+enter+down, func() {})
	w.rest()
	w.wants("main:/Docs/Sub", "> ", "x.txt")
	if row := strings.SplitN(w.sees(), "> ", 2)[1]; !strings.Contains(strings.SplitN(row, "\n", 2)[0], "x.txt") {
		t.Errorf("it does not stand on the second file:\n%s", w.sees())
	}
}

func TestAFolderThatIsGoneIsSaidAndLeadsNowhere(t *testing.T) {
	world := furnishedWorld(t)
	w := newWalk(t, world)
	must(t, world.drive.Delete("Docs"))
	w.press(enter)
	w.wants("main:/  2", "not found", "r looks again")
	w.press("r")
	w.lacks("Docs/")
}

func TestSeveralConnectionsAreAListAbove(t *testing.T) {
	world := furnishedWorld(t)
	file, err := os.OpenFile(world.path("config/tandem/config.toml"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteString("\n[connection.other]\ntoken_store = \"file\"\nclient_id = \"app\"\n")
	must(t, err)
	must(t, file.Close())
	w := newWalk(t, world)
	w.wants("connections  2", "main/  (ann (ann@example.com))", "other/")
	w.press(down + enter)
	w.wants(`connection "other": not signed in; sign in with: tandem login other`)
	w.press("\x1b[A" + enter)
	w.wants("main:/  2")
	w.press(left)
	w.wants("connections")
	for _, key := range []string{"g", "p", "m", "d", "f"} {
		w.press(key + "\x1b")
		w.lacks("fetching", "sending", "deleting")
	}
}

func TestPathsHereAreCompleted(t *testing.T) {
	w := newWalk(t, furnishedWorld(t))
	for _, name := range []string{"c/report 1.pdf", "c/report 2.pdf", "c/only/x"} {
		must(t, os.MkdirAll(filepath.Dir(w.world.path(name)), 0o777))
		must(t, os.WriteFile(w.world.path(name), nil, 0o666))
	}
	for typed, want := range map[string]string{"c/r": "c/report ", "c/o": "c/only/", "c/x": "c/x", "~/c/o": "~/c/only/", "nowhere/x": "nowhere/x"} {
		if got := w.complete(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
}
