package dist

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Constant is always the same number. It draws nothing from the stream.
type Constant struct{ x float64 }

// NewConstant returns the constant x.
func NewConstant(x float64) (Constant, error) {
	return Constant{x}, check("constant", finite("value", x))
}

// Exactly returns the constant d, in seconds. [Duration] gives it back to the nanosecond up to 26 days,
// from where on a float64 has no room for nanoseconds.
func Exactly(d time.Duration) Constant { return Constant{d.Seconds()} }

func (d Constant) Sample(*sim.Stream) float64 { return d.x }

func (d Constant) Mean() float64 { return d.x }

func (d Constant) Variance() float64 { return 0 }

func (d Constant) Quantile(p float64) float64 {
	mustBeProbability(p)
	return d.x
}

func (d Constant) CDF(x float64) float64 {
	if x < d.x {
		return 0
	}
	return 1
}

func (d Constant) String() string { return fmt.Sprintf("constant(%v)", d.x) }
