package theory_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// printed checks that got is want to the digits that want is printed with.
func printed(t *testing.T, what string, got float64, want string) {
	t.Helper()
	w, err := strconv.ParseFloat(want, 64)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	mantissa, exponent, _ := strings.Cut(want, "e")
	_, decimals, _ := strings.Cut(mantissa, ".")
	e, _ := strconv.Atoi(exponent) // "" is 0
	unit := math.Pow10(e - len(decimals))
	if !(math.Abs(got-w) <= 0.5001*unit) {
		t.Errorf("%s is %.9g, published %s", what, got, want)
	}
}

// rows splits a table into its rows and fields.
func rows(table string) (all [][]string) {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 0 {
			all = append(all, fields)
		}
	}
	return all
}

// numbers parses the first n fields of a row.
func numbers(t *testing.T, row []string, n int) []float64 {
	t.Helper()
	x := make([]float64, n)
	for i := range x {
		var err error
		if x[i], err = strconv.ParseFloat(row[i], 64); err != nil {
			t.Fatalf("row %v: %v", row, err)
		}
	}
	return x
}
