package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// A File is a scenario file that was found right in all its variants and sweeps.
type File struct {
	name     string
	dir      string
	catalog  *Catalog
	shape    *shape
	root     *node
	variants []*variantNode
	base     *Scenario
}

// Load reads a scenario file. The catalog may be nil. An error is of type [Errors], with all
// mistakes of the file, its variants and its sweeps.
func Load(path string, catalog *Catalog) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	defer f.Close()
	return Read(path, f, catalog)
}

// Read reads a scenario from r; name stands for it in errors, and files that it names are
// relative to the folder of name.
func Read(name string, r io.Reader, catalog *Catalog) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, cannotRead(name, err)
	}
	return Parse(name, data, catalog)
}

// cannotRead says why a file cannot be read, and which one was perhaps meant.
func cannotRead(path string, err error) error {
	e := &Error{File: path, Problem: "cannot be read: " + plainError(err).Error()}
	if errors.Is(err, fs.ErrNotExist) {
		e.Problem = "there is no such file"
		var names []string
		entries, _ := os.ReadDir(filepath.Dir(path)) // without a folder there is nothing near
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if near := Nearest(filepath.Base(path), names); near != "" {
			e.Near = filepath.Join(filepath.Dir(path), near)
		}
	}
	return Errors{e}
}

// Parse reads a scenario from memory; see [Read].
func Parse(name string, data []byte, catalog *Catalog) (*File, error) {
	catalog.mustBeValid()
	root, errs := parse(name, data)
	if len(errs) > 0 {
		return nil, errs.err()
	}
	f := &File{
		name: name, dir: filepath.Dir(name), catalog: catalog, root: root, variants: variantNodes(root),
		shape: newShaper(catalog).of(reflect.TypeFor[Scenario](), tag{}),
	}
	base, errs := f.decode(root)
	f.base = base
	for _, v := range f.variants {
		if _, wrong := f.scenario(v.name, nil); len(wrong) > 0 {
			errs = append(errs, wrong...)
		}
	}
	if len(errs) == 0 {
		errs = f.checkSweeps()
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// decode turns a tree into a scenario with every default filled in.
func (f *File) decode(tree *node) (*Scenario, Errors) {
	s, d := f.decodeTree(tree, true)
	if len(d.errs) > 0 {
		return s, d.errs
	}
	for _, wrong := range review(s).wrong {
		d.errs = append(d.errs, d.at(wrong.path).fail(wrong.path, wrong.problem, wrong.near))
	}
	return s, d.errs
}

// decodeTree decodes without looking at what names refer to. Without inherited families, the pairs
// hold only what is written for them.
func (f *File) decodeTree(tree *node, inherited bool) (*Scenario, *decoder) {
	tree = tree.clone()
	if inherited {
		inherit(tree, f.catalog)
	}
	spellOut(tree, f.shape)
	d := newDecoder(f.dir)
	d.errs = clashes(tree, f.catalog)
	s := new(Scenario)
	v := reflect.ValueOf(s).Elem()
	setDefaults(f.shape, v)
	d.value(tree, f.shape, v, "")
	s.fill()
	return s, d
}

// Name returns the name under which the file was read.
func (f *File) Name() string { return f.name }

// Base returns the scenario as it is written, without a variant.
func (f *File) Base() *Scenario { return f.base }

// Variants returns the names of the variants, in the order of the file.
func (f *File) Variants() []string {
	names := make([]string, len(f.variants))
	for i, v := range f.variants {
		names[i] = v.name
	}
	return names
}

func (f *File) variant(name string) *variantNode {
	for _, v := range f.variants {
		if v.name == name {
			return v
		}
	}
	return nil
}

// Variant returns the scenario with a variant applied, then settings such as
// "calls.default.retry.attempts=5", in order. A setting may have any unique ending of a path in
// place of the whole, and * as in variants. The name "" stands for the scenario as it is written, and
// "everything-breaker" for the variant everything without breaker among those it builds on.
func (f *File) Variant(name string, sets ...string) (*Scenario, error) {
	s, errs := f.scenario(name, sets)
	if err := errs.err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (f *File) scenario(name string, sets []string) (*Scenario, Errors) {
	tree, errs := f.tree(name, sets)
	if len(errs) > 0 {
		return nil, errs
	}
	return f.decode(tree)
}

// tree returns a copy of the file's tree with a variant and settings applied.
func (f *File) tree(name string, sets []string) (*node, Errors) {
	e := &editor{file: f, tree: f.root.clone()}
	if name != "" {
		of, without, _ := strings.Cut(name, "-")
		v := f.variant(of)
		if v == nil {
			return nil, Errors{{File: f.name, Problem: fmt.Sprintf("there is no variant %q", of), Near: Nearest(of, f.Variants())}}
		}
		var left []string
		if without != "" {
			left = strings.Split(without, "-")
		}
		for _, l := range left {
			if !slices.ContainsFunc(v.with, func(w *node) bool { return w.text == l }) {
				return nil, Errors{{File: f.name, Problem: fmt.Sprintf("variant %s is not made with %q", of, l), Near: Nearest(l, texts(v.with))}}
			}
		}
		e.include(v, nil, left)
	}
	for _, text := range sets {
		e.setText(text)
	}
	return e.tree, e.errs
}

func texts(nodes []*node) []string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.text)
	}
	return list
}

