package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Erlang is the time that a whole number of exponential stages take one after the other: a [Gamma]
// whose shape is whole.
type Erlang struct{ gamma Gamma }

// NewErlang returns the Erlang distribution of the given number of stages and mean of their sum.
func NewErlang(stages int, mean float64) (Erlang, error) {
	k := float64(stages)
	return Erlang{newGamma(k, mean/k)}, check("erlang",
		need{stages >= 1, "stages", stages, "1 or more"}, positive("mean", mean))
}

func (d Erlang) Sample(r *sim.Stream) float64 { return d.gamma.Sample(r) }

func (d Erlang) Mean() float64 { return d.gamma.Mean() }

func (d Erlang) Variance() float64 { return d.gamma.Variance() }

func (d Erlang) Quantile(p float64) float64 { return d.gamma.Quantile(p) }

func (d Erlang) CDF(x float64) float64 { return d.gamma.CDF(x) }

func (d Erlang) String() string {
	return fmt.Sprintf("erlang(stages=%.0f, mean=%.6g)", d.gamma.shape, d.Mean())
}
