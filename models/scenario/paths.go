package scenario

import (
	"reflect"
	"slices"
	"strings"
)

// A Path is one value that variants, sweeps and the command line can change.
type Path struct {
	Path    string // services.db.queue.length
	Value   string // as a file has it
	Unit    string // duration, ratio, number, or the words that may stand there
	Default string // what it is when it is left out; "required" if it cannot be
}

// Paths lists the values of a variant whose path contains part, in the order of the format. A pair
// below calls has only the families that are written for it: the others come from calls.default.
func (f *File) Paths(variant, part string) ([]Path, error) {
	tree, errs := f.tree(variant, nil)
	if err := errs.err(); err != nil {
		return nil, err
	}
	s, _ := f.decodeTree(tree, false)
	l := lister{part: part}
	v := reflect.ValueOf(s).Elem()
	unset := reflect.New(v.Type()).Elem()
	setDefaults(f.shape, unset)
	l.group(f.shape, v, unset, tree, "")
	return l.list, nil
}

// A lister walks a decoded value next to its defaults and to the tree it came from.
type lister struct {
	part string
	list []Path
}

func (l *lister) value(sh *shape, v, unset reflect.Value, n *node, path string) {
	if sh.optional {
		if v.IsNil() {
			l.add(Path{path, "none", sh.unit(), "none"})
			return
		}
		fresh := reflect.New(sh.typ).Elem()
		setDefaults(sh, fresh)
		if !unset.IsNil() { // of a preset
			fresh = unset.Elem()
		}
		v, unset = v.Elem(), fresh
	}
	switch sh.kind {
	case group:
		l.group(sh, v, unset, n, path)
	case table:
		l.table(sh, v, n, path)
	default:
		p := Path{path, encodeLeaf(sh.tag, v).flow(), sh.unit(), ""}
		switch {
		case sh.tag.required:
			p.Default = "required"
		case sh.tag.auto != "":
			p.Default = sh.tag.auto
		default:
			p.Default = encodeLeaf(sh.tag, unset).flow()
		}
		if sh.optional {
			p.Default = "none"
		}
		l.add(p)
	}
}

func (l *lister) group(sh *shape, v, unset reflect.Value, n *node, path string) {
	excludes := func(string) string { return "" }
	if x, ok := v.Addr().Interface().(excluder); ok {
		excludes = x.excludes
	}
	if n.there("preset") != nil || n.there("kind") != nil { // the defaults are the preset's, or the kind's
		preset := reflect.New(sh.typ).Elem()
		setDefaults(sh, preset)
		newDecoder("").preset(n, preset, path)
		unset = preset
	}
	for _, k := range sh.keys {
		at := join(path, k.name)
		switch {
		case path == "" && slices.Contains(fixed, k.name), excludes(k.name) != "":
		case sh.typ == reflect.TypeFor[Callee]() && n.there(k.name) == nil:
		case k.family != nil:
			l.family(k, v.FieldByIndex(k.index).Interface().([]Own), n.get(k.name), at)
		default:
			l.value(k.shape, v.FieldByIndex(k.index), unset.FieldByIndex(k.index), n.get(k.name), at)
		}
	}
	if sh.rest != nil {
		l.table(sh.rest.shape, v.FieldByIndex(sh.rest.index), n, path)
	}
}

func (l *lister) family(k *key, policies []Own, n *node, path string) {
	for _, policy := range policies {
		if policy.Family == k.name {
			l.group(k.shape, reflect.ValueOf(policy.Config).Elem(), reflect.ValueOf(k.family.Config()).Elem(), n, path)
			return
		}
	}
	l.add(Path{path, "none", "", "none"})
}

func (l *lister) table(sh *shape, v reflect.Value, n *node, path string) {
	for i := range v.Len() {
		entry := v.Index(i)
		name := entry.FieldByIndex(sh.name).String()
		if n.get(name) == nil {
			continue // a rule of a preset: only what is written can be set
		}
		value := entry
		if sh.value != nil {
			value = entry.FieldByIndex(sh.value)
		}
		unset := reflect.New(value.Type()).Elem()
		setDefaults(sh.entry, unset)
		l.value(sh.entry, value, unset, n.get(name), join(path, name))
	}
}

func (l *lister) add(p Path) {
	if strings.Contains(p.Path, l.part) {
		l.list = append(l.list, p)
	}
}
