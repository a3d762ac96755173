// Licenses prints the licences and notices of all that the program is made of besides
// its own code, on any system that it is built for. It fails where one has none.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("licenses: ")
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		log.Fatal(err)
	}
	dirs := map[string]string{"the Go libraries": strings.TrimSpace(string(root))}
	for _, system := range []string{"linux", "darwin", "windows"} {
		modules, err := modules(system, "./cmd/tandem")
		if err != nil {
			log.Fatal(err)
		}
		maps.Copy(dirs, modules)
	}
	fmt.Println("What tandem is made of besides its own code, each under the licence of its makers.")
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		text, err := notices(dirs[name])
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		fmt.Printf("\n%s\n%s\n\n%s\n", strings.Repeat("-", 80), name, text)
	}
}

// modules gives the directories of the modules that a program is built from on a system.
func modules(system, program string) (map[string]string, error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", program)
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s is built from: %w", program, err)
	}
	dirs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			dirs[name] = dir
		}
	}
	return dirs, nil
}

// notices gives the texts in a directory that have to go with the program.
func notices(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		name, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if e.Type()&fs.ModeType != 0 || !slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE", "NOTICE"}, name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, strings.TrimSpace(string(text)))
	}
	if len(texts) == 0 {
		return "", errors.New("it has no licence")
	}
	return strings.Join(texts, "\n\n"), nil
}
