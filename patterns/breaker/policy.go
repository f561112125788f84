package breaker

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next behind this breaker; several calls to one dependency may share it. A call
// that is not let through is [patterns.Rejected]. Every change of state is noted in the run, as
// "breaker", the name, and the new state, when a call brings it about or finds that time has. Time is
// the kernel's, as if on a monotonic clock: a host's clock that is set back does not hold a breaker open.
func (b *Breaker) Wrap(next patterns.Call) patterns.Call {
	b.wrapped = true
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		permit, err := b.Allow(p.Sim().Now())
		b.note(p)
		if err != nil {
			return patterns.Response{}, b.rejected
		}
		outcome := Unknown // unless the call comes back: a killed caller is unwound
		defer func() {
			b.Done(p.Sim().Now(), permit, outcome)
			b.note(p)
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

// note says which states were entered since the last note.
func (b *Breaker) note(p *sim.Process) {
	if len(b.unnoted) == 0 {
		return
	}
	for _, s := range b.unnoted {
		p.Sim().Note("breaker", b.cfg.Name, s.String())
	}
	b.unnoted = b.unnoted[:0]
}
