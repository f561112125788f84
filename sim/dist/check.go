package dist

import (
	"fmt"
	"math"
	"strings"
)

// A need is one condition on an argument of a constructor.
type need struct {
	ok    bool
	name  string
	value any
	want  string
}

// check returns an error that names every argument that is not as needed, its value and what was
// expected, or nil.
func check(distribution string, needs ...need) error {
	var bad []string
	for _, n := range needs {
		if !n.ok {
			bad = append(bad, fmt.Sprintf("%s is %v, need %s", n.name, n.value, n.want))
		}
	}
	if bad == nil {
		return nil
	}
	return fmt.Errorf("dist: %s: %s", distribution, strings.Join(bad, "; "))
}

func finite(name string, x float64) need {
	return need{!math.IsNaN(x) && !math.IsInf(x, 0), name, x, "a finite number"}
}

func positive(name string, x float64) need {
	return need{x > 0 && x <= math.MaxFloat64, name, x, "a positive number"}
}

func notNegative(name string, x float64) need {
	return need{x >= 0 && x <= math.MaxFloat64, name, x, "0 or more"}
}

func probability(name string, p float64) need {
	return need{p >= 0 && p <= 1, name, p, "0 to 1"}
}

// inside is for probabilities of which neither 0 nor 1 makes sense.
func inside(name string, p float64) need {
	return need{p > 0 && p < 1, name, p, "more than 0 and less than 1"}
}

func moreThan(name string, x float64, otherName string, other float64) need {
	return need{x > other && x <= math.MaxFloat64, name, x, fmt.Sprintf("more than %s, which is %v", otherName, other)}
}

// quantiles are the conditions on two quantiles of a positive distribution.
func quantiles(p1, x1, p2, x2 float64) []need {
	return []need{
		inside("p1", p1), need{p2 > p1 && p2 < 1, "p2", p2, fmt.Sprintf("more than p1, which is %v, and less than 1", p1)},
		positive("x1", x1), moreThan("x2", x2, "x1", x1),
	}
}
