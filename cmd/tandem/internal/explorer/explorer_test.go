package explorer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/internal/terminal"
	"tandem/remote"
)

var root = Place{Connection: "main", Folder: remote.Item{ID: "root", Kind: remote.Folder, Root: true}}

func file(name string, size int64) Row {
	return Row{Path: name, Item: remote.Item{ID: "id of " + name, Name: name, Kind: remote.File, Size: size, MTime: time.Date(2026, 5, 1, 0, 0, int(size), 0, time.UTC)}}
}

func folder(name string) Row {
	return Row{Path: name, Item: remote.Item{ID: "id of " + name, Name: name, Kind: remote.Folder}}
}

// press gives what the last of the keys wants done.
func press(m *Model, sent string) (todo []any) {
	keys, _ := terminal.Decode([]byte(sent), true)
	for _, k := range keys {
		todo = m.Update(k)
	}
	return todo
}

func screen(m *Model) string {
	var all []string
	for _, l := range m.View().Lines {
		all = append(all, l.Text)
	}
	return strings.Join(all, "\n")
}

func on(m *Model) string {
	row, _ := m.here().row()
	return row.Name
}

func TestEverythingFitsIntoAnyTerminal(t *testing.T) {
	long := file(strings.Repeat("漢字 very long ", 40), 5)
	long.SharedWith, long.SharedBy = "users", strings.Repeat("Bob ", 30)
	trouble := strings.Repeat("something is wrong ", 20)
	states := map[string]func(*Model){
		"rows":     func(*Model) {},
		"prompt":   func(m *Model) { press(m, "g"+strings.Repeat("long/", 50)) },
		"narrowed": func(m *Model) { press(m, "/very") },
		"question": func(m *Model) { press(m, "d") },
		"help":     func(m *Model) { press(m, "?") },
		"opening":  func(m *Model) { press(m, "\r") },
		"trouble":  func(m *Model) { press(m, "\r"); m.Update(Listed{Number: m.number, Trouble: trouble}) },
		"at work": func(m *Model) {
			press(m, "g\rg\r")
			m.Update(Progress(trouble))
		},
		"marked": func(m *Model) { press(m, "  ") },
	}
	for name, bring := range states {
		for _, width := range []int{1, 2, 3, 7, 20, 33, 34, 49, 50, 73, 74, 75, 120} {
			for _, height := range []int{1, 2, 3, 4, 5, 6, 7, 12, 40} {
				m := New(root, []Row{folder("Docs"), long, file("b", 2)}, "", false)
				m.Update(Size{width, height})
				bring(m)
				view := m.View()
				if len(view.Lines) != height || view.CursorAt >= max(width, 2) {
					t.Fatalf("%s on %dx%d has %d lines, and the cursor at %d", name, width, height, len(view.Lines), view.CursorAt)
				}
				for _, l := range view.Lines {
					if wide := terminal.Width(terminal.Cut(l.Text, width)); wide > width {
						t.Fatalf("%s on %dx%d: %q has %d columns", name, width, height, l.Text, wide)
					}
				}
			}
		}
	}
}

func TestTheRowTheCursorIsOnIsSeenWhateverTheSize(t *testing.T) {
	var rows []Row
	for i := range 10_000 {
		rows = append(rows, file(fmt.Sprintf("file %05d", i), 1))
	}
	m := New(root, rows, "", false)
	seen := func() bool {
		return slices.ContainsFunc(m.View().Lines, func(l terminal.Line) bool {
			return l.Style == terminal.Reverse && strings.HasSuffix(l.Text, on(m))
		})
	}
	for _, sent := range []string{"", "\x1b[6~", "\x1b[F", "\x1b[A", "\x1b[5~", "\x1b[B\x1b[B", "/\x15777\r", "\x1b", "\x1b[H"} {
		for _, height := range []int{24, 5, 3, 100, 2, 24} {
			m.Update(Size{80, height})
			press(m, sent)
			if !seen() || len(m.View().Lines) != height {
				t.Errorf("after %q in %d lines %q is not to be seen:\n%s", sent, height, on(m), screen(m))
			}
		}
	}
	if on(m) != "file 00000" {
		t.Errorf("at home it is on %q", on(m))
	}
	press(m, "\x1b[F")
	if on(m) != "file 09999" {
		t.Errorf("at the end it is on %q", on(m))
	}
}

