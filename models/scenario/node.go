package scenario

import (
	"slices"
	"strings"
)

// A node is one value of a file before its meaning is known, with its position. Variants and the
// command line change nodes; what they changed keeps the position where it was written.
type node struct {
	kind   nodeKind
	text   string  // scalar
	quoted bool    // scalar: written in quotes or as a block
	fields []field // mapping, in the order of the file
	items  []*node // list
	pos    position
}

type nodeKind uint8

const (
	scalar nodeKind = iota
	mapping
	list
)

// A field is one key of a mapping and its value.
type field struct {
	key   string
	pos   position
	value *node
}

func scalarNode(text string) *node { return &node{text: text} }

// isNone reports whether n says that there is no such thing.
func (n *node) isNone() bool { return n.kind == scalar && !n.quoted && n.text == "none" }

// isEmpty reports whether nothing is written where a value should be.
func (n *node) isEmpty() bool {
	return n.kind == scalar && !n.quoted && (n.text == "" || n.text == "~" || n.text == "null")
}

// get returns the value of a key; nil if n is no mapping or does not have it.
func (n *node) get(key string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// there returns the value of a key like get, but nil if the value is none.
func (n *node) there(key string) *node {
	if v := n.get(key); v != nil && !v.isNone() {
		return v
	}
	return nil
}

// keys returns the keys whose values are not none.
func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	var keys []string
	for _, f := range n.fields {
		if !f.value.isNone() {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// set gives a key of a mapping a new value; a new key becomes the last.
func (n *node) set(key string, value *node) {
	for i := range n.fields {
		if n.fields[i].key == key {
			n.fields[i].value = value
			return
		}
	}
	n.fields = append(n.fields, field{key, value.pos, value})
}

// put sets the value at the end of a chain of keys, making the mappings on the way.
func (n *node) put(keys []string, value *node) {
	for _, key := range keys[:len(keys)-1] {
		next := n.there(key)
		if next == nil {
			next = &node{kind: mapping, pos: value.pos}
			n.set(key, next)
		}
		n = next
	}
	n.set(keys[len(keys)-1], value)
}

// clone returns a copy that shares nothing but positions.
func (n *node) clone() *node {
	c := *n
	c.fields = slices.Clone(n.fields)
	for i := range c.fields {
		c.fields[i].value = c.fields[i].value.clone()
	}
	c.items = slices.Clone(n.items)
	for i := range c.items {
		c.items[i] = c.items[i].clone()
	}
	return &c
}

// flow writes n on one line, as YAML.
func (n *node) flow() string {
	var b strings.Builder
	n.writeFlow(&b)
	return b.String()
}

func (n *node) writeFlow(b *strings.Builder) {
	switch n.kind {
	case scalar:
		b.WriteString(n.scalarText())
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteString(", ")
			}
			item.writeFlow(b)
		}
		b.WriteByte(']')
	case mapping:
		b.WriteByte('{')
		for i, f := range n.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(scalarNode(f.key).scalarText() + ": ")
			f.value.writeFlow(b)
		}
		b.WriteByte('}')
	}
}

// block writes n over several lines: a mapping that does not fit one line gets a line for each key.
func (n *node) block(b *strings.Builder, indent string) {
	const widest = 100
	for _, f := range n.fields {
		line := f.value.flow()
		b.WriteString(indent + scalarNode(f.key).scalarText() + ":")
		if f.value.kind != mapping || len(f.value.fields) == 0 || len(indent)+len(f.key)+2+len(line) <= widest && indent != "" {
			b.WriteString(" " + line + "\n")
			continue
		}
		b.WriteByte('\n')
		f.value.block(b, indent+"  ")
	}
}

// scalarText is the text of a scalar, in quotes if YAML would read it as something else without.
func (n *node) scalarText() string {
	if !n.quoted && plain(n.text) {
		return n.text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range n.text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plain reports whether a text can stand in YAML without quotes, inside braces too.
func plain(text string) bool {
	switch {
	case text == "" || text != strings.TrimSpace(text),
		strings.ContainsAny(text, "{}[],\n\t\\"), strings.Contains(text, ": "), strings.Contains(text, " #"), strings.HasSuffix(text, ":"),
		strings.ContainsAny(text[:1], "#&*!|>'\"%@`~=-?:"), strings.HasPrefix(text, "<<"), text == "...",
		strings.EqualFold(text, "null"):
		number := strings.TrimPrefix(text, "-") // a minus before a digit begins a number
		return number != text && number != "" && number[0] >= '0' && number[0] <= '9' && plain(number)
	}
	return true
}
