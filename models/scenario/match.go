package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A matcher finds the places in a tree that a path means.
//
// A segment is a key of the format or the name of something written; * is every name, or key, that
// is written there. A key may be set that was left out, so that services.db.queue.length is a path
// whether or not db says anything about its queue. What is none or not there at all (a service, a
// family of policies) has no keys to set: it must be written, or set as a whole, first. Only pairs
// below calls come into being when their policies are set. Where * meets something to which the
// key means nothing, such as the replicas of an external service, it passes on.
type matcher struct {
	root  *node
	shape *shape
	dir   string

	found [][]string
	deep  int // how far the path could be followed
	why   mismatch
}

// A mismatch says why a path means nothing.
type mismatch struct{ problem, near string }

// fixed are the keys that are the same for all variants.
var fixed = []string{"nines", "about", "variants", "sweeps"}

// match returns the places, as lists of keys, or why there are none.
func (m *matcher) match(path string) ([][]string, mismatch) {
	segments := strings.Split(path, ".")
	if slices.Contains(fixed, segments[0]) {
		return nil, mismatch{segments[0] + " is the same for all variants", ""}
	}
	m.found, m.deep, m.why = nil, -1, mismatch{}
	m.walk(m.root, m.shape, nil, segments, false)
	if len(m.found) > 0 {
		return m.found, mismatch{}
	}
	return nil, m.why
}

// miss remembers the reason that was met furthest along the path. The nearest name replaces the
// first segment that could not be followed.
func (m *matcher) miss(done, rest []string, problem, near string) {
	if len(done) > m.deep {
		if near != "" {
			near = strings.Join(slices.Concat(done, []string{near}, rest[1:]), ".")
		}
		m.deep, m.why = len(done), mismatch{problem, near}
	}
}

// walk follows rest from the value n, which is at done; n is nil if it was left out.
func (m *matcher) walk(n *node, sh *shape, done, rest []string, wild bool) {
	if len(rest) == 0 {
		m.found = append(m.found, slices.Clone(done))
		return
	}
	here := strings.Join(done, ".")
	switch {
	case n != nil && n.isNone() || n == nil && sh.optional && shorthandOf(sh) == "":
		m.miss(done, rest, m.notThere(n, done, rest), "")
	case sh.kind == group:
		m.walkGroup(n, sh, done, rest, wild)
	case sh.kind == table:
		m.walkTable(n, sh, done, rest, wild)
	default:
		m.miss(done, rest, fmt.Sprintf("%s is a value and has no %s", here, rest[0]), "")
	}
}

func (m *matcher) notThere(n *node, done, rest []string) string {
	here := strings.Join(done, ".")
	if n == nil && len(done) == 4 && done[0] == "calls" {
		return fmt.Sprintf("%s is not written: all of it comes from calls.default.%s; set that, or %s as a whole", here, done[3], here)
	}
	return fmt.Sprintf("%s is none here and has no %s: set it as a whole first", here, rest[0])
}

func (m *matcher) walkGroup(n *node, sh *shape, done, rest []string, wild bool) {
	here := strings.Join(done, ".")
	if rest[0] == "*" {
		for _, name := range n.keys() {
			if k := sh.key(name); k != nil && !(len(done) == 1 && here == "calls") {
				m.walk(n.get(name), k.shape, append(slices.Clip(done), name), rest[1:], true)
			}
		}
	} else if k := sh.key(rest[0]); k != nil {
		if wild && m.excluded(n, sh)(k.name) {
			m.miss(done, rest, fmt.Sprintf("%s has no meaning at %s", k.name, here), "")
			return
		}
		m.walk(n.get(k.name), k.shape, append(slices.Clip(done), k.name), rest[1:], wild)
		return
	}
	if sh.rest != nil {
		m.walkTable(n, sh.rest.shape, done, rest, wild)
		return
	}
	if rest[0] == "*" {
		m.miss(done, rest, fmt.Sprintf("nothing is written at %s that * could stand for", here), "")
		return
	}
	of := here
	if of == "" {
		of = "a scenario"
	}
	m.miss(done, rest, fmt.Sprintf("%s has no key %s", of, rest[0]), NearestKey(rest[0], sh.keyNames()))
}

