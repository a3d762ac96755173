package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which of our packages each may import. Programs and tests may
// import what they like; nothing else goes against the stream.
var allowed = map[string][]string{
	"syncer":                          {"tandem/remote/quickxor", "tandem/syncer/plan", "tandem/syncer/disk", "tandem/watcher", "tandem/watcher/codepage", "tandem/remote", "tandem/state"},
	"syncer/plan":                     {},
	"syncer/disk":                     {"tandem/watcher"},
	"watcher":                         {"tandem/watcher/codepage"},
	"watcher/codepage":                {},
	"remote":                          {"tandem/remote/quickxor"},
	"remote/quickxor":                 {},
	"remote/remotetest":               {"tandem/remote/quickxor"},
	"state":                           {},
	"syncer/sim":                      {"tandem/remote", "tandem/remote/remotetest", "tandem/state", "tandem/syncer", "tandem/syncer/plan", "tandem/syncer/disk", "tandem/watcher"},
	"cmd/tandem":                      {"tandem/syncer", "tandem/syncer/plan", "tandem/syncer/disk", "tandem/watcher", "tandem/watcher/codepage", "tandem/remote", "tandem/remote/remotetest", "tandem/state", "tandem/cmd/tandem/internal/task/filter", "tandem/cmd/tandem/internal/task", "tandem/cmd/tandem/internal/control", "tandem/cmd/tandem/internal/service", "tandem/cmd/tandem/internal/manual", "tandem/cmd/tandem/internal/terminal", "tandem/cmd/tandem/internal/tui"},
	"cmd/tandem/internal/control":     {},
	"cmd/tandem/internal/service":     {},
	"cmd/tandem/internal/manual":      {},
	"cmd/tandem/internal/terminal":    {},
	"cmd/tandem/internal/tui":         {"tandem/cmd/tandem/internal/terminal", "tandem/remote", "tandem/syncer/plan"},
	"cmd/tandem/internal/task/filter": {"tandem/syncer/plan"},
	"cmd/tandem/internal/task":        {"tandem/cmd/tandem/internal/task/filter", "tandem/remote", "tandem/remote/quickxor", "tandem/state", "tandem/syncer/plan", "tandem/syncer/disk", "tandem/watcher", "tandem/watcher/codepage"},
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

func TestImportsPointOneWay(t *testing.T) {
	sources(t, func(pkg, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		may, known := allowed[pkg]
		if !known {
			t.Errorf("%s: say in this test what package %q may import", file, pkg)
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err == nil && strings.HasPrefix(name, "tandem/") && !slices.Contains(may, name) {
				t.Errorf("%s imports %s", file, name)
			}
		}
	})
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
