package study

import (
	"slices"

	"github.com/nines-sim/nines/sim"
	"gonum.org/v1/gonum/stat/distuv"
)

// inputDraws is how many values of the uncertain rates the intervals are made of.
const inputDraws = 2000

// rateDraws returns, for each cause, the factors by which its rate may differ from its estimate, or nil
// if it is known. All variants share the draws: they live in the same world.
//
// After n events in a time T the rate is gamma distributed with shape n + 1/2 and rate T (the posterior
// of Jeffreys' prior). The draws are stratified and put into an order of their own for each cause.
func rateDraws(causes []Cause, seed uint64) (draws [][]float64, uncertain bool) {
	draws = make([][]float64, len(causes))
	for i, c := range causes {
		if !c.Rate.Uncertain() {
			continue
		}
		uncertain = true
		posterior := distuv.Gamma{Alpha: c.Rate.Events + 0.5, Beta: c.Rate.Years}
		list := make([]float64, inputDraws)
		for r := range list {
			list[r] = posterior.Quantile((float64(r) + 0.5) / inputDraws)
		}
		rng := sim.Seed(seed).Stream("study/rate/" + c.Name)
		rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		draws[i] = list
	}
	return draws, uncertain
}

// under returns, sorted, what f makes of the rates (per victim and year) of each draw.
func under(causes []Cause, draws [][]float64, f func(perYear []float64) float64) []float64 {
	values := make([]float64, inputDraws)
	rates := make([]float64, len(causes))
	for r := range values {
		for i, c := range causes {
			rates[i] = c.Rate.PerYear
			if draws[i] != nil {
				rates[i] = draws[i][r]
			}
		}
		values[r] = f(rates)
	}
	slices.Sort(values)
	return values
}
