package scenario

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Sweep returns a sweep of the file; nil if there is none of that name.
func (f *File) Sweep(name string) *Sweep {
	for i := range f.base.Sweeps {
		if f.base.Sweeps[i].Name == name {
			return &f.base.Sweeps[i]
		}
	}
	return nil
}

// Grid returns every combination of the axes' values as settings for [File.Variant], the last axis
// changing fastest. Paths are written in full. Each value is tried alone in the variant first, so
// that a mistake is known before anything is run.
func (f *File) Grid(variant string, axes []Axis) ([][]string, error) {
	var errs Errors
	points := [][]string{nil}
	for _, axis := range axes {
		full, err := f.Resolve(variant, axis.Path)
		if err != nil {
			return nil, err
		}
		if len(axis.Values) == 0 {
			errs = append(errs, &Error{File: f.name, Path: full, Problem: "has no values to try"})
		}
		var next [][]string
		for _, value := range axis.Values {
			if _, wrong := f.scenario(variant, []string{full + "=" + string(value)}); len(wrong) > 0 {
				errs = append(errs, wrong...)
			}
		}
		for _, point := range points {
			for _, value := range axis.Values {
				next = append(next, append(slices.Clip(point), full+"="+string(value)))
			}
		}
		points = next
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return points, nil
}

// checkSweeps tries each value of each sweep once.
func (f *File) checkSweeps() Errors {
	var errs Errors
	sweeps := f.root.there("sweeps")
	for _, s := range f.base.Sweeps {
		n := sweeps.get(s.Name)
		if s.From != "" && f.variant(s.From) == nil {
			errs = append(errs, n.get("from").pos.fail("sweeps."+s.Name+".from", fmt.Sprintf("there is no variant %q", s.From), Nearest(s.From, f.Variants())))
			continue
		}
		for _, axis := range n.get("vary").fields {
			if axis.value.kind != list || len(axis.value.items) == 0 {
				errs = append(errs, axis.value.pos.fail(axis.key, fmt.Sprintf("is %s, expected a list of values to try", axis.value.flow()), ""))
				continue
			}
			for _, value := range axis.value.items {
				e := &editor{file: f}
				e.tree, e.errs = f.tree(s.From, nil)
				e.set("", field{axis.key, axis.pos, value})
				if len(e.errs) == 0 {
					_, e.errs = f.decode(e.tree)
				}
				errs = append(errs, e.errs...)
			}
		}
	}
	return errs
}

// ParseAxis reads an axis as the command line has it: "path=1,2,5", "path=[none, 10%]", or
// "path=10%..50%:10%", from the first to the last in steps.
func ParseAxis(text string) (Axis, error) {
	name := "--vary " + text
	path, values, found := strings.Cut(text, "=")
	if !found || path == "" || values == "" {
		return Axis{}, Errors{{File: name, Problem: "expected path=value,value or path=low..high:step"}}
	}
	axis := Axis{Path: path}
	if span, step, stepped := strings.Cut(values, ":"); stepped && strings.Contains(span, "..") && !strings.ContainsAny(values, "[{,") {
		low, high, _ := strings.Cut(span, "..")
		steps, err := stepThrough(low, high, strings.TrimSpace(step))
		if err != nil {
			return Axis{}, Errors{{File: name, Problem: err.Error()}}
		}
		axis.Values = steps
		return axis, nil
	}
	if !strings.HasPrefix(values, "[") {
		values = "[" + values + "]" // scalars only: a comma inside braces is not one between values
	}
	n, errs := parse(name, []byte(values))
	if len(errs) > 0 {
		return Axis{}, Errors{{File: name, Path: path, Problem: errs[0].Problem}}
	}
	for _, item := range n.items {
		axis.Values = append(axis.Values, Raw(item.flow()))
	}
	return axis, nil
}

// stepThrough lists low, low + step and so on up to high: numbers of one unit, or lengths of time.
func stepThrough(low, high, step string) ([]Raw, error) {
	const most = 10_000
	from, unit1, ok1 := numberAndUnit(low)
	to, unit2, ok2 := numberAndUnit(high)
	by, unit3, ok3 := numberAndUnit(step)
	write := func(r *big.Rat) Raw {
		s := r.FloatString(12)
		return Raw(strings.TrimRight(strings.TrimRight(s, "0"), ".") + unit1)
	}
	if !ok1 || !ok2 || !ok3 || unit1 != unit2 || unit1 != unit3 {
		times := make([]*big.Rat, 3)
		for i, text := range []string{low, high, step} {
			d, err := parseDuration(text)
			if err != nil {
				return nil, fmt.Errorf("%s..%s:%s: expected numbers of one unit, such as 1..5:1, 10%%..50%%:10%% or 100ms..1s:100ms", low, high, step)
			}
			times[i] = new(big.Rat).SetInt64(int64(d))
		}
		from, to, by = times[0], times[1], times[2]
		write = func(r *big.Rat) Raw { return Raw(formatNanoseconds(r)) }
	}
	if by.Sign() <= 0 || to.Cmp(from) < 0 {
		return nil, fmt.Errorf("%s..%s:%s goes nowhere: expected low..high and a step above 0", low, high, step)
	}
	var values []Raw
	for ; from.Cmp(to) <= 0; from = new(big.Rat).Add(from, by) {
		if len(values) == most {
			return nil, fmt.Errorf("%s..%s:%s has more than %d values", low, high, step, most)
		}
		values = append(values, write(from))
	}
	return values, nil
}

func numberAndUnit(text string) (*big.Rat, string, bool) {
	text = strings.TrimSpace(text)
	unit := strings.TrimLeft(text, "-0123456789.")
	n, ok := new(big.Rat).SetString(strings.TrimSuffix(text, unit))
	return n, unit, ok && !strings.ContainsAny(unit, "0123456789")
}
