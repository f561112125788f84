package breaker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A model is a breaker that keeps everything and works out everything anew each time.
type model struct {
	cfg      breaker.Config
	state    breaker.State
	since    sim.Time
	openings int
	episode  int
	counts   breaker.Counts
	calls    []*call // of the present state
	all      []*call // results of stale calls too, as they came
	ticks    int     // looked at, since it closed
	credit   time.Duration
}

type call struct {
	permit     breaker.Permit
	began      sim.Time
	episode    int
	probe      bool
	done       bool
	at         sim.Time
	outcome    breaker.Outcome
	slow, lost bool // lost: its step had left when it ended
}

func (m *model) enter(s breaker.State, at sim.Time) {
	m.state, m.since, m.calls, m.all, m.ticks, m.credit = s, at, nil, nil, 0, m.cfg.Ramp
	m.episode++
	switch s {
	case breaker.Closed:
		m.openings = 0
	case breaker.Open:
		m.openings++
		m.counts.Opened++
	}
}

// opens returns when probes may go through.
func (m *model) opens() sim.Time {
	wait := m.cfg.Open
	for range m.openings - 1 {
		wait = time.Duration(float64(wait) * max(m.cfg.OpenFactor, 1))
	}
	if m.cfg.OpenMax > 0 {
		wait = min(wait, m.cfg.OpenMax)
	}
	if m.cfg.Strictly {
		wait++
	}
	return m.since.Add(wait)
}

func (m *model) settle(now sim.Time) {
	for {
		c := &m.cfg
		switch {
		case m.state == breaker.Open && c.Auto && now >= m.opens():
			m.enter(breaker.HalfOpen, m.opens())
		case m.state == breaker.HalfOpen && c.Ramp > 0 && now >= m.since.Add(c.Ramp):
			m.enter(breaker.Closed, m.since.Add(c.Ramp))
		case m.state == breaker.HalfOpen && c.Trial > 0 && now >= m.since.Add(c.Trial):
			next := breaker.Open
			if c.TrialCloses {
				next = breaker.Closed
			}
			m.enter(next, m.since.Add(c.Trial))
		case m.state == breaker.Closed && c.Every > 0 && now >= m.since.Add(time.Duration(m.ticks+1)*c.Every):
			m.ticks++
			if at := m.since.Add(time.Duration(m.ticks) * c.Every); m.trips(at - 1) {
				m.enter(breaker.Open, at)
			}
		default:
			return
		}
	}
}

// inside reports whether an instant's step is in the window that ends at now.
func (m *model) inside(at, now sim.Time) bool {
	step := int64(m.cfg.Window) / int64(m.cfg.Steps)
	origin := int64(0)
	if m.cfg.Align == breaker.Origin {
		origin = int64(m.since)
	}
	return (int64(now)-origin)/step-(int64(at)-origin)/step < int64(m.cfg.Steps)
}

func (m *model) trips(now sim.Time) bool {
	c := &m.cfg
	place := func(x *call) sim.Time {
		if c.AtStart {
			return x.began
		}
		return x.at
	}
	var counted []*call
	for _, x := range m.all {
		if x.at <= now && !x.lost && x.outcome != breaker.Unknown {
			counted = append(counted, x)
		}
	}
	row, last := 0, sim.Time(0)
	for _, x := range counted {
		switch {
		case x.outcome == breaker.Success && c.Gap == 0:
			row = 0
		case x.outcome == breaker.Failure:
			if c.Gap > 0 && x.at.Sub(last) > c.Gap {
				row = 0
			}
			last = x.at
			if !c.RowInWindow || c.Last > 0 || m.inside(place(x), now) {
				row++
			}
		}
	}
	var held []*call
	switch {
	case c.Last > 0:
		held = counted[max(0, len(counted)-c.Last):]
		if c.RowInWindow {
			fails := 0
			for _, x := range held {
				if x.outcome == breaker.Failure {
					fails++
				}
			}
			row = min(row, fails)
		}
	case c.AtStart:
		for _, x := range m.calls {
			if m.inside(x.began, now) && !(x.done && x.outcome == breaker.Unknown) {
				held = append(held, x)
			}
		}
	default:
		for _, x := range counted {
			if m.inside(x.at, now) {
				held = append(held, x)
			}
		}
	}
	enough := c.MinCalls
	if c.Last > 0 {
		enough = min(enough, c.Last)
	}
	fails, slows := tally(held)
	return c.Failures > 0 && row >= c.Failures ||
		len(held) > 0 && len(held) >= enough && (c.Count > 0 && fails >= c.Count || m.rate(fails, slows, len(held)))
}

