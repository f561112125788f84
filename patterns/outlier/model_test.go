package outlier

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A happening is a call to endpoint i that ended at an instant, or a passed health check.
type happening struct {
	at      sim.Time
	i       int
	outcome Outcome
	checked bool
}

// model says what a detector without luck does, in the slowest way: it does every sweep, keeps every
// outcome, and looks through all of them whenever it has to know something.
type model struct {
	cfg      Config
	n        int
	log      []happening
	ejected  map[int]sim.Time // since when
	times    map[int]int
	returned map[int]sim.Time
	cleared  map[[2]int]int // by endpoint and kind of row: where in the log it last began anew
	changes  []Change
}

func newModel(cfg Config, n int) *model {
	return &model{cfg: cfg, n: n, ejected: map[int]sim.Time{}, times: map[int]int{}, returned: map[int]sim.Time{}, cleared: map[[2]int]int{}}
}

func (m *model) play(until sim.Time, all []happening) []Change {
	next := sim.Time(m.cfg.Interval)
	for _, h := range all {
		for ; next <= h.at; next = next.Add(m.cfg.Interval) {
			m.sweep(next)
		}
		m.happen(h)
	}
	for ; next <= until; next = next.Add(m.cfg.Interval) {
		m.sweep(next)
	}
	return m.changes
}

// The rows that are counted.
const (
	anyRow = iota
	gatewayRow
	localRow
)

func (m *model) happen(h happening) {
	if h.checked {
		if _, ok := m.ejected[h.i]; ok && m.cfg.Checks {
			m.takeBack(h.at, h.i, PassedHealthCheck)
		}
		return
	}
	m.log = append(m.log, h)
	local := m.cfg.Split && h.outcome == Local
	for _, row := range []struct {
		kind int
		rule InARow
		why  Reason
		hit  bool
	}{
		{localRow, m.cfg.Local, LocalInARow, local},
		{gatewayRow, m.cfg.Gateway, GatewayInARow, !local && (h.outcome == Gateway || h.outcome == Local)},
		{anyRow, m.cfg.Failures, FailuresInARow, !local && h.outcome != Success && h.outcome != Ignored},
	} {
		if _, out := m.ejected[h.i]; row.hit && m.inARow(h.i, row.kind) == row.rule.Failures && !out {
			m.eject(h.at, h.i, row.rule.Enforce, row.why)
			m.cleared[[2]int{h.i, row.kind}] = len(m.log)
		}
	}
}

// inARow counts back through the log.
func (m *model) inARow(i, kind int) (n int) {
	for at := len(m.log) - 1; at >= m.cleared[[2]int{i, kind}]; at-- {
		h := m.log[at]
		if h.i != i || h.outcome == Ignored {
			continue
		}
		noAnswer := m.cfg.Split && h.outcome == Local
		switch {
		case kind == localRow && !noAnswer, kind != localRow && h.outcome == Success, kind == gatewayRow && h.outcome == Failure:
			return n
		case kind == localRow || !noAnswer:
			n++
		}
	}
	return n
}

func (m *model) sweep(now sim.Time) {
	cfg := m.cfg
	release := func() {
		for i := range m.n {
			since, out := m.ejected[i]
			lasts := min(cfg.Base*time.Duration(m.times[i]), max(cfg.Base, cfg.Max))
			if end := since.Add(lasts); out && (now > end || cfg.Rules == EnvoyRules && now == end) {
				m.takeBack(now, i, TimeIsUp)
			}
		}
	}
	if cfg.Rules == EnvoyRules {
		release()
	}
	m.judge(now, cfg.Rate.Enforce, cfg.Share.Enforce, LowSuccessRate, HighFailureShare, func(h happening) (counts, good bool) {
		return h.outcome != Ignored && !(cfg.Split && h.outcome == Local), h.outcome == Success
	})
	if cfg.Split {
		m.judge(now, cfg.Rate.EnforceLocal, cfg.Share.EnforceLocal, LowLocalSuccessRate, HighLocalFailureShare, func(h happening) (counts, good bool) {
			return h.outcome != Ignored, h.outcome != Local
		})
	}
	for i := range m.n {
		returned, ever := m.returned[i]
		if _, out := m.ejected[i]; !out && (cfg.Rules == GRPCRules || ever && now >= returned.Add(cfg.Interval)) {
			m.times[i] = max(0, m.times[i]-1)
		}
	}
	if cfg.Rules == GRPCRules {
		release()
	}
}

