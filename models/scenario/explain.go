package scenario

import (
	_ "embed"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A Page explains a family of policies, or another part of the format that people choose between: from the
// comments of the source, as the reference does.
type Page struct {
	Name     string       `json:"policy"`             // breaker
	Where    string       `json:"where"`              // calls.<caller>.<callee>.breaker
	Short    string       `json:"short"`              // what it does, in a sentence or two
	About    []string     `json:"about"`              // how it works, what it protects and what it costs: a text for each state machine, with line breaks
	Keys     []PageKey    `json:"keys"`               // its settings
	Defaults string       `json:"defaults,omitempty"` // where the defaults come from
	Presets  []PagePreset `json:"presets,omitempty"`
}

// A PageKey is a setting of a policy.
type PageKey struct {
	Key     string `json:"key"`
	Meaning string `json:"meaning"`
	Unit    string `json:"unit,omitempty"`    // or the words that may stand there
	Default string `json:"default,omitempty"` // as a file has it; "required" if there is none
	Words   []Word `json:"words,omitempty"`   // what may stand there, if that is one of some words
}

// A Word is one that may stand under a key.
type Word struct {
	Word    string `json:"word"`
	Meaning string `json:"meaning"`
}

// A PagePreset is what a library does.
type PagePreset struct {
	Preset string   `json:"preset"` // name@version
	About  string   `json:"about"`
	Sets   []string `json:"sets"` // the settings that differ from the defaults: "open: 60s"
}

// A subject is what one page is about.
type subject struct {
	name, where string
	typ         reflect.Type      // in the format
	machines    []string          // whose comments say how it works
	presets     string            // the package whose Presets they are, if it has some
	also        map[string]string // what names of the package are in the file, where the format's type has others
}

const onCalls = "calls.<caller>.<callee>."

// subjects in the order of the places around a call, outermost first, then those of servers.
func subjects() []subject {
	return []subject{
		{"fallback", onCalls + "fallback", reflect.TypeFor[Fallback](), []string{"fallback.Fallback"}, "", map[string]string{"ToCall": "call", "ToAnswer": "value", "ToStale": "stale", "ToQueue": "send"}},
		{"timeout", onCalls + "timeout", reflect.TypeFor[Timeout](), []string{"timeout.Timeout"}, "timeout", map[string]string{"After": "attempt or total"}},
		{"retry", onCalls + "retry", reflect.TypeFor[Retry](), []string{"retry.Retry"}, "retry", nil},
		{"hedge", onCalls + "hedge", reflect.TypeFor[Hedge](), []string{"hedge.Hedge"}, "hedge", nil},
		{"breaker", onCalls + "breaker", reflect.TypeFor[Breaker](), []string{"breaker.Breaker"}, "breaker", nil},
		{"limit", onCalls + "limit", reflect.TypeFor[Limit](), []string{"ratelimit.Limiter", "ratelimit.Remote", "ratelimit.Synced"}, "ratelimit", nil},
		{
			"shed", onCalls + "shed", reflect.TypeFor[Shed](),
			[]string{"shed.Throttle", "shed.Limiter", "shed.AIMD", "shed.Vegas", "shed.Gradient2", "shed.Gradient", "shed.Windowed"}, "shed", nil,
		},
		{
			"bulkhead", onCalls + "bulkhead", reflect.TypeFor[Bulkhead](),
			[]string{"bulkhead.Bulkhead", "bulkhead.Pool", "bulkhead.Thresholds", "bulkhead.Partitions"}, "bulkhead",
			map[string]string{"Concurrent": "max", "Requests": "max"},
		},
		{"balance", onCalls + "balance", reflect.TypeFor[Balance](), []string{"balance.Balancer"}, "balance", nil},
		{"outlier", onCalls + "outlier", reflect.TypeFor[Outlier](), []string{"outlier.Detector", "outlier.Accrual"}, "outlier", nil},
		{"queue", "services.<service>.queue", reflect.TypeFor[Discipline](), []string{"shed.Queue"}, "shed", nil},
		{"cache", "services.<service>.ops.<op>.cache", reflect.TypeFor[Cache](), []string{"cache.Cache"}, "", map[string]string{"Jitter": "ttl_jitter"}},
	}
}

// Pages returns the pages of all families that ship.
func Pages() []Page {
	var pages []Page
	shaper := newShaper(nil)
	for _, s := range subjects() {
		sh := shaper.of(s.typ, tag{})
		names := namesIn(s.typ)
		maps.Copy(names, s.also)
		for _, pair := range strings.Fields(comments()["presets "+s.presets]) {
			f, preset, _ := strings.Cut(pair, "=")
			names["["+f+"]"] = preset
		}
		p := Page{
			Name: s.name, Where: s.where,
			Short: comments()[nameOf(s.typ)], Keys: sh.describeAll("", sh.unset()), Defaults: comments()[nameOf(s.typ)+".defaults"],
		}
		for _, machine := range s.machines {
			of := maps.Clone(names)
			for _, k := range sh.keys { // a machine with a section of its own
				if k.shape.optional && strings.HasSuffix(machine, "."+k.shape.typ.Name()) {
					maps.Copy(of, keysOf(k.shape.typ))
				}
			}
			p.About = append(p.About, prose(comments()["text "+machine], of))
		}
		if x, ok := reflect.New(s.typ).Interface().(presetter); ok {
			for i, preset := range x.presets() {
				about := aboutPreset(comments()["preset "+s.presets+"."+preset.Name], names)
				p.Presets = append(p.Presets, PagePreset{preset.String(), about, sh.sets(i)})
			}
		}
		pages = append(pages, p)
	}
	return pages
}

// At returns the page of one of a page's keys: of a section with the keys inside it, or of a setting alone.
func (p Page) At(key string) (Page, bool) {
	i := slices.IndexFunc(p.Keys, func(k PageKey) bool { return k.Key == key })
	if i < 0 {
		return Page{}, false
	}
	at := Page{Name: join(p.Name, key), Where: join(p.Where, key), Short: p.Keys[i].Meaning}
	for _, k := range p.Keys {
		if strings.HasPrefix(k.Key, key+".") {
			at.Keys = append(at.Keys, k)
		}
	}
	if at.Keys == nil {
		at.Keys = []PageKey{p.Keys[i]}
	}
	return at, true
}

// sets returns what the n-th preset of a type makes other than it is by default, in the order of the keys.
func (sh *shape) sets(n int) (list []string) {
	v := reflect.New(sh.typ)
	setDefaults(sh, v.Elem())
	v.Interface().(presetter).presets()[n].use()
	var walk func(is, unset *node, at string)
	walk = func(is, unset *node, at string) {
		if is.kind != mapping {
			if unset == nil || unset.flow() != is.flow() {
				list = append(list, at+": "+is.flow())
			}
			return
		}
		for _, f := range is.fields {
			walk(f.value, unset.get(f.key), join(at, f.key))
		}
	}
	walk(encode(sh, v.Elem()), encode(sh, sh.unset()), "")
	return list
}

// unset returns a value of a group of which no key is written.
func (sh *shape) unset() reflect.Value {
	v := reflect.New(sh.typ).Elem()
	setDefaults(sh, v)
	return v
}

// inside returns the value of a group inside one, as it is when nothing in either is written.
func (k *key) inside(unset reflect.Value) reflect.Value {
	if k.shape.optional || k.family != nil {
		return k.shape.unset()
	}
	return unset.FieldByIndex(k.index)
}

// describeAll lists the keys of a group and of the sections inside it.
func (sh *shape) describeAll(above string, unset reflect.Value) (list []PageKey) {
	for i, d := range sh.describe(unset) {
		d.Key = join(above, d.Key)
		list = append(list, d)
		if k := sh.keys[i]; k.shape.kind == group {
			list = append(list, k.shape.describeAll(d.Key, k.inside(unset))...)
		}
	}
	return list
}

// describe lists the keys of a group, in order.
func (sh *shape) describe(unset reflect.Value) []PageKey {
	var list []PageKey
	for _, k := range sh.keys {
		d := PageKey{Key: k.name, Unit: k.shape.unit()}
		d.Meaning, d.Words = sh.wordsAt(k)
		switch {
		case k.shape.tag.required:
			d.Default = "required"
		case k.shape.optional:
			d.Default = "none"
		case k.shape.tag.auto != "":
			d.Default = k.shape.tag.auto
		case k.shape.kind == leaf:
			d.Default = sh.defaultOf(k, unset)
		}
		switch t := k.shape.tag; {
		case k.shape.kind == table:
			d.Unit = "named"
			if !t.required {
				d.Default = ""
			}
		case k.shape.kind == group:
			d.Unit = "section"
		case t.preset:
			d.Unit = "name, none"
		case t.unlimited && t.none:
			d.Unit += ", none, unlimited"
		case t.unlimited:
			d.Unit += ", unlimited"
		case t.none, t.unbounded:
			d.Unit += ", none"
		case t.word != "":
			d.Unit += ", " + t.word
		}
		list = append(list, d)
	}
	return list
}

// defaultOf returns what a leaf is in a new value: one text, or one for each of the kinds that differ.
func (sh *shape) defaultOf(k *key, unset reflect.Value) string {
	given := unset
	unset = reflect.New(sh.typ).Elem() // to be of each kind
	unset.Set(given)
	of, ok := unset.Addr().Interface().(kinded)
	kind := sh.key("kind")
	if !ok || k == kind {
		return encodeLeaf(k.shape.tag, unset.FieldByIndex(k.index)).flow()
	}
	var texts, named []string
	for _, word := range kind.shape.words() {
		of.ofKind(word)
		unset.FieldByIndex(kind.index).SetString(word)
		if unset.Addr().Interface().(excluder).excludes(k.name) == "" {
			text := encodeLeaf(k.shape.tag, unset.FieldByIndex(k.index)).flow()
			named = append(named, word+": "+text)
			texts = append(texts, text)
		}
	}
	if slices.ContainsFunc(texts, func(text string) bool { return text != texts[0] }) {
		return strings.Join(named, ", ")
	}
	return texts[0]
}

// meaning returns the comment of the field that a key stands for, in the words of the file.
func (sh *shape) meaning(k *key) string {
	if k.family != nil {
		return ""
	}
	of := sh.typ
	for _, i := range k.index[:len(k.index)-1] {
		of = of.Field(i).Type
	}
	text := comments()[nameOf(of)+"."+of.Field(k.index[len(k.index)-1]).Name]
	if nameOf(of) == of.Name() {
		return text
	}
	zero := "0"
	switch t := k.shape.tag; {
	case t.none:
		zero = "none"
	case t.word != "":
		zero = t.word
	}
	return strings.Replace(inKeys(text, namesIn(sh.typ)), "; 0: ", "; "+zero+": ", 1)
}

// wordsAt returns what a key means, and what each of its words does. The constants say it of their words; for words of
// a tag, the comment of the field does: "who is next. fifo: who came first; lifo: who came last".
func (sh *shape) wordsAt(k *key) (meaning string, words []Word) {
	meaning = sh.meaning(k)
	if k.shape.tag.one == nil {
		pkg, _, _ := strings.Cut(nameOf(k.shape.typ), ".")
		names := strings.Fields(comments()["words "+nameOf(k.shape.typ)])
		for i, word := range k.shape.words() {
			words = append(words, Word{word, inKeys(comments()["word "+pkg+"."+names[i]], namesIn(sh.typ))})
		}
		return meaning, words
	}
	head, rest, ok := strings.Cut(meaning, ". ")
	if !ok {
		return meaning, nil
	}
	says := make(map[string]string)
	for _, part := range strings.Split(rest, "; ") {
		word, text, _ := strings.Cut(part, ": ")
		says[word] = text
	}
	for _, word := range k.shape.tag.one {
		words = append(words, Word{word, says[word]})
	}
	return head, words
}

// nameOf names a type: Breaker of this package, breaker.Config of another.
func nameOf(t reflect.Type) string {
	if name, ours := strings.CutPrefix(t.String(), "scenario."); ours {
		return name
	}
	return t.String()
}

//go:embed comments.json
var commentsJSON []byte

// comments holds what the source says of types, fields and presets. A test writes the file that it is read
// from, and sees to it that it is up to date.
var comments = sync.OnceValue(func() map[string]string {
	var m map[string]string
	if err := json.Unmarshal(commentsJSON, &m); err != nil {
		panic("scenario: comments.json: " + err.Error())
	}
	return m
})
