// Package check collects what is wrong with a configuration, so that a person sees all of it at once.
package check

import (
	"errors"

	"github.com/nines-sim/nines/patterns"
)

// Fields are the fields of one package's configuration that were found bad so far.
type Fields struct {
	pkg string
	bad []error
}

// Of starts a check of pkg's configuration. The package is named in every message.
func Of(pkg string) *Fields { return &Fields{pkg: pkg} }

// Need notes a bad field unless ok: its name, its value and what was needed instead.
func (f *Fields) Need(ok bool, field string, value any, need string) {
	if !ok {
		f.bad = append(f.bad, &patterns.BadField{Of: f.pkg, Field: field, Value: value, Need: need})
	}
}

// Err returns one error that names every bad field, or nil.
func (f *Fields) Err() error { return errors.Join(f.bad...) }
