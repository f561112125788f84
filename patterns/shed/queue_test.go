package shed_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A line is a server's waiting line by the rules of a queue.
type line struct {
	q       *shed.Queue
	waiting []sim.Time // when each came
	leaves  []sim.Time // when each gives up; Never
}

func (l *line) arrive(now sim.Time) {
	l.expire(now)
	leaves := sim.Never
	if patience := l.q.Arrive(now, len(l.waiting)); patience > 0 {
		leaves = now.Add(patience)
	}
	l.waiting, l.leaves = append(l.waiting, now), append(l.leaves, leaves)
}

// expire takes out who has waited too long.
func (l *line) expire(now sim.Time) (n int) {
	for i := 0; i < len(l.waiting); {
		if l.leaves[i] > now {
			i++
			continue
		}
		l.waiting, l.leaves = slices.Delete(l.waiting, i, i+1), slices.Delete(l.leaves, i, i+1)
		n++
	}
	return n
}

// serve takes the next one out that is not dropped, and says how many were.
func (l *line) serve(now sim.Time) (came sim.Time, ok bool, dropped int) {
	l.expire(now)
	for len(l.waiting) > 0 {
		i := 0
		if l.q.Newest(now, len(l.waiting)) {
			i = len(l.waiting) - 1
		}
		came = l.waiting[i]
		l.waiting, l.leaves = slices.Delete(l.waiting, i, i+1), slices.Delete(l.leaves, i, i+1)
		if !l.q.Drop(now, came, len(l.waiting)) {
			return came, true, dropped
		}
		dropped++
	}
	return 0, false, dropped
}

// By hand, with a target of 5 ms and an interval of 100 ms. All calls wait 10 ms, and there are always more:
// too long since 0 ms, for an interval at 100 ms. Drops follow after 100/√1, 100/√2, 100/√3, ...: at 200,
// 270.711, 328.446 and 378.446 ms. If the next call comes much later than one is due, several go at once.
func TestCoDelStories(t *testing.T) {
	type ask struct {
		at, wait time.Duration
		behind   int
		want     bool
	}
	long := func(at time.Duration, want bool) ask { return ask{at, 10 * ms, 9, want} }
	begin := []ask{long(0, false), long(100*ms-1, false), long(100*ms, true)}
	for _, c := range []struct {
		name string
		asks []ask
	}{
		{"one when an interval was too long, and then ever more often", append(begin[:3:3],
			long(100*ms, false), long(200*ms-1, false), long(200*ms, true), long(200*ms, false),
			long(270_710_677, false), long(270_710_678, true), long(270_710_678, false),
			long(328_445_703, false), long(328_445_704, true), long(328_445_704, false),
			long(378_445_703, false), long(378_445_704, true), long(378_445_704, false))},
		{"several that are due", append(begin[:3:3], long(100*ms, false), long(300*ms, true), long(300*ms, true), long(300*ms, false))},
		{"the target itself is too long", []ask{{0, 5 * ms, 9, false}, {100 * ms, 5 * ms, 9, true}}},
		{"a short wait begins anew", []ask{long(0, false), {50 * ms, 5*ms - 1, 9, false}, long(100*ms, false), long(199*ms, false), long(200*ms, true)}},
		{"so does the last of the line", []ask{long(0, false), {50 * ms, 10 * ms, 0, false}, long(100*ms, false), long(200*ms, true)}},
		{"a short wait ends it", append(begin[:3:3], ask{150 * ms, ms, 9, false}, long(250*ms, false), long(349*ms, false), long(350*ms, true))},
		{"dropping, a short wait ends it at once", append(begin[:3:3], ask{200 * ms, ms, 9, false}, long(201*ms, false))},
		{"if it was not long ago, at the rate that was right", append(begin[:3:3],
			long(200*ms, true), long(200*ms, false), long(271*ms, true), long(271*ms, false), long(329*ms, true), long(329*ms, false), // 4 drops
			ask{340 * ms, ms, 9, false}, long(400*ms, false), long(500*ms, true), long(500*ms, false), // 4-1 = 3: the next after 57.7 ms
			long(557_735_025, false), long(557_735_026, true))},
		{"if it was long ago, from the beginning", append(begin[:3:3],
			long(200*ms, true), long(200*ms, false), long(271*ms, true), long(271*ms, false), long(329*ms, true), long(329*ms, false), // the next was due at 378 ms
			ask{340 * ms, ms, 9, false}, long(1900*ms, false), long(2000*ms, true), long(2000*ms, false),
			long(2100*ms-1, false), long(2100*ms, true))},
	} {
		q := shed.NewQueue(shed.RFC8289(), 0)
		for i, a := range c.asks {
			if got := q.Drop(at(a.at), at(a.at-a.wait), a.behind); got != a.want {
				t.Errorf("%s: at %v, question %d: dropped is %v, want %v", c.name, a.at, i, got, a.want)
			}
		}
	}
}

