// Mutants shows whether the tests would notice. It makes one deliberate mistake
// at a time, as mutants.txt lists them, and runs the tests that ought to catch
// it. Nothing in the tree is changed: each mistake is an overlay of its own.
//
//	go run ./.ci/mutants [-v] [WORD]     only mistakes whose description has WORD
//	go run ./.ci/mutants -n              only see that each can still be made
//
// It ends with 1 if a mistake went unnoticed that mutants.txt does not excuse.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long the tests may take to notice a mistake. One that makes
// them hang is noticed, too.
const patience = 30 * time.Second

// A mutant is one deliberate mistake.
type mutant struct {
	what     string // the mistake, in words
	file     string
	old, new string
	test     []string // arguments of go test
	excuse   string   // why it cannot be noticed
}

func main() {
	verbose := flag.Bool("v", false, "show what the tests said")
	dry := flag.Bool("n", false, "only see that each mistake can still be made")
	flag.Parse()
	all, err := read(filepath.Join(".ci", "mutants", "mutants.txt"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if *dry {
		os.Exit(check(all))
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	defer os.RemoveAll(dir)
	caught, tried, missed := 0, 0, 0
	for _, m := range all {
		if !strings.Contains(m.what, flag.Arg(0)) {
			continue
		}
		tried++
		start := time.Now()
		noticed, said, err := m.try(dir)
		verdict := "caught"
		switch {
		case err != nil:
			verdict = "BROKEN " + err.Error()
			missed++
		case noticed:
			caught++
		case m.excuse != "":
			verdict = "excused: " + m.excuse
		default:
			verdict = "MISSED"
			missed++
		}
		fmt.Printf("%-8s %5.1fs  %s\n", verdict, time.Since(start).Seconds(), m.what)
		if *verbose || err != nil {
			fmt.Println(said)
		}
	}
	fmt.Printf("%d of %d mistakes caught, %d excused\n", caught, tried, tried-caught-missed)
	if missed > 0 || tried == 0 {
		os.Exit(1)
	}
}

// check says which mistakes have lost the passage that they are made in.
func check(all []mutant) (code int) {
	for _, m := range all {
		if _, err := m.mistaken(); err != nil {
			fmt.Printf("%s: %s: %v\n", m.file, m.what, err)
			code = 1
		}
	}
	return code
}

// read parses mutants.txt: paragraphs of
//
//	# what the mistake is
//	file PATH
//	- a line as it is
//	+ a line as it shall be
//	test ARGUMENTS OF GO TEST
//	excuse WHY NO TEST CAN NOTICE IT
//
// Several - and + lines are one passage. Indentation before them does not count.
func read(name string) ([]mutant, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for i, paragraph := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		var m mutant
		var old, new []string
		for line := range strings.SplitSeq(paragraph, "\n") {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "#":
				m.what = strings.TrimSpace(m.what + " " + rest)
			case "file":
				m.file = rest
			case "-":
				old = append(old, rest)
			case "+":
				new = append(new, rest)
			case "test":
				m.test = strings.Fields(rest)
			case "excuse":
				m.excuse = rest
			default:
				return nil, fmt.Errorf("paragraph %d: %q", i+1, line)
			}
		}
		if m.old, m.new = strings.Join(old, "\n"), strings.Join(new, "\n"); m.what == "" || m.file == "" || m.old == "" || m.test == nil {
			return nil, fmt.Errorf("paragraph %d is not complete", i+1)
		}
		all = append(all, m)
	}
	return all, nil
}

// apply makes the mistake in text. The passage must be there once.
func (m *mutant) apply(text string) (string, error) {
	lines := strings.Split(text, "\n")
	want := strings.Split(m.old, "\n")
	at := -1
	for i := 0; i+len(want) <= len(lines); i++ {
		same := true
		for j, w := range want {
			same = same && strings.TrimSpace(lines[i+j]) == strings.TrimSpace(w)
		}
		switch {
		case same && at >= 0:
			return "", errors.New("the passage is there twice")
		case same:
			at = i
		}
	}
	if at < 0 {
		return "", errors.New("the passage is not there any more")
	}
	return strings.Join(append(append(append([]string{}, lines[:at]...), m.new), lines[at+len(want):]...), "\n"), nil
}

// mistaken is the text of the file with the mistake in it.
func (m *mutant) mistaken() (string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	return m.apply(string(text))
}

// try makes the mistake and says whether the tests noticed.
func (m *mutant) try(dir string) (noticed bool, said string, err error) {
	wrong, err := m.mistaken()
	if err != nil {
		return false, "", err
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		return false, "", err
	}
	mistaken, overlay := filepath.Join(dir, "mistake.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: mistaken}})
	if err != nil {
		return false, "", err
	}
	if err := errors.Join(os.WriteFile(mistaken, []byte(wrong), 0o666), os.WriteFile(overlay, list, 0o666)); err != nil {
		return false, "", err
	}
	if out, err := exec.Command("go", "vet", "-overlay", overlay, "./"+filepath.Dir(m.file)).CombinedOutput(); bytes.Contains(out, []byte("vet: ")) {
		return false, string(out), errors.Join(errors.New("it does not compile"), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience) // building counts, too
	defer cancel()
	args := append([]string{"test", "-overlay", overlay, "-count=1", "-failfast", "-timeout", patience.String()}, m.test...)
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	said = string(out)
	switch {
	case strings.Contains(said, "[build failed]"):
		return false, said, errors.New("it does not compile")
	case strings.Contains(said, "no tests to run"):
		return false, said, errors.New("no test has this name")
	}
	return err != nil, said, nil
}