func tally(list []*call) (fails, slows int) {
	for _, x := range list {
		if x.done && x.outcome == breaker.Failure {
			fails++
		}
		if x.done && x.slow {
			slows++
		}
	}
	return fails, slows
}

// rate compares shares of which all that can occur are exact.
func (m *model) rate(fails, slows, calls int) bool {
	beyond := func(part int, rate float64) bool {
		have, need := float64(part), rate*float64(calls)
		return rate > 0 && (have > need || have == need && !m.cfg.RateAbove)
	}
	return beyond(fails, m.cfg.Rate) || beyond(slows, m.cfg.SlowRate)
}

func (m *model) allow(now sim.Time) bool {
	m.settle(now)
	if m.state == breaker.Open && now >= m.opens() {
		m.enter(breaker.HalfOpen, now)
	}
	ok := m.state == breaker.Closed
	if m.state == breaker.HalfOpen {
		given, underWay := 0, 0
		for _, x := range m.calls {
			if !x.done || x.outcome != breaker.Unknown || m.cfg.Unlearned != breaker.Returned {
				given++
			}
			if !x.done || x.outcome == breaker.Unknown && m.cfg.Unlearned == breaker.Kept {
				underWay++
			}
		}
		if m.cfg.Stale == breaker.StaleCounted { // stale results give back permits that they never had
			for _, x := range m.all {
				if x.episode != m.episode && x.outcome == breaker.Unknown && m.cfg.Unlearned == breaker.Returned {
					given--
				}
				if x.episode != m.episode && (x.outcome != breaker.Unknown || m.cfg.Unlearned != breaker.Kept) {
					underWay--
				}
			}
		}
		switch {
		case m.cfg.Ramp > 0:
			m.credit += now.Sub(m.since)
			if ok = m.credit >= m.cfg.Ramp; ok {
				m.credit -= m.cfg.Ramp
			}
		case m.cfg.Permits == breaker.InAll:
			ok = given < m.cfg.Probes
		default:
			ok = underWay < m.cfg.Probes
		}
	}
	if ok {
		m.counts.Allowed++
	} else {
		m.counts.Rejected++
	}
	return ok
}

func (m *model) end(now sim.Time, x *call, outcome breaker.Outcome) {
	m.settle(now)
	c := &m.cfg
	x.done, x.at, x.outcome = true, now, outcome
	x.slow = outcome != breaker.Unknown && c.SlowRate > 0 && now.Sub(x.began) > c.Slow
	stale := x.episode != m.episode
	if stale && c.Stale == breaker.StaleIgnored {
		return
	}
	m.all = append(m.all, x)
	switch m.state {
	case breaker.Closed:
		x.lost = c.AtStart && c.Last == 0 && !m.inside(x.began, now)
		if x.lost && c.Steps == 1 || c.Every > 0 || outcome == breaker.Unknown || c.OnFailure && outcome == breaker.Success && !x.slow {
			return
		}
		if m.trips(now) {
			m.enter(breaker.Open, now)
		}
	case breaker.HalfOpen:
		if s := m.verdict(); s != breaker.HalfOpen {
			m.enter(s, now)
		}
	}
}

func (m *model) verdict() breaker.State {
	c := &m.cfg
	var ended []*call
	good := 0
	for _, x := range m.all {
		y := *x
		if y.outcome == breaker.Unknown {
			if c.Unlearned != breaker.Failed {
				continue
			}
			y.outcome = breaker.Failure
		}
		if y.outcome == breaker.Success && !y.slow {
			good++
		}
		ended = append(ended, &y)
	}
	if len(ended) == 0 {
		return breaker.HalfOpen
	}
	bad := len(ended) - good
	fails, slows := tally(ended)
	switch {
	case c.Verdict == breaker.ByRate:
		enough := c.MinCalls
		if c.Ramp == 0 {
			enough = min(enough, c.Probes)
		}
		switch {
		case len(ended) < enough:
			return breaker.HalfOpen
		case m.rate(fails, slows, len(ended)):
			return breaker.Open
		case c.Ramp > 0:
			return breaker.HalfOpen
		}
		return breaker.Closed
	case c.Verdict == breaker.OneFailure && bad > 0:
		return breaker.Open
	case c.Ramp > 0:
		return breaker.HalfOpen
	case good >= c.Successes:
		return breaker.Closed
	case bad > c.Probes-c.Successes:
		return breaker.Open
	}
	return breaker.HalfOpen
}

