package scenario

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nines-sim/nines/patterns"
)

// A shape is what a value of a Go type looks like in a file. It is read off the type's fields and
// tags, so that decoding, encoding, paths and the reference all follow the same struct.
//
// A tag is `nines:"key,option,..."`; without a key, the field's name in snake_case is the key.
// Options of the field's place in the file:
//
//	name      the field holds the key under which this entry stands in its table
//	value     the field holds the whole value of the entry
//	inline    the keys of this struct stand beside those of the outer one
//	rest      all keys that are not fields are entries of this table
//	families  the policies that the catalog adds
//	preset    the name of a known configuration, which the other keys change
//
// Options of its value:
//
//	required            there is no default
//	none                it may be "none", which is the zero value
//	unbounded           it may be "none", which is Unbounded
//	unlimited           it may be "unlimited", which is Unlimited
//	word=by_hand        it may be that word, which is the zero value
//	min= max= positive  limits
//	one=a|b             one of these words
//	ratio factor rate   the unit of a float64
//	ref=op              the name of something else in the file
//	names unique        a list of names; none of them twice
//	auto=text           left out, it follows from other values, as the text says
//	yes=word            true stands for that word, and false for the first one
//
// The key - is that of a field which no file names; with the option in=key it is part of what that key says. A type that has a method Words() []string is written as
// one of them: its zero value as the first, and so on.
type shape struct {
	kind     shapeKind
	typ      reflect.Type // never a pointer
	optional bool         // a pointer: it may be none
	tag      tag          // of the field that holds it
	keys     []*key       // group: its keys, in order
	rest     *key         // group: where all other keys go
	entry    *shape       // table: of each entry
	name     []int        // table: the field of an entry that holds its name
	named    tag          // table: the tag of that field
	value    []int        // table: the field of an entry that holds its value; nil: the entry itself
}

type shapeKind uint8

const (
	leaf  shapeKind = iota // a scalar, a list, or one of the types with a form of its own
	group                  // a struct: fixed keys
	table                  // a slice of structs with names: free keys, in order
)

// A key is one key of a group.
type key struct {
	name   string
	index  []int // the field; of the slice of own policies for a family
	shape  *shape
	family *Family // a policy of the catalog
}

// A tag is a field's tag, taken apart.
type tag struct {
	key                                                   string
	name, value, inline, rest, families, preset           bool
	required, none, unbounded, unlimited, positive, names bool
	word, unit, ref, auto, in, yes                        string
	min, max                                              *float64
	one                                                   []string
}

// own is the types that are leaves though they are structs, or slices of structs.
var own = map[reflect.Type]bool{
	reflect.TypeFor[Length](): true, reflect.TypeFor[Span](): true, reflect.TypeFor[Count](): true,
	reflect.TypeFor[Lasts](): true, reflect.TypeFor[[]Step](): true,
}

// A shaper makes shapes for one catalog.
type shaper struct {
	catalog *Catalog
	known   map[reflect.Type]*shape
}

func newShaper(c *Catalog) *shaper { return &shaper{c, make(map[reflect.Type]*shape)} }

// of returns the shape of a type under a field's tag.
func (s *shaper) of(t reflect.Type, tg tag) *shape {
	sh := &shape{typ: t, tag: tg}
	if t.Kind() == reflect.Pointer {
		sh.optional, sh.typ = true, t.Elem()
	}
	switch {
	case own[sh.typ]:
	case sh.typ.Kind() == reflect.Struct:
		sh.kind = group
		known := s.known[sh.typ]
		if known == nil {
			known = &shape{}
			s.known[sh.typ] = known // before its fields: a type may hold itself
			s.addKeys(known, sh.typ, nil)
		}
		sh.keys, sh.rest = known.keys, known.rest
	case sh.typ.Kind() == reflect.Slice && sh.typ.Elem().Kind() == reflect.Struct:
		sh.kind = table
		sh.entry = s.of(sh.typ.Elem(), tag{})
		for _, f := range reflect.VisibleFields(sh.typ.Elem()) {
			switch tg := tagOf(f); {
			case tg.name:
				sh.name, sh.named = f.Index, tg
			case tg.value:
				sh.value, sh.entry = f.Index, s.of(f.Type, tg)
			}
		}
		if sh.name == nil {
			panic(fmt.Sprintf("scenario: %s needs a field with the tag `nines:\",name\"`", sh.typ.Elem()))
		}
	case !canHold(sh.typ):
		panic(fmt.Sprintf("scenario: a file cannot hold a %s", sh.typ))
	}
	return sh
}

func canHold(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint32, reflect.Float64:
		return true
	case reflect.Uint8:
		return wordsOf(t) != nil
	case reflect.Slice:
		return canHold(t.Elem())
	}
	return false
}

// wordsOf returns the words that a type is written as, or nil if it has none.
func wordsOf(t reflect.Type) []string {
	if w, ok := reflect.Zero(t).Interface().(interface{ Words() []string }); ok {
		return w.Words()
	}
	return nil
}

// words returns the words that may stand there, or nil if anything may.
func (sh *shape) words() []string {
	if sh.tag.one != nil {
		return sh.tag.one
	}
	return wordsOf(sh.typ)
}

