package study

import (
	"fmt"
	"strings"
)

// An Axis is one thing that a sweep varies.
type Axis struct {
	Path   string
	Values []string
}

// A Grid is what a sweep goes through: every combination of values.
type Grid []Axis

// Validate reports every axis that cannot be swept.
func (g Grid) Validate() error {
	var bad []string
	seen := map[string]bool{}
	for _, a := range g {
		switch {
		case a.Path == "":
			bad = append(bad, "an axis has no path")
		case seen[a.Path]:
			bad = append(bad, a.Path+" is varied twice")
		case len(a.Values) == 0:
			bad = append(bad, a.Path+" has no values")
		}
		seen[a.Path] = true
		values := map[string]bool{}
		for _, v := range a.Values {
			if values[v] {
				bad = append(bad, fmt.Sprintf("%s has the value %s twice", a.Path, v))
			}
			values[v] = true
		}
	}
	if bad != nil {
		return fmt.Errorf("study: sweep: %s", strings.Join(bad, "; "))
	}
	return nil
}

// Points returns the places of the grid, the last axis changing fastest.
func (g Grid) Points() []Point {
	points := []Point{nil}
	for _, a := range g {
		var finer []Point
		for _, p := range points {
			for _, v := range a.Values {
				finer = append(finer, append(p[:len(p):len(p)], Setting{a.Path, v}))
			}
		}
		points = finer
	}
	return points
}

// Variants returns a variant for each point of the grid, otherwise as the one given.
func (g Grid) Variants(from Variant) []Variant {
	var list []Variant
	for _, p := range g.Points() {
		list = append(list, Variant{Name: from.Name, Point: p, Victims: from.Victims})
	}
	return list
}

// LeaveOneOut returns every list that lacks exactly one of the parts, in their order: what a variant
// made of all parts is compared with to see what each is worth.
func LeaveOneOut[T any](parts []T) [][]T {
	lists := make([][]T, len(parts))
	for i := range parts {
		lists[i] = append(append([]T{}, parts[:i]...), parts[i+1:]...)
	}
	return lists
}
