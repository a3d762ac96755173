package terminal

import (
	"encoding/json"
	"strings"
	"testing"
)

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
