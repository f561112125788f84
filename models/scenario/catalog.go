package scenario

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Catalog lists what a program adds to the format.
type Catalog struct {
	Families []Family // families of policies, beside those of [Policies]
}

// A Family is a kind of policy that a scenario can name at calls.<caller>.<callee>.<name>.
type Family struct {
	// Name is its key in the file: [a-z0-9_]+, and none of ours.
	Name string

	// Slot is the place around a call that it takes, one of [Slots]; a pair has at most one policy
	// for each slot. A family without one has a slot of its own name, innermost unless order says else.
	Slot string

	// Config returns a pointer to a new struct that holds the defaults. It is decoded by the rules
	// of this package: a field's key is its name in snake_case, or the first word of its tag
	// `nines:"key,ratio,min=0"`; a time.Duration has a unit; a float64 is a plain number unless the
	// tag says ratio, factor or rate. If it has a method Validate() error, its error is reported
	// where the family is written.
	Config func() any

	// New returns the policy for one client: one incarnation of a replica that calls one callee.
	New func(s *sim.Simulation, client string, config any) patterns.Policy
}

// family returns the family of that name, or nil.
func (c *Catalog) family(name string) *Family {
	if c == nil {
		return nil
	}
	for i := range c.Families {
		if c.Families[i].Name == name {
			return &c.Families[i]
		}
	}
	return nil
}

// mustBeValid panics if a family could never be named in a file: a mistake of the program.
func (c *Catalog) mustBeValid() {
	if c == nil {
		return
	}
	policies := newShaper(nil).of(reflect.TypeFor[Policies](), tag{}).keyNames()
	for i, f := range c.Families {
		switch {
		case !isName(f.Name):
			panic(fmt.Sprintf("scenario: the family %q: a name has only a-z, 0-9 and _", f.Name))
		case slices.Contains(policies, f.Name) || c.family(f.Name) != &c.Families[i]:
			panic(fmt.Sprintf("scenario: the family %q is there already", f.Name))
		case f.Slot != "" && !slices.Contains(Slots(), f.Slot):
			panic(fmt.Sprintf("scenario: the family %q has the slot %q, need one of %v, or none", f.Name, f.Slot, Slots()))
		case f.Config == nil || reflect.TypeOf(f.Config()).Kind() != reflect.Pointer || reflect.TypeOf(f.Config()).Elem().Kind() != reflect.Struct:
			panic(fmt.Sprintf("scenario: the family %q: Config must return a pointer to a struct", f.Name))
		}
	}
}
