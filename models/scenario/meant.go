package scenario

import (
	"reflect"
	"sync"
)

// meant returns a copy of a value of the format in which every key that it excludes is zero: what was left
// there by a preset, or by a default, has no meaning now, and is not to get one elsewhere.
func meant[T any, P interface {
	*T
	excluder
}](v P) T {
	c := *v
	into := reflect.ValueOf(&c).Elem()
	for _, k := range shapeOf(into.Type()).keys {
		if v.excludes(k.name) != "" {
			into.FieldByIndex(k.index).SetZero()
		}
	}
	return c
}

// shapes are those of the types of the format, by type: they never change, and runs ask for them often.
var shapes sync.Map

func shapeOf(t reflect.Type) *shape {
	known, ok := shapes.Load(t)
	if !ok {
		known, _ = shapes.LoadOrStore(t, newShaper(nil).of(t, tag{}))
	}
	return known.(*shape)
}
