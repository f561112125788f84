package system

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/patterns/heal"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// buildHealing starts the health checks and the supervisors. Both belong to the platform, which no
// fault takes away.
func (sys *System) buildHealing() {
	for _, svc := range sys.services {
		if sys.ejects(svc.Name()) {
			svc.probe(readiness(svc.sc.Probes), func(m *member, up bool) { m.SetHealthy(up) })
		}
		if sys.sc.Healing.Restart != nil || sys.sc.Healing.Replace != nil {
			svc.heal()
		}
	}
}

// ejects reports whether some caller of a service leaves unhealthy replicas out.
func (sys *System) ejects(callee string) bool {
	return slices.ContainsFunc(sys.edges, func(e *edge) bool {
		return e.callee == callee && e.policies.Balance.EjectUnhealthy
	})
}

func readiness(sc scenario.Probes) detect.Config {
	return detect.Config{Period: sc.Every, Timeout: sc.Timeout, Failures: sc.Failures, Successes: sc.Successes}
}

// probe asks every replica for its health, from outside the zones, and tells what is believed.
func (svc *service) probe(cfg detect.Config, changed func(m *member, up bool)) {
	for i, m := range svc.members {
		prober := detect.Prober{
			Detector: detect.New(cfg, svc.sys.s.Now()),
			Probe:    m.Call(svc.sys.plain, svc.sys.outside),
			Key:      sim.Mix(uint64(len(svc.sys.services)), sim.Mix(uint64(i), uint64(cfg.Failures))) ^ keyOf(m.Name()),
			Changed:  func(_ *sim.Process, now detect.State) { changed(m, now == detect.Up) },
		}
		svc.sys.s.Background("probe of "+m.Name(), func(p *sim.Process) { prober.Run(p) })
	}
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
	cfg := heal.Config{}
	if r := sc.Restart; r != nil {
		cfg.Restart, cfg.After, cfg.Boot = true, r.After, r.Boot.Mean
		cfg.Backoff, cfg.MaxBackoff, cfg.Reset = r.Backoff.From, r.Backoff.To, r.Reset
	}
	h := &hands{svc: svc}
	if r := sc.Replace; r != nil {
		cfg.Replace, h.spares = r.After, r.Spares
		if sc.Restart == nil {
			cfg.Boot = r.Boot.Mean
		}
	}
	healer := heal.NewHealer(svc.sys.s, svc.Name(), cfg, len(svc.members), h)
	for i, m := range svc.members {
		m.OnChange(func(up bool) {
			switch {
			case up:
				healer.Up(i)
			case m.Machine().Up():
				healer.Down(i, heal.Exited)
			default:
				healer.Down(i, heal.Gone)
			}
		})
	}
	if r := sc.Restart; r != nil && r.Probe != nil {
		cfg := detect.Config{Period: r.Probe.Every, Timeout: r.Probe.Timeout, Failures: r.Probe.Failures, Successes: 1}
		svc.probe(cfg, func(m *member, up bool) {
			if !up && m.Up() {
				healer.Down(slices.Index(svc.members, m), heal.Unhealthy)
			}
		})
	}
}

// hands do what a supervisor decides for a service.
type hands struct {
	svc    *service
	spares int // machines that may still be taken
	moves  int
}

func (h *hands) Stop(replica int) { h.svc.members[replica].Crash() }

// Start starts a replica: that is the end of whatever crashed it.
func (h *hands) Start(_ *sim.Process, replica int) error {
	m := h.svc.members[replica]
	if !m.Machine().Up() {
		return errors.New("the machine is down")
	}
	h.svc.sys.ledger.FixVictim(m.Name(), fault.Healing, fault.Crash, fault.LostDisk)
	m.Start()
	return nil
}

// Replace moves a replica to a new machine, in the zone of the service that has the most machines up.
func (h *hands) Replace(_ *sim.Process, replica int) error {
	if h.spares == 0 {
		return errors.New("no machine is left")
	}
	if h.spares != scenario.Unlimited {
		h.spares--
	}
	h.moves++
	sys, m := h.svc.sys, h.svc.members[replica]
	zone := ""
	for _, z := range sys.sc.Zones {
		if zone == "" || sys.upIn(z) > sys.upIn(zone) {
			zone = z
		}
	}
	host := sys.net.AddHost(fmt.Sprintf("%s-spare-%d", h.svc.Name(), h.moves), network.Place{Zone: zone})
	spare := &machine{nodes.NewMachine(sys.s, host, machineBoot), zone}
	sys.machines = append(sys.machines, spare)
	m.Move(spare.Machine)
	return nil
}

// upIn counts the machines of a zone that are up.
func (sys *System) upIn(zone string) (n int) {
	for _, m := range sys.inZone(zone) {
		if m.Up() {
			n++
		}
	}
	return n
}
