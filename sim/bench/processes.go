//go:build unix

package main

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// pingpong lets two processes wake each other in turn at one instant. An op is one of 2n wake-ups.
func pingpong(b *bench, n, _ int) {
	ping, pong := sim.NewSignal(b.Simulation, "ping"), sim.NewSignal(b.Simulation, "pong")
	b.Background("pong", func(p *sim.Process) {
		for {
			ping.Wait(p)
			pong.Notify()
		}
	})
	b.Go("ping", func(p *sim.Process) {
		for range n {
			ping.Notify()
			pong.Wait(p)
		}
	})
	b.RunUntilIdle()
	b.meter.stop(2*n, 0)
}

// memproc starts n processes that sleep. An op is one of them; what counts is the memory.
func memproc(b *bench, n, _ int) {
	for range n {
		b.Background("sleeper", func(p *sim.Process) {
			p.Sleep(1000 * time.Hour)
		})
	}
	b.RunUntil(1)
	b.meter.stop(n, 0)
}
