package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// stories gives the lines of all scripts. What stands for a command of tandem in
// them is spelled out, and settings begin with the sort of table they are in.
func stories(t *testing.T) (lines []string) {
	t.Helper()
	header, setting := regexp.MustCompile(`^\[(\w+)\.`), regexp.MustCompile(`^\w+ = `)
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories (%v)", len(files), err)
	}
	short := []struct{ from, to string }{
		{`tandem-(elsewhere|of-old) `, "tandem "}, {`^sync \d `, "tandem sync --once --json "}, {`^exits \d `, "tandem "},
		{`^killed ('[^']*'|\S+) \d+ `, "tandem "}, {`^(await|soon) says ('[^']*'|\S+) `, "tandem "},
		{`^signin( \w*)?$`, "tandem login$1 --no-browser"}, {`^signin (.*)`, "tandem $1 --no-browser"},
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table := ""
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if m := header.FindStringSubmatch(line); m != nil {
				table = m[1]
			} else if setting.MatchString(line) {
				line = table + ": " + line
			}
			for _, s := range short {
				line = regexp.MustCompile(s.from).ReplaceAllString(line, s.to)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// used says that a line of some story has it, as a regular expression.
func used(lines []string, what string) bool {
	return slices.ContainsFunc(lines, regexp.MustCompile(what).MatchString)
}

func TestEveryCommandAndFlagHasAStory(t *testing.T) {
	lines := stories(t)
	p := &program{screen: newScreen(&strings.Builder{})}
	root := p.command()
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		words := regexp.QuoteMeta(cmd.CommandPath())
		if cmd != root && !cmd.Hidden && !used(lines, words+`( |$)`) {
			t.Errorf("no story has %q", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" || f.Name == "version" {
				return
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name += "|-" + f.Shorthand
			}
			if !used(lines, words+` (.* )?(`+name+`)(=| |$)`) {
				t.Errorf("no story has %q with %s", cmd.CommandPath(), name)
			}
		})
		for _, sub := range cmd.Commands() {
			if !sub.Hidden && sub.Name() != "help" {
				check(sub)
			}
		}
	}
	check(root)
}

func TestEverySettingHasAStory(t *testing.T) {
	lines := stories(t)
	for table, keys := range map[string][]string{
		"connection": keysOf(reflect.TypeFor[connection]()), "folder": keysOf(reflect.TypeFor[folder]()), "task": taskKeys(),
	} {
		for _, key := range keys {
			if !used(lines, `^(`+table+`: |(exec|grep) .*\W)`+key+` = `) {
				t.Errorf("no story sets %s of a %s", key, table)
			}
		}
	}
}

// What can be chosen among: by a flag, by a key, or by both.
func TestEveryChoiceHasAStory(t *testing.T) {
	lines := stories(t)
	choices := map[string][]string{
		"sort": {"name", "size", "size:desc", "created", "modified"}, "larger": {"[0-9.]+", "[0-9.]+[kM]", "[0-9.]+[KMG]iB"},
		"older": {"[0-9]+[hdwy]", "[0-9-]+"}, "sign_in": {byApp}, "token_store": {"file", "keyring"}, "cloud": {"custom", "china"},
	}
	for _, o := range allSettings() {
		choices[o.Key] = append(choices[o.Key], o.Words...)
	}
	for what, values := range choices {
		for _, value := range values {
			if !used(lines, ` --`+what+`[ =]["']?`+value+`(["' ]|$)`) && !used(lines, `(^|\W)`+what+` = "`+value+`"`) {
				t.Errorf("no story chooses %s %s", what, value)
			}
		}
	}
}

// atOnce are the commands that wait for nothing, so that nobody has to stop them.
var atOnce = []string{"version", "completion"}

// TestEveryCommandIsStopped: that it ends when it is told to, whatever it waits for, is held
// by the story interrupted_anywhere.
func TestEveryCommandIsStopped(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "script", "interrupted_anywhere.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{screen: newScreen(&strings.Builder{})}
	eachCommand(p.command(), func(name string) {
		stopped := regexp.MustCompile(`(?m)^(\[linux\] )?stopped ('[^']*'|\S+) (--config \S+ )?` + regexp.QuoteMeta(name) + `( |$)`).Match(text)
		if stopped == slices.Contains(atOnce, name) {
			t.Errorf("%q: the story stops it: %v; it waits for nothing: %v", name, stopped, stopped)
		}
	})
}

// eachCommand gives the commands that do something, by name.
func eachCommand(root *cobra.Command, do func(name string)) {
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue
		}
		if name := strings.TrimPrefix(cmd.CommandPath(), "tandem "); cmd.Runnable() {
			do(name)
		}
		eachCommand(cmd, do)
	}
}
