package nodes

import (
	"math/bits"
	"slices"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
)

// A Machine is a computer: a host of the network, and what runs on it.
//
//	up ──PowerOff──▶ off ──PowerOn, after its boot time──▶ up
//
// While it is off, whoever calls it hears nothing. When it is up again, it starts what ran on it
// when the power went. Faults that overlap each hold it: it is off, or paused, as long as one of
// them says so.
type Machine struct {
	s        *sim.Simulation
	host     *network.Host
	boot     time.Duration
	up       bool
	offs     int // holds that keep it without power
	booting  sim.Timer
	pauses   int        // holds that keep it paused
	clock    *sim.Group // shows the machine's time
	drift    int64      // of the clock, in parts per billion
	powered  []Powered
	replicas []*Replica
}

// NewMachine returns a machine that is up. Boot is the time from the return of power until it runs
// programs again.
func NewMachine(s *sim.Simulation, host *network.Host, boot time.Duration) *Machine {
	if boot < 0 {
		panic("nodes: the machine " + host.Name() + " boots in " + boot.String())
	}
	return &Machine{s: s, host: host, boot: boot, up: true, clock: s.NewGroup(host.Name())}
}

// Name returns the name of the machine's host.
func (m *Machine) Name() string { return m.host.Name() }

// Host returns the machine's place on the network.
func (m *Machine) Host() *network.Host { return m.host }

// Up reports whether the machine runs programs, or could if it were not paused.
func (m *Machine) Up() bool { return m.up }

// Now returns the instant that the machine's clock shows.
func (m *Machine) Now() sim.Time { return m.clock.Now() }

// Powered is something that needs power: a disk.
type Powered interface {
	PowerOff()
	PowerOn()
}

// Powers attaches something to the machine's power. It goes off before the machine's programs end,
// so that the dying write nothing, and on before they start.
func (m *Machine) Powers(what Powered) { m.powered = append(m.powered, what) }

// PowerOff takes the machine's power: what runs on it is gone, with all memory, and nobody is told.
func (m *Machine) PowerOff() {
	m.offs++
	m.booting.Stop()
	if !m.up {
		return
	}
	m.up = false
	m.s.Note("machine", m.Name(), "off")
	m.host.PowerOff()
	for _, what := range m.powered {
		what.PowerOff()
	}
	for _, r := range slices.Clone(m.replicas) {
		if r.up {
			defer r.group.Kill() // one may run this, and does not come back from its Kill
			r.goDown()
		}
	}
}

// PowerOn takes back one PowerOff. When it was the last, the machine boots.
func (m *Machine) PowerOn() {
	if m.offs == 0 {
		panic("nodes: PowerOn of the machine " + m.Name() + ", which has power")
	}
	m.offs--
	if m.offs == 0 {
		m.booting = m.s.After(m.boot, m.come)
	}
}

// come is the end of booting.
func (m *Machine) come() {
	m.up = true
	m.host.PowerOn()
	for _, what := range m.powered {
		what.PowerOn()
	}
	m.s.Note("machine", m.Name(), "up")
	for _, r := range slices.Clone(m.replicas) {
		if r.wanted {
			r.Start()
		}
	}
}

// Pause stops everything on the machine, as a hypervisor does: what arrives waits, work stands
// still, and timers that fall due fire at Resume. Pauses add up.
func (m *Machine) Pause() {
	m.pauses++
	for _, r := range m.replicas {
		r.settle()
	}
}

// Resume takes back one Pause.
func (m *Machine) Resume() {
	if m.pauses == 0 {
		panic("nodes: Resume of the machine " + m.Name() + ", which is not paused")
	}
	m.pauses--
	for _, r := range m.replicas {
		r.settle()
	}
}

// SetClock sets the clock of everything on the machine, now and later: offset from the true time
// now, and drift in parts per billion from now on. Timers go on by the new rate, and are neither
// shortened nor lengthened by the offset. Work takes as long as before: cpus have clocks of their own.
func (m *Machine) SetClock(offset time.Duration, drift int64) {
	m.clock.SetClock(offset, drift)
	m.drift = drift
	for _, r := range m.replicas {
		r.group.SetClock(offset, drift)
	}
}

// local returns how long the machine's clock says that d lasts, rounded up.
func (m *Machine) local(d time.Duration) time.Duration {
	if m.drift == 0 {
		return d
	}
	const billion = 1_000_000_000
	hi, lo := bits.Mul64(uint64(d), uint64(billion+m.drift))
	lo, carry := bits.Add64(lo, billion-1, 0)
	if hi += carry; hi >= billion {
		return time.Duration(sim.Never)
	}
	q, _ := bits.Div64(hi, lo, billion)
	return time.Duration(min(q, uint64(sim.Never)))
}