func drawConfig(t *rapid.T) breaker.Config {
	half := func(label string) bool { return rapid.Bool().Draw(t, label) }
	seconds := func(lo, hi int, label string) time.Duration {
		return time.Duration(rapid.IntRange(lo, hi).Draw(t, label)) * time.Second
	}
	cfg := breaker.Config{
		Failures:    rapid.IntRange(0, 3).Draw(t, "failures"),
		Rate:        float64(rapid.IntRange(0, 4).Draw(t, "rate")) / 4,
		SlowRate:    float64(rapid.IntRange(0, 2).Draw(t, "slow rate")) / 2,
		Slow:        2 * time.Second,
		MinCalls:    rapid.IntRange(0, 5).Draw(t, "min calls"),
		Window:      10 * time.Second,
		Steps:       rapid.SampledFrom([]int{1, 5, 10}).Draw(t, "steps"),
		Align:       breaker.Align(rapid.IntRange(0, 1).Draw(t, "align")),
		RateAbove:   half("rate above"),
		OnFailure:   half("on failure"),
		Open:        seconds(1, 5, "open"),
		Strictly:    half("strictly"),
		Auto:        half("auto"),
		Probes:      rapid.IntRange(1, 3).Draw(t, "probes"),
		Permits:     breaker.Permits(rapid.IntRange(0, 1).Draw(t, "permits")),
		Verdict:     breaker.Verdict(rapid.IntRange(0, 2).Draw(t, "verdict")),
		Unlearned:   breaker.Unlearned(rapid.IntRange(0, 2).Draw(t, "unlearned")),
		Stale:       breaker.Stale(rapid.IntRange(0, 1).Draw(t, "stale")),
		TrialCloses: half("trial closes"),
	}
	cfg.Successes = rapid.IntRange(1, cfg.Probes).Draw(t, "successes")
	if half("count") {
		cfg.Count = rapid.IntRange(1, 3).Draw(t, "count")
	}
	if half("grows") {
		cfg.OpenFactor, cfg.OpenMax = 2, 12*time.Second
	}
	switch rapid.IntRange(0, 3).Draw(t, "window") {
	case 1:
		cfg.Last = rapid.IntRange(3, 6).Draw(t, "last")
	case 2:
		cfg.AtStart, cfg.Stale = true, breaker.StaleIgnored
	case 3:
		cfg.Align, cfg.Every = breaker.Origin, cfg.Window/time.Duration(cfg.Steps)
	}
	switch rapid.IntRange(0, 2).Draw(t, "row") {
	case 1:
		cfg.Gap = seconds(1, 4, "gap")
	case 2:
		cfg.RowInWindow = !cfg.AtStart
	}
	switch rapid.IntRange(0, 2).Draw(t, "trial") {
	case 1:
		cfg.Trial = seconds(1, 8, "trial")
	case 2:
		cfg.Ramp = seconds(1, 8, "ramp")
	}
	if cfg.Failures == 0 && cfg.Count == 0 && cfg.Rate == 0 && cfg.SlowRate == 0 {
		cfg.Failures = 1
	}
	if cfg.Ramp > 0 && cfg.Verdict == breaker.Spare || cfg.Verdict == breaker.ByRate && cfg.Rate == 0 && cfg.SlowRate == 0 {
		cfg.Verdict = breaker.OneFailure
	}
	return cfg
}

// Random configurations under random calls, late replies and waits.
func TestEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		b, m := breaker.New(cfg), &model{cfg: cfg, credit: cfg.Ramp}
		var now sim.Time
		var pending []*call
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "tenths")) * time.Second / 10)
			},
			"wait until": func(t *rapid.T) { // a boundary, or a nanosecond beside it
				if m.state == breaker.Open {
					now = max(now, m.opens()+sim.Time(rapid.IntRange(-1, 1).Draw(t, "ns")))
				}
			},
			"call": func(t *rapid.T) {
				want := m.allow(now)
				permit, err := b.Allow(now)
				if (err == nil) != want {
					t.Fatalf("at %v, %v: allowed is %v, want %v", now, m.state, err == nil, want)
				}
				if err == nil {
					x := &call{permit: permit, began: now, episode: m.episode, probe: m.state == breaker.HalfOpen}
					m.calls = append(m.calls, x)
					pending = append(pending, x)
				}
			},
			"end": func(t *rapid.T) {
				if len(pending) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(pending)-1).Draw(t, "which")
				x, outcome := pending[i], breaker.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))
				pending = slices.Delete(pending, i, i+1)
				b.Done(now, x.permit, outcome)
				m.end(now, x, outcome)
			},
			"": func(t *rapid.T) {
				m.settle(now)
				want := m.state
				if want == breaker.Open && now >= m.opens() {
					want = breaker.HalfOpen
				}
				if got := b.State(now); got != want {
					t.Fatalf("at %v: %v, want %v", now, got, want)
				}
				if got := b.Counts(); got != m.counts {
					t.Fatalf("at %v: %+v, want %+v", now, got, m.counts)
				}
			},
		})
	})
}
