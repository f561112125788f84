package theory

// A birthDeath chain is a count that goes up from i at the rate up[i], and from i+1 down to i at the
// rate down[i]. It has one state more than it has rates up.
type birthDeath struct{ up, down []float64 }

// stationary returns the share of time that the chain spends in each state in the long run.
func (c birthDeath) stationary() []float64 {
	p := make([]float64, len(c.up)+1)
	p[0] = 1
	sum := 1.0
	for i := range c.up {
		p[i+1] = p[i] * c.up[i] / c.down[i]
		sum += p[i+1]
		if sum > 1e250 { // far from overflow: only ratios matter
			for j := range p[:i+2] {
				p[j] /= sum
			}
			sum = 1
		}
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// firstPassage returns the mean time from state 0 until state n is first reached.
func (c birthDeath) firstPassage(n int) float64 {
	// From i to i+1 takes 1/up[i], and again from i-1 to i and on for each step down.
	total, step := 0.0, 0.0
	for i := range n {
		if i > 0 {
			step *= c.down[i-1]
		}
		step = (1 + step) / c.up[i]
		total += step
	}
	return total
}

// mean returns the mean of a count that has the value i with probability p[i].
func mean(p []float64) float64 {
	sum := 0.0
	for i, x := range p {
		sum += float64(i) * x
	}
	return sum
}
