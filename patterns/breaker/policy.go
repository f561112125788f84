package breaker

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next behind this breaker; several calls to one dependency may share it. A call
// that is not let through is [patterns.Rejected]. Every change of state is noted in the run, as
// "breaker", the name, and the new state. Time is the kernel's, as if on a monotonic clock: a host's
// clock that is set back does not hold a breaker open.
func (b *Breaker) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		before := b.epoch
		permit, err := b.Allow(p.Sim().Now())
		if err != nil {
			return patterns.Response{}, b.rejected
		}
		if b.epoch != before {
			b.note(p)
		}
		outcome := Unknown // unless the call comes back: a killed caller is unwound
		defer func() {
			before := b.epoch
			if b.Done(p.Sim().Now(), permit, outcome); b.epoch != before {
				b.note(p)
			}
		}()
		resp, err := next(p, req)
		switch {
		case err == nil:
			outcome = Success
		case b.cfg.On.Match(err):
			outcome = Failure
		}
		return resp, err
	}
}

func (b *Breaker) note(p *sim.Process) { p.Sim().Note("breaker", b.cfg.Name, b.state.String()) }
