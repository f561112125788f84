package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns"
)

// leaf decodes a value that has no keys of its own.
func (d *decoder) leaf(n *node, sh *shape, v reflect.Value, path string) {
	var problem, near string
	switch target := v.Addr().Interface().(type) {
	case *Length:
		if !(sh.tag.none && n.isNone()) {
			*target = d.length(n, path)
		}
	case *[]Step:
		*target = d.steps(n, path)
	case *Lasts:
		if n.kind == scalar && n.text == "until_fixed" {
			*target = Lasts{UntilFixed: true}
		} else if !n.isNone() {
			*target = Lasts{Length: d.length(n, path)}
		}
	case *Raw:
		*target = Raw(n.flow())
	case *patterns.Kinds:
		problem, near = d.kinds(n, target)
	case *Popularity:
		problem = popularity(n, target)
	default:
		if v.Kind() == reflect.Slice {
			d.list(n, sh, v, path)
			return
		}
		problem, near = d.scalar(n, sh, v)
	}
	if problem != "" {
		d.fail(n, path, problem, near)
	}
}

// list decodes a list of scalars.
func (d *decoder) list(n *node, sh *shape, v reflect.Value, path string) {
	if n.isNone() || n.kind == list && len(n.items) == 0 {
		v.SetZero()
		return
	}
	if n.kind != list {
		d.fail(n, path, is(n, "a list: [...]"), "")
		return
	}
	item := *sh
	item.typ = sh.typ.Elem()
	items := reflect.MakeSlice(sh.typ, len(n.items), len(n.items))
	var seen []string
	for i, in := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.where[at] = in.pos
		if sh.tag.names && slices.Contains(seen, in.text) {
			d.fail(in, at, in.text+" is listed twice", "")
		}
		seen = append(seen, in.text)
		d.leaf(in, &item, items.Index(i), at)
	}
	v.Set(items)
}

// kinds decodes a list of the kinds of failure.
func (d *decoder) kinds(n *node, set *patterns.Kinds) (problem, near string) {
	if n.isNone() {
		*set = 0
		return "", ""
	}
	if n.kind != list {
		return is(n, "a list of kinds of failure: ["+strings.Join(kindNames(), ", ")+"]"), ""
	}
	*set = 0
	for _, item := range n.items {
		i := slices.Index(kindNames(), item.text)
		if i < 0 {
			return fmt.Sprintf("has the unknown kind of failure %s: expected any of %s", item.flow(), strings.Join(kindNames(), ", ")),
				nearestKind(item.text)
		}
		*set |= patterns.KindsOf(patterns.Kind(i))
	}
	return "", ""
}

func kindNames() []string {
	var names []string
	for k := patterns.Kind(0); k.String() != "unknown kind"; k++ {
		names = append(names, k.String())
	}
	return names
}

