package system

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/patterns/heal"
	"github.com/nines-sim/nines/sim"
)

// buildHealing starts the health checks and the supervisors. Both belong to the platform.
func (sys *System) buildHealing() {
	for _, svc := range sys.services {
		if sys.ejects(svc.Name()) {
			for _, m := range svc.members {
				svc.probe("readiness", m, readiness(svc.sc.Probes), m.SetHealthy, func() { m.passed = sys.s.Now() })
			}
		}
		if sys.sc.Healing.Restart != nil || sys.sc.Healing.Replace != nil {
			svc.heal()
		}
	}
}

// ejects reports whether some caller of a service leaves unhealthy replicas out.
func (sys *System) ejects(callee string) bool {
	return slices.ContainsFunc(sys.edges, func(e *edge) bool {
		return e.callee == callee && e.policies.Balance.SkipUnhealthy
	})
}

func readiness(sc scenario.Probes) detect.Config {
	return detect.Config{Period: sc.Every, Timeout: sc.Timeout, Failures: sc.Failures, Successes: sc.Successes}
}

func liveness(sc *scenario.Liveness) detect.Config {
	return detect.Config{Period: sc.Every, Timeout: sc.Timeout, Failures: sc.Failures, Successes: 1}
}

// probe asks a replica for its health, from the platform, and tells what is believed, and every probe that
// was passed if anybody wants to know.
func (svc *service) probe(what string, m *member, cfg detect.Config, changed func(up bool), passed func()) *detect.Detector {
	what += " of " + m.Name()
	ask := m.Call(svc.sys.plain, svc.sys.platform)
	prober := detect.Prober{
		Detector: detect.New(cfg, svc.sys.s.Now()),
		Probe: func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			resp, err := ask(p, req)
			if err == nil && passed != nil {
				passed()
			}
			return resp, err
		},
		Key:     keyOf(what),
		Changed: func(_ *sim.Process, now detect.State) { changed(now == detect.Up) },
	}
	svc.sys.s.Background(what, func(p *sim.Process) { prober.Run(p) })
	return prober.Detector
}

// keyOf makes a key of a name.
func keyOf(name string) (key uint64) {
	for i := range len(name) {
		key = sim.Mix(key, uint64(name[i]))
	}
	return key
}

// heal starts the supervisor of a service.
func (svc *service) heal() {
	sc := &svc.sys.sc.Healing
	cfg := heal.Config{} // its hands wait for the boot, which takes a new machine longer
	h := &hands{svc: svc, boot: make([]time.Duration, len(svc.members))}
	if r := sc.Restart; r != nil {
		cfg.Restart, cfg.After = true, r.After
		cfg.Backoff, cfg.MaxBackoff, cfg.Reset = r.Backoff.From, r.Backoff.To, r.Reset
	}
	if r := sc.Replace; r != nil {
		cfg.Replace, h.spares = r.After, r.Spares
	}
	h.healer = heal.NewHealer(svc.sys.s, svc.Name(), cfg, len(svc.members), h)
	for i, m := range svc.members {
		m.OnChange(func(up bool) {
			switch {
			case up:
				h.healer.Up(i)
			case m.Machine().Up():
				h.healer.Down(i, heal.Exited)
			default:
				h.healer.Down(i, heal.Gone)
			}
		})
		if r := sc.Restart; r != nil && r.Probe != nil {
			detector := svc.probe("liveness", m, liveness(r.Probe), func(up bool) {
				if !up && m.Up() {
					h.healer.Down(i, heal.Unhealthy)
				}
			}, nil)
			m.OnChange(func(up bool) {
				if up { // without this, one that is started anew and still fails would be no news
					detector.Reset(svc.sys.s.Now())
				}
			})
		}
	}
}
