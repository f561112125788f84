package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/nines-sim/nines/patterns"
)

// checkConfig reports what a configuration's own Validate has found, in the words of the file.
func checkConfig[C any](err error, fail func(key, problem string)) {
	if err == nil {
		return
	}
	keys := keysOf(reflect.TypeFor[C]())
	for _, err := range leaves(err) {
		var bad *patterns.BadField
		if !errors.As(err, &bad) {
			fail("", err.Error())
			continue
		}
		problem := fmt.Sprintf("is %v, need %s", bad.Value, inKeys(bad.Need, keys))
		if key, ok := keyOf(bad.Field, keys); ok {
			fail(key, problem)
		} else {
			fail("", inKeys(bad.Field, keys)+" "+problem)
		}
	}
}

// leaves takes a joined error apart.
func leaves(err error) (list []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		list = append(list, leaves(e)...)
	}
	return list
}

// keyOf finds the key of a field by the end of its name: Rate.Factor, or Factor where that is enough.
func keyOf(name string, keys map[string]string) (key string, ok bool) {
	if key, ok = keys[lastSegments(name, 2)]; ok {
		return key, true
	}
	key, ok = keys[lastSegments(name, 1)]
	return key, ok
}

// keysOf returns the keys of a struct's fields, and of those inside it, by their names.
func keysOf(t reflect.Type) map[string]string {
	keys := make(map[string]string)
	for _, f := range reflect.VisibleFields(t) {
		tg := tagOf(f)
		switch {
		case tg.in != "":
			keys[f.Name] = tg.in
			continue
		case !f.IsExported() || tg.key == "-":
			continue
		}
		if f.Type.Kind() == reflect.Struct && !own[f.Type] {
			for name, key := range keysOf(f.Type) {
				if tg.inline {
					keys[name] = key
					continue
				}
				keys[f.Name+"."+name] = tg.key + "." + key
				if _, taken := keys[name]; !taken {
					keys[name] = tg.key + "." + key
				}
			}
			continue
		}
		keys[f.Name] = tg.key
	}
	return keys
}

var goName = regexp.MustCompile(`\[?\b[A-Z]\w*(\.[A-Z]\w*)*\b\]?`)

// inKeys replaces the names of fields in a text for programmers by the keys that stand for them.
func inKeys(text string, keys map[string]string) string {
	return goName.ReplaceAllStringFunc(text, func(name string) string {
		if key, ok := keyOf(strings.Trim(name, "[]"), keys); ok {
			return key
		}
		return name
	})
}
