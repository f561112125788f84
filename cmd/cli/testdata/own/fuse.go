package main

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Config says when a fuse blows. These are the keys at calls.<caller>.<callee>.fuse.
type Config struct {
	Failures int           // in a row after which it blows
	Cooldown time.Duration // until calls go through again
}

// Validate reports what makes no sense, where the scenario has it.
func (c *Config) Validate() error {
	if c.Failures < 1 || c.Cooldown <= 0 {
		return errors.New("need failures of 1 or more and a cooldown")
	}
	return nil
}

// Fuse is the family of policies. It takes the place of a breaker around a call.
func Fuse() scenario.Family {
	return scenario.Family{
		Name: "fuse", Slot: "breaker",
		Config: func() any { return &Config{Failures: 5, Cooldown: 15 * time.Second} },
		New: func(_ *sim.Simulation, client string, config any) patterns.Policy {
			return &fuse{cfg: *config.(*Config), blown: &patterns.Error{Kind: patterns.Rejected, Layer: "fuse " + client}}
		},
	}
}

// A fuse turns calls away for a while after several in a row have failed.
type fuse struct {
	cfg    Config
	failed int
	until  sim.Time // calls are turned away before
	blown  *patterns.Error
}

func (f *fuse) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if p.Now() < f.until {
			return patterns.Response{}, f.blown
		}
		resp, err := next(p, req)
		f.failed++
		if err == nil {
			f.failed = 0
		}
		if f.failed == f.cfg.Failures {
			f.failed, f.until = 0, p.Now().Add(f.cfg.Cooldown)
			p.Sim().Note("fuse", f.blown.Layer, "blown")
		}
		return resp, err
	}
}