func (s *shaper) addKeys(sh *shape, t reflect.Type, outer []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		tg := tagOf(f)
		if !f.IsExported() || tg.key == "-" {
			continue
		}
		index := append(append([]int(nil), outer...), i)
		switch {
		case tg.name || tg.value:
		case tg.inline:
			s.addKeys(sh, f.Type, index)
		case tg.rest:
			sh.rest = &key{index: index, shape: s.of(f.Type, tg)}
		case tg.families && s.catalog != nil:
			for i := range s.catalog.Families {
				family := &s.catalog.Families[i]
				config := reflect.TypeOf(family.Config())
				sh.keys = append(sh.keys, &key{family.Name, index, s.of(config, tag{key: family.Name}), family})
			}
		case tg.families:
		default:
			sh.keys = append(sh.keys, &key{tg.key, index, s.of(f.Type, tg), nil})
		}
	}
}

// key returns the key of a group, or nil.
func (sh *shape) key(name string) *key {
	for _, k := range sh.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (sh *shape) keyNames() []string {
	var names []string
	for _, k := range sh.keys {
		names = append(names, k.name)
	}
	return names
}

// unit is the word for what stands there, in lists of paths.
func (sh *shape) unit() string {
	switch {
	case sh.kind != leaf:
		return ""
	case sh.words() != nil:
		return strings.Join(sh.words(), "|")
	case sh.tag.unit != "":
		return sh.tag.unit
	case sh.tag.ref != "" && sh.typ.Kind() == reflect.Slice:
		return "list of " + sh.tag.ref + "s"
	case sh.tag.ref != "":
		return sh.tag.ref
	}
	switch sh.typ {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[Signed]():
		return "duration"
	case reflect.TypeFor[Length]():
		return "length"
	case reflect.TypeFor[Span]():
		return "span"
	case reflect.TypeFor[Count]():
		return "number in time"
	case reflect.TypeFor[Lasts]():
		return "length|until_fixed"
	case reflect.TypeFor[[]Step]():
		return "list of steps"
	case reflect.TypeFor[patterns.Kinds]():
		return "list of kinds"
	case reflect.TypeFor[Popularity]():
		return "uniform|zipf <exponent>"
	}
	switch sh.typ.Kind() {
	case reflect.Bool:
		return "true|false"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "list"
	}
	return "number"
}

// tagOf takes the tag of a field apart.
func tagOf(f reflect.StructField) tag { return parseTag(f.Name, f.Tag.Get("nines")) }

func parseTag(name, text string) tag {
	words := strings.Split(text, ",")
	t := tag{key: words[0]}
	for _, word := range words[1:] {
		option, arg, _ := strings.Cut(word, "=")
		switch option {
		case "name":
			t.name = true
		case "value":
			t.value = true
		case "inline":
			t.inline = true
		case "rest":
			t.rest = true
		case "families":
			t.families = true
		case "preset":
			t.preset, t.none = true, true
		case "required":
			t.required = true
		case "none":
			t.none = true
		case "unbounded":
			t.unbounded = true
		case "unlimited":
			t.unlimited = true
		case "positive":
			t.positive = true
		case "names", "unique":
			t.names = true
		case "word":
			t.word = arg
		case "ratio", "factor", "rate":
			t.unit = option
		case "ref":
			t.ref = arg
		case "auto":
			t.auto = arg
		case "in":
			t.in = arg
		case "yes":
			t.yes = arg
		case "one":
			t.one = strings.Split(arg, "|")
		case "min", "max":
			v, err := strconv.ParseFloat(arg, 64)
			if err != nil {
				panic(fmt.Sprintf("scenario: field %s: the tag's %s is %q, need a number", name, option, arg))
			}
			if option == "min" {
				t.min = &v
			} else {
				t.max = &v
			}
		default:
			panic(fmt.Sprintf("scenario: field %s: the tag has the unknown option %q", name, word))
		}
	}
	if t.key == "" {
		t.key = snake(name)
	}
	return t
}

// snake writes MinCalls as min_calls, and HTTPCode as http_code.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if unicode.IsUpper(r) {
			if i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// A defaulter fills a new value with the defaults that are not zero.
type defaulter interface{ defaults() }

// An excluder knows keys that mean nothing beside its other values: the replicas of a store.
type excluder interface {
	// excludes returns why the key has no meaning here, or "".
	excludes(key string) string
}

// A settler knows values that follow from which others are written.
type settler interface {
	// settle is called when the keys that are written have their values, and before anything is checked.
	settle(written func(key string) bool)
}

// A checker knows what its values must be together.
type checker interface {
	// check calls fail for each key that is wrong; an empty key stands for the whole.
	check(fail func(key, problem string))
}

// Default returns a T with its defaults, as if a file had written it and named no key.
func Default[T any]() T {
	var v T
	setDefaults(newShaper(nil).of(reflect.TypeFor[T](), tag{}), reflect.ValueOf(&v).Elem())
	return v
}

// setDefaults fills v, which is addressable and zero: inner values first, as an outer type may know better.
func setDefaults(sh *shape, v reflect.Value) {
	if sh.kind != group {
		return
	}
	for _, k := range sh.keys {
		if !k.shape.optional && k.family == nil {
			setDefaults(k.shape, v.FieldByIndex(k.index))
		}
	}
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.defaults()
	}
}
