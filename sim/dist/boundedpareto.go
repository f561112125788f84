package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// BoundedPareto is a [Pareto] without what is above a bound: heavy-tailed sizes of things that have
// a largest one.
type BoundedPareto struct {
	shape, low, high float64
	kept             float64 // share of the Pareto that is below high
}

// NewBoundedPareto returns the part from low to high of the Pareto distribution of a shape.
func NewBoundedPareto(shape, low, high float64) (BoundedPareto, error) {
	return BoundedPareto{shape, low, high, -Expm1(float64(shape * Log(low/high)))}, check("bounded pareto",
		positive("shape", shape), positive("low", low), moreThan("high", high, "low", low))
}

func (d BoundedPareto) Sample(r *sim.Stream) float64 { return d.Quantile(open(r)) }

func (d BoundedPareto) Mean() float64 { return d.moment(1) }

func (d BoundedPareto) Variance() float64 {
	m := d.moment(1)
	return d.moment(2) - float64(m*m)
}

func (d BoundedPareto) Quantile(p float64) float64 {
	mustBeProbability(p)
	return min(float64(d.low*Exp(-Log1p(-float64(p*d.kept))/d.shape)), d.high)
}

func (d BoundedPareto) CDF(x float64) float64 {
	x = min(max(x, d.low), d.high)
	return -Expm1(float64(d.shape*Log(d.low/x))) / d.kept
}

func (d BoundedPareto) String() string {
	return fmt.Sprintf("bounded pareto(shape=%.6g, low=%.6g, high=%.6g)", d.shape, d.low, d.high)
}

// moment returns the expected k-th power: the integral of x^k shape low^shape x^(-shape-1) / kept.
func (d BoundedPareto) moment(k float64) float64 {
	// ∫ x^(e-1) = (high^e - low^e)/e with e = k - shape, which is log(high/low) for e = 0.
	e := k - d.shape
	l := Log(d.high / d.low)
	integral := l
	if e != 0 {
		integral = Expm1(float64(e*l)) / e
	}
	return float64(d.shape * Pow(d.low, k) * integral / d.kept)
}
