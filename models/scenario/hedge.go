package scenario

import (
	"github.com/nines-sim/nines/patterns/hedge"
)

// A Hedge sends further copies of a call that is not answered soon, and takes the answer that comes first. It helps
// where replicas are slow one at a time, and makes things worse where all are.
type Hedge struct {
	Preset       string  `nines:"preset,preset"` // what a library does; the other keys change it
	Budget       *Budget `nines:"budget"`        // limits the hedges of all calls of a client together; a ratio alone: hedges for each call
	hedge.Config `nines:",inline"`
}

// One hedge at the 95th percentile of the last 30 s (J. Dean and L. A. Barroso, "The Tail at Scale", 2013), and
// a budget of a tenth of the calls, or one hedge a second.
func (h *Hedge) defaults() { h.use(hedge.DefaultConfig()) }

func (h *Hedge) presets() []Preset { return presets(hedge.Presets(), h.use) }

// use takes a configuration over.
func (h *Hedge) use(c hedge.Config) {
	h.Budget = budgetOf(c.Budget)
	c.Budget = nil
	h.Config = c
}

// Of returns the configuration.
func (h *Hedge) Of() hedge.Config {
	c := meant(h).Config
	if h.Budget != nil {
		c.Budget = h.Budget.Of()
	}
	return c
}

// settle finds the mode that a delay, or delays, mean alone, and what follows from a mode.
func (h *Hedge) settle(written func(key string) bool) {
	switch {
	case written("mode"):
	case written("delay"):
		h.Mode = hedge.Fixed
	case written("delays"):
		h.Mode = hedge.Dynamic
	}
	if h.Mode == hedge.Fallback && !written("on_failure") {
		h.OnFailure = hedge.Hurry
	}
}

func (h *Hedge) excludes(key string) string {
	learns := h.Mode == hedge.Quantile || h.Mode == hedge.Average
	switch key {
	case "delay":
		if h.Mode != hedge.Fixed {
			return "has a meaning only with mode: fixed"
		}
	case "delays":
		if h.Mode != hedge.Dynamic {
			return "has a meaning only with mode: dynamic"
		}
	case "quantile", "step", "steps", "settled":
		if h.Mode != hedge.Quantile {
			return "has a meaning only with mode: quantile"
		}
	case "last", "factor", "plus":
		if h.Mode != hedge.Average {
			return "has a meaning only with mode: average"
		}
	case "learn_from", "refresh", "min_calls", "min", "max":
		if !learns {
			return "has a meaning only with mode: quantile or average"
		}
	}
	return ""
}

func (h *Hedge) check(fail func(key, problem string)) {
	if h.Budget != nil && h.Budget.Kind == "adaptive" {
		fail("budget", "is adaptive, need one that does not make calls wait")
		return
	}
	c := h.Of()
	c.Budget = nil // it is checked where it is written
	checkConfig[Hedge](c.Validate(), fail)
}