func (m *model) judge(now sim.Time, enforceRate, enforceShare float64, low, high Reason, count func(happening) (counts, good bool)) {
	calls, failed := make([]int, m.n), make([]int, m.n)
	rate := func(i int) float64 { return float64(calls[i]-failed[i]) / float64(calls[i]) }
	for _, h := range m.log {
		if h.at >= now.Add(-m.cfg.Interval) && h.at < now {
			if counts, good := count(h); counts {
				calls[h.i]++
				if !good {
					failed[h.i]++
				}
			}
		}
	}
	before := func(i int) bool { _, out := m.ejected[i]; return !out || m.cfg.Rules == GRPCRules }
	var forRate, forShare []int
	for i := range m.n {
		if before(i) && calls[i] > 0 && calls[i] >= m.cfg.Rate.MinCalls {
			forRate = append(forRate, i)
		}
		if before(i) && calls[i] > 0 && calls[i] >= m.cfg.Share.MinCalls {
			forShare = append(forShare, i)
		}
	}
	if m.cfg.Rate.Factor > 0 && len(forRate) > 0 && len(forRate) >= m.cfg.Rate.MinEndpoints {
		var sum, squares float64
		for _, i := range forRate {
			sum += rate(i)
		}
		mean := sum / float64(len(forRate))
		for _, i := range forRate {
			squares += math.Pow(rate(i)-mean, 2)
		}
		least := mean - m.cfg.Rate.Factor*math.Sqrt(squares/float64(len(forRate)))
		for _, i := range forRate {
			if rate(i) < least {
				m.eject(now, i, enforceRate, low)
			}
		}
	}
	if m.cfg.Share.Threshold > 0 && len(forShare) > 0 && len(forShare) >= m.cfg.Share.MinEndpoints {
		for _, i := range forShare {
			off := float64(failed[i])/float64(calls[i]) - m.cfg.Share.Threshold
			if off > 1e-9 || m.cfg.Rules == EnvoyRules && off > -1e-9 {
				m.eject(now, i, enforceShare, high)
			}
		}
	}
}

func (m *model) eject(now sim.Time, i int, enforce float64, why Reason) {
	_, out := m.ejected[i]
	share := float64(len(m.ejected)+1) / float64(m.n)
	room := share <= m.cfg.MaxEjected+1e-9
	if m.cfg.Rules == GRPCRules {
		room = float64(len(m.ejected))/float64(m.n) < m.cfg.MaxEjected-1e-9
	}
	if m.cfg.AlwaysOne && len(m.ejected) == 0 {
		room = true
	}
	if !room || enforce == 0 || out && m.cfg.Rules == EnvoyRules {
		return
	}
	m.ejected[i] = now
	if m.cfg.Rules == GRPCRules || time.Duration(m.times[i])*m.cfg.Base < max(m.cfg.Base, m.cfg.Max)+m.cfg.Base {
		m.times[i]++
	}
	m.changes = append(m.changes, Change{now, i, true, why})
}

func (m *model) takeBack(now sim.Time, i int, why Reason) {
	delete(m.ejected, i)
	m.returned[i] = now
	for kind := range 3 {
		m.cleared[[2]int{i, kind}] = len(m.log)
	}
	m.changes = append(m.changes, Change{now, i, false, why})
}

