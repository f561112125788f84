package scenario

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
)

// What block and flow write, parse reads back, whatever the texts are.
func TestTreesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := drawMapping(t, 3)
		var b strings.Builder
		root.block(&b, "")
		if len(root.fields) == 0 {
			b.WriteString("{}")
		}
		for _, text := range []string{b.String(), root.flow()} {
			got, errs := parse("x", []byte(text))
			if len(errs) > 0 {
				t.Fatalf("%v in\n%s", errs, text)
			}
			if diff := cmp.Diff(strip(root), strip(got)); diff != "" {
				t.Fatalf("(-want +got):\n%s\nin\n%s", diff, text)
			}
		}
	})
}

func drawMapping(t *rapid.T, depth int) *node {
	n := &node{kind: mapping}
	for range rapid.IntRange(0, 4).Draw(t, "keys") {
		key := drawText().Draw(t, "key")
		if key != "<<" { // it merges
			n.set(key, drawNode(t, depth))
		}
	}
	return n
}

func drawNode(t *rapid.T, depth int) *node {
	kinds := 3
	if depth == 0 {
		kinds = 1
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 1:
		return drawMapping(t, depth-1)
	case 2:
		n := &node{kind: list}
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			n.items = append(n.items, drawNode(t, depth-1))
		}
		return n
	}
	return scalarNode(drawText().Draw(t, "text"))
}