// scalar decodes one word or number. It returns what is wrong with it, or "".
func (d *decoder) scalar(n *node, sh *shape, v reflect.Value) (problem, near string) {
	t := sh.tag
	want := expected(sh, v)
	if n.kind != scalar || n.isEmpty() {
		return is(n, want), ""
	}
	text := n.text
	if t.yes != "" && (text == "true" || text == "false") {
		text = map[bool]string{true: t.yes, false: t.one[0]}[text == "true"]
	}
	switch {
	case n.isNone() && t.unbounded:
		v.SetFloat(Unbounded)
		return "", ""
	case n.isNone() && t.none, t.word != "" && text == t.word:
		v.SetZero()
		return "", ""
	case text == "unlimited" && t.unlimited && v.CanInt():
		v.SetInt(Unlimited)
		return "", ""
	}

	var number float64 // for the limits
	var err error
	switch {
	case v.Kind() == reflect.String:
		if t.one != nil && !slices.Contains(t.one, text) {
			return is(n, want), Nearest(text, t.one)
		}
		v.SetString(text)
		return "", ""
	case wordsOf(v.Type()) != nil:
		i := slices.Index(wordsOf(v.Type()), text)
		if i < 0 {
			return is(n, want), Nearest(text, wordsOf(v.Type()))
		}
		v.SetUint(uint64(i))
		return "", ""
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return is(n, want), ""
		}
		v.SetBool(text == "true")
		return "", ""
	case v.Type() == reflect.TypeFor[time.Duration]() || v.Type() == reflect.TypeFor[Signed]():
		var length time.Duration
		length, err = parseDuration(text)
		v.SetInt(int64(length))
		if err == nil && length < 0 && v.Type() != reflect.TypeFor[Signed]() {
			return fmt.Sprintf("is %s, but no length of time is negative", text), ""
		}
		if err == nil && length == 0 && t.positive {
			return fmt.Sprintf("is %s, expected more than nothing", text), ""
		}
		number = length.Seconds()
	case v.Type() == reflect.TypeFor[Span]():
		var span Span
		from, forever := strings.CutSuffix(text, "..unlimited")
		if forever = forever && t.unlimited; forever {
			text = from
		}
		if span, err = parseSpan(text); forever {
			span.To = Unlimited
		}
		v.Set(reflect.ValueOf(span))
	case v.Type() == reflect.TypeFor[Count]():
		var count Count
		count, err = parseCount(text)
		v.Set(reflect.ValueOf(count))
	case v.Kind() == reflect.Float64:
		switch t.unit {
		case "ratio":
			number, err = parseRatio(text)
		case "factor":
			number, err = parseFactor(text)
		case "rate":
			number, err = parseRate(text)
		default:
			var ok bool
			if number, ok = parseNumber(text, 0); !ok {
				err = errors.New(is(n, want))
			}
		}
		v.SetFloat(number)
	default:
		var whole int64
		whole, err = strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			err = errors.New(is(n, want))
		} else if v.CanUint() {
			if whole < 0 {
				return fmt.Sprintf("is %s, need at least 0", text), ""
			}
			v.SetUint(uint64(whole))
		} else {
			v.SetInt(whole)
		}
		number = float64(whole)
	}
	switch {
	case err != nil:
		return err.Error(), ""
	case t.min != nil && number < *t.min:
		return fmt.Sprintf("is %s, need at least %s", text, formatUnit(*t.min, t.unit)), ""
	case t.max != nil && number > *t.max:
		return fmt.Sprintf("is %s, need at most %s", text, formatUnit(*t.max, t.unit)), ""
	}
	return "", ""
}

// expected says what may stand there.
func expected(sh *shape, v reflect.Value) string {
	t := sh.tag
	var want string
	switch {
	case sh.words() != nil:
		want = wordList(sh.words(), "or")
	case t.unit == "ratio":
		want = wantRatio
	case t.unit == "factor":
		want = wantFactor
	case t.unit == "rate":
		want = wantRate
	case v.Type() == reflect.TypeFor[time.Duration]() || v.Type() == reflect.TypeFor[Signed]():
		want = wantDuration
	case v.Type() == reflect.TypeFor[Span]() && t.unlimited:
		return wantSpan + " or 50ms..unlimited"
	case v.Type() == reflect.TypeFor[Span]():
		want = wantSpan
	case v.Type() == reflect.TypeFor[Count]():
		want = wantCount
	case v.Kind() == reflect.String && t.ref != "":
		want = "the name of a " + t.ref
		if t.ref == "op" {
			want = "an operation, such as service.op"
		}
	case v.Kind() == reflect.String:
		want = "a text"
	case v.Kind() == reflect.Bool:
		want = "true or false"
	case v.Kind() == reflect.Float64:
		want = "a number"
	default:
		want = "a whole number"
	}
	switch {
	case t.unlimited && t.none:
		want += ", none or unlimited"
	case t.unlimited:
		want += ", or unlimited"
	case t.none || t.unbounded:
		want += ", or none"
	case t.word != "":
		want += ", or " + t.word
	}
	return want
}

// wordList writes words as people do: a, b or c.
func wordList(words []string, last string) string {
	list := strings.Join(words, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " " + last + " " + list[i+2:]
	}
	return list
}

func formatUnit(v float64, unit string) string {
	switch unit {
	case "ratio":
		return formatRatio(v)
	case "factor":
		return formatFactor(v)
	case "rate":
		return formatRate(v)
	}
	return formatNumber(v, 0)
}
