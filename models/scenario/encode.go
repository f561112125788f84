package scenario

import (
	"reflect"
	"strconv"
	"time"

	"github.com/nines-sim/nines/patterns"
)

// encode writes a value as a node: every key, in the order of its type, but those that mean
// nothing beside the others. Decoding the node gives the value again.
func encode(sh *shape, v reflect.Value) *node {
	if sh.optional {
		if v.IsNil() {
			return scalarNode("none")
		}
		v = v.Elem()
	}
	switch sh.kind {
	case group:
		n := &node{kind: mapping}
		addFields(n, sh, v)
		return n
	case table:
		n := &node{kind: mapping}
		for i := range v.Len() {
			entry := v.Index(i)
			value := entry
			if sh.value != nil {
				value = entry.FieldByIndex(sh.value)
			}
			n.set(entry.FieldByIndex(sh.name).String(), encode(sh.entry, value))
		}
		return n
	}
	return encodeLeaf(sh.tag, v)
}

func addFields(n *node, sh *shape, v reflect.Value) {
	excludes := func(string) string { return "" }
	if v.CanAddr() {
		if x, ok := v.Addr().Interface().(excluder); ok {
			excludes = x.excludes
		}
	}
	for _, k := range sh.keys {
		switch {
		case excludes(k.name) != "":
		case k.family != nil:
			value := scalarNode("none")
			for _, policy := range v.FieldByIndex(k.index).Interface().([]Own) {
				if policy.Family == k.name {
					value = encode(k.shape, reflect.ValueOf(policy.Config))
				}
			}
			n.set(k.name, value)
		default:
			n.set(k.name, encode(k.shape, v.FieldByIndex(k.index)))
		}
	}
	if sh.rest != nil {
		n.fields = append(n.fields, encode(sh.rest.shape, v.FieldByIndex(sh.rest.index)).fields...)
	}
}

func encodeLeaf(t tag, v reflect.Value) *node {
	switch x := v.Interface().(type) {
	case Length:
		return x.node()
	case Lasts:
		switch {
		case x.UntilFixed:
			return scalarNode("until_fixed")
		case x.Length.IsZero():
			return scalarNode("none")
		}
		return x.Length.node()
	case []Step:
		return encodeSteps(x)
	case Raw:
		return rawNode(x)
	case Popularity:
		return scalarNode(x.String())
	case patterns.Kinds:
		n := &node{kind: list}
		for k, name := range kindNames() {
			if x.Has(patterns.Kind(k)) {
				n.items = append(n.items, scalarNode(name))
			}
		}
		return n
	}
	if v.Kind() == reflect.Slice {
		n := &node{kind: list}
		for i := range v.Len() {
			n.items = append(n.items, encodeLeaf(t, v.Index(i)))
		}
		return n
	}
	switch {
	case t.none && v.IsZero():
		return scalarNode("none")
	case t.word != "" && v.IsZero():
		return scalarNode(t.word)
	case t.unlimited && v.CanInt() && v.Int() == Unlimited:
		return scalarNode("unlimited")
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return scalarNode(formatDuration(x))
	case Signed:
		return scalarNode(formatSigned(time.Duration(x)))
	case Span:
		return scalarNode(x.String())
	case Count:
		return scalarNode(x.String())
	}
	switch {
	case v.Kind() == reflect.String:
		n := scalarNode(v.String())
		n.quoted = t.one == nil && n.isNone()
		return n
	case v.Kind() == reflect.Bool:
		return scalarNode(strconv.FormatBool(v.Bool()))
	case v.Kind() == reflect.Float64:
		if t.unbounded && v.Float() == Unbounded {
			return scalarNode("none")
		}
		return scalarNode(formatUnit(v.Float(), t.unit))
	case wordsOf(v.Type()) != nil:
		return scalarNode(wordsOf(v.Type())[v.Uint()])
	case v.CanUint():
		return scalarNode(strconv.FormatUint(v.Uint(), 10))
	}
	return scalarNode(strconv.FormatInt(v.Int(), 10))
}

func formatSigned(d time.Duration) string {
	if d < 0 {
		return "-" + formatDuration(-d)
	}
	return formatDuration(d)
}

func encodeSteps(steps []Step) *node {
	n := &node{kind: list}
	for _, s := range steps {
		item := &node{kind: mapping}
		switch {
		case s.Call != "":
			item.set("call", scalarNode(s.Call))
		case s.Send != "":
			item.set("send", scalarNode(s.Send))
		default:
			item.set("parallel", encodeSteps(s.Parallel))
		}
		if s.Share != 1 {
			item.set("share", scalarNode(formatRatio(s.Share)))
		}
		if s.Times != 1 {
			item.set("times", scalarNode(strconv.Itoa(s.Times)))
		}
		if s.Call != "" && len(item.fields) == 1 {
			item = scalarNode(s.Call)
		}
		n.items = append(n.items, item)
	}
	return n
}

// rawNode reads back a value that was kept as YAML on one line.
func rawNode(r Raw) *node {
	if n, errs := parse("", []byte(r)); len(errs) == 0 {
		return n
	}
	return &node{text: string(r), quoted: true}
}
