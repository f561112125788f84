package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim"
)

var _ patterns.Call = (*queue.Broker)(nil).Send

func run(t interface{ Fatal(...any) }, seed uint64, f func(s *sim.Simulation)) sim.Result {
	result, err := sim.Run(sim.Config{Seed: sim.Seed(seed)}, f)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// work takes a while and then has its effect.
type work struct {
	takes   time.Duration
	effects map[uint64]int
	fails   int // so many times first
}

func (w *work) call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if err := p.Sleep(w.takes); err != nil {
		return patterns.Response{}, err
	}
	if w.fails > 0 {
		w.fails--
		return patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: "work"}
	}
	w.effects[req.Idempotency]++
	return patterns.Response{}, nil
}

func send(b *queue.Broker, p *sim.Process, keys int) error {
	for k := range keys {
		if _, err := b.Send(p, patterns.Request{ID: uint64(k + 1), Idempotency: uint64(k + 1)}); err != nil {
			return err
		}
	}
	return nil
}

func TestConsumersShareTheWork(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		b := queue.NewBroker(s, "mail", queue.DefaultConfig())
		w := &work{takes: time.Second, effects: map[uint64]int{}}
		b.Start(s.NewGroup("workers"), 3, w.call)
		s.Go("shop", func(p *sim.Process) { send(b, p, 10) })
		s.RunUntil(sim.Time(4*time.Second - 1))
		if got := b.Counts(s.Now()).Acked; got != 9 {
			t.Errorf("three consumers did %d in just under 4 s, want 9", got)
		}
		s.RunUntil(sim.Time(4 * time.Second))
		if c := b.Counts(s.Now()); c.Acked != 10 || b.Check() != nil {
			t.Errorf("after 4 s: %+v, %v", c, b.Check())
		}
	})
}

func TestADeadConsumersMessageComesBack(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		b := queue.NewBroker(s, "mail", queue.DefaultConfig())
		w := &work{takes: 10 * time.Second, effects: map[uint64]int{}}
		first, second := s.NewGroup("first"), s.NewGroup("second")
		b.Start(first, 1, w.call)
		s.Go("shop", func(p *sim.Process) { send(b, p, 1) })
		s.At(sim.Time(5*time.Second), func() { first.Kill(); b.Start(second, 1, w.call) })
		s.RunUntil(sim.Time(40*time.Second - 1))
		if n := w.effects[1]; n != 0 {
			t.Errorf("%d effects before visibility and work could have passed", n)
		}
		s.RunUntil(sim.Time(40 * time.Second))
		if c := b.Counts(s.Now()); c.Acked != 1 || c.Received != 2 || w.effects[1] != 1 {
			t.Errorf("%+v with %d effects, want the second of two receives acked", c, w.effects[1])
		}
	})
}

// Work that outlasts the visibility is done again with every delivery, and the message dies though
// its work succeeded. An inbox keeps the effect single; without a back-off, though, the message
// would use up its receives while the first consumer still works.
func TestSlowWorkIsDoneTwice(t *testing.T) {
	for _, idempotent := range []bool{false, true} {
		run(t, 1, func(s *sim.Simulation) {
			cfg := queue.DefaultConfig()
			cfg.Receives, cfg.Backoff = 5, 5*time.Second
			b := queue.NewBroker(s, "settle", cfg)
			w := &work{takes: 45 * time.Second, effects: map[uint64]int{}}
			call := patterns.Call(w.call)
			if idempotent {
				call = queue.NewInbox(queue.InboxConfig{TTL: time.Hour, Lock: time.Minute}).Wrap(w.call)
			}
			b.Start(s.NewGroup("workers"), 2, call)
			s.Go("shop", func(p *sim.Process) { send(b, p, 1) })
			s.RunUntil(sim.Time(10 * time.Minute))
			c := b.Counts(s.Now())
			want, dead := 5, uint64(1)
			if idempotent {
				want, dead = 1, 0
			}
			if w.effects[1] != want || c.Dead != dead || c.Acked != 1-dead || c.Stale == 0 {
				t.Errorf("idempotent %v: %d effects, want %d: %+v", idempotent, w.effects[1], want, c)
			}
		})
	}
}

func TestAckFirstLosesWhatADeadConsumerHad(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := queue.DefaultConfig()
		cfg.AckFirst = true
		b := queue.NewBroker(s, "mail", cfg)
		w := &work{takes: 10 * time.Second, effects: map[uint64]int{}}
		workers := s.NewGroup("workers")
		b.Start(workers, 1, w.call)
		s.Go("shop", func(p *sim.Process) { send(b, p, 2) })
		s.At(sim.Time(5*time.Second), func() { workers.Kill(); workers.Start(); b.Start(workers, 1, w.call) })
		s.RunUntil(sim.Time(time.Hour))
		if c := b.Counts(s.Now()); c.Acked != 2 || w.effects[1] != 0 || w.effects[2] != 1 {
			t.Errorf("%+v, effects %v, want the first lost and the second done", c, w.effects)
		}
	})
}

func TestFailedWorkIsNackedAndRedriven(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := queue.DefaultConfig()
		cfg.Receives, cfg.Backoff = 2, time.Second
		b := queue.NewBroker(s, "mail", cfg)
		w := &work{effects: map[uint64]int{}, fails: 2}
		b.Start(s.NewGroup("workers"), 1, w.call)
		s.Go("shop", func(p *sim.Process) { send(b, p, 1) })
		s.RunUntil(sim.Time(3 * time.Second)) // receives at 0 s and 1 s, found dead at 3 s
		if c := b.Counts(s.Now()); c.Dead != 1 || c.Received != 2 {
			t.Fatalf("%+v, want dead after two receives", c)
		}
		if n := b.Redrive(); n != 1 {
			t.Fatalf("%d redriven", n)
		}
		s.RunUntil(sim.Time(4 * time.Second))
		if c := b.Counts(s.Now()); c.Acked != 1 || c.Dead != 0 || w.effects[1] != 1 {
			t.Errorf("%+v after the redrive", c)
		}
	})
}

