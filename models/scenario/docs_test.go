package scenario

import (
	"fmt"
	"os"
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
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	var missing []string
	types := make(map[string]*shape)
	unset := make(map[string]reflect.Value)
	each(root, root.unset(), func(sh *shape, v reflect.Value) { types[sh.typ.Name()], unset[sh.typ.Name()] = sh, v })

	section := regexp.MustCompile(`(?s)<!-- keys (\w+) -->\n.*?<!-- end -->`)
	var shown []string
	got := section.ReplaceAllStringFunc(string(text), func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		shown = append(shown, name)
		if types[name] == nil {
			t.Errorf("the reference has a table of %s, which is no type of the format", name)
			return old
		}
		return "<!-- keys " + name + " -->\n" + keysTable(types[name], unset[name]) + "<!-- end -->"
	})
	for name := range types {
		if !slices.Contains(shown, name) && name != "Caller" && name != "Callee" && name != "Share" && name != "Part" && name != "Setting" && name != "Axis" {
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

// each calls f for every struct of the format, with a value of which no key is written.
func each(sh *shape, unset reflect.Value, f func(*shape, reflect.Value)) {
	switch sh.kind {
	case table:
		each(sh.entry, sh.entry.unset(), f)
	case group:
		f(sh, unset)
		for _, k := range sh.keys {
			inner := k.shape
			if inner.kind == group {
				each(inner, k.inside(unset), f)
			} else {
				each(inner, reflect.Value{}, f)
			}
		}
		if sh.rest != nil {
			each(sh.rest.shape, reflect.Value{}, f)
		}
	}
}

// keysTable describes a type: what it is, its keys, and where its defaults come from.
func keysTable(sh *shape, unset reflect.Value) string {
	name := nameOf(sh.typ)
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(sh.about(), "<", "&lt;") + "\n\n| key | meaning | unit | default |\n|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace
	for i, k := range sh.describe(unset) {
		value := k.Default
		switch of := sh.keys[i].shape; {
		case value == `""` || value == "[]":
			value = ""
		case value != "" && of.kind == leaf && !of.optional && !of.tag.required && of.tag.auto == "":
			value = "`" + value + "`"
		}
		meaning := escape(k.Meaning)
		for _, w := range k.Words {
			meaning += "<br>`" + w.Word + "`: " + escape(w.Meaning)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Key, meaning, escape(k.Unit), escape(value))
	}
	if sh.rest != nil {
		fmt.Fprintf(&b, "| any other key | %s |  |  |\n", escape(sh.meaning(sh.rest)))
	}
	if source := comments()[name+".defaults"]; source != "" {
		b.WriteString("\nDefaults: " + source + "\n")
	}
	return b.String()
}
