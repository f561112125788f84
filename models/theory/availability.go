package theory

import "math"

// Component is up and down by turns. Its availability depends on the two means alone; what varies over
// time holds for exponential ones.
type Component struct{ MTBF, MTTR float64 } // mean time up, mean time down

// Availability returns the share of time up in the long run.
func (c Component) Availability() float64 { return c.MTBF / (c.MTBF + c.MTTR) }

// Unavailability returns the share of time down in the long run.
func (c Component) Unavailability() float64 { return c.MTTR / (c.MTBF + c.MTTR) }

// At returns the probability of being up at time t after having started up.
func (c Component) At(t float64) float64 {
	return c.Availability() + c.Unavailability()*math.Exp(-c.rates()*t)
}

// MeanOver returns the expected share of time up during the first t after having started up.
func (c Component) MeanOver(t float64) float64 {
	return c.Availability() - c.Unavailability()*math.Expm1(-c.rates()*t)/(c.rates()*t)
}

// SDOver returns the standard deviation of the share of time up during a long time t: how far one
// observed year may be from the truth.
func (c Component) SDOver(t float64) float64 {
	fail, repair := 1/c.MTBF, 1/c.MTTR
	return math.Sqrt(2 * fail * repair / (math.Pow(c.rates(), 3) * t))
}

func (c Component) rates() float64 { return 1/c.MTBF + 1/c.MTTR }

// KOfN returns the probability that fewer than k of n independent components are up, each with the
// given probability of being down.
func KOfN(k, n int, down float64) float64 {
	up := make([]float64, n)
	for i := range up {
		up[i] = 1 - down
	}
	return fewerThan(k, counts(up))
}

// counts returns the probabilities that 0, 1, ... of independent components are up, given each one's.
func counts(up []float64) []float64 {
	p := []float64{1}
	for _, u := range up {
		next := make([]float64, len(p)+1)
		for i, x := range p {
			next[i] += x * (1 - u)
			next[i+1] += x * u
		}
		p = next
	}
	return p
}

func fewerThan(k int, p []float64) float64 {
	sum := 0.0
	for _, x := range p[:min(k, len(p))] {
		sum += x
	}
	return sum
}