func TestOnlyWhatIsSeenIsDrawn(t *testing.T) {
	rows := make([]Row, 10_000)
	for i := range rows {
		rows[i] = file(fmt.Sprint(i), 1)
	}
	few, many := New(root, rows[:100], "", false), New(root, rows, "", false)
	cost := func(m *Model) float64 { return testing.AllocsPerRun(10, func() { m.View() }) }
	if a, b := cost(few), cost(many); b > 2*a {
		t.Errorf("a view of 100 rows takes %v allocations, of 10,000 %v", a, b)
	}
}

func TestHostileNamesAreShownEscaped(t *testing.T) {
	evil := "a\x1b[2J\r\nb\u202e\x9b"
	bad := folder(evil)
	bad.SharedBy, bad.SharedWith, bad.Why = evil, evil, evil
	m := New(Place{Connection: "main", Path: evil, Folder: root.Folder}, []Row{bad, file(evil, 1)}, "", false)
	m.Update(Size{200, 24})
	for _, sent := range []string{"", "\x1b[B", "\r", "d", "n", "g", "\x1b", "m", "\x1b", "f", "\x1b", " ", "\x1b[A\r"} {
		press(m, sent)
		for _, l := range m.View().Lines {
			if terminal.Clean(l.Text) != l.Text {
				t.Errorf("after %q a line is %q", sent, l.Text)
			}
		}
	}
	if !strings.Contains(screen(m), `a\x1b[2J\r\nb\u202e\x9b/`) {
		t.Errorf("it shows\n%s", screen(m))
	}
}

