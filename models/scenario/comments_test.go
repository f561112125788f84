package scenario

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the program says of its policies is what their source says. NINES_UPDATE=1 writes it anew.
func TestCommentsAreThoseOfTheSource(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(readComments(t)); err != nil {
		t.Fatal(err)
	}
	if Update {
		if err := os.WriteFile("comments.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		commentsJSON = b.Bytes() // for the tests that follow
	} else if !bytes.Equal(b.Bytes(), commentsJSON) {
		t.Error("comments.json is not what the source says: NINES_UPDATE=1 go test ./models/scenario, twice, writes it and what is made from it")
	}
}

// Every page has all that it needs.
func TestPages(t *testing.T) {
	for _, p := range Pages() {
		if p.Short == "" || len(p.Keys) == 0 {
			t.Errorf("%s: short %q, %d keys", p.Name, p.Short, len(p.Keys))
		}
		for _, about := range p.About {
			if about == "" {
				t.Errorf("%s does not say how it works", p.Name)
			}
		}
		for _, k := range p.Keys {
			if k.Meaning == "" {
				t.Errorf("%s.%s has no comment", p.Name, k.Key)
			}
			for _, w := range k.Words {
				if w.Meaning == "" {
					t.Errorf("%s.%s: nothing says what %s does", p.Name, k.Key, w.Word)
				}
			}
		}
		for _, preset := range p.Presets {
			if preset.About == "" {
				t.Errorf("%s: the preset %s has no comment", p.Name, preset.Preset)
			}
		}
	}
}

// What users of files read names the keys and words of files, not what the source calls them.
func TestPagesSpeakOfTheFile(t *testing.T) {
	ours := make(map[string]bool) // names of fields and constants that are no word of English
	note := func(name string) {
		if strings.ToLower(name[1:]) != name[1:] {
			ours[name] = true
		}
	}
	for name, text := range comments() {
		if words, ok := strings.CutPrefix(name, "words "); ok {
			for _, constant := range strings.Fields(text + " " + words) {
				note(constant)
			}
		} else if i := strings.LastIndex(name, "."); i > 0 && i < len(name)-1 && !strings.Contains(name, " ") {
			note(name[i+1:])
		}
	}
	delete(ours, "CoDel") // an algorithm
	delete(ours, "EWMA")  // an exponentially weighted moving average
	look := func(where, text string) {
		for _, name := range goName.FindAllString(text, -1) {
			if name = strings.Trim(name, "[]"); ours[name] || strings.Contains(text, "["+name+"]") {
				t.Errorf("%s names %s of the source: %s", where, name, text)
			}
		}
	}
	for _, p := range Pages() {
		look(p.Name, strings.Join(append(p.About, p.Short, p.Defaults), " "))
		for _, k := range p.Keys {
			look(p.Name+"."+k.Key, k.Meaning)
			for _, w := range k.Words {
				look(p.Name+"."+k.Key, w.Meaning)
			}
		}
		for _, preset := range p.Presets {
			look(preset.Preset, preset.About)
		}
	}
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	each(root, root.unset(), func(sh *shape, _ reflect.Value) {
		look(nameOf(sh.typ), strings.TrimPrefix(sh.about(), sh.typ.Name())) // which is what it is about
	})
}

// Every word of the format has a meaning of its own, but for those that are one.
func TestWordsHaveMeanings(t *testing.T) {
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	each(root, root.unset(), func(sh *shape, _ reflect.Value) {
		for _, k := range sh.keys {
			_, words := sh.wordsAt(k)
			if name := nameOf(sh.typ) + "." + k.name; len(words) == 0 && len(k.shape.words()) > 1 && name != "Fault.each" {
				t.Errorf("%s: nothing says what its words do", name)
			}
			for _, w := range words {
				if w.Meaning == "" {
					t.Errorf("%s.%s: nothing says what %s does", nameOf(sh.typ), k.name, w.Word)
				}
			}
		}
	})
}

// readComments returns the comments of types, their fields, the constants that have words and their defaults methods: of
// this package, and of those of the policies, with their presets'.
func readComments(t *testing.T) map[string]string {
	t.Helper()
	comments := make(map[string]string)
	var words []string // the types that are written as one
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	each(root, root.unset(), func(sh *shape, _ reflect.Value) {
		for _, k := range sh.keys {
			if wordsOf(k.shape.typ) != nil {
				words = append(words, nameOf(k.shape.typ))
			}
		}
	})
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	policies, err := filepath.Glob("../../patterns/*/*.go")
	if err != nil || len(policies) < 50 {
		t.Fatalf("%d files of policies are found: %v", len(policies), err)
	}
	inner, err := filepath.Glob("../../patterns/internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	funcs := make(map[string]string)   // the comments of functions
	presets := make(map[string]string) // the functions of presets
	for _, name := range slices.Concat(files, policies, inner) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
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
				switch name := decl.Name.Name; {
				case in == "" && name == "defaults" && decl.Recv != nil && decl.Doc != nil:
					comments[decl.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name+".defaults"] = oneLine(decl.Doc)
				case in != "" && decl.Recv == nil && strings.HasSuffix(name, "Presets"):
					readPresets(decl, func(preset, f string) { presets[in+preset] = in + f })
				case in != "" && decl.Recv == nil && decl.Doc != nil:
					funcs[in+name] = oneLine(decl.Doc)
				}
			case *ast.GenDecl:
				readTypes(decl, in, comments)
				readWords(decl, func(typ, name, text string) {
					if slices.Contains(words, in+typ) {
						comments["words "+in+typ] = strings.TrimSpace(comments["words "+in+typ] + " " + name)
						comments["word "+in+name] = text
					}
				})
			}
		}
	}
	for _, preset := range slices.Sorted(maps.Keys(presets)) {
		f := presets[preset]
		comments["preset "+preset] = funcs[f]
		in, name, _ := strings.Cut(preset, ".")
		comments["presets "+in] = strings.TrimSpace(comments["presets "+in] + " " + strings.TrimPrefix(f, in+".") + "=" + name)
	}
	return comments
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

