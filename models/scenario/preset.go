package scenario

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/nines-sim/nines/patterns"
)

// A Preset is a configuration that stands for a library: what it does if nothing else is said.
type Preset struct {
	Name    string // resilience4j
	Version string // of the library, or of the source that was read
	use     func() // makes the value that has the presets equal to it
}

// String returns name@version, which is how a file may name it.
func (p Preset) String() string { return p.Name + "@" + p.Version }

// A presetter is a type whose values can start from presets. Its key preset names one.
type presetter interface {
	presets() []Preset
}

// presets makes the presets of a family those of a type of the format, given what takes one over.
func presets[C any](list []patterns.Preset[C], use func(C)) []Preset {
	all := make([]Preset, len(list))
	for i, p := range list {
		all[i] = Preset{p.Name, p.Version, func() { use(p.Config) }}
	}
	return all
}

// A kinded type has several kinds, each with defaults of its own. Its key kind names one.
type kinded interface {
	// ofKind makes the value the default one of a kind, if there is such a kind.
	ofKind(kind string)
}

// preset gives v the values of the preset that n names, or the defaults of the kind, if it names one.
func (d *decoder) preset(n *node, v reflect.Value, path string) {
	x, ok := v.Addr().Interface().(presetter)
	named := n.there("preset")
	if !ok || named == nil {
		if k, ok := v.Addr().Interface().(kinded); ok {
			if kind := n.there("kind"); kind != nil && kind.kind == scalar {
				k.ofKind(kind.text)
			}
		}
		return
	}
	path = join(path, "preset")
	d.where[path] = named.pos
	name, version, versioned := strings.Cut(named.text, "@")
	all := x.presets()
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
		switch {
		case named.kind != scalar || p.Name != name:
		case versioned && version != p.Version:
			d.fail(named, path, fmt.Sprintf("is %s, but this program knows %s as it is in version %s: look up what changed, and set that beside the preset", named.text, name, p.Version), p.String())
			return
		default:
			p.use()
			v.FieldByName("Preset").SetString(p.String())
			return
		}
	}
	d.fail(named, path, is(named, "the name of a preset: "+strings.Join(names, ", ")), Nearest(name, names))
}

// checkKind reports a kind that is not that of the preset which is named, and whether it is all right. Given the presets of a fresh value, it
// asks for that value's kind.
func checkKind(preset, kind string, all []Preset, of func() string, fail func(key, problem string)) (ok bool) {
	for _, p := range all {
		if p.String() != preset {
			continue
		}
		p.use()
		if want := of(); want != kind {
			fail("kind", fmt.Sprintf("is %s, need %s, which is the kind of the preset %s", kind, want, p.Name))
			return false
		}
	}
	return true
}
