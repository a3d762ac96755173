package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

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

// A person works with an explorer of drives that answer when the test says so. All
// that is started runs up to where it waits, within a bubble of time.
type person struct {
	t        *testing.T
	e        *Explorer
	messages chan tea.Msg
	quit     bool

	asked   chan string // places, and what is looked for
	answers chan any    // Listing or error
	ran     chan Task
	ends    chan Outcome
	seen    func(int)
}

func walk(t *testing.T, test func(*person), rows ...Row) {
	synctest.Test(t, func(t *testing.T) {
		p := &person{t: t, messages: make(chan tea.Msg, 1000), asked: make(chan string, 100), answers: make(chan any), ran: make(chan Task, 100), ends: make(chan Outcome)}
		p.e = New(t.Context(), Drives{
			List:   func(ctx context.Context, at Place) (Listing, error) { return p.answer(ctx, at.String()) },
			Parent: func(ctx context.Context, of Place) (Listing, error) { return p.answer(ctx, "above "+of.String()) },
			Find: func(ctx context.Context, below Place, text string, seen func(int)) (Listing, error) {
				p.seen = seen
				return p.answer(ctx, text+" below "+below.String())
			},
			Run: func(ctx context.Context, task Task) Outcome {
				p.ran <- task
				select {
				case o := <-p.ends:
					return o
				case <-ctx.Done():
					return Outcome{Said: []string{"stopped"}, Failed: true}
				}
			},
			Progress: func() string { return "half way" },
			Complete: func(path string) string { return path + "bc/" },
			Explain:  error.Error,
		}, Listing{root, rows}, "", false)
		defer time.Sleep(time.Second) // until no tick is awaited
		defer p.e.Close()
		test(p)
	})
}

func (p *person) answer(ctx context.Context, asked string) (Listing, error) {
	p.asked <- asked
	select {
	case a := <-p.answers:
		if err, bad := a.(error); bad {
			return Listing{}, err
		}
		return a.(Listing), nil
	case <-ctx.Done():
		return Listing{}, ctx.Err()
	}
}

// gets has the explorer take a message, and all that follows at once.
func (p *person) gets(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.QuitMsg:
		p.quit = true
	case tea.BatchMsg:
		for _, todo := range msg {
			p.start(todo)
		}
	default:
		_, todo := p.e.Update(msg)
		p.start(todo)
	}
	p.settle()
}

func (p *person) start(todo tea.Cmd) {
	if todo != nil {
		go func() { p.messages <- todo() }()
	}
}

func (p *person) settle() {
	for synctest.Wait(); len(p.messages) > 0; synctest.Wait() {
		p.gets(<-p.messages)
	}
}

// press types what a terminal would send.
func (p *person) press(sent string) {
	var d uv.EventDecoder
	for rest := []byte(sent); len(rest) > 0; {
		n, event := d.Decode(rest)
		switch event := event.(type) {
		case uv.KeyPressEvent:
			p.gets(tea.KeyPressMsg(event))
		case uv.MouseClickEvent:
			p.gets(tea.MouseClickMsg(event))
		case uv.MouseWheelEvent:
			p.gets(tea.MouseWheelMsg(event))
		}
		rest = rest[n:]
	}
}

func (p *person) click(x, y int) {
	p.gets(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
}

func (p *person) hears(a any) {
	p.answers <- a
	p.settle()
}

func (p *person) finish(o Outcome) {
	p.ends <- o
	p.settle()
}

func (p *person) task() (t Task) {
	p.t.Helper()
	select {
	case t = <-p.ran:
	default:
		p.t.Error("no task was started")
	}
	return t
}

func (p *person) idle() {
	p.t.Helper()
	if len(p.ran) > 0 || len(p.asked) > 0 {
		p.t.Error("something was started")
	}
}

// sees is the screen without its colours.
func (p *person) sees() string { return ansi.Strip(p.e.View().Content) }

func (p *person) on() string {
	row, _ := p.e.here().row()
	return row.Name
}

func (p *person) wants(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.sees(), text) {
			p.t.Errorf("%q is not on the screen:\n%s", text, p.sees())
		}
	}
}

