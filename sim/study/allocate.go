package study

// allocate spreads runs over classes and returns how many each is to have in all. Each goes where it
// narrows the answer most, which ends at shares in proportion to need/√cost (Neyman, 1934): need is the
// standard deviation that one run of the class brings into the answer, cost what a run takes. Runs are
// given out by fours, as far as they go: the lengths of four incidents are balanced.
func allocate(have []int, total int, need, cost []float64) []int {
	goal := append([]int{}, have...)
	left := total
	for _, n := range have {
		left -= n
	}
	for ; left > 0; left -= 4 {
		best, most := 0, -1.0
		for c := range goal {
			// How much the variance of the answer shrinks for the cost of one more run.
			n := max(1, float64(goal[c]))
			if gain := need[c] * need[c] / (n * (n + 1)) / cost[c]; gain > most {
				best, most = c, gain
			}
		}
		goal[best] += min(4, left)
	}
	return goal
}
