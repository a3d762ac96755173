package terminal

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func names(keys []Key) (all []string) {
	for _, k := range keys {
		all = append(all, k.Name)
	}
	return all
}

func TestKeysAreWhatTerminalsSendForThem(t *testing.T) {
	for sent, want := range map[string][]string{
		"aZ/":                       {"a", "Z", "/"},
		"\x1b[A\x1b[B\x1bOC":        {Up, Down, Right},
		"\x1b[5~\x1b[6~\x1b[3~":     {PageUp, PageDown, Delete},
		"\x1b[1;5A\x1b[3;2~":        {Up, Delete},
		"\x1b[H\x1b[F\x1b[1~\x1bOF": {Home, End, Home, End},
		"\r\n\t\x7f\x08":            {Enter, Enter, Tab, Backspace, Backspace},
		"\x03\x15":                  {"ctrl-c", "ctrl-u"},
		"é漢":                        {"é", "漢"},
		"\x1bq":                     {Escape, "q"},
		"\x1b[99zx\xff\x00y":        {"x", "y"},
	} {
		if keys, rest := Decode([]byte(sent), false); !slices.Equal(names(keys), want) || len(rest) > 0 {
			t.Errorf("%q is %q and %q is left, want %q", sent, names(keys), rest, want)
		}
	}
}

func TestAKeyThatComesInPiecesWaitsForTheRest(t *testing.T) {
	for _, sent := range []string{"\x1b[A", "\x1b[15~", "漢", "\x1b[200~pasted\x1b[201~"} {
		for cut := 1; cut < len(sent); cut++ {
			keys, rest := Decode([]byte(sent[:cut]), false)
			if len(keys) > 0 || string(rest) != sent[:cut] {
				t.Errorf("%q alone is taken for %q", sent[:cut], names(keys))
			}
		}
	}
	if keys, rest := Decode([]byte("\x1b"), true); !slices.Equal(names(keys), []string{Escape}) || len(rest) > 0 {
		t.Errorf("an escape after which nothing came is %q", names(keys))
	}
}

func TestWhatIsPastedPressesNoKey(t *testing.T) {
	keys, _ := Decode([]byte("\x1b[200~a\nd\x1b[Ay\x1b[201~x"), false)
	if len(keys) != 2 || keys[0] != (Key{"ad[Ay", true}) || keys[0].Text() != "ad[Ay" || keys[1].Name != "x" {
		t.Errorf("it is %+v", keys)
	}
}

func TestCleaningLeavesOnlyWhatPrints(t *testing.T) {
	for in, want := range map[string]string{
		"plain é漢":            "plain é漢",
		"\x1b[2Jgone":         `\x1b[2Jgone`,
		"a\r\nb\a":            `a\r\nb\a`,
		"evil\u202etxt.exe":   `evil\u202etxt.exe`,
		"bad \xff end \u009b": `bad \xff end \u009b`,
	} {
		if got := Clean(in); got != want || Clean(got) != got {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestJSONForATerminalMeansTheSame(t *testing.T) {
	for in, want := range map[string]string{
		"plain é漢 \\ \"":       `"plain é漢 \\ \""`,
		"evil\u202etxt.exe":    `"evil\u202etxt.exe"`,
		"\u009b2J \u2066 \x7f": `"\u009b2J \u2066 \u007f"`,
		"tag\U000e0041":        `"tag\udb40\udc41"`,
		"bad \xff":             `"bad \ufffd"`,
	} {
		line, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		safe := JSON(line)
		var back string
		if err := json.Unmarshal(safe, &back); string(safe) != want || back != strings.ToValidUTF8(in, "\ufffd") || err != nil {
			t.Errorf("JSON(%s) = %s, which is %q (%v); want %s", line, safe, back, err, want)
		}
	}
}

func TestTextIsCutByTheColumnsItTakes(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Cut("abcdef", 4), "abc…"},
		{Cut("漢字漢字", 5), "漢字…"},
		{Cut("abc", 3), "abc"},
		{Cut("abc", 0), ""},
		{Tail("abcdef", 4), "…def"},
		{Tail("abc", 4), "abc"},
		{strings.Join(Wrap("one two three four", 9, 3), "|"), "one two|three|four"},
		{strings.Join(Wrap("one two three four five", 9, 2), "|"), "one two|three fo…"},
		{strings.Join(Wrap("unbreakable", 4, 5), "|"), "unbr|eaka|ble"},
		{strings.Join(Wrap("漢字", 1, 5), "|"), "…"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestOnlyWhatChangedIsDrawn(t *testing.T) {
	var out bytes.Buffer
	p := Painter{w: &out}
	paint := func(width int, lines ...string) string {
		out.Reset()
		f := Frame{CursorAt: -1}
		for _, l := range lines {
			f.Lines = append(f.Lines, Line{Text: l})
		}
		if err := p.Paint(f, width, 3); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	paint(10, "one", "two", "three", "out of sight")
	if drawn := paint(10, "one", "2", "three"); strings.Contains(drawn, "one") || strings.Contains(drawn, "three") || !strings.Contains(drawn, "2") {
		t.Errorf("after one line changed: %q", drawn)
	}
	if drawn := paint(5, "one", "2", "three"); !strings.Contains(drawn, "one") || !strings.Contains(drawn, "\x1b[2J") {
		t.Errorf("after another size: %q", drawn)
	}
	if drawn := paint(5, "one"); strings.Count(drawn, "\x1b[2K") != 2 {
		t.Errorf("after lines went: %q", drawn)
	}
}

func TestNoTextControlsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	p := Painter{w: &out}
	if err := p.Paint(Frame{Lines: []Line{{Text: "a\x1b]0;title\a\x1b[31mred\u009b2J\n"}}, CursorAt: -1}, 80, 2); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"\x1b]", "\a", "\x1b[31m", "\u009b", "\n"} {
		if strings.Contains(out.String(), raw) {
			t.Errorf("%q reaches the terminal: %q", raw, out.String())
		}
	}
	if !strings.Contains(out.String(), `a\x1b]0;title\a\x1b[31mred`) {
		t.Errorf("it is not shown escaped: %q", out.String())
	}
}

// FuzzKeys: it makes no difference in which pieces keys come, and what is pasted writes, and
// presses nothing.
func FuzzKeys(f *testing.F) {
	for _, sent := range []string{"aZ/é漢", "\x1b[A\x1bOC\x1b[1;5A\x1b[3~", "\x1b[200~rm -rf\r\x03\x1b[A\x1b[201~q", "\x1b", "\x1b[", "\x1b[99", "\x1b\x1b[A", "\xe6\xbc", "\xff\x00", "\r\n\t\x7f"} {
		f.Add([]byte(sent), 3)
	}
	f.Fuzz(func(t *testing.T, sent []byte, cut int) {
		cut = min(max(cut, 0), len(sent))
		want, left := Decode(sent, false)
		got, rest := Decode(sent[:cut], false)
		more, rest := Decode(slices.Concat(rest, sent[cut:]), false)
		if got = append(got, more...); !slices.Equal(got, want) || !bytes.Equal(rest, left) {
			t.Fatalf("%q is %v and %q, and cut at %d %v and %q", sent, want, left, cut, got, rest)
		}
		if last, rest := Decode(left, true); len(rest) > 0 && !bytes.HasPrefix(rest, []byte("\x1b[200~")) {
			t.Fatalf("%q is never read, behind %v", rest, last)
		}
		for _, k := range want {
			if strings.ContainsFunc(k.Text(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%q writes %q", sent, k.Text())
			}
		}
	})
}