func readTypes(decl *ast.GenDecl, in string, comments map[string]string) {
	for _, spec := range decl.Specs {
		spec, ok := spec.(*ast.TypeSpec)
		if !ok || !spec.Name.IsExported() {
			continue
		}
		doc := decl.Doc
		if spec.Doc != nil {
			doc = spec.Doc
		}
		name := in + spec.Name.Name
		if slices.ContainsFunc(subjects(), func(s subject) bool { return slices.Contains(s.machines, name) }) {
			comments["text "+name] = strings.TrimSpace(doc.Text())
		}
		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range structure.Fields.List {
			if f.Tag == nil || !strings.Contains(f.Tag.Value, "nines:") {
				continue
			}
			comments[name] = oneLine(doc)
			for _, field := range f.Names {
				if text := oneLine(f.Comment); text != "" {
					comments[name+"."+field.Name] = text
				}
			}
		}
	}
}

// readWords finds the comments of constants that count from a type's zero value on.
func readWords(decl *ast.GenDecl, found func(typ, name, text string)) {
	if decl.Tok != token.CONST {
		return
	}
	typ, ok := decl.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, spec := range decl.Specs {
		if spec := spec.(*ast.ValueSpec); spec.Names[0].IsExported() {
			found(typ.Name, spec.Names[0].Name, oneLine(spec.Comment))
		}
	}
}

// readPresets finds {Name: "x", ..., Config: F(...)} in what Presets returns, with or without field names.
func readPresets(decl *ast.FuncDecl, found func(preset, function string)) {
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 3 {
			return true
		}
		var parts [3]ast.Expr
		for i, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
			}
			parts[i] = e
		}
		name, isName := parts[0].(*ast.BasicLit)
		call, isCall := parts[2].(*ast.CallExpr)
		if !isName || !isCall {
			return true
		}
		preset, err := strconv.Unquote(name.Value)
		f, isFunc := call.Fun.(*ast.Ident)
		if err == nil && isFunc {
			found(preset, f.Name)
		}
		return false
	})
}

// In a diagram what stands behind an arrow stays where it is, if the arrow can be shorter.
func TestDiagramsKeepTheirShape(t *testing.T) {
	names := map[string]string{"SlowRate": "slow_rate", "Probes": "half_open", "SoftTTL": "ttl"}
	for line, want := range map[string]string{
		"\ta ──SlowRate──▶ b ──Probes────▶ c": "\ta ──slow_rate─▶ b ──half_open─▶ c",
		"\ta ──SoftTTL──▶ b":                  "\ta ──ttl──────▶ b",
		"\ta ──Probes──▶ b":                   "\ta ──half_open──▶ b",
		"\ta ─SlowRate─▶ b":                   "\ta ─slow_rate─▶ b",
		"\tcopy SlowRate":                     "\tcopy slow_rate",
	} {
		if got := drawn(line, names); got != want {
			t.Errorf("%s is drawn %s, want %s", line, got, want)
		}
	}
}
