package nodes

import (
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
)

// A Machine is a computer: a host of the network, and what runs on it.
//
//	up ──PowerOff──▶ off ──PowerOn, after Boot──▶ up
//
// While it is off, whoever calls it hears nothing. When it is up again, it starts what ran on it
// when the power went. Faults that overlap each hold it: it is off as long as one of them does.
type Machine struct {
	s        *sim.Simulation
	host     *network.Host
	boot     time.Duration
	offs     int // holds that keep it without power
	booting  sim.Timer
	up       bool
	paused   int
	replicas []*Replica
}

// NewMachine returns a machine that is up. Boot is the time from the return of power until it runs
// programs again.
func NewMachine(s *sim.Simulation, host *network.Host, boot time.Duration) *Machine {
	return &Machine{s: s, host: host, boot: boot, up: true}
}

// Name returns the name of the machine's host.
func (m *Machine) Name() string { return m.host.Name() }

// Host returns the machine's place on the network.
func (m *Machine) Host() *network.Host { return m.host }

// Up reports whether the machine runs programs.
func (m *Machine) Up() bool { return m.up }

// PowerOff takes the machine's power: what runs on it is gone, with all memory, and nobody is told.
func (m *Machine) PowerOff() {
	m.offs++
	if m.offs > 1 {
		return
	}
	m.booting.Stop()
	if !m.up {
		return
	}
	m.up = false
	m.host.PowerOff()
	for _, r := range m.replicas {
		r.losePower()
	}
	m.s.Note("machine", m.Name(), "off")
}

// PowerOn takes back one PowerOff. When it was the last, the machine boots.
func (m *Machine) PowerOn() {
	if m.offs == 0 {
		panic("nodes: PowerOn of the machine " + m.Name() + ", which has power")
	}
	m.offs--
	if m.offs > 0 {
		return
	}
	m.booting = m.s.After(m.boot, func() {
		m.up = true
		m.host.PowerOn()
		m.s.Note("machine", m.Name(), "up")
		for _, r := range m.replicas {
			if r.wanted {
				r.Start()
			}
		}
	})
}

// Pause stops everything on the machine, as a hypervisor or a stop-the-world collection does: what
// arrives waits, and timers that fall due fire at Resume. Pauses add up.
func (m *Machine) Pause() {
	m.paused++
	for _, r := range m.replicas {
		r.Pause()
	}
}

// Resume takes back one Pause.
func (m *Machine) Resume() {
	m.paused--
	for _, r := range m.replicas {
		r.Resume()
	}
}

// SetClock sets the clock of everything on the machine: offset from the true time now, and drift
// in parts per billion from now on.
func (m *Machine) SetClock(offset time.Duration, drift int64) {
	for _, r := range m.replicas {
		r.group.SetClock(offset, drift)
	}
}