func TestEverythingFitsIntoAnyTerminal(t *testing.T) {
	long := file(strings.Repeat("漢字 e\u0301 👩‍👩‍👧 very long ", 20), 5)
	long.SharedWith, long.SharedBy = "users", strings.Repeat("Bob ", 30)
	trouble := strings.Repeat("something is wrong ", 20)
	states := map[string]func(*person){
		"rows":     func(*person) {},
		"prompt":   func(p *person) { p.press("g" + strings.Repeat("long/", 50)) },
		"narrowed": func(p *person) { p.press("/very") },
		"question": func(p *person) { p.press("d") },
		"help":     func(p *person) { p.press("?") },
		"opening":  func(p *person) { p.press("\r") },
		"trouble":  func(p *person) { p.press("\r"); p.hears(errors.New(trouble)) },
		"at work":  func(p *person) { p.press("g\rg\r"); p.e.progress = trouble },
		"marked":   func(p *person) { p.press("  ") },
	}
	for name, bring := range states {
		walk(t, func(p *person) {
			bring(p)
			for _, width := range []int{1, 2, 3, 7, 20, 33, 34, 49, 50, 73, 74, 75, 120} {
				for _, height := range []int{1, 2, 3, 4, 5, 6, 7, 12, 40} {
					p.gets(tea.WindowSizeMsg{Width: width, Height: height})
					view := p.e.View()
					lines := strings.Split(view.Content, "\n")
					if len(lines) != height {
						t.Fatalf("%s on %dx%d has %d lines", name, width, height, len(lines))
					}
					if c := view.Cursor; c != nil && (c.X >= width || c.Y >= height) {
						t.Fatalf("%s on %dx%d has the cursor at %d, %d", name, width, height, c.X, c.Y)
					}
					for _, l := range lines {
						if wide := lipgloss.Width(l); wide > width {
							t.Fatalf("%s on %dx%d: %q has %d columns", name, width, height, l, wide)
						}
					}
				}
			}
		}, folder("Docs"), long, file("b", 2))
	}
}

func many(n int) (rows []Row) {
	for i := range n {
		rows = append(rows, file(fmt.Sprintf("file %05d", i), 1))
	}
	return rows
}

func TestTheRowTheCursorIsOnIsSeenWhateverTheSize(t *testing.T) {
	walk(t, func(p *person) {
		for _, sent := range []string{"", "\x1b[6~", "\x1b[F", "\x1b[A", "\x1b[5~", "\x1b[1;5B\x1b[B", "/\x15777\r", "\x1b", "\x1b[H"} {
			for _, height := range []int{24, 5, 3, 100, 2, 24} {
				p.gets(tea.WindowSizeMsg{Width: 80, Height: height})
				p.press(sent)
				seen := slices.ContainsFunc(strings.Split(p.sees(), "\n"), func(l string) bool {
					return strings.HasPrefix(l, ">") && strings.HasSuffix(strings.TrimSpace(l), p.on())
				})
				if !seen {
					t.Errorf("after %q in %d lines %q is not to be seen:\n%s", sent, height, p.on(), p.sees())
				}
			}
		}
		if p.on() != "file 00000" {
			t.Errorf("at home it is on %q", p.on())
		}
		if p.press("\x1b[F"); p.on() != "file 09999" {
			t.Errorf("at the end it is on %q", p.on())
		}
	}, many(10_000)...)
}

func TestOnlyWhatIsSeenIsDrawn(t *testing.T) {
	cost := func(rows []Row) (allocations float64) {
		walk(t, func(p *person) { allocations = testing.AllocsPerRun(10, func() { p.e.View() }) }, rows...)
		return allocations
	}
	if a, b := cost(many(100)), cost(many(10_000)); b > 2*a {
		t.Errorf("a view of 100 rows takes %v allocations, of 10,000 %v", a, b)
	}
}

// unsafe is what may not be in a view besides colours and line ends.
func unsafe(view string) bool {
	text := strings.ReplaceAll(ansi.Strip(view), "\n", "")
	return terminal.Clean(text) != text || strings.ContainsAny(strings.ReplaceAll(view, "\x1b[", ""), "\x1b\a\r\u009b")
}

func TestHostileNamesAreShownEscaped(t *testing.T) {
	evil := "a\x1b[2J\r\nb\u202e\x9b"
	bad := folder(evil)
	bad.SharedBy, bad.SharedWith, bad.Why = evil, evil, evil
	walk(t, func(p *person) {
		p.e.here().at.Path = evil
		p.gets(tea.WindowSizeMsg{Width: 200, Height: 24})
		for _, sent := range []string{"", "\x1b[B", "\r", "d", "n", "g", "\x1b", "m", "\x1b", "f", "\x1b", " ", "\x1b[A\r"} {
			p.press(sent)
			if unsafe(p.e.View().Content) {
				t.Errorf("after %q it shows %q", sent, p.e.View().Content)
			}
		}
		p.wants(`a\x1b[2J\r\nb\u202e\x9b/`)
	}, bad, file(evil, 1))
}