// RFC 8289, section 5, as a queue of packets: what is larger than one packet there is that somebody waits
// behind here.
type rfc8289 struct {
	target, interval time.Duration
	queue            []sim.Time
	firstAbove, next sim.Time
	count, last      int
	dropping         bool
}

func (r *rfc8289) pop(now sim.Time) (came sim.Time, any, okToDrop bool) {
	if len(r.queue) == 0 {
		r.firstAbove = -1
		return 0, false, false
	}
	came, r.queue = r.queue[0], r.queue[1:]
	if now.Sub(came) < r.target || len(r.queue) == 0 {
		r.firstAbove = -1
	} else if r.firstAbove < 0 {
		r.firstAbove = now.Add(r.interval)
	} else if now >= r.firstAbove {
		okToDrop = true
	}
	return came, true, okToDrop
}

func (r *rfc8289) law(t sim.Time) sim.Time {
	return t.Add(time.Duration(float64(r.interval) / math.Sqrt(float64(r.count))))
}

func (r *rfc8289) dequeue(now sim.Time) (came sim.Time, any bool, drops int) {
	came, any, okToDrop := r.pop(now)
	if r.dropping {
		if !okToDrop {
			r.dropping = false
		}
		for now >= r.next && r.dropping {
			drops++
			r.count++
			came, any, okToDrop = r.pop(now)
			if !okToDrop {
				r.dropping = false
			} else {
				r.next = r.law(r.next)
			}
		}
	} else if okToDrop {
		drops++
		came, any, _ = r.pop(now)
		r.dropping = true
		delta := r.count - r.last
		r.count = 1
		if delta > 1 && now.Sub(r.next) < 16*r.interval {
			r.count = delta
		}
		r.next = r.law(now)
		r.last = r.count
	}
	return came, any, drops
}

func TestCoDelEqualsRFC8289(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := shed.RFC8289()
		cfg.Target = time.Duration(rapid.IntRange(1, 20).Draw(t, "target")) * us
		cfg.Interval = cfg.Target + time.Duration(rapid.IntRange(1, 80).Draw(t, "interval"))*us
		l := &line{q: shed.NewQueue(cfg, 0)}
		model := &rfc8289{target: cfg.Target, interval: cfg.Interval, firstAbove: -1}
		var now sim.Time
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 1, 2, 5, 20}).Draw(t, "time")) * us)
			for range rapid.SampledFrom([]int{0, 1, 1, 2, 6}).Draw(t, "arrivals") {
				l.arrive(now)
				model.queue = append(model.queue, now)
			}
			if rapid.IntRange(0, 2).Draw(t, "serve") == 0 {
				continue
			}
			came, any, dropped := l.serve(now)
			wantCame, wantAny, want := model.dequeue(now)
			if came != wantCame || any != wantAny || dropped != want {
				t.Fatalf("at %v: %d dropped, then %v (%v), want %d, then %v (%v)", now, dropped, came, any, want, wantCame, wantAny)
			}
		}
	})
}

// By hand from Codel.cpp, with a target of 5 ms and an interval of 100 ms.
func TestFollyStories(t *testing.T) {
	type ask struct {
		at, wait time.Duration
		want     bool
	}
	for _, c := range []struct {
		name string
		asks []ask
	}{
		{"once every wait of an interval was too long, those that waited twice that", []ask{
			{0, 6 * ms, false}, {1 * ms, 6 * ms, false}, // the first interval ends after 0, this one after 101 ms
			{2 * ms, 10 * ms, false}, {3 * ms, 10*ms + 1, true}, {4 * ms, 6 * ms, false},
			{102 * ms, 99 * ms, false}, // the first of an interval is never dropped
			{103 * ms, 99 * ms, true},
		}},
		{"one short wait is enough", []ask{
			{0, 6 * ms, false}, {1 * ms, 99 * ms, false}, {2 * ms, 99 * ms, true}, {60 * ms, 5 * ms, false}, {102 * ms, 99 * ms, false}, {103 * ms, 99 * ms, false},
		}},
		{"that of the first counts, too", []ask{{0, 5 * ms, false}, {1 * ms, 99 * ms, false}, {2 * ms, 99 * ms, false}}},
		{"an interval ends with the first call after it", []ask{
			{0, 6 * ms, false}, {1 * ms, 6 * ms, false}, {2 * ms, 99 * ms, true}, {101 * ms, 99 * ms, true}, {101*ms + 1, 99 * ms, false}, {110 * ms, 99 * ms, true},
		}},
		{"overload ends with an interval that has a short wait", []ask{
			{0, 6 * ms, false}, {1 * ms, 6 * ms, false}, {2 * ms, 99 * ms, true}, {3 * ms, 1 * ms, false}, {102 * ms, 99 * ms, false}, {103 * ms, 99 * ms, false},
		}},
	} {
		q := shed.NewQueue(shed.Folly(), 0)
		for i, a := range c.asks {
			if got := q.Drop(at(a.at), at(a.at-a.wait), 9); got != a.want {
				t.Errorf("%s: at %v, question %d: dropped is %v, want %v", c.name, a.at, i, got, a.want)
			}
		}
	}
}