// LeaveOneOut returns the names of the variants made from one by leaving out each of those it
// builds on: everything-breaker, everything-async and so on.
func (f *File) LeaveOneOut(name string) ([]string, error) {
	v := f.variant(name)
	if v == nil {
		return nil, Errors{{File: f.name, Problem: fmt.Sprintf("there is no variant %q", name), Near: Nearest(name, f.Variants())}}
	}
	if len(v.with) == 0 {
		return nil, Errors{v.pos.fail("variants."+name, "builds on no other variant (with), so that none can be left out", "")}
	}
	var names []string
	for _, w := range v.with {
		names = append(names, name+"-"+w.text)
	}
	return names, nil
}

// Notes returns what is allowed but worth knowing about a variant, in the order of the file.
func (f *File) Notes(name string, sets ...string) (Errors, error) {
	tree, errs := f.tree(name, sets)
	if err := errs.err(); err != nil {
		return nil, err
	}
	s, d := f.decodeTree(tree, true)
	var notes Errors
	for _, n := range slices.Concat(review(s).notes, s.LoadReport().notes(), s.bounds()) {
		notes = append(notes, d.at(n.path).fail(n.path, n.problem, n.near))
	}
	return notes.tidy(), nil
}

func (f *File) matcher(tree *node) *matcher { return &matcher{root: tree, shape: f.shape, dir: f.dir} }

// resolve returns the whole path that a path or a unique ending of one means in a tree.
func (f *File) resolve(tree *node, path string) (string, mismatch) {
	m := f.matcher(tree)
	first, _ := cut(path)
	whole := m.shape.key(first) != nil || first == "*"
	if whole {
		places, why := m.match(path)
		if places != nil {
			return path, mismatch{}
		}
		if full, _ := m.ending(path); full == "" {
			return "", why
		}
	}
	return m.ending(path)
}

// Resolve returns the whole path that a path, or a unique ending of one, means in a variant.
func (f *File) Resolve(variant, path string) (string, error) {
	tree, errs := f.tree(variant, nil)
	if err := errs.err(); err != nil {
		return "", err
	}
	full, why := f.resolve(tree, path)
	if full == "" {
		return "", Errors{{File: f.name, Path: path, Problem: why.problem, Near: why.near}}
	}
	return full, nil
}

// Marshal writes a scenario as YAML in full: every key with its effective value.
func Marshal(s *Scenario, catalog *Catalog) []byte {
	var b strings.Builder
	canonical(s, catalog).block(&b, "")
	return []byte(b.String())
}

func canonical(s *Scenario, catalog *Catalog) *node {
	return encode(newShaper(catalog).of(reflect.TypeFor[Scenario](), tag{}), reflect.ValueOf(s).Elem())
}

// Hash names what a run of the scenario depends on: 12 hexadecimal digits of the SHA-256 of its
// canonical form, without what is said about it and without the variants and sweeps it could have
// been, but with the content of the files that it names.
func Hash(s *Scenario, catalog *Catalog) string {
	short := *s
	short.About, short.Variants, short.Sweeps = "", nil, nil
	h := sha256.New()
	h.Write(Marshal(&short, catalog))
	eachLength(reflect.ValueOf(&short).Elem(), func(l Length) {
		if l.recorded != nil {
			fmt.Fprintf(h, "%x\n", l.recorded.sum)
		}
	})
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// eachLength calls f with every Length inside v, in order.
func eachLength(v reflect.Value, f func(Length)) {
	if l, ok := v.Interface().(Length); ok {
		f(l)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			eachLength(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachLength(v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachLength(v.Index(i), f)
		}
	}
}
