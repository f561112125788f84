package scenario

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../../docs/scenario.md"

// The reference has a table of keys for every type of the format, made from the types, their tags
// and their comments. NINES_UPDATE=1 writes the tables anew.
func TestReference(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	comments := readComments(t)
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	var missing []string
	types := make(map[string]*shape)
	each(root, func(sh *shape) { types[sh.typ.Name()] = sh })

	section := regexp.MustCompile(`(?s)<!-- keys (\w+) -->\n.*?<!-- end -->`)
	var shown []string
	got := section.ReplaceAllStringFunc(string(text), func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		shown = append(shown, name)
		if types[name] == nil {
			t.Errorf("the reference has a table of %s, which is no type of the format", name)
			return old
		}
		return "<!-- keys " + name + " -->\n" + keysTable(t, types[name], comments) + "<!-- end -->"
	})
	for name := range types {
		if !slices.Contains(shown, name) && name != "Caller" && name != "Callee" && name != "Share" && name != "Setting" && name != "Axis" {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("the reference has no table of %v", missing)
	}
	if Update {
		if err := os.WriteFile(reference, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("docs/scenario.md is not what the types say (-written +types; NINES_UPDATE=1 writes it):\n%s", diff)
	}
}

// The examples of the reference are scenarios.
func TestReferenceExamples(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if _, err := Parse(fmt.Sprintf("example %d", i+1), []byte(example), nil); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// each calls f for every struct of the format.
func each(sh *shape, f func(*shape)) {
	switch sh.kind {
	case table:
		each(sh.entry, f)
	case group:
		f(sh)
		for _, k := range sh.keys {
			each(k.shape, f)
		}
		if sh.rest != nil {
			each(sh.rest.shape, f)
		}
	}
}

// keysTable describes a type: what it is, its keys, and where its defaults come from.
func keysTable(t *testing.T, sh *shape, comments map[string]string) string {
	name := sh.typ.Name()
	unset := reflect.New(sh.typ).Elem()
	setDefaults(sh, unset)
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(comments[name], "<", "&lt;") + "\n\n| key | meaning | unit | default |\n|---|---|---|---|\n")
	keys := keysOf(sh.typ)
	row := func(key string, index []int, unit, value string) {
		zero := "0"
		switch tg := tagOf(sh.typ.FieldByIndex(index)); {
		case tg.none:
			zero = "none"
		case tg.word != "":
			zero = tg.word
		}
		of := sh.typ
		for _, i := range index[:len(index)-1] {
			of = of.Field(i).Type
		}
		field := nameOf(of) + "." + of.Field(index[len(index)-1]).Name
		meaning := comments[field]
		if meaning == "" {
			t.Errorf("%s has no comment", field)
		}
		if nameOf(of) != of.Name() { // written for programmers
			meaning = strings.Replace(inKeys(meaning, keys), "; 0: ", "; "+zero+": ", 1)
		}
		escape := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key, escape(meaning), escape(unit), escape(value))
	}
	for _, k := range sh.keys {
		unit, value := k.shape.unit(), ""
		switch {
		case k.shape.tag.required:
			value = "required"
		case k.shape.optional:
			value = "none"
		case k.shape.tag.auto != "":
			value = k.shape.tag.auto
		case k.shape.kind == leaf:
			value = "`" + encodeLeaf(k.shape.tag, unset.FieldByIndex(k.index)).flow() + "`"
		}
		if value == "`\"\"`" || value == "`[]`" {
			value = ""
		}
		switch k.shape.kind {
		case table:
			unit = "named"
			if k.shape.tag.required {
				break
			}
			value = ""
		case group:
			unit = "section"
		default:
			if k.shape.tag.unlimited {
				unit += ", unlimited"
			}
			if k.shape.tag.none || k.shape.tag.unbounded {
				unit += ", none"
			}
			if k.shape.tag.word != "" {
				unit += ", " + k.shape.tag.word
			}
		}
		row("`"+k.name+"`", k.index, unit, value)
	}
	if sh.rest != nil {
		row("any other key", sh.rest.index, "", "")
	}
	if source := comments[name+".defaults"]; source != "" {
		b.WriteString("\nDefaults: " + source + "\n")
	}
	return b.String()
}

// nameOf names a type: Breaker of this package, breaker.Config of another.
func nameOf(t reflect.Type) string {
	if name, ours := strings.CutPrefix(t.String(), "scenario."); ours {
		return name
	}
	return t.String()
}

// readComments returns the comments of types, their fields and their defaults methods: of this package, and
// of those of the policies.
func readComments(t *testing.T) map[string]string {
	comments := make(map[string]string)
	oneLine := func(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	policies, err := filepath.Glob("../../patterns/*/*.go")
	if err != nil || len(policies) < 50 {
		t.Fatal("policies are not found", err)
	}
	for _, name := range append(files, policies...) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		in := ""
		if file.Name.Name != "scenario" {
			in = file.Name.Name + "."
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if in == "" && decl.Name.Name == "defaults" && decl.Recv != nil && decl.Doc != nil {
					comments[decl.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name+".defaults"] = oneLine(decl.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					spec, ok := spec.(*ast.TypeSpec)
					if !ok {
						continue
					}
					comments[in+spec.Name.Name] = oneLine(decl.Doc)
					structure, ok := spec.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, f := range structure.Fields.List {
						for _, name := range f.Names {
							comments[in+spec.Name.Name+"."+name.Name] = oneLine(f.Comment)
						}
					}
				}
			}
		}
	}
	return comments
}
