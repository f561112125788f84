package theory

import "math"

// MG1 is one server with any distribution of service, of which only the mean and the coefficient of
// variation (standard deviation / mean) matter for the means (Pollaczek 1930, Khinchine 1932).
type MG1 struct{ Lambda, Service, CV float64 }

// Load returns the share of time that the server is busy, if that is below 1.
func (q MG1) Load() float64 { return q.Lambda * q.Service }

// MeanWait returns the mean wait before service, Wq.
func (q MG1) MeanWait() float64 {
	load := q.Load()
	return orInf(load*(1+q.CV*q.CV)/(2*(1-load))*q.Service, load < 1)
}

// MeanTime returns the mean time in the system, W.
func (q MG1) MeanTime() float64 { return q.MeanWait() + q.Service }

// MeanQueue returns the mean number that wait, Lq.
func (q MG1) MeanQueue() float64 { return q.Lambda * q.MeanWait() }

// MeanNumber returns the mean number in the system, L.
func (q MG1) MeanNumber() float64 { return q.Lambda * q.MeanTime() }

// BreakdownMM1 is an [MM1] whose server breaks down at the rate Fail, busy or not, and is repaired
// at the rate Repair; the work in hand is continued (White and Christie, "Queuing with Preemptive
// Priorities or with Breakdown", 1958).
type BreakdownMM1 struct{ Lambda, Mu, Fail, Repair float64 }

// Load returns the offered load over the share of time that the server is up. It must be below 1.
func (q BreakdownMM1) Load() float64 { return q.Lambda / q.Mu * (q.Fail + q.Repair) / q.Repair }

// MeanNumber returns the mean number in the system, L.
func (q BreakdownMM1) MeanNumber() float64 {
	if q.Load() >= 1 {
		return math.Inf(1)
	}
	both := q.Fail + q.Repair
	return q.Lambda * (both*both + q.Mu*q.Fail) / (both * (q.Repair*(q.Mu-q.Lambda) - q.Lambda*q.Fail))
}

// MeanTime returns the mean time in the system, W.
func (q BreakdownMM1) MeanTime() float64 { return q.MeanNumber() / q.Lambda }
