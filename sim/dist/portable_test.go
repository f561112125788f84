package dist_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// TestSourceIsPortable reads this package's source and refuses what may differ between processors:
// a product of floats that is not rounded by float64(...) before something else may be added to it,
// and functions of package math that are not exact.
func TestSourceIsPortable(t *testing.T) {
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, f)
	}
	if len(sources) < 20 {
		t.Fatalf("found %d source files, which cannot be all", len(sources))
	}
	for _, complaint := range complaints(files, sources) {
		t.Error(complaint)
	}
}

func TestUnroundedProductsAreFound(t *testing.T) {
	for _, c := range []struct {
		code string
		want int
	}{
		{"z = x*y + z", 1},
		{"z = float64(x*y) + z", 0},
		{"z = float64(x*y*z) + 1", 0},
		{"z = x*y/z + 1", 0},
		{"z = -(x*y)", 1},
		{"z = f(x*y)", 1},
		{"z *= x", 1},
		{"if x*y < z { z = 1 }", 0},
		{"z = float64(int(x*y) + 3*4)", 0},
		{"i = i*3 + 1", 0},
		{"i *= 3", 0},
		{"z = math.Sqrt(x) + math.Log(y)", 1},
		{"z = math.Sqrt(x)*y + z", 1},
	} {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, "x.go", "package dist\nimport \"math\"\nfunc f(x float64) float64 {\n"+
			"var y, z float64; i := 1\n"+c.code+"\n_, _ = i, math.Ln2\nreturn z\n}\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := complaints(files, []*ast.File{f}); len(got) != c.want {
			t.Errorf("%s: complaints are %v, want %d", c.code, got, c.want)
		}
	}
}

// exact lists what package math computes with the same bits everywhere.
var exact = "Abs Copysign FMA Float64bits Float64frombits Floor Frexp Inf IsInf IsNaN Ldexp Modf NaN Sqrt " +
	"Ln2 MaxFloat64 MaxInt64 MinInt64"

func complaints(files *token.FileSet, sources []*ast.File) (found []string) {
	// Imports stay unresolved, so a product with a part from elsewhere has no known type and counts
	// as one of floats.
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Error: func(error) {}, Importer: noImports{}}
	config.Check("dist", files, sources, &info)
	mayRound := func(e ast.Expr) bool {
		v := info.Types[e]
		if v.Value != nil || v.Type == nil {
			return v.Value == nil
		}
		b, ok := v.Type.Underlying().(*types.Basic)
		return !ok || b.Info()&types.IsInteger == 0
	}
	for _, source := range sources {
		var parents []ast.Node
		ast.Inspect(source, func(n ast.Node) bool {
			if n == nil {
				parents = parents[:len(parents)-1]
				return true
			}
			at := files.Position(n.Pos()).String()
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.MUL && mayRound(n) && !rounded(parents) {
					found = append(found, at+": a product needs float64(...) around it")
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && mayRound(n.Lhs[0]) {
					found = append(found, at+": write x = float64(x * y) for x *= y")
				}
			case *ast.SelectorExpr:
				if p, ok := n.X.(*ast.Ident); ok && p.Name == "math" && !strings.Contains(" "+exact+" ", " "+n.Sel.Name+" ") {
					found = append(found, at+": math."+n.Sel.Name+" may differ between processors")
				}
			}
			parents = append(parents, n)
			return true
		})
	}
	return found
}

// rounded reports whether the innermost of the nodes around a product keeps it from being fused
// with a sum.
func rounded(around []ast.Node) bool {
	switch n := around[len(around)-1].(type) {
	case *ast.ParenExpr:
		return rounded(around[:len(around)-1])
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.Ident)
		return ok && (f.Name == "float64" || f.Name == "int")
	case *ast.BinaryExpr:
		return n.Op != token.ADD && n.Op != token.SUB
	}
	return false
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }
