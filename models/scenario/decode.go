package scenario

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// A decoder turns nodes into values by their shapes. It goes on after a mistake, so that all are
// reported at once, and remembers where each value was written.
type decoder struct {
	dir   string              // of the scenario file: what other file names are relative to
	where map[string]position // of the value at each path
	errs  Errors
}

func newDecoder(dir string) *decoder { return &decoder{dir: dir, where: make(map[string]position)} }

// fail reports a mistake in the value n of path.
func (d *decoder) fail(n *node, path, problem, near string) {
	d.errs = append(d.errs, n.pos.fail(path, problem, near))
}

// at returns where the value at a path was written, or the nearest value around it that was.
func (d *decoder) at(path string) position {
	for {
		if p, ok := d.where[path]; ok || path == "" {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// is says that a value is not what was expected.
func is(n *node, want string) string {
	if n.isEmpty() {
		return "has no value, expected " + want
	}
	const longest = 60
	text := []rune(n.flow())
	if len(text) > longest {
		text = append(text[:longest], '…')
	}
	return fmt.Sprintf("is %s, expected %s", string(text), want)
}

// value decodes n into v, which holds its defaults.
func (d *decoder) value(n *node, sh *shape, v reflect.Value, path string) {
	d.where[path] = n.pos
	if sh.optional {
		if n.isNone() {
			v.SetZero()
			return
		}
		fresh := reflect.New(sh.typ)
		if v.IsNil() {
			setDefaults(sh, fresh.Elem())
		} else { // of a preset, which this changes
			fresh.Elem().Set(v.Elem())
		}
		v.Set(fresh)
		v = fresh.Elem()
	}
	switch sh.kind {
	case group:
		d.group(n, sh, v, path)
	case table:
		d.table(n, sh, v, path)
	default:
		d.leaf(n, sh, v, path)
	}
}

func (d *decoder) group(n *node, sh *shape, v reflect.Value, path string) {
	if n.kind != mapping {
		want := "names and what they stand for: {name: ...}"
		if len(sh.keys) > 0 {
			want = fmt.Sprintf("keys and values: {%s: ...}", strings.Join(sh.keyNames()[:min(3, len(sh.keys))], ": ..., "))
		}
		problem := is(n, want)
		if n.isNone() {
			problem = "is never none: leave it out for its defaults"
		}
		d.fail(n, path, problem, "")
		return
	}
	before := len(d.errs)
	d.preset(n, v, path)
	others := &node{kind: mapping, pos: n.pos}
	for _, f := range n.fields {
		k := sh.key(f.key)
		switch {
		case k != nil && k.shape.tag.preset:
		case k == nil && sh.rest != nil:
			others.fields = append(others.fields, f)
		case k == nil:
			d.errs = append(d.errs, f.pos.fail(join(path, f.key), noSuchKey(f.key, sh.keyNames()), NearestKey(f.key, sh.keyNames())))
		case k.family != nil:
			d.family(f.value, k, v.FieldByIndex(k.index), join(path, f.key))
		default:
			d.value(f.value, k.shape, v.FieldByIndex(k.index), join(path, f.key))
		}
	}
	if sh.rest != nil {
		d.table(others, sh.rest.shape, v.FieldByIndex(sh.rest.index), path)
	}
	for _, k := range sh.keys {
		misspelt := slices.ContainsFunc(n.fields, func(f field) bool {
			return sh.key(f.key) == nil && NearestKey(f.key, sh.keyNames()) == k.name
		})
		if k.shape.tag.required && n.there(k.name) == nil && !misspelt {
			d.fail(n, path, "needs the key "+k.name, "")
		}
	}
	if x, ok := v.Addr().Interface().(settler); ok {
		x.settle(func(key string) bool { return n.get(key) != nil })
	}
	if x, ok := v.Addr().Interface().(excluder); ok {
		for _, f := range n.fields {
			if reason := x.excludes(f.key); reason != "" && !f.value.isNone() {
				d.errs = append(d.errs, f.pos.fail(join(path, f.key), reason, ""))
			}
		}
	}
	if c, ok := v.Addr().Interface().(checker); ok && len(d.errs) == before {
		c.check(func(key, problem string) {
			p := path
			if key != "" {
				p = join(path, key)
			}
			d.errs = append(d.errs, d.at(p).fail(p, problem, ""))
		})
	}
}

// noSuchKey says which keys there are, where none is near and they are not too many.
func noSuchKey(key string, keys []string) string {
	const most = 40
	if len(keys) == 0 || len(keys) > most || NearestKey(key, keys) != "" {
		return "there is no such key"
	}
	return "there is no such key: expected " + wordList(keys, "or")
}

// family decodes a policy of the catalog and appends it to the slice v.
func (d *decoder) family(n *node, k *key, v reflect.Value, path string) {
	d.where[path] = n.pos
	if n.isNone() {
		return
	}
	config := reflect.ValueOf(k.family.Config())
	before := len(d.errs)
	d.group(n, k.shape, config.Elem(), path)
	if c, ok := config.Interface().(interface{ Validate() error }); ok && len(d.errs) == before {
		if err := c.Validate(); err != nil {
			d.fail(n, path, err.Error(), "")
		}
	}
	v.Set(reflect.Append(v, reflect.ValueOf(Own{k.name, k.family.slot(), config.Interface()})))
}

func (d *decoder) table(n *node, sh *shape, v reflect.Value, path string) {
	if n.isNone() {
		v.SetZero()
		return
	}
	if n.kind != mapping {
		d.fail(n, path, is(n, "names and what they stand for: {name: ...}"), "")
		return
	}
	entries := reflect.Zero(sh.typ)
	for _, f := range n.fields {
		at := join(path, f.key)
		if f.value.isNone() && sh.entry.kind != leaf {
			continue // taken out by a variant
		}
		if sh.named.ref == "" && !isName(f.key) {
			d.errs = append(d.errs, f.pos.fail(at, "a name has only a-z, 0-9 and _", ""))
		}
		entry := reflect.New(sh.typ.Elem()).Elem()
		into := entry
		if sh.value != nil {
			into = entry.FieldByIndex(sh.value)
		}
		setDefaults(sh.entry, into)
		entry.FieldByIndex(sh.name).SetString(f.key)
		d.value(f.value, sh.entry, into, at)
		entries = reflect.Append(entries, entry)
	}
	v.Set(entries)
}

// isName reports whether a key can stand in a path.
func isName(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// steps decodes what an operation does after its own work.
func (d *decoder) steps(n *node, path string) []Step {
	if n.isNone() {
		return nil
	}
	if n.kind != list {
		d.fail(n, path, is(n, "a list of steps: [svc.op, {send: queue}, {parallel: [...]}]"), "")
		return nil
	}
	var steps []Step
	for i, item := range n.items {
		steps = append(steps, d.step(item, fmt.Sprintf("%s[%d]", path, i)))
	}
	return steps
}

func (d *decoder) step(n *node, path string) Step {
	d.where[path] = n.pos
	step := Step{Share: 1, Times: 1}
	if n.kind == scalar {
		step.Call = n.text
		return step
	}
	var what []string
	keys := []string{"call", "send", "parallel", "share", "times"}
	for _, f := range n.fields {
		at := join(path, f.key)
		switch f.key {
		case "call":
			d.leaf(f.value, leafShape(step.Call, "ref=op"), reflect.ValueOf(&step.Call).Elem(), at)
		case "send":
			d.leaf(f.value, leafShape(step.Send, "ref=queue"), reflect.ValueOf(&step.Send).Elem(), at)
		case "parallel":
			step.Parallel = d.steps(f.value, at)
		case "share":
			d.leaf(f.value, leafShape(step.Share, "ratio,min=0,max=1"), reflect.ValueOf(&step.Share).Elem(), at)
		case "times":
			d.leaf(f.value, leafShape(step.Times, "min=1"), reflect.ValueOf(&step.Times).Elem(), at)
		default:
			d.errs = append(d.errs, f.pos.fail(at, "there is no such key", Nearest(f.key, keys)))
			return step
		}
		if slices.Index(keys, f.key) < 3 {
			what = append(what, f.key)
		}
	}
	if len(what) != 1 {
		d.fail(n, path, is(n, "exactly one of call, send and parallel"), "")
	}
	return step
}

// leafShape is the shape of a value like this one with the options of a tag.
func leafShape(like any, options string) *shape {
	return &shape{typ: reflect.TypeOf(like), tag: parseTag("", strings.TrimSuffix("x,"+options, ","))}
}

// length decodes the forms of a Length.
func (d *decoder) length(n *node, path string) Length {
	var l Length
	before := len(d.errs)
	switch {
	case n.kind == scalar:
		text, exponential := strings.CutPrefix(n.text, "exp ")
		if exponential {
			l.Form = Exponential
		}
		if n.isEmpty() {
			d.fail(n, path, is(n, wantLength), "")
			return l
		}
		mean, err := parseDuration(strings.TrimSpace(text))
		if err != nil {
			d.fail(n, path, strings.Replace(err.Error(), wantDuration, wantLength, 1), "")
			return l
		}
		l.Mean = mean
	case n.get("file") != nil:
		l.Form, l.Unit = Recorded, "ns"
		d.keys(n, path, map[string]func(*node, string){
			"file": func(v *node, at string) { l.File = v.text },
			"unit": func(v *node, at string) { d.oneOf(v, at, &l.Unit, recordedUnits()) },
		}, "file")
	case n.get("mean") != nil:
		l.Form = Shaped
		d.keys(n, path, map[string]func(*node, string){
			"mean":  func(v *node, at string) { d.into(v, at, &l.Mean, "") },
			"cv":    func(v *node, at string) { d.into(v, at, &l.CV, "min=0") },
			"shape": func(v *node, at string) { d.oneOf(v, at, &l.Shape, Shapes()) },
		}, "mean", "cv", "shape")
	case n.kind == mapping:
		l.Form = Quantiles
		high := func(p float64) func(*node, string) {
			return func(v *node, at string) {
				if l.At != 0 {
					d.fail(v, at, "a length takes one quantile beside p50", "")
				}
				l.At = p
				d.into(v, at, &l.High, "")
			}
		}
		d.keys(n, path, map[string]func(*node, string){
			"p50": func(v *node, at string) { d.into(v, at, &l.P50, "") },
			"p90": high(0.9), "p95": high(0.95), "p99": high(0.99), "p999": high(0.999),
		}, "p50")
		if l.At == 0 && len(d.errs) == before {
			d.fail(n, path, "needs one of p90, p95, p99 and p999 beside p50", "")
		}
	default:
		d.fail(n, path, is(n, wantLength), "")
	}
	if len(d.errs) > before {
		return l
	}
	if l.Form == Recorded {
		var err error
		if l.recorded, err = readRecording(filepath.Join(d.dir, l.File), l.Unit); err != nil {
			d.fail(n, path, fmt.Sprintf("the file %s: %v", l.File, err), "")
			return l
		}
	}
	if l.Mean < 0 {
		d.fail(n, path, fmt.Sprintf("is %s, but no length of time is negative", n.flow()), "")
	} else if _, err := l.distribution(); err != nil {
		d.fail(n, path, fmt.Sprintf("%s is not possible: %v", n.flow(), err), "")
	}
	return l
}

// keys decodes a small mapping: each key by its func, with those that must be there.
func (d *decoder) keys(n *node, path string, known map[string]func(*node, string), required ...string) {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, f := range n.fields {
		if decode := known[f.key]; decode != nil {
			decode(f.value, join(path, f.key))
		} else {
			d.errs = append(d.errs, f.pos.fail(join(path, f.key), "there is no such key", Nearest(f.key, names)))
		}
	}
	for _, name := range required {
		if n.get(name) == nil {
			d.fail(n, path, "needs the key "+name, "")
		}
	}
}

// into decodes a scalar with the options of a tag.
func (d *decoder) into(n *node, path string, target any, options string) {
	v := reflect.ValueOf(target).Elem()
	d.leaf(n, leafShape(v.Interface(), options), v, path)
}

func (d *decoder) oneOf(n *node, path string, target *string, words []string) {
	d.into(n, path, target, "one="+strings.Join(words, "|"))
}