// Codel.cpp as it is, without its atomics: now > ends and the delay is not to be reset, then the interval
// ends, and the delay is to be reset; if it is to be reset it is, and the call is let through.
func TestFollyEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := shed.Folly()
		cfg.Target = time.Duration(rapid.IntRange(1, 10).Draw(t, "target"))
		cfg.Interval = cfg.Target + time.Duration(rapid.IntRange(1, 40).Draw(t, "interval"))
		start := sim.Time(rapid.IntRange(0, 20).Draw(t, "start"))
		q := shed.NewQueue(cfg, start)
		minDelay, ends, reset, overloaded := time.Duration(0), start, true, false
		now := start
		for i := range rapid.IntRange(1, 80).Draw(t, "calls") {
			now += sim.Time(rapid.IntRange(0, 15).Draw(t, "time"))
			delay := time.Duration(rapid.IntRange(0, 25).Draw(t, "delay"))
			least := minDelay
			if now > ends && !reset {
				reset, ends, overloaded = true, now.Add(cfg.Interval), least > cfg.Target
			}
			want := false
			if reset {
				reset, minDelay = false, delay
			} else {
				minDelay = min(minDelay, delay)
				want = overloaded && delay > 2*cfg.Target
			}
			if got := q.Drop(now, now.Add(-delay), 0); got != want {
				t.Fatalf("call %d at %v, after %v: dropped is %v, want %v", i, now, delay, got, want)
			}
		}
	})
}

// "Fail at Scale": if the queue was last empty more than N = 100 ms ago, who comes waits M = 5 ms, else N.
func TestPatienceAndNewestFirst(t *testing.T) {
	cfg := shed.FailAtScale()
	cfg.NewestAbove = 3
	q := shed.NewQueue(cfg, at(s))
	for i, c := range []struct {
		at      time.Duration
		waiting int
		want    time.Duration
		newest  bool
	}{
		{1000 * ms, 2, 100 * ms, false}, // empty at the start
		{1100 * ms, 2, 100 * ms, false},
		{1100*ms + 1, 2, 5 * ms, true},
		{1200 * ms, 0, 100 * ms, false}, // empty
		{1300 * ms, 3, 100 * ms, false},
		{1300 * ms, 4, 100 * ms, true}, // more than three
		{1301 * ms, 1, 5 * ms, true},
	} {
		if got := q.Arrive(at(c.at), c.waiting); got != c.want {
			t.Errorf("step %d: who comes at %v to %d others waits %v, want %v", i, c.at, c.waiting, got, c.want)
		}
		if got := q.Newest(at(c.at), c.waiting); got != c.newest {
			t.Errorf("step %d: at %v of %d the newest is next: %v, want %v", i, c.at, c.waiting, got, c.newest)
		}
		if q.Drop(at(c.at), at(c.at-s), 9) {
			t.Errorf("step %d: who has patience left is dropped", i)
		}
	}
	for _, cfg := range []shed.QueueConfig{{}, shed.RFC8289(), shed.Folly()} {
		q := shed.NewQueue(cfg, 0)
		if q.Arrive(at(s), 9) != 0 || q.Newest(at(s), 99) {
			t.Errorf("%v has patience, or the newest first, without being told to", cfg.Rule)
		}
	}
	if shed.NewQueue(shed.QueueConfig{}, 0).Drop(at(s), 0, 9) {
		t.Error("who keeps all drops one")
	}
}