func TestRowsAreInTheOrderAskedFor(t *testing.T) {
	m := New(root, []Row{file("a", 2), folder("b"), file("c", 3), file("d", 1)}, "", false)
	for _, want := range []string{"b a c d", "b c a d", "b c a d", "b a c d"} {
		var got []string
		for _, i := range m.here().shown {
			got = append(got, m.here().rows[i].Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", m.order, got, want)
		}
		press(m, "s")
	}
}

func TestTheCursorStaysOnItsRowWhenAFolderIsReadAnew(t *testing.T) {
	m := New(root, []Row{file("a", 1), file("b", 1), file("c", 1)}, "", false)
	press(m, "\x1b[B\x1b[B")
	look := press(m, "r")[0].(Look)
	m.Update(Listed{Number: look.Number, At: root, Rows: []Row{file("c", 1), file("d", 1)}})
	if on(m) != "c" {
		t.Errorf("it is on %q", on(m))
	}
}

func TestTasksWaitForOneAnother(t *testing.T) {
	m := New(root, []Row{file("a", 1), file("b", 1)}, "", false)
	if first := press(m, "g\r"); len(first) != 1 || first[0].(Task).Rows[0].Name != "a" {
		t.Errorf("the first key starts %v", first)
	}
	if second := press(m, "\x1b[Bg\x15there\r"); len(second) != 0 || !strings.Contains(screen(m), `fetching "a"; 1 more`) {
		t.Errorf("the second starts %v, and it shows\n%s", second, screen(m))
	}
	next := m.Update(Ended{Said: []string{"fetched 1"}})
	if len(next) != 1 || next[0].(Task).Rows[0].Name != "b" || next[0].(Task).Arg != "there" {
		t.Errorf("after the first has ended: %v", next)
	}
	if todo := press(m, "x"); len(todo) != 1 || todo[0] != any(Stop{}) {
		t.Errorf("x wants %v", todo)
	}
}

func TestLeavingWaitsForTasksUnlessAskedTwice(t *testing.T) {
	leave := func(sent string) (*Model, []any) {
		m := New(root, []Row{file("a", 1)}, "", false)
		press(m, "g\r")
		return m, press(m, sent)
	}
	if _, todo := leave("qq"); len(todo) != 1 || todo[0] != any(Quit{Cut: true}) {
		t.Errorf("asked twice: %v", todo)
	}
	m, todo := leave("q")
	if len(todo) != 0 || !strings.Contains(screen(m), "ends when what is at work is done") {
		t.Errorf("asked once: %v\n%s", todo, screen(m))
	}
	press(m, "j")
	if todo := m.Update(Ended{}); len(todo) != 1 || todo[0] != any(Quit{}) {
		t.Errorf("when the task has ended: %v", todo)
	}
	m, _ = leave("q\rj\x1b")
	if todo := m.Update(Ended{}); len(todo) != 0 {
		t.Errorf("after an escape it ends all the same: %v", todo)
	}
}

func TestWhatIsAwaitedCanBeGivenUp(t *testing.T) {
	m := New(root, []Row{folder("a")}, "", false)
	look := press(m, "\r")[0].(Look)
	press(m, "dy") // meant for what is in it
	if todo := press(m, "\x1b"); len(todo) != 1 || todo[0] != any(Forget{look.Number}) {
		t.Errorf("escape wants %v", todo)
	}
	if todo := m.Update(Listed{Number: look.Number, At: Place{Connection: "main", Path: "a"}}); len(todo) > 0 || on(m) != "a" {
		t.Errorf("an answer that came too late wants %v, and leads to %q", todo, m.here().at)
	}
}

func TestASearchTellsHowMuchItHasSeen(t *testing.T) {
	m := New(root, nil, "", false)
	find := press(m, "fx\r")[0].(Find)
	m.Update(Seen{find.Number, 12_000})
	if want := "looking for x, 12,000 seen ...  escape stops"; !strings.Contains(screen(m), want) {
		t.Errorf("it shows\n%s", screen(m))
	}
	m.Update(Seen{find.Number - 1, 99_000})
	if strings.Contains(screen(m), "99,000") {
		t.Error("another search counts")
	}
}

func TestAllKeysCanBeReadOnASmallTerminal(t *testing.T) {
	m := New(root, []Row{file("a", 1)}, "", false)
	m.Update(Size{24, 8})
	press(m, "?")
	var read strings.Builder
	for range 40 {
		read.WriteString(screen(m) + "\n")
		press(m, "\x1b[B")
	}
	for _, word := range strings.Fields(strings.Join(keysHelp, " ")) {
		if !strings.Contains(read.String(), word) {
			t.Errorf("%q is nowhere to be read", word)
		}
	}
	if press(m, "d"); strings.Contains(screen(m), "delete") || strings.Contains(screen(m), "read on") || !strings.Contains(screen(m), "a") {
		t.Errorf("the key that ends the help does something:\n%s", screen(m))
	}
}

func TestKeysMeantForAFolderThatCannotBeOpenedAreForgotten(t *testing.T) {
	m := New(root, []Row{folder("a")}, "", false)
	look := press(m, "\r")[0].(Look)
	press(m, "dy")
	if todo := m.Update(Listed{Number: look.Number, Trouble: "gone"}); len(todo) > 0 || m.question != nil {
		t.Errorf("they want %v", todo)
	}
}

func TestWhatIsPastedIsTextOnly(t *testing.T) {
	m := New(root, []Row{file("a", 1)}, "", false)
	if todo := press(m, "\x1b[200~dyq\x1b[201~"); len(todo) > 0 || m.question != nil {
		t.Errorf("it presses keys: %v", todo)
	}
	press(m, "m\x1b[200~New\nFolder\x1b[201~")
	if todo := press(m, "!\r"); len(todo) != 1 || todo[0].(Task).Arg != "NewFolder!" {
		t.Errorf("in a prompt it gives %v", todo)
	}
}

func TestWhatIsTypedCanBeEdited(t *testing.T) {
	m := New(root, nil, "", false)
	if todo := press(m, "mone two\x7f\x7f\x17three/four/\x17x\r"); todo[0].(Task).Arg != "one three/x" {
		t.Errorf("it is %q", todo[0].(Task).Arg)
	}
	m.Update(Ended{})
	press(m, "p~/a\t")
	m.Update(Completed{From: "~/a", To: "~/abc/"})
	m.Update(Completed{From: "~/a", To: "too late"})
	if todo := press(m, "\r"); todo[0].(Task).Arg != "~/abc/" {
		t.Errorf("completed it is %q", todo[0].(Task).Arg)
	}
}
