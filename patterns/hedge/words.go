package hedge

// The words that stand for values in files, in the order of the values.

func (Mode) Words() []string   { return modeNames[:] }
func (Then) Words() []string   { return []string{"wait", "hurry", "in_turn"} }
func (Source) Words() []string { return []string{"successes", "results", "firsts", "outrun"} }
