package study

// Incident returns the case of one seed of one cause, as a study by incidents has it: an incident of
// the same length, so that a person can look at a run of a study alone.
func Incident(variant Variant, cause Cause, seed uint64) Case {
	u, weight := Quantile(cause.Name, seed, 0), 1.0
	if !cause.Fixed {
		u, weight = stretch(u)
	}
	return Case{
		Variant: variant.Name, Point: variant.Point, Causes: []string{cause.Name},
		Seed: seed, U: []float64{u}, Weight: weight,
	}
}
