package breaker

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// trial is what the probes came to, while half-open.
type trial struct {
	given    int           // permits given out, less those given back
	underWay int           // probes
	credit   time.Duration // of a Ramp: a probe costs all of it
	ended    tally         // what they came to
	good     int           // those that neither failed nor were slow
}

// admit reports whether a call may be a probe, and counts it.
func (b *Breaker) admit(now sim.Time) bool {
	c, t := &b.cfg, &b.trial
	switch {
	case c.Ramp > 0:
		t.credit += now.Sub(b.since) // of each call, the share of the Ramp that has passed
		if t.credit < c.Ramp {
			return false
		}
		t.credit -= c.Ramp
	case c.Permits == InAll && t.given >= c.Probes, c.Permits == AtOnce && t.underWay >= c.Probes:
		return false
	}
	t.given++
	t.underWay++
	return true
}

// judge counts the result of a probe and returns the state that follows from it.
func (b *Breaker) judge(outcome Outcome, slow bool) State {
	c, t := &b.cfg, &b.trial
	if outcome == Unknown {
		switch c.Unlearned {
		case Kept:
			return HalfOpen
		case Returned:
			t.given--
			t.underWay--
			return HalfOpen
		}
		outcome = Failure
	}
	t.underWay--
	t.ended.calls++
	if outcome == Failure {
		t.ended.failures++
	}
	if slow {
		t.ended.slow++
	}
	if outcome == Success && !slow {
		t.good++
	}
	return t.verdict(c)
}

func (t *trial) verdict(c *Config) State {
	bad, most := int(t.ended.calls)-t.good, c.Probes
	if c.Ramp > 0 {
		most = 0
	}
	switch {
	case c.Verdict == ByRate && t.ended.calls < minCalls(c, most):
		return HalfOpen
	case c.Verdict == ByRate && c.WholePercent && percent(t.ended.calls-t.ended.failures, t.ended.calls) > 1-c.Rate:
		return Closed // rounded, there can be enough of both; failsafe-go looks at successes first
	case c.Verdict == ByRate && c.tooMany(t.ended):
		return Open
	case c.Verdict == OneFailure && bad > 0:
		return Open
	case c.Ramp > 0: // until it is over
		return HalfOpen
	case c.Verdict == ByRate, t.good >= c.successes():
		return Closed
	case bad > c.Probes-c.successes():
		return Open
	}
	return HalfOpen
}