// draw draws a configuration without luck.
func draw(t *rapid.T) Config {
	onOff := rapid.SampledFrom([]float64{1, 1, 1, 0})
	row := func(name string) InARow {
		return InARow{rapid.IntRange(0, 4).Draw(t, name), onOff.Draw(t, "enforce "+name)}
	}
	cfg := Config{
		Interval: 10 * time.Second,
		Failures: row("failures"), Gateway: row("gateway"), Local: row("local"),
		Split: rapid.Bool().Draw(t, "split"),
		Rate: SuccessRate{
			Factor:       rapid.SampledFrom([]float64{0, 0.4937, 0.9137, 1.2871}).Draw(t, "factor"),
			MinEndpoints: rapid.IntRange(0, 3).Draw(t, "rate endpoints"), MinCalls: rapid.IntRange(0, 4).Draw(t, "rate calls"),
			Enforce: onOff.Draw(t, "enforce rate"), EnforceLocal: onOff.Draw(t, "enforce local rate"),
		},
		Share: FailureShare{
			Threshold:    rapid.SampledFrom([]float64{0, 0.25, 0.5, 0.75}).Draw(t, "threshold"),
			MinEndpoints: rapid.IntRange(0, 3).Draw(t, "share endpoints"), MinCalls: rapid.IntRange(0, 4).Draw(t, "share calls"),
			Enforce: onOff.Draw(t, "enforce share"), EnforceLocal: onOff.Draw(t, "enforce local share"),
		},
		Base:       time.Duration(rapid.IntRange(1, 40).Draw(t, "base")) * time.Second,
		Max:        time.Duration(rapid.IntRange(0, 120).Draw(t, "max")) * time.Second,
		MaxEjected: rapid.SampledFrom([]float64{0, 0.1, 0.25, 0.5, 0.8, 1}).Draw(t, "max ejected"),
		AlwaysOne:  rapid.Bool().Draw(t, "always one"), Checks: rapid.Bool().Draw(t, "checks"),
		Rules: Rules(rapid.IntRange(0, 1).Draw(t, "rules")),
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func drawHappenings(t *rapid.T, n int) (all []happening, end sim.Time) {
	steps := []time.Duration{0, 0, 0, 0, 0, 0, time.Second, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 55 * time.Second}
	kinds := []Outcome{Success, Success, Success, Failure, Failure, Failure, Gateway, Gateway, Local, Local, Ignored}
	for range rapid.IntRange(0, 120).Draw(t, "calls") {
		end = end.Add(rapid.SampledFrom(steps).Draw(t, "step"))
		h := happening{at: end, i: rapid.IntRange(0, n-1).Draw(t, "endpoint")}
		if rapid.IntRange(0, 29).Draw(t, "check") == 0 {
			h.checked = true
		} else {
			h.outcome = rapid.SampledFrom(kinds).Draw(t, "outcome")
		}
		all = append(all, h)
	}
	return all, end.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "after")) * time.Second)
}

// A detector does what the slow model does, whenever and however often it is asked; and its own counts
// agree with what it did.
func TestDetectorAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := draw(t)
		n := rapid.IntRange(1, 6).Draw(t, "endpoints")
		all, end := drawHappenings(t, n)
		want := newModel(cfg, n).play(end, all)

		d := New(cfg, sim.Seed(1).Keyed("outlier"), 0, n)
		var got []Change
		d.OnChange(func(c Change) { got = append(got, c) })
		ask := func(from, to sim.Time) {
			if to > from && rapid.Bool().Draw(t, "ask between") {
				d.Ejected(from.Add(to.Sub(from)/2), 0)
			}
		}
		now := sim.Time(0)
		for _, h := range all {
			ask(now, h.at)
			now = h.at
			if h.checked {
				d.Checked(h.at, h.i)
			} else {
				d.Begin(h.at, h.i)
				d.Done(h.at, h.i, h.outcome)
			}
		}
		ask(now, end)
		d.Ejected(end, 0)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("model, detector:\n%s", diff)
		}
		var out []bool
		for range n {
			out = append(out, false)
		}
		var counts Counts
		for _, c := range got {
			out[c.Endpoint] = c.Ejected
			if c.Ejected {
				counts.Ejected++
			} else {
				counts.Returned++
			}
		}
		for i := range n {
			if d.Ejected(end, i) != out[i] {
				t.Fatalf("endpoint %d is ejected: %v", i, !out[i])
			}
		}
		if c := d.Counts(); c.Ejected != counts.Ejected || c.Returned != counts.Returned || c.Detected != c.Ejected+c.Overflow+c.Spared {
			t.Fatalf("counts are %+v, but %+v happened", c, counts)
		}
	})
}

