package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// This file is the only one that knows the YAML library.

const (
	maxBytes = 1 << 20 // of a file: ten thousand times the shop is nobody's scenario
	maxNodes = 100_000 // after aliases are written out, so that a small file cannot fill the memory
	maxDepth = 100
)

// parse reads one YAML document. Aliases and merge keys are written out: what follows sees plain
// mappings, lists and scalars, each with the position where it was written.
func parse(name string, data []byte) (*node, Errors) {
	src := newSource(name, string(data))
	at := func(line, column int) position { return position{src, line, column} }
	if len(data) > maxBytes {
		return nil, Errors{{File: name, Problem: fmt.Sprintf("is larger than the %d MiB that a scenario may have", maxBytes>>20)}}
	}
	if line, column, what := notText(data); what != "" {
		e := at(line, column).fail("", "is not a text file: "+what, "")
		e.frame = "" // it may be anything
		return nil, Errors{e}
	}

	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		panic("scenario: yaml: " + err.Error()) // only wrong options make it fail
	}
	var doc yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return nil, Errors{{File: name, Problem: "is empty: a scenario begins with nines: 1"}}
	} else if err != nil {
		return nil, syntaxErrors(err, at)
	}
	c := converter{at: at}
	root := c.convert(doc.Content[0], 0)
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		c.fail(&second, "a second document begins here: a file holds one scenario")
	} else if !errors.Is(err, io.EOF) {
		c.errs = append(c.errs, syntaxErrors(err, at)...)
	}
	return root, c.errs
}

// notText says where data stops being text, and how.
func notText(data []byte) (line, column int, what string) {
	line, column = 1, 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, column, fmt.Sprintf("byte 0x%02x is not UTF-8", rest[0])
		case r == '\n':
			line, column = line+1, 0
		case r < ' ' && r != '\t' && r != '\r' || r == 0x7f:
			return line, column, fmt.Sprintf("it has the control character 0x%02x", r)
		}
		column++
		rest = rest[size:]
	}
	return 0, 0, ""
}

func syntaxErrors(err error, at func(line, column int) position) Errors {
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		var list Errors
		for _, e := range many.Errors {
			list = append(list, syntaxErrors(e, at)...)
		}
		return list
	}
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		return Errors{at(0, 0).fail("", "is not YAML: "+err.Error(), "")}
	}
	mark, problem := one.Mark, one.Message
	if one.ContextMsg != "" {
		problem += " " + one.ContextMsg
	}
	if strings.HasPrefix(problem, "found unexpected end of stream") {
		mark = one.ContextMark // where it began says more than where the file ends
	}
	return Errors{at(mark.Line, mark.Column).fail("", "is not YAML: "+problem, "")}
}

// A converter turns the library's nodes into ours.
type converter struct {
	at    func(line, column int) position
	errs  Errors
	nodes int
	open  []*yaml.Node // anchors being written out, to find one inside itself
}

func (c *converter) fail(y *yaml.Node, format string, args ...any) {
	c.errs = append(c.errs, c.at(y.Line, y.Column).fail("", fmt.Sprintf(format, args...), ""))
}

func (c *converter) convert(y *yaml.Node, depth int) *node {
	n := &node{pos: c.at(y.Line, y.Column)}
	switch c.nodes++; {
	case c.nodes == maxNodes:
		c.fail(y, "has more than %d values", maxNodes)
		return n
	case c.nodes > maxNodes:
		return n
	case depth > maxDepth:
		c.fail(y, "is nested more than %d deep", maxDepth)
		return n
	case y.Style&yaml.TaggedStyle != 0:
		c.fail(y, "tags such as %s are not part of the format", y.Tag)
		return n
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.text = y.Value
		n.quoted = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			n.items = append(n.items, c.convert(item, depth+1))
		}
	case yaml.MappingNode:
		n.kind = mapping
		c.convertFields(n, y, depth)
	case yaml.AliasNode:
		for _, anchor := range c.open {
			if anchor == y.Alias {
				c.fail(y, "*%s stands inside what it stands for", y.Value)
				return n
			}
		}
		c.open = append(c.open, y.Alias)
		n = c.convert(y.Alias, depth+1)
		c.open = c.open[:len(c.open)-1]
	}
	return n
}

func (c *converter) convertFields(n *node, y *yaml.Node, depth int) {
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = &yaml.Node{Kind: k.Alias.Kind, Value: k.Alias.Value, Line: k.Line, Column: k.Column}
		}
		switch {
		case k.Kind != yaml.ScalarNode:
			c.fail(k, "a key must be a name")
		case k.Tag == "!!merge":
			merged = append(merged, c.merge(v, depth)...)
		case n.get(k.Value) != nil:
			first := n.fields[indexOf(n, k.Value)].pos
			c.fail(k, "%s is given twice: first in line %d", k.Value, first.line)
		default:
			f := field{k.Value, c.at(k.Line, k.Column), c.convert(v, depth+1)}
			if v.Line > k.Line {
				f.value.pos = f.pos // of a block, the line with its key says more than its first line
			}
			n.fields = append(n.fields, f)
		}
	}
	for _, from := range merged { // what is written here goes first, then the mappings merged in, in order
		for _, f := range from.fields {
			if n.get(f.key) == nil {
				n.fields = append(n.fields, f)
			}
		}
	}
}

// merge returns the mappings that "<<" names: one, or a list of them.
func (c *converter) merge(y *yaml.Node, depth int) []*node {
	n := c.convert(y, depth+1)
	from := []*node{n}
	if n.kind == list {
		from = n.items
	}
	for _, m := range from {
		if m.kind != mapping {
			c.fail(y, "<< merges a mapping, or a list of mappings")
			return nil
		}
	}
	return from
}

func indexOf(n *node, key string) int {
	for i, f := range n.fields {
		if f.key == key {
			return i
		}
	}
	return -1
}
