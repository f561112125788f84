package outlier

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// A Judge says who is ejected: a [Detector] or an [Accrual].
type Judge interface {
	Ejected(now sim.Time, i int) bool
	Begin(now sim.Time, i int)
	Done(now sim.Time, i int, outcome Outcome)
	OnChange(f func(Change))
}

// Guard returns the targets as a balancer is to see them: one that is ejected is not healthy, and every
// call tells the judge how it ended. Target i is the judge's endpoint i.
//
// What happens when too many are ejected is the balancer's affair: with [balance.Config.Panic] at 0 it
// turns calls away when nobody is left; a little more than 0 and it then uses all; at 0.5, as Envoy has
// it, it uses all when fewer than half are healthy.
//
// Every ejection and every end of one is noted in the run when somebody calls next, as "outlier", the
// name, and what happened to whom. Time is the kernel's, as if on a monotonic clock.
func Guard(s *sim.Simulation, name string, judge Judge, targets []balance.Target) []balance.Target {
	judge.OnChange(func(c Change) {
		what := "back: "
		if c.Ejected {
			what = "ejected: "
		}
		s.Note("outlier", name, targets[c.Endpoint].Name()+" "+what+c.Why.String())
	})
	guarded := make([]balance.Target, len(targets))
	for i, t := range targets {
		guarded[i] = &guard{t, s, judge, i}
	}
	return guarded
}

type guard struct {
	balance.Target
	s     *sim.Simulation
	judge Judge
	i     int
}

// Unwrap returns the target behind the guard.
func (g *guard) Unwrap() balance.Target { return g.Target }

func (g *guard) Healthy() bool { return g.Target.Healthy() && !g.judge.Ejected(g.s.Now(), g.i) }

func (g *guard) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	g.judge.Begin(g.s.Now(), g.i)
	outcome := Ignored // unless the call comes back: a killed caller is unwound
	defer func() { g.judge.Done(g.s.Now(), g.i, outcome) }()
	resp, err := g.Target.Call(p, req)
	outcome = OutcomeOf(err)
	return resp, err
}
