package balance

// The words that stand for values in files, in the order of the values.

func (Pick) Words() []string {
	return []string{"round_robin", "random", "least", "p2c", "smooth_weighted", "static_stride", "ring_hash", "maglev"}
}
func (Measure) Words() []string    { return []string{"in_flight", "peak_ewma", "told"} }
func (Overflow) Words() []string   { return []string{"next", "jump"} }
func (SubsetKind) Words() []string { return []string{"all", "random", "deterministic"} }
func (ZoneMode) Words() []string   { return []string{"ignore", "aware", "prefer"} }
