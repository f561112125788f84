package patterns

import "fmt"

// A Preset is a configuration that a library has if nothing else is said, or with the few values that it
// leaves to its users.
type Preset[Config any] struct {
	Name    string // resilience4j; with what else is set, where there are several: resilience4j_timed
	Version string // of the library: a release, or the commit that was read
	Config  Config
}

// A Config is a configuration, where a family has several kinds of them.
type Config interface{ Validate() error }

// A BadField is a field of a configuration that makes no sense. What Validate returns is one, or joins
// several.
type BadField struct {
	Of    string // the package
	Field string // its name: "Backoff.First"
	Value any    // what it is
	Need  string // what it should be
}

func (b *BadField) Error() string {
	return fmt.Sprintf("%s: %s is %v, need %s", b.Of, b.Field, b.Value, b.Need)
}
