package theory

// MMcK is several servers with one queue that has an end: an arrival that finds Capacity customers in
// the system, the ones in service among them, is turned away.
type MMcK struct {
	Lambda, Mu        float64
	Servers, Capacity int
}

// Blocked returns the share of arrivals that are turned away.
func (q MMcK) Blocked() float64 { return q.stationary()[q.Capacity] }

// MeanNumber returns the mean number in the system, L.
func (q MMcK) MeanNumber() float64 { return mean(q.stationary()) }

// MeanTime returns the mean time in the system, W, of those who were let in.
func (q MMcK) MeanTime() float64 { return q.MeanNumber() / (q.Lambda * (1 - q.Blocked())) }

func (q MMcK) stationary() []float64 {
	var chain birthDeath
	for n := range q.Capacity {
		chain.up = append(chain.up, q.Lambda)
		chain.down = append(chain.down, q.Mu*float64(min(n+1, q.Servers)))
	}
	return chain.stationary()
}