// Whoever knows endpoints by another index sees the same happen to them, as long as there is room for
// all: only MaxEjected asks who is first.
func TestDetectorKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := draw(t)
		cfg.MaxEjected, cfg.Rules = 1, EnvoyRules
		const n = 4
		all, end := drawHappenings(t, n)
		order := rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "order")
		var changes [2][]string
		for k := range 2 {
			d := New(cfg, sim.Seed(1).Keyed("outlier"), 0, n)
			name := func(i int) int { return i }
			if k == 1 {
				name = func(i int) int { return order[i] }
			}
			d.OnChange(func(c Change) {
				i := c.Endpoint
				if k == 1 {
					i = slices.Index(order, i)
				}
				changes[k] = append(changes[k], fmt.Sprintf("%v %d %v %v", c.At, i, c.Ejected, c.Why))
			})
			for _, h := range all {
				if h.checked {
					d.Checked(h.at, name(h.i))
				} else {
					d.Done(h.at, name(h.i), h.outcome)
				}
			}
			d.Ejected(end, 0)
			slices.Sort(changes[k])
		}
		if diff := cmp.Diff(changes[0], changes[1]); diff != "" {
			t.Fatal(diff)
		}
	})
}

// An accrual never lets two probes out at once, and is never stuck: whatever happened, an endpoint is
// to be probed when Max has passed after the last call, unless a probe is still out; a probe that
// succeeds makes it as good as new.
func TestAccrualRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := AccrualConfig{
			Failures: rapid.IntRange(0, 4).Draw(t, "failures"),
			Rate:     rapid.SampledFrom([]float64{0, 0.5, 0.9}).Draw(t, "rate"),
			Window:   time.Duration(rapid.IntRange(1, 20).Draw(t, "window")) * time.Second,
			MinCalls: rapid.IntRange(0, 4).Draw(t, "calls"),
			First:    time.Duration(rapid.IntRange(1, 5).Draw(t, "first")) * time.Second,
		}
		cfg.Max = cfg.First * time.Duration(rapid.IntRange(1, 10).Draw(t, "max"))
		if cfg.Failures == 0 && cfg.Rate == 0 {
			cfg.Failures = 1
		}
		a := NewAccrual(cfg, sim.Seed(1).Keyed("outlier"), 0, 1)
		in := true
		a.OnChange(func(c Change) {
			if c.Ejected != in {
				t.Fatalf("%+v, which it was already", c)
			}
			in = !c.Ejected
		})
		now, out := sim.Time(0), 0 // calls under way
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 6000).Draw(t, "ms")) * time.Millisecond)
			if out == 0 || rapid.Bool().Draw(t, "begin") {
				if !a.Ejected(now, 0) {
					a.Begin(now, 0)
					out++
					if !in && !a.Ejected(now, 0) {
						t.Fatal("a second probe may go out")
					}
				}
				continue
			}
			out--
			outcome := rapid.SampledFrom([]Outcome{Success, Failure, Failure, Local, Ignored}).Draw(t, "outcome")
			ejected := a.Ejected(now, 0)
			a.Done(now, 0, outcome)
			if outcome == Ignored && ejected && a.endpoints[0].health == alive {
				t.Fatal("alive by nothing")
			}
		}
		for ; out > 0; out-- {
			a.Done(now, 0, Ignored)
		}
		later := now.Add(cfg.Max)
		if a.Ejected(later, 0) {
			t.Fatal("dead for longer than Max")
		}
		if !in {
			a.Begin(later, 0)
			a.Done(later, 0, Success)
			if !in {
				t.Fatal("a probe succeeded, and it is not alive")
			}
			if e := a.endpoints[0]; e.failures != 0 || e.byFailures != 0 || e.byRating != 0 || cfg.Rate > 0 && (e.rate != 1 || e.calls.Total(later) != 1) {
				t.Fatalf("it is not as good as new: %+v", e)
			}
		}
	})
}