func TestEvict(t *testing.T) {
	for _, c := range []struct {
		evict            bool
		priority, lowest int
		want             bool
	}{{true, 2, 1, true}, {true, 1, 1, false}, {true, 0, 1, false}, {false, 2, 1, false}} {
		if got := shed.NewQueue(shed.QueueConfig{Evict: c.evict}, 0).Evict(c.priority, c.lowest); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A server that takes 1 ms for a call is asked for 1200 a second by callers that give up after 200 ms, for
// 20 s after a second of rest. With no rule every wait grows beyond where callers give up, and what the
// server does is mostly for nobody. CoDel has to turn 200 a second away, and turns 10√n away after n: it
// takes 2*√400/10 = 4 s until it does, and longer until the line that has grown meanwhile is gone.
func TestOverload(t *testing.T) {
	for _, c := range []struct {
		name        string
		cfg         shed.QueueConfig
		least, most float64       // of the calls served in time, of 1000 a second
		median      time.Duration // of their waits, at most
	}{
		{"keep all", shed.QueueConfig{}, 0, 0.1, 200 * ms},
		{"newest first", shed.QueueConfig{NewestAbove: 1}, 0.95, 1, 2 * ms},
		{"codel", shed.RFC8289(), 0.5, 0.7, 150 * ms},
		{"folly", shed.Folly(), 0.95, 1, 15 * ms},
		{"fail at scale", shed.FailAtScale(), 0.95, 1, 6 * ms},
	} {
		l := &line{q: shed.NewQueue(c.cfg, 0)}
		arrivals := sim.Seed(1).Stream("arrivals")
		next, free := at(s), sim.Time(0)
		var waits []time.Duration
		served := 0
		for next < at(21*s) {
			if next <= free || len(l.waiting) == 0 {
				l.arrive(next)
				free = max(free, next)
				next = next.Add(time.Duration(-math.Log(1-arrivals.Float64()) / 1200 * 1e9))
				continue
			}
			came, ok, _ := l.serve(free)
			if !ok {
				continue
			}
			wait := free.Sub(came)
			if free = free.Add(ms); wait <= 200*ms {
				served++
				waits = append(waits, wait)
			}
		}
		slices.Sort(waits)
		goodput, median := float64(served)/20_000, waits[len(waits)/2]
		if goodput < c.least || goodput > c.most || median > c.median {
			t.Errorf("%s: goodput %.3f of the capacity, want %v to %v; median wait %v, want at most %v", c.name, goodput, c.least, c.most, median, c.median)
		}
	}
}

func TestQueueConfigs(t *testing.T) {
	for _, cfg := range []shed.QueueConfig{shed.DefaultQueueConfig(), shed.RFC8289(), shed.Folly(), shed.FailAtScale(), {}} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		cfg  shed.QueueConfig
		want string
	}{
		{shed.QueueConfig{Target: 1, Interval: 1}, `shed: QueueConfig.Target is 1ns, need 0 where all are kept
shed: QueueConfig.Interval is 1ns, need 0 where all are kept`},
		{shed.QueueConfig{Rule: 9, NewestAbove: -1, NewestAfter: -1}, `shed: QueueConfig.Rule is rule 9, need one of the package's
shed: QueueConfig.Target is 0s, need more than 0
shed: QueueConfig.Interval is 0s, need more than Target
shed: QueueConfig.NewestAbove is -1, need 0 or more
shed: QueueConfig.NewestAfter is -1ns, need 0 or more`},
		{shed.QueueConfig{Rule: shed.CoDel, Target: 1, Interval: 2, NewestAfter: 1},
			"shed: QueueConfig.Rule is codel, need keep_all or patience where the newest may go first, whose wait says nothing of the queue"},
	} {
		if err := c.cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}

func ExampleQueue() {
	q := shed.NewQueue(shed.RFC8289(), 0)
	for now := sim.Time(0); now <= at(300*ms); now += sim.Time(50 * ms) {
		came := now.Add(-20 * ms) // everybody waits 20 ms
		fmt.Println(now, q.Drop(now, came, 10))
	}
	// Output:
	// 0s false
	// 50ms false
	// 100ms true
	// 150ms false
	// 200ms true
	// 250ms false
	// 300ms true
}

func BenchmarkQueue(b *testing.B) {
	for _, cfg := range []shed.QueueConfig{shed.RFC8289(), shed.Folly(), shed.FailAtScale()} {
		b.Run(cfg.Rule.String(), func(b *testing.B) {
			q := shed.NewQueue(cfg, 0)
			var now sim.Time
			b.ReportAllocs()
			for b.Loop() {
				now += sim.Time(time.Millisecond)
				q.Arrive(now, 5)
				q.Newest(now, 5)
				q.Drop(now, now-sim.Time(20*time.Millisecond), 5)
			}
		})
	}
}
