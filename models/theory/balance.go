package theory

import "math"

// Choices returns the mean time in the system, in units of the mean service time, when each arrival joins
// the shortest of d queues picked at random out of very many, each loaded to the given share with
// Poisson arrivals and exponential service (M. Mitzenmacher, 1996; N. Vvedenskaya et al., 1996).
func Choices(load float64, d int) float64 {
	switch {
	case load >= 1:
		return math.Inf(1)
	case !(load >= 0 && d >= 1):
		return math.NaN()
	}
	sum, exponent := 0.0, 0.0 // (d^i - d) / (d-1) = 0, d, d + d², ...
	for power := float64(d); ; power *= float64(d) {
		term := math.Pow(load, exponent)
		sum += term
		if term < 1e-17*sum {
			return sum
		}
		exponent += power
	}
}
