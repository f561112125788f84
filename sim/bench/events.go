//go:build unix

package main

import (
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// delays returns a table of variates of mean 1 s, so that what is measured is not their making.
func (b *bench) delays() *[8192]time.Duration {
	var table [8192]time.Duration
	for i := range table {
		table[i] = dist.Duration(b.one, &b.work)
	}
	return &table
}

// hold keeps n events pending: each, when it happens, schedules another. An op is one of m happenings.
func hold(b *bench, n, m int) {
	delays, happened := b.delays(), 0
	var happen func(any)
	happen = func(any) {
		happened++
		if happened < m {
			b.AtCall(b.Now().Add(delays[happened&8191]), happen, nil)
		} else if happened == m {
			b.meter.stop(m, 0)
		}
	}
	for range n {
		b.AtCall(b.Now().Add(dist.Duration(b.one, &b.gaps)), happen, nil)
	}
	b.meter.start()
	b.RunUntilIdle()
}

// pingpongcb lets two callbacks schedule each other at one instant. An op is one of 2n events.
func pingpongcb(b *bench, n, _ int) {
	left := 2 * n
	var ping, pong func(any)
	ping = func(any) {
		if left--; left > 0 {
			b.AtCall(b.Now(), pong, nil)
		}
	}
	pong = func(any) {
		if left--; left > 0 {
			b.AtCall(b.Now(), ping, nil)
		}
	}
	b.AtCall(b.Now(), ping, nil)
	b.RunUntilIdle()
	b.meter.stop(2*n, 0)
}

// timers keeps m timers that never fire: a step, which is an op, stops the oldest and sets a new one.
// The mean is how many fired.
func timers(b *bench, n, m int) {
	live := make([]sim.Timer, m)
	step, fired := 0, 0
	expire := func(any) { fired++ }
	var next func(any)
	next = func(any) {
		timer := &live[step%m]
		timer.Stop()
		*timer = b.AtCall(b.Now().Add(time.Duration(2*m+step&1023)*time.Second), expire, nil)
		if step++; step < n {
			b.AtCall(b.Now().Add(time.Second), next, nil)
		}
	}
	b.AtCall(b.Now(), next, nil)
	b.RunWhile(func() bool { return step < n })
	b.meter.stop(n, float64(fired))
}

// memev schedules n events. An op is one of them; what counts is the memory.
func memev(b *bench, n, _ int) {
	for range n {
		b.AtCall(b.Now().Add(dist.Duration(b.one, &b.gaps)), func(any) {}, nil)
	}
	b.meter.stop(n, 0)
}