// Finagle's waits, from Backoff.equalJittered: the first as it is, then from 5 s·2ⁿ⁻² to twice that, and
// the maximum for ever once it was reached.
func TestDeadFor(t *testing.T) {
	cfg := Finagle()
	for n, want := range map[int][2]time.Duration{ // with the least luck and with nearly the most
		1: {5 * time.Second, 5 * time.Second},
		2: {5 * time.Second, 10 * time.Second},
		3: {10 * time.Second, 20 * time.Second},
		4: {20 * time.Second, 40 * time.Second},
		5: {40 * time.Second, 80 * time.Second},
		6: {80 * time.Second, 160 * time.Second},
		7: {160 * time.Second, 300 * time.Second},
		8: {300 * time.Second, 300 * time.Second},
		9: {300 * time.Second, 300 * time.Second}, 500: {300 * time.Second, 300 * time.Second},
	} {
		low, high := cfg.deadFor(n, 0), cfg.deadFor(n, 1-1e-9).Round(time.Millisecond)
		if low != want[0] || high != want[1] {
			t.Errorf("the %d-th lasts %v to %v, want %v to %v", n, low, high, want[0], want[1])
		}
	}
}

// A rule that is enforced now and then ejects that share of what it detects, and jitter lasts from
// nothing to the whole, evenly. Both depend on the endpoint and on how often it was detected.
func TestLuck(t *testing.T) {
	cfg := none()
	cfg.Failures = InARow{1, 0.3}
	cfg.Jitter = 20 * time.Second
	const n, rounds = 50, 80
	d, again := New(cfg, sim.Seed(1).Keyed("outlier"), 0, n), New(cfg, sim.Seed(1).Keyed("outlier"), 0, n)
	var sum, longest float64
	for round := range rounds {
		at := sim.Time(round) * sim.Time(time.Hour)
		for i := range n {
			d.Done(at, i, Failure)
			again.Done(at, n-1-i, Failure)
			if d.endpoints[i].ejected {
				jitter := d.endpoints[i].until.Sub(at.Add(cfg.Base)).Seconds()
				sum += jitter
				longest = max(longest, jitter)
			}
		}
		for i := range n {
			if d.endpoints[i].until != again.endpoints[i].until {
				t.Fatalf("round %d: endpoint %d has other luck when others come first", round, i)
			}
		}
	}
	c := d.Counts()
	ejected := float64(c.Ejected)
	if se := math.Sqrt(0.3 * 0.7 * n * rounds); c.Detected != n*rounds || math.Abs(ejected-0.3*n*rounds) > 4*se || c.Spared != c.Detected-c.Ejected {
		t.Errorf("%+v of %d, want 30 %%", c, n*rounds)
	}
	if se := 20 / math.Sqrt(12*ejected); math.Abs(sum/ejected-10) > 4*se || longest > 20 || longest < 19.5 {
		t.Errorf("jitter has a mean of %.2fs and reaches %.2fs, want 10s and 20s", sum/ejected, longest)
	}
}

