package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// delays are ways to schedule that an order of pending events may be bad at.
var delays = map[string]*rapid.Generator[int64]{
	"this instant":  rapid.Just(int64(0)),
	"ties":          rapid.Int64Range(0, 2),
	"whole seconds": rapid.Custom(func(t *rapid.T) int64 { return rapid.Int64Range(0, 5).Draw(t, "s") * 1e9 }),
	"any":           rapid.Int64Range(0, 1<<40),
	"far future":    rapid.Int64Range(0, int64(Never)),
	"edges of digits": rapid.Custom(func(t *rapid.T) int64 {
		return 1<<rapid.IntRange(0, 61).Draw(t, "bit") - rapid.Int64Range(0, 1).Draw(t, "less")
	}),
	"five decades": rapid.Custom(func(t *rapid.T) int64 {
		return rapid.SampledFrom([]int64{1, 100_000}).Draw(t, "size") * rapid.Int64Range(1, 1000).Draw(t, "n")
	}),
	"never": rapid.Just(int64(Never)),
}

// TestQueueIsASortedList compares the queue with a list that is sorted whenever it is asked: under
// any schedule, with events that are stopped, moved, held and resumed, and with a clock that is moved
// on to where nothing happens.
func TestQueueIsASortedList(t *testing.T) {
	names := []string{}
	for name := range delays {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		q.reset()
		now := Time(0)
		type event struct {
			at     Time
			seq    uint64
			id     uint64
			number int
		}
		var pending []event
		var held []event
		seq, number := uint64(0), 0
		delay := func() Time {
			d := delays[rapid.SampledFrom(names).Draw(t, "kind")].Draw(t, "delay")
			return now + min(Time(d), Never-now)
		}
		push := func(at Time) {
			seq++
			number++
			ev := q.push(at, now)
			ev.arg = number
			pending = append(pending, event{at, seq, ev.id, number})
		}
		sorted := func() {
			slices.SortFunc(pending, func(a, b event) int {
				return entry{a.at, a.seq}.compare(entry{b.at, b.seq})
			})
		}
		take := func(hold bool) {
			sorted()
			e, ev := q.first(Never)
			if len(pending) == 0 {
				if ev != nil {
					t.Fatalf("an event at %v in an empty queue", e.at)
				}
				return
			}
			want := pending[0]
			if ev == nil || e.at != want.at || e.seq() != want.seq || ev.arg != want.number {
				t.Fatalf("next is %v (seq %d), want %+v", e.at, e.seq(), want)
			}
			now = e.at
			pending = pending[1:]
			if hold {
				q.hold(e, ev)
				held = append(held, want)
				return
			}
			q.take(e, ev)
			q.release(ev, e.slot())
		}
		some := func(list []event) int { return rapid.IntRange(0, len(list)-1).Draw(t, "which") }
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) { push(delay()) },
			"push many": func(t *rapid.T) {
				kind := delays[rapid.SampledFrom(names).Draw(t, "kind")]
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					push(now + min(Time(kind.Draw(t, "delay")), Never-now))
				}
			},
			"take": func(*rapid.T) { take(false) },
			"take many": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					take(false)
				}
			},
			"hold": func(*rapid.T) { take(true) },
			"resume": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip()
				}
				i := some(held)
				ev := held[i]
				held = slices.Delete(held, i, i+1)
				seq++
				if !q.resume(ev.id, now, now, now) {
					t.Fatal("a held event is lost")
				}
				ev.at, ev.seq = now, seq
				pending = append(pending, ev)
			},
			"stop": func(t *rapid.T) {
				if len(pending) == 0 {
					t.Skip()
				}
				for range rapid.IntRange(1, len(pending)).Draw(t, "n") {
					i := some(pending)
					if id := pending[i].id; !q.stop(id) || q.stop(id) {
						t.Fatal("an event is stopped once")
					}
					pending = slices.Delete(pending, i, i+1)
				}
			},
			"move": func(t *rapid.T) {
				if len(pending) == 0 {
					t.Skip()
				}
				ev, at := &pending[some(pending)], delay()
				i := entry{key: ev.id}.slot()
				q.move(entry{ev.at, q.slot(i).key}, at, now)
				seq++
				ev.at, ev.seq = at, seq
			},
			"idle": func(t *rapid.T) { // look at what is next, and move the clock on to before it
				sorted()
				if len(pending) == 0 || pending[0].at == Never {
					t.Skip()
				}
				until := now + (pending[0].at-now)/2
				if e, ev := q.first(until); ev != nil && e.at <= until && e.at < pending[0].at {
					t.Fatalf("an event at %v, want none up to %v", e.at, until)
				}
				now = max(now, until)
			},
			"peek": func(*rapid.T) { // as a user may, to no effect
				q.first(Never)
			},
			"": func(t *rapid.T) {
				if living := q.length - q.stale; living != len(pending) {
					t.Fatalf("%d events are counted, want %d", living, len(pending))
				}
			},
		})
		for len(pending) > 0 {
			take(false)
		}
		take(false)
	})
}

// Who looks at what is far away, and then schedules much that is nearer, gets it in order all the same.
func TestLookingFarAheadDoesNotDisturbTheOrder(t *testing.T) {
	var q queue
	q.reset()
	const far = 1<<40 + 1<<30
	for i := range Time(200) {
		q.push(far+i*i*1_000_000+i%7, 0)
	}
	q.first(Never)
	rng := Seed(1).Stream("near")
	for range 1000 {
		q.push(1+Time(rng.IntN(1<<(10+rng.IntN(31)))), 0)
	}
	last := entry{}
	for n := range 1200 {
		e, ev := q.first(Never)
		if ev == nil || !last.before(e) {
			t.Fatalf("event %d at %v comes after one at %v", n, e.at, last.at)
		}
		q.take(e, ev)
		q.release(ev, e.slot())
		last = e
	}
	if _, ev := q.first(Never); ev != nil {
		t.Error("there is more in the queue than was put there")
	}
}
