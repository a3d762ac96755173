package main

import (
	"bytes"
	"strings"
	"testing"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
)

// TestNoNameOnlineIsCompletedThatAShellCouldRun: whoever may write to the drive chooses
// the names, and bash and fish evaluate what completion has put on the line.
func TestNoNameOnlineIsCompletedThatAShellCouldRun(t *testing.T) {
	for name, offered := range map[string]bool{
		"a.txt": true, "Größe 1+2=3 @home, 100%_-.txt": true, "日本語.md": true, "e\u0301.txt": true,
		"$(touch x)a.txt": false, "`touch x`": false, "a;b": false, "a&b": false, "(touch x)": false, "{a,b}": false, "a'b": false,
		"a!b": false, "a#b": false, "~a": false, "[a]": false, "a$HOME": false, "a\nb": false, "a\u202eb": false,
	} {
		words, _ := completions("main:/", "", []task.Node{{Item: remote.Item{Name: name}}})
		if (len(words) == 1) != offered {
			t.Errorf("%q is offered as %q, want %v", name, words, offered)
		}
	}
}

func TestTheScriptForFishQuotesWhatItEvaluates(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out}
	if err := fishCompletion(p.command(), &out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "string escape -- (commandline -opc)") || strings.Contains(s, "args (commandline -opc)") {
		t.Error("a word on the command line is evaluated as it is")
	}
}
