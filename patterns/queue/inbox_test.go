package queue_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim"
)

func TestInboxStories(t *testing.T) {
	const key = 7
	cfg := queue.InboxConfig{TTL: time.Hour, Lock: time.Minute}
	at := func(d time.Duration) sim.Time { return sim.Time(d) }
	for _, tt := range []struct {
		name string
		do   func(x *queue.Inbox)
		at   time.Duration
		want queue.Verdict
	}{
		{"new", func(x *queue.Inbox) {}, 0, queue.First},
		{"in progress", func(x *queue.Inbox) { x.Begin(0, key) }, time.Minute - 1, queue.Busy},
		{"whoever began is gone", func(x *queue.Inbox) { x.Begin(0, key) }, time.Minute, queue.First},
		{"done", func(x *queue.Inbox) { x.Begin(0, key); x.Finish(at(time.Second), key, patterns.Response{}) }, time.Hour, queue.Again},
		{"done too long ago", func(x *queue.Inbox) { x.Begin(0, key); x.Finish(at(time.Second), key, patterns.Response{}) }, time.Hour + time.Second, queue.First},
		{"failed", func(x *queue.Inbox) { x.Begin(0, key); x.Abandon(key, 0) }, 1, queue.First},
		{"the failure of one whose lock has passed", func(x *queue.Inbox) {
			x.Begin(0, key)
			x.Begin(at(time.Minute), key)
			x.Abandon(key, 0)
		}, time.Minute + 1, queue.Busy},
		{"a failure after it was done", func(x *queue.Inbox) {
			x.Begin(0, key)
			x.Finish(1, key, patterns.Response{})
			x.Abandon(key, 1)
		}, time.Minute, queue.Again},
		{"another key", func(x *queue.Inbox) { x.Begin(0, key+1) }, 1, queue.First},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := queue.NewInbox(cfg)
			tt.do(x)
			if got, _ := x.Begin(at(tt.at), key); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestInboxAnswersFromMemory(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		calls := 0
		call := queue.NewInbox(queue.DefaultInboxConfig()).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			calls++
			answer := patterns.Response{Value: uint64(calls)}
			return answer, p.Sleep(time.Second)
		})
		ask := func(name string, key uint64, after time.Duration, value uint64, busy bool) {
			s.Go(name, func(p *sim.Process) {
				p.Sleep(after)
				resp, err := call(p, patterns.Request{Idempotency: key})
				var e *patterns.Error
				if busy != errors.As(err, &e) || busy && e.Kind != patterns.Conflict || !busy && (err != nil || resp.Value != value) {
					t.Errorf("%s: %+v, %v", name, resp, err)
				}
			})
		}
		ask("first", 7, 0, 1, false)
		ask("too soon", 7, time.Second/2, 0, true)
		ask("repeated", 7, 2*time.Second, 1, false)
		ask("without a key", 0, 3*time.Second, 2, false)
		ask("again without a key", 0, 4*time.Second, 3, false)
		s.RunUntilIdle()
		if calls != 3 {
			t.Errorf("%d calls, want 3", calls)
		}
	})
}

// Within its memory, a key is never done twice; beyond it, nothing is kept.
func TestInboxForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := queue.InboxConfig{TTL: 10, Lock: 5}
		x := queue.NewInbox(cfg)
		done := map[uint64]sim.Time{}
		var now sim.Time
		for range rapid.IntRange(1, 400).Draw(t, "requests") {
			now += sim.Time(rapid.IntRange(0, 3).Draw(t, "wait"))
			key := rapid.Uint64Range(1, 5).Draw(t, "key")
			verdict, _ := x.Begin(now, key)
			at, seen := done[key]
			if again := seen && now < at+10; again != (verdict == queue.Again) {
				t.Fatalf("%v: key %d, done at %v: %v", now, key, at, verdict)
			}
			if verdict == queue.First {
				x.Finish(now, key, patterns.Response{})
				done[key] = now
			}
		}
		x.Begin(now+10, 99)
		if x.Len() != 1 {
			t.Fatalf("%d keys remembered long after, want 1", x.Len())
		}
	})
}
