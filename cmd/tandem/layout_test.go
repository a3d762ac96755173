package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pictured reads the table of packages in docs/architecture.md: what each imports of ours.
func pictured(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	imports := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		pkg := strings.Trim(cells[1], " `")
		imports[pkg] = []string{}
		for _, m := range code.FindAllStringSubmatch(cells[3], -1) {
			imports[pkg] = append(imports[pkg], m[1])
		}
	}
	return imports
}

// sources calls f for each Go file of the module.
func sources(t *testing.T, f func(pkg, file string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && file != root && strings.HasPrefix(e.Name(), ".") {
			return fs.SkipDir // no part of the module: the go command does not see it either
		}
		if err != nil || e.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err == nil && !strings.Contains(rel, "testdata") {
			f(path.Dir(filepath.ToSlash(rel)), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestThePictureOfImportsIsTheRealOne, and none of them leads in a circle: the compiler sees
// to that.
func TestThePictureOfImportsIsTheRealOne(t *testing.T) {
	real := map[string][]string{}
	sources(t, func(pkg, file string) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(pkg, ".") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		real[pkg] = append(real[pkg], []string{}...)
		for _, spec := range parsed.Imports {
			name, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), "tandem/")
			if ours && !slices.Contains(real[pkg], name) {
				real[pkg] = append(real[pkg], name)
			}
		}
	})
	told := pictured(t)
	for _, pkg := range slices.Sorted(maps.Keys(real)) {
		slices.Sort(real[pkg])
		want, known := told[pkg]
		if slices.Sort(want); !known || !slices.Equal(want, real[pkg]) {
			t.Errorf("%s imports %q; docs/architecture.md says %q", pkg, real[pkg], want)
		}
		delete(told, pkg)
	}
	for pkg := range told {
		t.Errorf("docs/architecture.md tells of %s, which is not there", pkg)
	}
}

// The planner decides purely: what it cannot reach, it cannot depend on.
func TestThePlannerReachesNothing(t *testing.T) {
	sources(t, func(pkg, file string) {
		if pkg == "syncer/plan" && !strings.HasSuffix(file, "_test.go") {
			reachesNot(t, file, "os", "io/fs", "net", "net/http", "context", "syscall")
		}
	})
}

// The engine reaches the world through the interfaces of effects.go alone, so
// that a simulator can stand behind them.
func TestTheEngineReachesTheWorldInOnePlace(t *testing.T) {
	sources(t, func(pkg, file string) {
		if pkg == "syncer" && !strings.HasSuffix(file, "_test.go") && filepath.Base(file) != "effects.go" {
			reachesNot(t, file, "os", "net", "os/exec", "golang.org/x/sys/unix")
		}
	})
}

// reachesNot makes sure that a file imports none of these, reads no clock, waits
// for none, and starts nothing beside itself.
func reachesNot(t *testing.T, file string, imports ...string) {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range parsed.Imports {
		if name, _ := strconv.Unquote(spec.Path.Value); slices.Contains(imports, name) {
			t.Errorf("%s imports %s", file, name)
		}
	}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTicker", "NewTimer"}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s starts a goroutine", fset.Position(n.Pos()))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				t.Errorf("%s: time.%s", fset.Position(n.Pos()), n.Sel.Name)
			}
		}
		return true
	})
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	documented := map[string]bool{}
	sources(t, func(pkg, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		documented[pkg] = documented[pkg] || parsed.Doc != nil
	})
	for pkg, has := range documented {
		if !has {
			t.Errorf("package %s has no doc comment", pkg)
		}
	}
}
