// Package docs_test checks what the documents promise about the code: the arrows between
// packages, the rules that keep runs deterministic, and that the README shows what compiles.
package docs_test

import (
	"fmt"
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

const module = "github.com/nines-sim/nines/"

// rules says which packages of the project, and which others, a package may import. A name that ends
// in /... stands for everything below it too. The first rule that fits a package counts.
var rules = []struct {
	of      string
	project []string
	others  []string // beside the standard library; "*" is anything
}{
	{of: "sim"},
	{of: "sim/dist", project: []string{"sim"}},
	{of: "sim/fault", project: []string{"sim", "sim/dist"}},
	{of: "sim/trace", project: []string{"sim"}},
	{of: "sim/simtest", project: []string{"sim", "sim/fault", "sim/trace"}},
	{of: "sim/...", project: []string{"sim/..."}, others: []string{"*"}},
	{of: "network/...", project: []string{"network/...", "sim/..."}},
	{of: "nodes/...", project: []string{"nodes/...", "network/...", "patterns", "sim/..."}},
	{of: "patterns", project: []string{"sim"}},
	{of: "patterns/internal/...", project: []string{"sim", "patterns", "patterns/internal/..."}},
	{of: "patterns/...", project: []string{"sim", "sim/dist", "patterns", "patterns/..."}},
	{of: "models/theory", others: []string{"*"}},
	{of: "models/library", project: nil},
	{of: "models/scenario", project: []string{"patterns/...", "sim/..."}, others: []string{"*"}},
	{of: "models/...", project: []string{"models/...", "nodes/...", "network/...", "patterns/...", "sim/..."}, others: []string{"*"}},
	{of: "cmd/...", project: []string{"cmd/...", "models/...", "sim/..."}, others: []string{"*"}},
}

// inRun are the packages whose code runs inside a simulation.
var inRun = []string{"sim", "sim/dist", "sim/fault", "sim/trace", "sim/measure", "network/...", "nodes/...", "patterns/...", "models/system"}

func fits(pattern, pkg string) bool {
	below, tree := strings.CutSuffix(pattern, "/...")
	return pkg == below || tree && strings.HasPrefix(pkg, below+"/")
}

func any(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, pkg) })
}

// files parses every Go file of the module that is no test.
func files(t *testing.T, f func(pkg, name string, fset *token.FileSet, file *ast.File)) {
	t.Helper()
	root := ".."
	seen := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); p != root && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		seen++
		f(path.Dir(rel), rel, fset, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Fatalf("only %d files were found: the test looks in the wrong place", seen)
	}
}

func imports(file *ast.File) (list []string) {
	for _, im := range file.Imports {
		name, _ := strconv.Unquote(im.Path.Value)
		list = append(list, name)
	}
	return list
}

func TestArrowsGoOneWay(t *testing.T) {
	files(t, func(pkg, name string, _ *token.FileSet, file *ast.File) {
		i := slices.IndexFunc(rules, func(r struct {
			of              string
			project, others []string
		}) bool {
			return fits(r.of, pkg)
		})
		if i < 0 {
			t.Errorf("%s: no rule says what package %s may import", name, pkg)
			return
		}
		r := rules[i]
		for _, im := range imports(file) {
			own, isOwn := strings.CutPrefix(im, module)
			first, _, _ := strings.Cut(im, "/")
			switch {
			case isOwn && own != pkg && !any(r.project, own):
				t.Errorf("%s imports %s, which is against the arrows", name, own)
			case !isOwn && strings.Contains(first, ".") && !slices.Contains(r.others, "*") && pkg != "sim/measure":
				t.Errorf("%s imports %s; this package keeps to the standard library", name, im)
			case im == "testing" && pkg != "sim/simtest" && pkg != "network/live":
				t.Errorf("%s imports testing", name)
			}
		}
	})
}

// wallClock are the functions of package time that read the machine's clock or wait for it.
var wallClock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestRunsReadNoClockAndStartNoGoroutine(t *testing.T) {
	files(t, func(pkg, name string, fset *token.FileSet, file *ast.File) {
		inside := any(inRun, pkg)
		say := func(n ast.Node, format string, args ...interface{}) {
			t.Errorf("%s:%d: %s", name, fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
		}
		for _, im := range imports(file) {
			switch {
			case im == "math/rand", im == "math/rand/v2" && pkg != "sim", im == "crypto/rand":
				say(file, "imports %s: chance comes from sim.Stream", im)
			case inside && (im == "sync" || im == "sync/atomic"):
				say(file, "imports %s: one thing happens at a time in a run", im)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					say(n, "has an init function")
				}
			case *ast.GoStmt:
				if inside {
					say(n, "starts a goroutine")
				}
			case *ast.ChanType:
				// A study runs many simulations at once, and hands their workers on by a channel.
				if inside && name != "models/system/study.go" {
					say(n, "uses a channel")
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && inside && x.Name == "time" && slices.Contains(wallClock, n.Sel.Name) {
					say(n, "uses time.%s: runs read no clock", n.Sel.Name)
				}
			}
			return true
		})
	})
}
