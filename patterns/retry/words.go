package retry

// The words that stand for values in files, in the order of the values.

func (Growth) Words() []string { return growthNames[:] }
func (Jitter) Words() []string { return jitterNames[:] }
func (Pushback) Words() []string {
	return []string{"at_least", "ignored", "instead", "between", "jittered"}
}
func (Deposit) Words() []string { return []string{"on_start", "on_success", "on_not_retryable"} }
func (Books) Words() []string   { return []string{"exactly", "as_finagle", "as_tower"} }