func TestEndpointsComeAndGo(t *testing.T) {
	cfg := none()
	cfg.Failures, cfg.MaxEjected = InARow{1, 1}, 0.5
	d := New(cfg, sim.Seed(1).Keyed("outlier"), 0, 4)
	if err := tell(d, 4, "1s c- d- cd="); err != nil {
		t.Fatal(err)
	}
	d.SetEndpoints(sim.Time(2*time.Second), 3)
	d.SetEndpoints(sim.Time(3*time.Second), 5)
	if err := tell(d, 5, "3s c= e- ce= a- ce= 50s ="); err != nil { // 2 of 5 are 40 %, 3 are too many
		t.Fatal(err)
	}
	a := NewAccrual(Finagle(), sim.Seed(1).Keyed("outlier"), 0, 2)
	if err := tell(a, 2, "1s a5- b5- ab="); err != nil {
		t.Fatal(err)
	}
	a.SetEndpoints(sim.Time(time.Second), 1)
	a.SetEndpoints(sim.Time(2*time.Second), 2)
	if err := tell(a, 2, "2s a= b4- a= b- ab="); err != nil {
		t.Fatal(err)
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for name, err := range map[string]error{
		"DefaultConfig": DefaultConfig().Validate(), "Envoy": Envoy().Validate(), "GRPC": GRPC().Validate(),
		"DefaultAccrualConfig": DefaultAccrualConfig().Validate(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := Config{
		Interval: 0, Failures: InARow{-1, 2}, Gateway: InARow{-1, -1}, Local: InARow{-1, math.NaN()},
		Rate: SuccessRate{-1, -1, -1, 2, 2}, Share: FailureShare{2, -1, -1, 2, 2},
		Base: 0, Max: -1, Jitter: -1, MaxEjected: 1.5, Rules: 7,
	}
	want := `outlier: Interval is 0s, need more than 0
outlier: Failures.Failures is -1, need 0 or more
outlier: Failures.Enforce is 2, need 0 to 1
outlier: Gateway.Failures is -1, need 0 or more
outlier: Gateway.Enforce is -1, need 0 to 1
outlier: Local.Failures is -1, need 0 or more
outlier: Local.Enforce is NaN, need 0 to 1
outlier: Rate.Factor is -1, need 0 to 1000
outlier: Rate.MinEndpoints is -1, need 0 or more
outlier: Rate.MinCalls is -1, need 0 or more
outlier: Rate.Enforce is 2, need 0 to 1
outlier: Rate.EnforceLocal is 2, need 0 to 1
outlier: Share.Threshold is 2, need 0 to 1
outlier: Share.MinEndpoints is -1, need 0 or more
outlier: Share.MinCalls is -1, need 0 or more
outlier: Share.Enforce is 2, need 0 to 1
outlier: Share.EnforceLocal is 2, need 0 to 1
outlier: Base is 0s, need more than 0
outlier: Max is -1ns, need 0 or more
outlier: Jitter is -1ns, need 0 or more
outlier: MaxEjected is 1.5, need 0 to 1
outlier: Rules is 7, need envoy or grpc`
	if diff := cmp.Diff(want, fmt.Sprint(bad.Validate())); diff != "" {
		t.Error(diff)
	}
	want = `outlier: Failures and Rate is 0 each, need one that is not
outlier: MinCalls is -1, need 0 or more
outlier: First is 0s, need more than 0
outlier: Max is -1ns, need First or more`
	if diff := cmp.Diff(want, fmt.Sprint(AccrualConfig{MinCalls: -1, Max: -1}.Validate())); diff != "" {
		t.Error(diff)
	}
	want = `outlier: Failures is -1, need 0 or more
outlier: Rate is 2, need 0 to 1
outlier: Window is 0s, need 1ms or more for a Rate`
	if diff := cmp.Diff(want, fmt.Sprint(AccrualConfig{Failures: -1, Rate: 2, First: 1, Max: 1}.Validate())); diff != "" {
		t.Error(diff)
	}
}
