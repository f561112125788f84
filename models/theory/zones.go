package theory

// Zones is replicas laid out over zones. A replica is up if its node is and its zone is; all nodes and
// zones fail independently.
type Zones struct {
	Replicas   []int // in each zone
	Needed     int   // replicas that must be up; 0 means a majority
	Node, Zone Component
}

// Unavailability returns the share of time that fewer replicas than needed are up.
func (z Zones) Unavailability() float64 {
	total := 0
	p := []float64{1} // of so many replicas up in the zones so far
	for _, n := range z.Replicas {
		total += n
		node := make([]float64, n)
		for i := range node {
			node[i] = z.Node.Availability()
		}
		here := counts(node)
		for i := range here {
			here[i] *= z.Zone.Availability()
		}
		here[0] += z.Zone.Unavailability()

		next := make([]float64, total+1)
		for i, x := range p {
			for j, y := range here {
				next[i+j] += x * y
			}
		}
		p = next
	}
	needed := z.Needed
	if needed == 0 {
		needed = total/2 + 1
	}
	return fewerThan(needed, p)
}
