package theory

// Quorum is a store of N replicas where a write waits for W of them and a read asks R. The replicas are
// chosen at random, and a write reaches no others before the read.
type Quorum struct{ N, R, W int }

// Stale returns the probability that a read misses the latest write (P. Bailis et al.,
// "Probabilistically Bounded Staleness", 2012): C(N-W, R) / C(N, R).
func (q Quorum) Stale() float64 {
	p := 1.0
	for i := range q.R {
		p *= float64(max(q.N-q.W-i, 0)) / float64(q.N-i)
	}
	return p
}