func drawText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9_.]{1,8}`),
		rapid.StringMatching(`[ -~äß☃\n\t]{0,8}`),
		rapid.SampledFrom([]string{"10%", "exp 5ms", "services.*.replicas", "none", "null", "~", "-", "- a", "-5", "? x", ": ", "a: b", "a #b", "#", "true", "{", "[]", "''", `"`, "---", "...", "<<", "%x", "@", "`", "3 in 2y", "50ms..1s", "="}),
	)
}

// strip forgets positions and how scalars were quoted.
func strip(n *node) any {
	switch n.kind {
	case scalar:
		return n.text
	case list:
		items := []any{}
		for _, item := range n.items {
			items = append(items, strip(item))
		}
		return items
	}
	fields := []any{}
	for _, f := range n.fields {
		fields = append(fields, f.key, strip(f.value))
	}
	return fields
}

// A scenario with random values everywhere is written, read and written again: the same text. What
// its values mean together is not looked at.
func TestScenariosRoundTrip(t *testing.T) {
	catalog := &Catalog{Families: []Family{{Name: "mine", Config: func() any { return &struct{ Every time.Duration }{time.Second} }}}}
	sh := newShaper(catalog).of(reflect.TypeFor[Scenario](), tag{})
	again := func(t *rapid.T, s *Scenario) (*Scenario, string) {
		text := string(Marshal(s, catalog))
		root, errs := parse("x", []byte(text))
		if len(errs) > 0 {
			t.Fatalf("%v\n%s", errs, text)
		}
		d := newDecoder("")
		got := new(Scenario)
		setDefaults(sh, reflect.ValueOf(got).Elem())
		d.value(root, sh, reflect.ValueOf(got).Elem(), "")
		for _, e := range d.errs { // of check: random values do not fit together
			for _, allowed := range []string{"exactly one", "needs a", "either a rate", "sum to", "version", "quorum of", "needs lasts", "preset or rules", "a name has only", "at least one zone", "listed twice", "does not vary"} {
				if strings.Contains(e.Problem, allowed) || (strings.HasPrefix(e.Path, "calls.") || strings.HasPrefix(e.Path, "services.")) && strings.Contains(e.Problem, ", need ") {
					e = nil
					break
				}
			}
			if e != nil {
				t.Fatalf("%v\n%s", e, text)
			}
		}
		return got, text
	}
	rapid.Check(t, func(t *rapid.T) {
		s := new(Scenario)
		drawValue(t, sh, reflect.ValueOf(s).Elem(), 0)
		second, text := again(t, s)
		third, text2 := again(t, second)
		if diff := cmp.Diff(text, text2); diff != "" {
			t.Fatalf("written twice (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(second, third); diff != "" {
			t.Fatalf("read twice (-first +second):\n%s", diff)
		}
	})
}

// drawValue fills v with anything that its tag allows.
func drawValue(t *rapid.T, sh *shape, v reflect.Value, depth int) {
	if sh.optional {
		if rapid.Bool().Draw(t, "none") {
			return
		}
		v.Set(reflect.New(sh.typ))
		v = v.Elem()
	}
	switch sh.kind {
	case group:
		for _, k := range sh.keys {
			if k.shape.tag.preset {
				names := []string{""}
				for _, p := range v.Addr().Interface().(presetter).presets() {
					names = append(names, p.String())
				}
				v.FieldByIndex(k.index).SetString(rapid.SampledFrom(names).Draw(t, "preset"))
			} else if k.family == nil {
				drawValue(t, k.shape, v.FieldByIndex(k.index), depth+1)
			} else if rapid.Bool().Draw(t, k.name) {
				config := reflect.ValueOf(k.family.Config())
				there := *k.shape
				there.optional = false
				drawValue(t, &there, config.Elem(), depth+1)
				v.FieldByIndex(k.index).Set(reflect.ValueOf([]Own{{k.name, k.family.slot(), config.Interface()}}))
			}
		}
		if sh.rest != nil {
			drawValue(t, sh.rest.shape, v.FieldByIndex(sh.rest.index), depth+1)
		}
	case table:
		n := rapid.IntRange(0, 2).Draw(t, "entries")
		v.Set(reflect.MakeSlice(sh.typ, n, n))
		for i := range n {
			v.Index(i).FieldByIndex(sh.name).SetString(fmt.Sprintf("n%d", i))
			value := v.Index(i)
			if sh.value != nil {
				value = value.FieldByIndex(sh.value)
			}
			drawValue(t, sh.entry, value, depth+1)
		}
	default:
		drawLeaf(t, sh.tag, v)
	}
}

func drawLeaf(t *rapid.T, tg tag, v reflect.Value) {
	duration := func() time.Duration {
		return time.Duration(rapid.Int64Range(1, int64(300*Day)).Draw(t, "duration"))
	}
	low, high := 0.0, 1e6
	if tg.min != nil {
		low = *tg.min
	}
	if tg.max != nil {
		high = *tg.max
	}
	switch target := v.Addr().Interface().(type) {
	case *Length:
		*target = drawLength(t, duration)
	case *Lasts:
		*target = Lasts{UntilFixed: rapid.Bool().Draw(t, "until")}
		if !target.UntilFixed {
			target.Length = drawLength(t, duration)
		}
	case *Span:
		from := duration()
		*target = Span{from, from + duration()}
	case *Count:
		*target = Count{rapid.IntRange(0, 99).Draw(t, "n"), duration()}
	case *[]Step:
		*target = drawSteps(t, 2)
	case *Raw:
		*target = "[1, {a: 2}]"
	case *Popularity:
		*target = Popularity(rapid.Float64Range(0, 10).Draw(t, "popularity"))
	case *patterns.Kinds:
		*target = patterns.Kinds(rapid.Uint32Range(0, 1<<len(kindNames())-1).Draw(t, "kinds"))
	case *time.Duration:
		*target = duration()
	case *Signed:
		*target = Signed(duration() - 150*Day)
	default:
		switch {
		case v.Kind() == reflect.Slice:
			n := rapid.IntRange(0, 3).Draw(t, "items")
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				drawLeaf(t, tg, v.Index(i))
			}
		case tg.one != nil:
			v.SetString(rapid.SampledFrom(tg.one).Draw(t, "word"))
		case wordsOf(v.Type()) != nil:
			v.SetUint(uint64(rapid.IntRange(0, len(wordsOf(v.Type()))-1).Draw(t, "word")))
		case v.Kind() == reflect.String:
			v.SetString(drawText().Draw(t, "text"))
		case v.Kind() == reflect.Bool:
			v.SetBool(rapid.Bool().Draw(t, "bool"))
		case v.Kind() == reflect.Float64:
			x := rapid.Float64Range(low, high).Draw(t, "float")
			if tg.unbounded && rapid.Bool().Draw(t, "unbounded") {
				x = math.Inf(1)
			}
			v.SetFloat(x)
		case tg.unlimited && rapid.Bool().Draw(t, "unlimited"):
			v.SetInt(Unlimited)
		default:
			v.SetInt(rapid.Int64Range(int64(low), int64(high)).Draw(t, "int"))
		}
	}
}

func drawLength(t *rapid.T, duration func() time.Duration) Length {
	d := duration()
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		return Exactly(d)
	case 1:
		return Exp(d)
	case 2:
		return Length{Form: Quantiles, P50: d, High: 2*d + duration(), At: rapid.SampledFrom([]float64{0.9, 0.95, 0.99, 0.999}).Draw(t, "at")}
	}
	return Length{Form: Shaped, Mean: d, CV: 1 + rapid.Float64Range(0.01, 3).Draw(t, "cv"), Shape: rapid.SampledFrom(Shapes()).Draw(t, "shape")}
}

func drawSteps(t *rapid.T, depth int) []Step {
	var steps []Step
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		s := Step{Share: rapid.Float64Range(0, 1).Draw(t, "share"), Times: rapid.IntRange(1, 3).Draw(t, "times")}
		switch rapid.IntRange(0, depth).Draw(t, "what") {
		case 0:
			s.Call = "a.b"
		case 1:
			s.Send = "q"
		default:
			s.Parallel = drawSteps(t, depth-1)
		}
		steps = append(steps, s)
	}
	return steps
}

// Numbers are written so that reading gives the same bits.
func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-1e9, 1e9).Draw(t, "x")
		if got, err := parseRatio(formatRatio(x)); err != nil || got != x {
			t.Errorf("%v is written %s and read as %v (%v)", x, formatRatio(x), got, err)
		}
		if got, err := parseFactor(formatFactor(x)); err != nil || got != x {
			t.Errorf("%v is written %s and read as %v (%v)", x, formatFactor(x), got, err)
		}
		d := time.Duration(rapid.Int64().Draw(t, "d")).Abs()
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Errorf("%d is written %s and read as %d (%v)", d, formatDuration(d), got, err)
		}
	})
}

// Any bytes are read or refused, without a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte("nines: 1\nservices: {a: {ops: {b: {work: exp 5ms}}}}\nvariants: {v: {services.*.replicas: 3}}\n"))
	f.Add([]byte("nines: &a [*a]"))
	f.Add([]byte("calls: {default: none, a: {b: {retry: none}}}\nsweeps: {s: {vary: {a.b: [1]}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("x.yaml", data, nil)
		if err != nil {
			_ = err.Error()
			return
		}
		Marshal(file.Base(), nil)
	})
}
