package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/cmd/tandem/internal/task/option"
)

var update = flag.Bool("update", false, "write into config.toml.example and docs what the tables say")

// TestWrittenIsWhatTheTablesSay: the pages that people read name every key as it is.
func TestWrittenIsWhatTheTablesSay(t *testing.T) {
	const doc, table = "../../docs/tasks.md", "| flag | takes |\n|---|---|\n"
	upToDate(t, exampleFile, "[task.inbox]", "", exampleTasks())
	upToDate(t, doc, table, "\n", table+filterTable())
}

func filterTable() string {
	var all []option.Option
	for _, k := range filter.Keys {
		all = append(all, k.Option)
	}
	return option.Table(append(all, recursive.Option))
}

// upToDate compares the part of a file from where one text begins to where another
// does, or to its end.
func upToDate(t *testing.T, file, from, to, want string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), from)
	if !found {
		t.Fatalf("%s has no %q", file, from)
	}
	rest, after := from+rest, ""
	if to != "" {
		end := strings.Index(rest, "\n"+to) + 1
		rest, after = rest[:end], rest[end:]
	}
	switch {
	case rest == want:
	case *update:
		if err := os.WriteFile(file, []byte(before+want+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the tables say; write it with: go test ./cmd/tandem -run Written -update", file)
	}
}

// exampleTasks is what config.toml.example says of tasks: one of each verb that has
// keys which none above has.
func exampleTasks() string {
	type sample struct{ name, source, target string }
	samples := map[string]sample{
		"get":   {"inbox", "personal:/Inbox/", "~/Inbox"},
		"mv":    {"archive", "personal:/Inbox/*.pdf", "work:/Archive/"},
		"rm":    {"tidy", "personal:/Old/", ""},
		"sync":  {"website", "/srv/www", "personal:/Website"},
		"share": {"offer", "personal:/Offer.pdf", ""},
	}
	const about = "                                   # A key that the verb does not use is refused with its line, like an unknown one."
	var b strings.Builder
	told := map[string]bool{}
	for _, v := range append([]*verb{verbNamed("get")}, verbs...) {
		var fresh []taskOption
		for _, o := range v.settings() {
			if !told[o.Key] {
				fresh = append(fresh, o)
			}
			told[o.Key] = true
		}
		if len(fresh) == 0 {
			continue
		}
		as, has := samples[v.name]
		if !has {
			as = sample{v.name, "personal:/Example", "~/Example"}
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "%-34s # one task for `tandem run inbox`, by the name you give it; docs/tasks.md shows many.\n%s\n\n", "[task."+as.name+"]", about)
		} else {
			fmt.Fprintf(&b, "\n%-34s # %s, and the keys that are not above\nverb = %q\nsource = [%q]\n", "[task."+as.name+"]", v.name, v.name, as.source)
			if v.uses("target") {
				fmt.Fprintf(&b, "target = %q\n", as.target)
			}
			b.WriteString("\n")
		}
		for _, o := range fresh {
			b.WriteString(exampleKey(o, v.name, as.source, as.target) + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func exampleKey(o taskOption, verb, source, target string) string {
	value, more := o.Default, ""
	switch o.Key {
	case "verb":
		value, more = verb, "It is one of "+strings.Join(verbNames(), ", ")+"."
	case "source":
		value = []string{source}
	case "target":
		value = target
	}
	if used := usersOf(o.Key); len(used) > 1 && len(used) <= len(verbs)/2 {
		more = "Used by " + strings.Join(used, ", ") + "."
	}
	return o.Example(value, more)
}
