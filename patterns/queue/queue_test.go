package queue_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim"
)

// A story is a row of steps, each a time and a verb:
//
//	0s+    send; 0s* is refused
//	1s>1   receive message 1; 1s>- receive nothing
//	2s!1   ack message 1 by its latest receipt; 2s/1 by its first, in vain
//	2s~1   nack message 1; 2s=1 keep it for another minute
//	3s^    redrive the dead letters
func TestQueueStories(t *testing.T) {
	base := queue.Config{Visibility: 30 * time.Second}
	for _, tt := range []struct {
		name, steps string
		change      func(*queue.Config)
		want        string // sent acked queued flying dead expired
	}{
		{name: "work is done", steps: "0s+ 0s+ 1s>1 1s>2 1s>- 2s!1 3s!2", want: "2 2 0 0 0 0"},
		{name: "a silent consumer's message comes back", steps: "0s+ 1s>1 30.9s>- 31s>1 31s>-", want: "1 0 0 1 0 0"},
		{name: "an old receipt does not count", steps: "0s+ 1s>1 31s>1 32s/1 33s!1", want: "1 1 0 0 0 0"},
		{name: "a late ack counts while nobody has it", steps: "0s+ 1s>1 40s!1 40s>-", want: "1 1 0 0 0 0"},
		{name: "an acked message cannot be acked again", steps: "0s+ 1s>1 2s!1 2s/1", want: "1 1 0 0 0 0"},
		{name: "a nacked message is visible at once", steps: "0s+ 1s>1 2s~1 2s>1", want: "1 0 0 1 0 0"},
		{name: "a kept message stays away longer", steps: "0s+ 1s>1 20s=1 79s>- 80s>1", want: "1 0 0 1 0 0"},
		{name: "the one that came back waits behind those visible before", steps: "0s+ 0s>1 1s+ 30s>2 30s>1", want: "2 0 0 2 0 0"},
		{name: "a nack is over when another has it", steps: "0s+ 0s>1 30s>1 31s/1 32s!1", want: "1 1 0 0 0 0"},

		{name: "a delayed message", steps: "0s+ 4.9s>- 5s>1", want: "1 0 0 1 0 0",
			change: func(c *queue.Config) { c.Delay = 5 * time.Second }},
		{name: "back-off doubles and stops", steps: "0s+ 0s>1 0s~1 0.9s>- 1s>1 1s~1 2.9s>- 3s>1 3s~1 5.9s>- 6s>1", want: "1 0 0 1 0 0",
			change: func(c *queue.Config) { c.Backoff, c.MaxBackoff = time.Second, 3*time.Second }},
		{name: "dead on the receive after the last", steps: "0s+ 0s>1 0s~1 0s>1 0s~1 1s+ 1s>2", want: "2 0 0 1 1 0",
			change: func(c *queue.Config) { c.Receives = 2 }},
		{name: "not dead before somebody looks", steps: "0s+ 0s>1 30s>1 60s!1", want: "1 1 0 0 0 0",
			change: func(c *queue.Config) { c.Receives = 2 }},
		{name: "dead letters come back", steps: "0s+ 0s>1 0s~1 1s>- 2s^ 2s>2 3s!2", want: "1 1 0 0 0 0",
			change: func(c *queue.Config) { c.Receives, c.DeadLetters = 1, true }},
		{name: "unless they were dropped", steps: "0s+ 0s>1 0s~1 1s>- 2s^ 2s>-", want: "1 0 0 0 1 0",
			change: func(c *queue.Config) { c.Receives = 1 }},
		{name: "a full queue refuses", steps: "0s+ 0s+ 0s* 1s>1 1s+ 1s*", want: "3 0 2 1 0 0",
			change: func(c *queue.Config) { c.Capacity = 2 }},
		{name: "what comes back is never refused", steps: "0s+ 0s>1 0s+ 1s~1 1s*", want: "2 0 2 0 0 0",
			change: func(c *queue.Config) { c.Capacity = 1 }},
		{name: "old messages expire", steps: "0s+ 5s+ 9.9s>1 10s/1 14.9s>2 15s/2", want: "2 0 0 0 0 2",
			change: func(c *queue.Config) { c.Retention = 10 * time.Second }},
		{name: "a redriven message is as young as any", steps: "0s+ 0s>1 0s~1 0s>- 5s+ 8s^ 15s>3 16s!3", want: "2 1 0 0 0 1",
			change: func(c *queue.Config) { c.Retention, c.Receives, c.DeadLetters = 10*time.Second, 1, true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			if tt.change != nil {
				tt.change(&cfg)
			}
			q := queue.New(cfg)
			first, latest := map[string]queue.Message{}, map[string]queue.Message{}
			var now sim.Time
			for _, step := range strings.Fields(tt.steps) {
				i := strings.IndexAny(step, "+*>!/~=^")
				at, err := time.ParseDuration(step[:i])
				if err != nil {
					t.Fatal(err)
				}
				now = sim.Time(at)
				verb, arg := step[i], step[i+1:]
				ok := true
				switch verb {
				case '+', '*':
					ok = q.Send(now, patterns.Request{}) == (verb == '+')
				case '>':
					m, got := q.Receive(now)
					id := "-"
					if got {
						id = strconv.FormatUint(m.ID, 10)
						latest[id] = m
						if _, before := first[id]; !before {
							first[id] = m
						}
					}
					if id != arg {
						t.Fatalf("%s: received %s", step, id)
					}
				case '!':
					ok = q.Ack(now, latest[arg])
				case '/':
					ok = !q.Nack(now, first[arg]) && !q.Ack(now, first[arg])
				case '~':
					ok = q.Nack(now, latest[arg])
				case '=':
					ok = q.Extend(now, latest[arg], time.Minute)
				case '^':
					q.Redrive(now)
				}
				if !ok {
					t.Fatalf("%s did not go as told", step)
				}
				if err := q.Check(); err != nil {
					t.Fatalf("%s: %v", step, err)
				}
			}
			c := q.Counts(now)
			if got := fmt.Sprint(c.Sent, c.Acked, c.Queued, c.InFlight, c.Dead, c.Expired); got != tt.want {
				t.Errorf("sent acked queued flying dead expired = %s, want %s", got, tt.want)
			}
		})
	}
}

