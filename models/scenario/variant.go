package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// A variantNode is a variant as it is written: what it sets are nodes with their positions.
type variantNode struct {
	name string
	pos  position
	with []*node // names of variants
	sets []field // paths and values
}

// variantNodes reads the variants section without understanding the values.
func variantNodes(root *node) []*variantNode {
	section := root.there("variants")
	if section == nil || section.kind != mapping {
		return nil
	}
	var list []*variantNode
	for _, f := range section.fields {
		v := &variantNode{name: f.key, pos: f.pos}
		for _, s := range f.value.fields {
			switch s.key {
			case "with":
				v.with = s.value.items
			case "about":
			default:
				v.sets = append(v.sets, s)
			}
		}
		list = append(list, v)
	}
	return list
}

// A change is one value that a variant gave to one place of the tree.
type change struct {
	by    string
	place string
	value *node
}

// An editor applies variants and settings to a copy of the tree.
type editor struct {
	file    *File
	tree    *node
	changes []change
	applied []string
	errs    Errors
}

// include applies a variant, those that it names first; way is how we came to it. Those in
// without are left out.
func (e *editor) include(v *variantNode, way []string, without []string) {
	if slices.Contains(e.applied, v.name) {
		return
	}
	for _, w := range v.with {
		other := e.file.variant(w.text)
		switch {
		case other == nil:
			e.errs = append(e.errs, w.pos.fail("variants."+v.name+".with", fmt.Sprintf("there is no variant %q", w.text), Nearest(w.text, e.file.Variants())))
		case w.text == v.name || slices.Contains(way, w.text):
			circle := append(append(slices.Clip(way), v.name), w.text)
			e.errs = append(e.errs, w.pos.fail("variants."+v.name+".with", "the variants go in a circle: "+strings.Join(circle, " -> "), ""))
		case len(way) == 0 && slices.Contains(without, w.text):
		default:
			e.include(other, append(slices.Clip(way), v.name), without)
		}
	}
	e.applied = append(e.applied, v.name)
	for _, s := range v.sets {
		if first, _ := cut(s.key); first == "study" {
			e.errs = append(e.errs, s.pos.fail(s.key, "study is the same for all variants; the command line can change it", ""))
			continue
		}
		e.set(v.name, s)
	}
}

// set gives every place that a path means its new value.
func (e *editor) set(by string, s field) {
	m := e.file.matcher(e.tree)
	places, why := m.match(s.key)
	if places == nil {
		if why.near == "" {
			if full, _ := m.ending(s.key); full != "" {
				why.near = full
			}
		}
		e.errs = append(e.errs, s.pos.fail(s.key, why.problem, why.near))
		return
	}
	spellOut(e.tree, e.file.shape)
	for _, keys := range places {
		c := change{by, strings.Join(keys, "."), s.value}
		for _, earlier := range e.changes {
			if by != "" && e.independent(earlier.by, by) && differ(earlier, c) {
				e.errs = append(e.errs, s.value.pos.fail(s.key,
					fmt.Sprintf("variants %s (line %d) and %s set %s differently: to %s and to %s",
						earlier.by, earlier.value.pos.line, by, shorter(earlier.place, c.place), earlier.value.flow(), s.value.flow()), ""))
			}
		}
		e.changes = append(e.changes, c)
		e.tree.put(keys, s.value.clone())
	}
}

// independent reports whether neither variant builds on the other, so that neither means to
// override the other.
func (e *editor) independent(a, b string) bool {
	return a != b && !e.buildsOn(a, b) && !e.buildsOn(b, a)
}

func (e *editor) buildsOn(a, b string) bool {
	v := e.file.variant(a)
	return v != nil && slices.ContainsFunc(v.with, func(w *node) bool { return w.text == b || e.buildsOn(w.text, b) })
}

// differ reports whether two changes give one place different values.
func differ(a, b change) bool {
	switch {
	case a.place == b.place:
		return a.value.flow() != b.value.flow()
	case strings.HasPrefix(a.place, b.place+"."):
		inner := b.value.at(a.place[len(b.place)+1:])
		return inner == nil || inner.flow() != a.value.flow()
	case strings.HasPrefix(b.place, a.place+"."):
		return differ(b, a)
	}
	return false
}

// at follows keys; nil if one is missing.
func (n *node) at(path string) *node {
	for _, key := range strings.Split(path, ".") {
		if n = n.get(key); n == nil {
			return nil
		}
	}
	return n
}

func shorter(a, b string) string {
	if len(a) < len(b) {
		return a
	}
	return b
}

// setText applies a path and value as the command line has them: "retry.attempts=5".
func (e *editor) setText(text string) {
	name := "--set " + text
	path, value, found := strings.Cut(text, "=")
	if !found || path == "" || strings.TrimSpace(value) == "" {
		e.errs = append(e.errs, &Error{File: name, Problem: "expected path=value"})
		return
	}
	n, errs := parse(name, []byte(value))
	if len(errs) > 0 {
		for _, err := range errs {
			e.errs = append(e.errs, &Error{File: name, Path: path, Problem: err.Problem})
		}
		return
	}
	n.move(position{src: newSource(name, "")})
	full, why := e.file.resolve(e.tree, path)
	if full == "" {
		e.errs = append(e.errs, &Error{File: name, Problem: why.problem, Near: why.near})
		return
	}
	e.set("", field{full, n.pos, n})
}

// move gives n and all inside it one position.
func (n *node) move(p position) {
	n.pos = p
	for i := range n.fields {
		n.fields[i].pos = p
		n.fields[i].value.move(p)
	}
	for _, item := range n.items {
		item.move(p)
	}
}
