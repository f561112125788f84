package breaker

// The words that stand for values in files, in the order of the values.

func (Permits) Words() []string   { return []string{"in_all", "at_once"} }
func (Verdict) Words() []string   { return []string{"one_failure", "spare", "by_rate"} }
func (Unlearned) Words() []string { return []string{"returned", "kept", "failed"} }
func (Stale) Words() []string     { return []string{"ignored", "counted", "failures"} }