// A model is a queue kept as the plainest list there is: in order of send, every message asked
// every time.
type model struct {
	cfg      queue.Config
	messages []*modelMessage
	counts   queue.Counts
	moves    int
}

type modelMessage struct {
	id       uint64
	sent     sim.Time
	visible  sim.Time
	move     int // orders those put back at the instant itself; zero: time alone made it visible
	receives int
	flying   bool
}

func (m *model) drop(x *modelMessage) {
	m.messages = slices.DeleteFunc(m.messages, func(y *modelMessage) bool { return x == y })
}

// pass lets time pass: what became visible is no longer in flight, what is too old is gone.
func (m *model) pass(now sim.Time) {
	for _, x := range slices.Clone(m.messages) {
		if m.cfg.Retention > 0 && now >= x.sent.Add(m.cfg.Retention) {
			m.counts.Expired++
			m.drop(x)
		}
		if x.visible <= now {
			x.flying = false
		}
	}
}

func (m *model) show(x *modelMessage, now sim.Time, after time.Duration) {
	x.flying, x.visible, x.move = false, now.Add(after), 0
	if after == 0 {
		m.moves++
		x.move = m.moves
	}
}

func (m *model) send(now sim.Time) bool {
	if m.cfg.Capacity > 0 && len(m.messages)-m.flying() >= m.cfg.Capacity {
		m.counts.Refused++
		return false
	}
	m.counts.Sent++
	x := &modelMessage{id: m.counts.Sent, sent: now}
	m.messages = append(m.messages, x)
	m.show(x, now, m.cfg.Delay)
	return true
}

func (m *model) receive(now sim.Time) *modelMessage {
	for {
		var best *modelMessage
		for _, x := range m.messages {
			if !x.flying && x.visible <= now && (best == nil || x.visible < best.visible || x.visible == best.visible && x.move < best.move) {
				best = x
			}
		}
		if best == nil {
			return nil
		}
		if m.cfg.Receives > 0 && best.receives == m.cfg.Receives {
			m.counts.Dead++
			m.drop(best)
			continue
		}
		m.counts.Received++
		best.receives++
		best.flying, best.visible, best.move = true, now.Add(m.cfg.Visibility), 0
		return best
	}
}

// held finds the message that a receipt is good for.
func (m *model) held(r queue.Message) *modelMessage {
	for _, x := range m.messages {
		if x.id == r.ID && x.receives == r.Receives {
			return x
		}
	}
	m.counts.Stale++
	return nil
}

func (m *model) flying() (n int) {
	for _, x := range m.messages {
		if x.flying {
			n++
		}
	}
	return n
}

func TestQueueAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
		}
		m := model{cfg: queue.Config{
			Capacity:   rapid.IntRange(0, 4).Draw(t, "capacity"),
			Visibility: time.Second + seconds("visibility", 5),
			Receives:   rapid.IntRange(0, 3).Draw(t, "receives"),
			Retention:  seconds("retention", 20),
			Delay:      seconds("delay", 3),
			Backoff:    seconds("backoff", 2),
		}}
		q := queue.New(m.cfg)
		var now sim.Time
		receipts := []queue.Message{{}}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) { now = now.Add(seconds("wait", 4)); m.pass(now) },
			"send": func(t *rapid.T) {
				if got, want := q.Send(now, patterns.Request{}), m.send(now); got != want {
					t.Fatalf("Send: %v, want %v", got, want)
				}
			},
			"receive": func(t *rapid.T) {
				got, ok := q.Receive(now)
				want := m.receive(now)
				if ok != (want != nil) || ok && (got.ID != want.id || got.Receives != want.receives) {
					t.Fatalf("Receive: %+v %v, want %+v", got, ok, want)
				}
				if ok {
					receipts = append(receipts, got)
				}
			},
			"ack": func(t *rapid.T) {
				r := rapid.SampledFrom(receipts).Draw(t, "receipt")
				x := m.held(r)
				if got := q.Ack(now, r); got != (x != nil) {
					t.Fatalf("Ack of %d: %v, want %v", r.ID, got, x != nil)
				}
				if x != nil {
					m.counts.Acked++
					m.drop(x)
				}
			},
			"nack": func(t *rapid.T) {
				r := rapid.SampledFrom(receipts).Draw(t, "receipt")
				x := m.held(r)
				want := x != nil && x.flying
				if got := q.Nack(now, r); got != want {
					t.Fatalf("Nack of %d: %v, want %v", r.ID, got, want)
				}
				if want {
					m.show(x, now, m.cfg.Backoff<<(x.receives-1))
				}
			},
			"extend": func(t *rapid.T) {
				r := rapid.SampledFrom(receipts).Draw(t, "receipt")
				x := m.held(r)
				want := x != nil && x.flying
				if got := q.Extend(now, r, 3*time.Second); got != want {
					t.Fatalf("Extend of %d: %v, want %v", r.ID, got, want)
				}
				if want {
					x.visible = now.Add(3 * time.Second)
				}
			},
			"": func(t *rapid.T) {
				if err := q.Check(); err != nil {
					t.Fatal(err)
				}
				want := m.counts
				want.InFlight = uint64(m.flying())
				want.Queued = uint64(len(m.messages)) - want.InFlight
				if diff := cmp.Diff(want, q.Counts(now)); diff != "" {
					t.Fatal(diff)
				}
				next := sim.Never
				for _, x := range m.messages {
					if x.visible > now {
						next = min(next, x.visible)
					}
				}
				if got := q.Next(); got != next {
					t.Fatalf("Next: %v, want %v", got, next)
				}
			},
		})
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	bad := queue.Config{Capacity: -1, Receives: -1, Retention: -1, Delay: -1, Backoff: -1, MaxBackoff: -2}
	err := bad.Validate()
	for _, field := range []string{"capacity", "visibility", "receives", "retention", "delay", "backoff", "max backoff"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	if err := queue.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	q := queue.New(queue.Config{Visibility: time.Second, Backoff: time.Hour})
	q.Send(0, patterns.Request{})
	for now := sim.Time(0); now < sim.Time(70*time.Second); now = now.Add(time.Second) {
		m, _ := q.Receive(now) // again and again, as its visibility passes
		if m.Receives > 55 {
			q.Nack(now, m)
			if _, ok := q.Receive(now); ok {
				t.Fatalf("nacked after %d receives, and visible at once", m.Receives)
			}
			return
		}
	}
	t.Fatal("never nacked")
}

func TestManyMessagesStayInOrder(t *testing.T) {
	q := queue.New(queue.DefaultConfig())
	next := uint64(1)
	for _, n := range []int{10, 12, 30, 7} { // each time more are sent than are received
		for range n {
			q.Send(0, patterns.Request{})
		}
		for range n - 4 {
			if m, _ := q.Receive(0); m.ID != next {
				t.Fatalf("received %d, want %d", m.ID, next)
			}
			next++
		}
	}
}

func TestNoMessageNoCounts(t *testing.T) {
	q := queue.New(queue.DefaultConfig())
	if q.Ack(0, queue.Message{}) || q.Nack(0, queue.Message{}) {
		t.Error("a message that never was could be acked")
	}
	if diff := cmp.Diff(queue.Counts{Stale: 2}, q.Counts(0)); diff != "" {
		t.Error(diff)
	}
}

func ExampleQueue() {
	cfg := queue.DefaultConfig()
	cfg.Receives = 2
	q := queue.New(cfg)
	q.Send(0, patterns.Request{Op: "charge"})
	for now := sim.Time(0); now < sim.Time(2*time.Minute); now = now.Add(30 * time.Second) {
		if m, ok := q.Receive(now); ok {
			fmt.Println(now, m.Request.Op, "for the", m.Receives, "time") // and the consumer dies
		}
	}
	fmt.Println("dead letters:", len(q.DeadLetters()))
	// Output:
	// 0s charge for the 1 time
	// 30s charge for the 2 time
	// dead letters: 1
}
