package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Where docs/hard-cases.md says that a case is held.
var (
	tested = map[string]string{
		"syncer": "syncer", "planner": "syncer/plan", "sim": "syncer/sim", "disk": "syncer/disk", "state": "state",
		"remote": "remote", "watcher": "watcher", "tandem": "cmd/tandem", "task": "cmd/tandem/internal/task", "filter": "cmd/tandem/internal/task/filter",
		"names": "syncer/names", "transfer": "syncer/transfer", "tui": "cmd/tandem/internal/tui",
	}
	played = map[string]string{
		"plan": "syncer/plan/testdata/%s.txtar", "story": "cmd/tandem/testdata/script/%s.txtar", "corpus": "syncer/sim/testdata/corpus/%s.txt",
		"stack": "syncer/sim/testdata/stack/%s.txt",
	}
	quoted = regexp.MustCompile("`([a-z]+): ([^`]+)`")
)

// howMany cases the list has under each letter; none may be forgotten.
var howMany = map[string]int{
	"A": 20, "B": 20, "C": 15, "D": 16, "E": 14, "F": 24, "G": 10, "H": 6, "I": 8, "J": 10, "K": 6, "L": 8, "M": 12, "N": 6, "O": 8,
}

func TestEveryHardCaseIsHeldByATest(t *testing.T) {
	text, err := os.ReadFile("../../docs/hard-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(text), "\n## ")
	missing := map[string]bool{}
	for letter, n := range howMany {
		for i := range n {
			missing[fmt.Sprintf("T-%s%d", letter, i+1)] = true
		}
	}
	for line := range strings.Lines(cases) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| case ") {
			continue
		}
		if len(cells) != 3 {
			t.Errorf("%d cells instead of three: %s", len(cells), line)
			continue
		}
		id, held := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[2])
		delete(missing, id)
		names := quoted.FindAllStringSubmatch(held, -1)
		if len(names) == 0 && !strings.HasPrefix(held, "not yet: ") && !strings.HasPrefix(held, "does not apply: ") {
			t.Errorf("%s: neither a test nor the reason why there is none", id)
		}
		for _, name := range names {
			if !stands(t, name[1], name[2]) {
				t.Errorf("%s: there is no such test: %s", id, name[0])
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("forgotten: %s", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
	}
}

// stands says that a test is there, with the case in it of that name.
func stands(t *testing.T, where, name string) bool {
	if file, ok := played[where]; ok {
		_, err := os.Stat(filepath.Join("../..", fmt.Sprintf(file, name)))
		return err == nil
	}
	pkg, ok := tested[where]
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
	if !ok || err != nil {
		return false
	}
	name, sub, _ := strings.Cut(name, " / ")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return sub == "" || strings.Contains(string(text), strconv.Quote(sub))
		}
	}
	return false
}

// TestWhereALineIsHeldIsThere: docs/security.md names the code.
func TestWhereALineIsHeldIsThere(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	places := regexp.MustCompile("`((?:cmd|remote|state|syncer|watcher)(?:/[a-z_.]+)*)`").FindAllStringSubmatch(string(text), -1)
	if len(places) < 20 {
		t.Errorf("only %d places are named", len(places))
	}
	for _, at := range places {
		if _, err := os.Stat(filepath.Join("../..", at[1])); err != nil {
			t.Errorf("%v", err)
		}
	}
}
