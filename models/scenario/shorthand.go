package scenario

import "reflect"

// An abbreviator is a group of which a value alone says enough: it stands for one of its keys. A group like that
// is there as soon as one of its keys is set.
type abbreviator interface{ shorthand() string }

func shorthandOf(sh *shape) string {
	if sh.kind == group {
		if x, ok := reflect.New(sh.typ).Interface().(abbreviator); ok {
			return x.shorthand()
		}
	}
	return ""
}

// spellOut writes the values in n that stand for one of their keys as mappings. It changes n.
func spellOut(n *node, sh *shape) {
	if n == nil {
		return
	}
	if key := shorthandOf(sh); key != "" && n.kind == scalar && !n.isNone() && !n.isEmpty() {
		value := *n
		*n = node{kind: mapping, pos: n.pos, fields: []field{{key, n.pos, &value}}}
		return
	}
	for _, f := range n.fields {
		switch k := sh.key(f.key); {
		case sh.kind == table:
			spellOut(f.value, sh.entry)
		case k != nil:
			spellOut(f.value, k.shape)
		case sh.rest != nil:
			spellOut(f.value, sh.rest.shape.entry)
		}
	}
}
