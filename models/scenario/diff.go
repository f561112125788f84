package scenario

import (
	"reflect"
)

// As returns a value of the format that stands for a configuration of a policy: a Breaker of a breaker.Config.
func As[T any, C any](c C) *T {
	v := Default[T]()
	any(&v).(interface{ use(C) }).use(c)
	return &v
}

// A Difference is a key whose values are not the same in two values of one type of the format.
type Difference struct {
	Key  string // half_open; budget.ratio
	A, B string // as a file has them
}

// Differences compares two values of a type of the format, such as *Breaker, key by key. The name of a preset
// is no difference: what it stands for is. A key that means nothing in one of them is none either: the value
// that makes it so is.
func Differences[T any](a, b *T) []Difference {
	sh := newShaper(nil).of(reflect.TypeFor[*T](), tag{})
	var list []Difference
	differences(encode(sh, reflect.ValueOf(a)), encode(sh, reflect.ValueOf(b)), "", &list)
	return list
}

func differences(a, b *node, at string, list *[]Difference) {
	if a.kind != mapping || b.kind != mapping {
		if x, y := a.flow(), b.flow(); x != y {
			*list = append(*list, Difference{at, x, y})
		}
		return
	}
	for _, f := range a.fields {
		if other := b.get(f.key); other != nil && f.key != "preset" {
			differences(f.value, other, join(at, f.key), list)
		}
	}
}

// A Pair is a caller and a service that it calls.
type Pair struct{ Caller, Callee string }

// Pairs returns everyone who calls a service, in the order of the file: services, queues, then streams.
func (s *Scenario) Pairs() []Pair {
	var list []Pair
	r := review(s)
	for _, caller := range r.callers {
		for _, callee := range r.callees(caller) {
			list = append(list, Pair{caller, callee})
		}
	}
	return list
}