func TestTheMouseDoesWhatPeopleExpect(t *testing.T) {
	rows := append([]Row{folder("Docs")}, many(100)...)
	walk(t, func(p *person) {
		if p.click(5, 3); p.on() != "file 00001" {
			t.Errorf("a click leads to %q", p.on())
		}
		p.click(5, 1)
		time.Sleep(time.Second)
		if p.click(5, 1); p.on() != "Docs" || len(p.asked) > 0 {
			t.Errorf("two slow clicks lead to %q, and start %d listings", p.on(), len(p.asked))
		}
		if p.click(5, 0); p.on() != "Docs" {
			t.Errorf("a click on the title leads to %q", p.on())
		}
		p.gets(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
		if p.e.here().top != 3 || p.on() != "file 00002" {
			t.Errorf("the wheel leads to line %d and %q", p.e.here().top, p.on())
		}
		p.gets(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
		p.click(5, 1)
		p.click(5, 1)
		if asked := <-p.asked; asked != "main:/Docs" {
			t.Errorf("a double click opens %q", asked)
		}
		p.click(5, 4)
		p.hears(Listing{Place{Connection: "main", Path: "Docs"}, []Row{file("in", 1)}})
		if p.click(5, 20); p.on() != "in" {
			t.Errorf("a click below all rows leads to %q", p.on())
		}
		p.gets(tea.MouseClickMsg{Button: tea.MouseBackward})
		p.wants("101 items")
		p.press("d")
		p.click(5, 3)
		p.wants(`delete "Docs"`)
	}, rows...)
}

func TestColoursFollowTheTerminal(t *testing.T) {
	walk(t, func(p *person) {
		dark := p.e.View().Content
		p.gets(tea.BackgroundColorMsg{Color: lipgloss.Color("#ffffff")})
		if light := p.e.View().Content; light == dark || ansi.Strip(light) != ansi.Strip(dark) {
			t.Errorf("light it is\n%q\ndark\n%q", light, dark)
		}
	}, file("a", 1), folder("b"), folder("c"))
}

func TestRowsAreInTheOrderAskedFor(t *testing.T) {
	l := list{rows: []Row{file("a", 2), folder("b"), file("c", 3), file("d", 1)}}
	for _, test := range []struct {
		order  order
		filter string
		want   string
	}{
		{byName, "", "b a c d"},
		{bySize, "", "b c a d"},
		{byTime, "", "b c a d"},
		{byName, "C", "c"},
		{byName, "nothing", ""},
	} {
		l.filter = test.filter
		l.arrange(test.order, "")
		var got []string
		for _, i := range l.shown {
			got = append(got, l.rows[i].Name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s with %q: %q, want %q", test.order, test.filter, got, test.want)
		}
	}
}

func TestTheCursorStaysOnItsRowWhenAFolderIsReadAnew(t *testing.T) {
	walk(t, func(p *person) {
		p.press("\x1b[B\x1b[Br")
		p.hears(Listing{root, []Row{file("c", 1), file("d", 1)}})
		if p.on() != "c" {
			t.Errorf("it is on %q", p.on())
		}
	}, file("a", 1), file("b", 1), file("c", 1))
}

func TestTasksWaitForOneAnother(t *testing.T) {
	walk(t, func(p *person) {
		if p.press("g\r"); p.task().Rows[0].Name != "a" {
			t.Error("the first key starts another task")
		}
		p.press("\x1b[Bg\x15there\r")
		p.idle()
		time.Sleep(time.Second)
		p.settle()
		p.wants(`downloading "a": half way; 1 more`)
		p.finish(Outcome{Said: []string{"fetched 1"}})
		if next := p.task(); next.Rows[0].Name != "b" || next.Arg != "there" {
			t.Errorf("after the first has ended: %v", next)
		}
		p.press("x")
		p.wants("stopped")
	}, file("a", 1), file("b", 1))
}

func TestLeavingWaitsForTasksUnlessAskedTwice(t *testing.T) {
	leave := func(sent string, then func(*person)) {
		walk(t, func(p *person) {
			p.press("g\r" + sent)
			then(p)
		}, file("a", 1))
	}
	leave("qq", func(p *person) {
		if !p.quit || !p.e.cut {
			t.Error("asked twice it does not end at once")
		}
	})
	leave("q", func(p *person) {
		p.wants("quits when the tasks are done")
		p.press("j")
		if p.quit {
			t.Error("asked once it ends at once")
		}
		if p.finish(Outcome{}); !p.quit || p.e.cut {
			t.Error("when the task has ended, it does not")
		}
	})
	leave("q\rj", func(p *person) {
		p.press("\x1b")
		if p.finish(Outcome{}); p.quit {
			t.Error("after an escape it ends all the same")
		}
	})
}

func TestWhatIsAwaitedCanBeGivenUp(t *testing.T) {
	walk(t, func(p *person) {
		p.press("\rdy") // the latter meant for what is in it
		p.press("\x1b")
		p.wants("cancelled")
		if p.on() != "a" || !p.e.Idle() {
			t.Errorf("it is on %q", p.on())
		}
		p.press("\r")
		<-p.asked
		<-p.asked
		p.hears(Listing{Place{Connection: "main", Path: "a"}, []Row{file("in", 1)}})
		if p.on() != "in" {
			t.Errorf("opened again it is on %q", p.on())
		}
	}, folder("a"))
}

func TestASearchTellsHowMuchItHasSeen(t *testing.T) {
	walk(t, func(p *person) {
		p.press("fx\r")
		p.seen(12_000)
		p.wants("looking for x, 12,000 seen ...  esc cancels")
		p.hears(Listing{root, []Row{file("x", 1)}})
		p.wants(`"x" below main:/  1 item`)
	})
}

func TestAllKeysCanBeReadOnASmallTerminal(t *testing.T) {
	walk(t, func(p *person) {
		p.gets(tea.WindowSizeMsg{Width: 24, Height: 8})
		p.press("?")
		var read strings.Builder
		for range 60 {
			read.WriteString(p.sees() + "\n")
			p.press("\x1b[B")
		}
		for _, word := range strings.Fields(strings.Join(keysHelp, " ")) {
			if !strings.Contains(read.String(), word) {
				t.Errorf("%q is nowhere to be read", word)
			}
		}
		if p.press("d"); strings.Contains(p.sees(), "delete") || strings.Contains(p.sees(), "scroll") {
			t.Errorf("the key that ends the help does something:\n%s", p.sees())
		}
	}, file("a", 1))
}

func TestKeysMeantForAFolderThatCannotBeOpenedAreForgotten(t *testing.T) {
	walk(t, func(p *person) {
		p.press("\rdy")
		p.hears(errors.New("gone"))
		p.wants("gone")
		if len(p.ran) > 0 || p.e.question != nil {
			t.Error("they count")
		}
	}, folder("a"))
}

func TestWhatIsPastedIsTextOnly(t *testing.T) {
	walk(t, func(p *person) {
		p.gets(tea.PasteMsg{Content: "dyq"})
		if p.idle(); p.e.question != nil || p.quit {
			t.Error("it presses keys")
		}
		p.press("m")
		p.gets(tea.PasteMsg{Content: "New\nFol\x1b[Ader\u202e"})
		if p.press("!\r"); p.task().Arg != "NewFol[Ader!" {
			t.Error("in a prompt it is another text")
		}
	}, file("a", 1))
}

func TestWhatIsTypedCanBeEdited(t *testing.T) {
	walk(t, func(p *person) {
		p.press("mone two\x7f\x08\x17three/four/\x17x\n")
		if task := p.task(); task.Arg != "one three/x" {
			t.Errorf("it is %q", task.Arg)
		}
		p.finish(Outcome{Failed: true})
		p.press("p~/a\t\r")
		if task := p.task(); task.Arg != "~/abc/" {
			t.Errorf("completed it is %q", task.Arg)
		}
	})
}

// FuzzKeys: whatever is typed, the screen fits and nothing controls the terminal.
func FuzzKeys(f *testing.F) {
	for _, sent := range []string{"aZ/é漢", "\x1b[A\x1bOC\x1b[1;5A\x1b[3~", "g\x15evil\u202e\r", "\x1b[<0;3;3M\x1b[<0;3;3M", "?\x1b[6~x", "m\u009b2J\r qq", "\xff\x00/\x1b\x1b", "fx\r\x1b"} {
		f.Add([]byte(sent), 80, 24)
	}
	f.Fuzz(func(t *testing.T, sent []byte, width, height int) {
		walk(t, func(p *person) {
			p.gets(tea.WindowSizeMsg{Width: width % 300, Height: height % 100})
			p.press(string(sent))
			lines := strings.Split(p.e.View().Content, "\n")
			if len(lines) != p.e.height || unsafe(p.e.View().Content) {
				t.Fatalf("%q on %dx%d: %q", sent, p.e.width, p.e.height, lines)
			}
			for _, l := range lines {
				if lipgloss.Width(l) > p.e.width {
					t.Fatalf("%q on %dx%d: %q is too wide", sent, p.e.width, p.e.height, l)
				}
			}
		}, folder("a\x1b[2J"), file("b\u202e", 1), file("漢字", 2))
	})
}

func BenchmarkFilter(b *testing.B) {
	l := list{rows: many(100_000)}
	for b.Loop() {
		l.filter = "77"
		l.arrange(bySize, "")
	}
}
