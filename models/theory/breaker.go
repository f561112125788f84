package theory

import "math"

// Breaker is a circuit breaker that opens after Trip failures in a row, stays open for Open, then lets
// one probe through and closes if that succeeds. Calls come as a Poisson process at the rate Lambda,
// take no time and fail with the probability Failure, independently.
type Breaker struct {
	Failure      float64
	Trip         int
	Lambda, Open float64
}

// CallsUntilTrip returns the mean number of calls that a closed breaker lets through before it opens.
func (b Breaker) CallsUntilTrip() float64 {
	return (math.Pow(b.Failure, -float64(b.Trip)) - 1) / (1 - b.Failure)
}

// Rejected returns the share of calls that the breaker turns away.
func (b Breaker) Rejected() float64 { return b.rejected() / (b.passed() + b.rejected()) }

// Success returns the share of all calls that succeed.
func (b Breaker) Success() float64 {
	return (1 - b.Failure) * b.passed() / (b.passed() + b.rejected())
}

// passed and rejected count the calls of a cycle, from one closing to the next. It takes
// 1/(1-Failure) probes, and as many times open, to close.
func (b Breaker) passed() float64   { return b.CallsUntilTrip() + 1/(1-b.Failure) }
func (b Breaker) rejected() float64 { return b.Lambda * b.Open / (1 - b.Failure) }
