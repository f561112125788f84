package sim

// ForceTrampoline sets Config.Trampoline in every run from now on.
func ForceTrampoline() { forceTrampoline = true }