func (m *matcher) walkTable(n *node, sh *shape, done, rest []string, wild bool) {
	here := strings.Join(done, ".")
	var names []string // of what is written
	for _, name := range n.keys() {
		if !(here == "calls" && name == "default") {
			names = append(names, name)
		}
	}
	if rest[0] == "*" {
		for _, name := range names {
			m.walk(n.get(name), sh.entry, append(slices.Clip(done), name), rest[1:], true)
		}
		m.miss(done, rest, fmt.Sprintf("nothing is written at %s that * could stand for", here), "")
		return
	}
	name, after := rest[0], rest[1:]
	if sh.named.ref == "op" && len(after) > 0 { // the name of an operation is two segments long
		name, after = name+"."+after[0], after[1:]
	}
	entry := n.there(name)
	if entry == nil && len(after) > 0 && !wild && slices.Contains(m.mayBegin(sh), name) {
		m.walk(&node{kind: mapping}, sh.entry, append(slices.Clip(done), name), after, wild)
		return
	}
	if entry == nil && sh.entry.kind == group {
		m.miss(done, rest, fmt.Sprintf("%s has no %s", here, name), Nearest(name, append(names, m.mayBegin(sh)...)))
		return
	}
	m.walk(entry, sh.entry, append(slices.Clip(done), name), after, wild)
}

// mayBegin returns the names that may appear in a table when something below them is set.
func (m *matcher) mayBegin(sh *shape) []string {
	switch sh.typ {
	case reflect.TypeFor[[]Caller]():
		return slices.Concat(m.root.there("services").keys(), m.root.there("queues").keys(), m.root.there("workload").keys())
	case reflect.TypeFor[[]Callee]():
		return m.root.there("services").keys()
	}
	return nil
}

// excluded returns whether a key means nothing beside the other values of the group n.
func (m *matcher) excluded(n *node, sh *shape) func(key string) bool {
	v := reflect.New(sh.typ)
	x, ok := v.Interface().(excluder)
	if !ok {
		return func(string) bool { return false }
	}
	setDefaults(sh, v.Elem())
	if n != nil {
		newDecoder(m.dir).group(n, sh, v.Elem(), "")
	}
	return func(key string) bool { return x.excludes(key) != "" }
}

// all calls yield for every path that could be set: what is written, and the keys that were left out.
func (m *matcher) all(yield func(path string)) { m.each(m.root, m.shape, "", yield) }

func (m *matcher) each(n *node, sh *shape, path string, yield func(string)) {
	if path != "" {
		yield(path)
	}
	if n != nil && n.isNone() || n == nil && sh.optional || sh.kind == leaf {
		return
	}
	if sh.kind == table {
		m.eachEntry(n, sh, path, yield)
		return
	}
	excluded := m.excluded(n, sh)
	for _, k := range sh.keys {
		if !(path == "" && slices.Contains(fixed, k.name)) && !excluded(k.name) {
			m.each(n.get(k.name), k.shape, join(path, k.name), yield)
		}
	}
	if sh.rest != nil {
		m.eachEntry(n, sh.rest.shape, path, yield)
	}
}

func (m *matcher) eachEntry(n *node, sh *shape, path string, yield func(string)) {
	for _, name := range n.keys() {
		if !(path == "calls" && name == "default") {
			m.each(n.get(name), sh.entry, join(path, name), yield)
		}
	}
}

// ending returns the one path that ends with the given segments, which the command line takes in
// place of a whole path.
func (m *matcher) ending(end string) (string, mismatch) {
	var full []string
	near, least := "", 0
	m.all(func(path string) {
		if path == end || strings.HasSuffix(path, "."+end) {
			full = append(full, path)
		}
		tail := lastSegments(path, strings.Count(end, ".")+1)
		if d := distance(end, tail); near == "" || d < least {
			near, least = path, d
		}
	})
	switch len(full) {
	case 1:
		return full[0], mismatch{}
	case 0:
		if least > (len(end)+2)/3 {
			near = ""
		}
		return "", mismatch{"no path is or ends with " + end, near}
	}
	few, more := full, ""
	if len(full) > 4 {
		few, more = full[:4], fmt.Sprintf(" and %d more", len(full)-4)
	}
	return "", mismatch{fmt.Sprintf("%d paths end with %s: %s%s", len(full), end, strings.Join(few, ", "), more), ""}
}

func lastSegments(path string, n int) string {
	segments := strings.Split(path, ".")
	return strings.Join(segments[max(0, len(segments)-n):], ".")
}
