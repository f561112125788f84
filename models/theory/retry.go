package theory

import "math"

// Retry makes up to Attempts attempts, the first among them, each of which fails with the
// probability Failure, independently.
type Retry struct {
	Failure  float64
	Attempts int
}

// Success returns the share of calls that succeed.
func (r Retry) Success() float64 { return 1 - math.Pow(r.Failure, float64(r.Attempts)) }

// Load returns the mean number of attempts a call.
func (r Retry) Load() float64 {
	if r.Failure == 1 {
		return float64(r.Attempts)
	}
	return r.Success() / (1 - r.Failure)
}

// TokenRetry is a [Retry] whose every retry takes a token from a bucket into which every success puts
// the share Deposit of one (M. Brooker, "Fixing retries with token buckets and circuit breakers", 2022).
// The formulas hold while the bucket is mostly empty or mostly full, not near Failure = Deposit.
type TokenRetry struct {
	Retry
	Deposit float64
}

// Limited reports whether the bucket runs dry, so that tokens and not Attempts limit the retries.
func (r TokenRetry) Limited() bool { return 1+r.retries() < r.Retry.Load() }

// Load returns the mean number of attempts a call.
func (r TokenRetry) Load() float64 { return min(1+r.retries(), r.Retry.Load()) }

// Success returns the share of calls that succeed.
func (r TokenRetry) Success() float64 {
	if r.Limited() {
		return (1 - r.Failure) * r.Load()
	}
	return r.Retry.Success()
}

// retries returns the retries a call that the successes of all attempts can pay for: r = d (1-x) (1+r).
func (r TokenRetry) retries() float64 {
	d := r.Deposit * (1 - r.Failure)
	return d / (1 - d)
}