func TestMessagesThatAppearTogetherWakeAsManyConsumers(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := queue.DefaultConfig()
		cfg.Delay = time.Minute
		b := queue.NewBroker(s, "mail", cfg)
		w := &work{takes: time.Second, effects: map[uint64]int{}}
		b.Start(s.NewGroup("workers"), 5, w.call)
		s.Go("shop", func(p *sim.Process) { send(b, p, 4) })
		s.RunUntil(sim.Time(time.Minute))
		if c := b.Counts(s.Now()); c.InFlight != 4 {
			t.Errorf("%+v, want all four in flight", c)
		}
	})
}

func TestConsumePassesOnTheEndOfAnOuterScope(t *testing.T) {
	for _, messages := range []int{0, 1} { // while it waits, while it works
		run(t, 1, func(s *sim.Simulation) {
			b := queue.NewBroker(s, "mail", queue.DefaultConfig())
			w := &work{takes: time.Minute, effects: map[uint64]int{}}
			s.Go("consumer", func(p *sim.Process) {
				send(b, p, messages)
				limit := p.WithTimeout(10 * time.Second)
				defer limit.Close()
				if err := b.Consume(p, w.call); !limit.Ended(err) {
					t.Errorf("Consume returned %v", err)
				}
				if c := b.Counts(p.Now()); c.InFlight != uint64(messages) {
					t.Errorf("%+v, want the message in hand still in flight", c)
				}
			})
			s.RunUntil(sim.Time(20 * time.Second))
		})
	}
}

func TestAFullQueueIsOverloaded(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := queue.DefaultConfig()
		cfg.Capacity = 1
		b := queue.NewBroker(s, "mail", cfg)
		s.Go("shop", func(p *sim.Process) {
			if resp, err := b.Send(p, patterns.Request{}); err != nil || !resp.Degraded || resp.From != "mail" {
				t.Errorf("accepted: %+v, %v", resp, err)
			}
			_, err := b.Send(p, patterns.Request{})
			var e *patterns.Error
			if !errors.As(err, &e) || e.Kind != patterns.Overloaded || e.Maybe {
				t.Errorf("refused: %v", err)
			}
		})
		s.RunUntilIdle()
	})
}

// Whatever consumers do, and however often they are killed, no message is lost: each is done in
// the end, or dead after as many receives as were allowed.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := queue.Config{
			Visibility: 20 * time.Second, DeadLetters: true,
			Receives: rapid.IntRange(0, 4).Draw(t, "receives"),
			Delay:    time.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * time.Second,
			Backoff:  time.Duration(rapid.IntRange(0, 2).Draw(t, "backoff")) * time.Second,
		}
		consumers := rapid.IntRange(1, 4).Draw(t, "consumers")
		kills := rapid.IntRange(0, 5).Draw(t, "kills")
		w := &work{takes: time.Second, effects: map[uint64]int{}, fails: rapid.IntRange(0, 6).Draw(t, "fails")}
		const messages = 20
		run(t, rapid.Uint64().Draw(t, "seed"), func(s *sim.Simulation) {
			b := queue.NewBroker(s, "mail", cfg)
			workers := s.NewGroup("workers")
			b.Start(workers, consumers, w.call)
			s.Go("shop", func(p *sim.Process) { send(b, p, messages) })
			for range kills {
				s.RunUntil(s.Now().Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "until")) * time.Millisecond))
				workers.Kill()
				workers.Start()
				b.Start(workers, consumers, w.call)
				if err := b.Check(); err != nil {
					t.Fatal(err)
				}
			}
			s.RunUntil(s.Now().Add(time.Hour))
			c := b.Counts(s.Now())
			if c.Acked+c.Dead != messages || c.Queued+c.InFlight != 0 {
				t.Fatalf("%+v: not all of %d came to an end", c, messages)
			}
			if cfg.Receives == 0 && c.Acked != messages {
				t.Fatalf("%+v: given up without a limit", c)
			}
			for _, m := range b.DeadLetters() {
				if m.Receives != cfg.Receives {
					t.Fatalf("dead after %d receives, want %d", m.Receives, cfg.Receives)
				}
			}
			for k := range uint64(messages) {
				if w.effects[k+1] > 1 { // kills come before the effect, failures have none
					t.Fatalf("%d effects of message %d", w.effects[k+1], k+1)
				}
			}
		})
	})
}

func ExampleBroker() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		b := queue.NewBroker(s, "settle", queue.DefaultConfig())
		charge := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			fmt.Println(p.Now(), "charging order", req.Key)
			return patterns.Response{}, p.Sleep(time.Minute) // longer than the visibility of 30 s
		}
		b.Start(s.NewGroup("workers"), 2, charge)
		s.Go("orders", func(p *sim.Process) {
			resp, _ := b.Send(p, patterns.Request{Key: 7})
			fmt.Println(p.Now(), "order 7 accepted, degraded:", resp.Degraded)
		})
		s.RunUntil(sim.Time(45 * time.Second))
	})
	// Output:
	// 0s order 7 accepted, degraded: true
	// 0s charging order 7
	// 30s charging order 7
}
