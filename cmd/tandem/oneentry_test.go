package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/cmd/tandem/internal/task/option"
)

// withKey has one more key of the filter for as long as a test runs: all that it
// takes is its entry.
func withKey(t *testing.T) {
	before := filter.Keys
	t.Cleanup(func() { filter.Keys = before })
	filter.Keys = append(slices.Clone(before), filter.Key{
		Option: option.Option{Key: "first_letter", Arg: "CASE", Default: "both", Words: []string{"upper", "lower", "both"}, Help: "only names that begin so"},
		Compile: func(f *filter.Filter, r filter.Rules, _ time.Time) error {
			if want := r.Text("first_letter"); want != "both" {
				f.Require(func(e filter.Entry) bool { return (strings.ToUpper(e.Path[:1]) == e.Path[:1]) == (want == "upper") })
			}
			return nil
		},
	})
}

func TestANewKeyOfTheFilterIsOneEntry(t *testing.T) {
	withKey(t)
	p := &program{screen: newScreen(&strings.Builder{})}
	for _, v := range verbs {
		if v.filter == noFilter || v.args == "" {
			continue
		}
		cmd, _, err := p.command().Find([]string{v.name})
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Flags().Lookup("first-letter") == nil || !strings.Contains(cmd.Long, "\n  --first-letter CASE") {
			t.Errorf("%s has no such flag, or says nothing of it", v.name)
		}
		complete, found := cmd.GetFlagCompletionFunc("first-letter")
		if !found {
			t.Fatalf("%s completes no values of the flag", v.name)
		}
		if words, _ := complete(cmd, nil, ""); !slices.Equal(words, []string{"upper", "lower", "both"}) {
			t.Errorf("%s completes %v", v.name, words)
		}
	}
	if used := usersOf("first_letter"); strings.Join(used, " ") != "cp du get ls mv put rm sync" {
		t.Errorf("used by %v", used)
	}
	if !strings.Contains(exampleTasks(), "\n# Only names that begin so.\nfirst_letter = \"both\"\n") || !strings.Contains(filterTable(), "| `--first-letter CASE` | only names that begin so |\n") {
		t.Error("config.toml.example or docs/tasks.md would say nothing of it")
	}
}

// TestANewKeyOfTheFilterDoesWhatItsEntrySays: from a flag, and from a task.
func TestANewKeyOfTheFilterDoesWhatItsEntrySays(t *testing.T) {
	withKey(t)
	outcome := func(e *errand) string {
		if key, problem := e.check(); problem != "" {
			return key + ": " + problem
		}
		names := slices.DeleteFunc([]string{"Apple", "pear"}, func(name string) bool { return !e.filter().Match(filter.Entry{Path: name}) })
		return strings.Join(names, " ")
	}
	for said, want := range map[string]string{
		"upper": "Apple", "lower": "pear", "both": "Apple pear", "": "Apple pear",
		"odd": `first_letter: "odd" is none of upper, lower and both`,
	} {
		cmd, e := &cobra.Command{}, defaultErrand()
		addFlags(cmd, e, verbNamed("ls").filtering()...)
		if err := cmd.ParseFlags([]string{"--first-letter", said}); err != nil || outcome(e) != want {
			t.Errorf("--first-letter %q: %s (%v), want %s", said, outcome(e), err, want)
		}
		cfg, err := parseConfig("c.toml", fmt.Appendf(nil, "[task.t]\nverb = \"ls\"\nfirst_letter = %q\n", said))
		if err != nil || outcome(cfg.Task["t"]) != want {
			t.Errorf("first_letter = %q: %v, want %s", said, err, want)
		}
	}
}

func TestANewVerbIsOneEntry(t *testing.T) {
	before := verbs
	t.Cleanup(func() { verbs = before })
	ran := 0
	verbs = append(slices.Clone(before), &verb{name: "peek", title: "Look", args: onePlace, about: "It looks.",
		options: []taskOption{recursive, inJSON}, filter: eachFilter, exits: "0", examples: []string{"tandem peek a:/"},
		do: func(*work, context.Context) error { ran++; return nil }})
	p := &program{screen: newScreen(&strings.Builder{})}
	cmd, _, err := p.command().Find([]string{"peek"})
	if err != nil || !strings.Contains(cmd.Long, "\nUsage: tandem peek PLACE...\n\nIt looks.\n\n  --recursive ") || !strings.Contains(cmd.Long, "\n  --name MASK ") {
		t.Fatalf("the command: %v, %q", err, cmd.Long)
	}
	if !strings.Contains(cmd.Root().Long, "\n  peek PLACE...          look\n") {
		t.Error("the help of tandem does not list it")
	}
	read := func(key string) error {
		text := []byte("[connection.a]\n[task.t]\nverb = \"peek\"\nsource = [\"a:/\"]\n" + key + "\n")
		cfg, err := parseConfig("c.toml", text)
		if err == nil {
			err = cfg.check(source{"c.toml", text}, "/home/ann")
		}
		if err == nil {
			err = p.sessionOf(cfg, t.TempDir()).work(cfg.Task["t"]).do(t.Context())
		}
		return err
	}
	if err := read("larger = \"1k\""); err != nil || ran != 1 {
		t.Errorf("as a task: %v, ran %d times", err, ran)
	}
	if err := read("limit = 3"); err == nil || !strings.Contains(err.Error(), `limit: verb "peek" has no use for it`) {
		t.Errorf("a key that it does not use: %v", err)
	}
}
