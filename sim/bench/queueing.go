//go:build unix

package main

import (
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

const load = 0.9 // of the one server; the mean time in the system is then 1 s / (1 - load) = 10 s

func (b *bench) gap() time.Duration     { return dist.Seconds(b.one.Sample(&b.gaps) / load) }
func (b *bench) service() time.Duration { return dist.Duration(b.one, &b.work) }

// A fifo is a queue of instants in a slice.
type fifo struct {
	waiting []sim.Time
	first   int
}

func (q *fifo) push(t sim.Time) {
	if q.first > 1024 && q.first > len(q.waiting)/2 {
		q.waiting = q.waiting[:copy(q.waiting, q.waiting[q.first:])]
		q.first = 0
	}
	q.waiting = append(q.waiting, t)
}

func (q *fifo) pop() sim.Time {
	q.first++
	return q.waiting[q.first-1]
}

func (q *fifo) empty() bool { return q.first == len(q.waiting) }

// mm1q is an M/M/1 queue: one process puts customers in a line, another serves them. An op is one of
// n customers, the mean is their time in the system in seconds.
func mm1q(b *bench, n, _ int) {
	var line fifo
	arrived := sim.NewSignal(b.Simulation, "a customer")
	var sum time.Duration
	b.Go("arrivals", func(p *sim.Process) {
		for range n {
			p.Sleep(b.gap())
			line.push(b.Now())
			arrived.Notify()
		}
	})
	b.Go("server", func(p *sim.Process) {
		for range n {
			for line.empty() {
				arrived.Wait(p)
			}
			came := line.pop()
			p.Sleep(b.service())
			sum += b.Now().Sub(came)
		}
	})
	b.RunUntilIdle()
	b.meter.stop(n, sum.Seconds()/float64(n))
}

// mm1r is the same queue with a process for each customer, who seizes the server.
func mm1r(b *bench, n, _ int) {
	server := sim.NewResource(b.Simulation, "server", 1, sim.FIFO)
	customers := b.NewGroup("customers")
	var sum time.Duration
	customer := func(p *sim.Process, _ any) {
		came := b.Now()
		server.Acquire(p, 1, 0)
		p.Sleep(b.service())
		server.Release(1)
		sum += b.Now().Sub(came)
	}
	b.Go("arrivals", func(p *sim.Process) {
		for range n {
			p.Sleep(b.gap())
			customers.Spawn("customer", customer, nil)
		}
	})
	b.RunUntilIdle()
	b.meter.stop(n, sum.Seconds()/float64(n))
}

// mm1cb is the same queue made of callbacks.
func mm1cb(b *bench, n, _ int) {
	var line fifo
	var sum time.Duration
	busy, left := false, n
	var arrive, depart func(any)
	serve := func() {
		busy = true
		b.AtCall(b.Now().Add(b.service()), depart, nil)
	}
	depart = func(any) {
		sum += b.Now().Sub(line.pop())
		busy = false
		if !line.empty() {
			serve()
		}
	}
	arrive = func(any) {
		line.push(b.Now())
		if !busy {
			serve()
		}
		if left--; left > 0 {
			b.AtCall(b.Now().Add(b.gap()), arrive, nil)
		}
	}
	b.AtCall(b.Now(), arrive, nil)
	b.RunUntilIdle()
	b.meter.stop(n, sum.Seconds()/float64(n))
}
