package alert

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// Counts are calls and the bad ones among them.
type Counts struct{ Calls, Bad uint64 }

// A State is where an alert stands.
type State uint8

// The states of an alert.
const (
	Inactive State = iota
	Pending
	Firing
)

func (s State) String() string { return [...]string{"inactive", "pending", "firing"}[s] }

// A Change is news of one alert. From Firing to Firing is a repetition.
type Change struct {
	Rule     Rule
	From, To State
}

// A Monitor reads two counters at an interval and judges them by its rules.
//
//	inactive ──burns──▶ pending ──For──▶ firing
//	   ▲  ▲                │               │
//	   │  └────calm────────┘               │
//	   └──────────calm for Keep────────────┘
//
// It knows only what it scrapes: nothing happens between two scrapes, and what is not counted is
// not seen. A counter that is less than before was started anew, and counts from zero.
type Monitor struct {
	cfg      Config
	alerts   []alert
	ring     []Counts // counters at the latest scrapes, as if never started anew
	scrapes  int
	last     Counts // as scraped
	restarts Counts // what the counters lost by being started anew
	changes  []Change
}

type alert struct {
	rule        Rule
	limit       float64 // share of bad calls
	long, short int     // in scrapes; short zero: none
	state       State
	since       sim.Time // when the state was entered
	burned      sim.Time // when the condition held last
	announced   sim.Time
}

// NewMonitor returns a monitor that has not scraped yet. It panics if cfg is not valid.
func NewMonitor(cfg Config) *Monitor {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	m := &Monitor{cfg: cfg}
	for _, r := range cfg.Rules {
		m.alerts = append(m.alerts, alert{
			rule: r, limit: r.limit(cfg.Target),
			long: int(r.Long / cfg.Scrape), short: int(r.Short / cfg.Scrape),
		})
	}
	return m
}

// Scrape takes the counters as they stand at now, an interval after the last scrape, and returns
// the news. The slice is good until the next scrape.
func (m *Monitor) Scrape(now sim.Time, c Counts) []Change {
	m.keep(c)
	m.changes = m.changes[:0]
	for i := range m.alerts {
		m.judge(&m.alerts[i], now)
	}
	return m.changes
}

// State returns where the alert of rule i stands.
func (m *Monitor) State(i int) State { return m.alerts[i].state }

// Burn returns the burn rate over the latest scrapes: the share of bad calls over the share
// allowed. It is zero if there were no calls. For reports, not for deciding.
func (m *Monitor) Burn(window time.Duration) float64 {
	c := m.window(max(1, int(window/m.cfg.Scrape)))
	if c.Calls == 0 {
		return 0
	}
	return float64(c.Bad) / float64(c.Calls) / (1 - m.cfg.Target)
}

// keep remembers a scrape for as long as the longest window needs it.
func (m *Monitor) keep(c Counts) {
	if c.Calls < m.last.Calls {
		m.restarts.Calls += m.last.Calls
	}
	if c.Bad < m.last.Bad {
		m.restarts.Bad += m.last.Bad
	}
	m.last = c
	c.Calls += m.restarts.Calls
	c.Bad += m.restarts.Bad

	size := 1
	for _, a := range m.alerts {
		size = max(size, a.long+1)
	}
	if len(m.ring) < size {
		m.ring = append(m.ring, c)
	} else {
		m.ring[m.scrapes%size] = c
	}
	m.scrapes++
}

// window returns what was counted in the latest n intervals, those before the first scrape as calm
// as they are said to have been.
func (m *Monitor) window(n int) Counts {
	if m.scrapes == 0 {
		return Counts{}
	}
	latest := m.scrapes - 1
	missing := max(0, n-latest)
	now, then := m.ring[latest%len(m.ring)], m.ring[(latest-n+missing)%len(m.ring)]
	return Counts{
		Calls: now.Calls - then.Calls + uint64(missing)*m.cfg.Calm.Calls,
		Bad:   now.Bad - then.Bad + uint64(missing)*m.cfg.Calm.Bad,
	}
}

func (m *Monitor) burns(a *alert) bool {
	long := m.window(a.long)
	if long.Calls < m.cfg.MinCalls || !exceeds(long, a.limit) {
		return false
	}
	return a.short == 0 || exceeds(m.window(a.short), a.limit)
}

func exceeds(c Counts, limit float64) bool {
	return float64(c.Bad) > float64(limit*float64(c.Calls))
}

func (m *Monitor) judge(a *alert, now sim.Time) {
	if !m.burns(a) {
		if a.state == Pending || a.state == Firing && now.Sub(a.burned) >= a.rule.Keep {
			m.enter(a, Inactive, now)
		}
		return
	}
	a.burned = now
	if a.state == Inactive {
		m.enter(a, Pending, now)
	}
	switch {
	case a.state == Pending && now.Sub(a.since) >= a.rule.For:
		m.enter(a, Firing, now)
		a.announced = now
	case a.state == Firing && m.cfg.Repeat > 0 && now.Sub(a.announced) >= m.cfg.Repeat:
		m.changes = append(m.changes, Change{a.rule, Firing, Firing})
		a.announced = now
	}
}

// enter is the only place that changes state.
func (m *Monitor) enter(a *alert, to State, now sim.Time) {
	m.changes = append(m.changes, Change{a.rule, a.state, to})
	a.state, a.since = to, now
}

// Watch scrapes for ever: at once, and then at every interval. It notes what fires and what
// resolves ("alert", subject, rule), and hands all news to changed, which may be nil. It returns
// the error of the wait that was cut short.
func (m *Monitor) Watch(p *sim.Process, subject string, read func() Counts, changed func(Change)) error {
	for {
		for _, c := range m.Scrape(p.Now(), read()) {
			switch {
			case c.To == Firing && c.From != Firing:
				p.Sim().Note("alert", subject, "firing: "+c.Rule.Name)
			case c.From == Firing && c.To == Inactive:
				p.Sim().Note("alert", subject, "resolved: "+c.Rule.Name)
			}
			if changed != nil {
				changed(c)
			}
		}
		if err := p.Sleep(m.cfg.Scrape); err != nil {
			return err
		}
	}
}
