package sim_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
)

// An action is what a model can do to its pending events, between two stretches of a run or in an
// event of its own.
type action struct {
	Kind  string
	Group int
	Delay time.Duration // of schedule, on the group's clock; how far to run
	Timer int           // of stop
	Step  time.Duration // of clock
	Rate  int64
	Then  *action // what a scheduled event does
}

const groups = 3

func drawAction(depth int) *rapid.Generator[action] {
	delay := rapid.SampledFrom([]time.Duration{0, 0, 1, 2, 3, 10, 1000, time.Millisecond, time.Second, 100 * 365 * 24 * time.Hour})
	return rapid.Custom(func(t *rapid.T) action {
		a := action{
			Kind: rapid.SampledFrom([]string{
				"schedule", "schedule", "schedule", "schedule", "stop", "stop", "again", "pause", "resume", "kill", "start", "clock",
			}).Draw(t, "kind"),
			Group: rapid.IntRange(0, groups-1).Draw(t, "group"),
		}
		switch a.Kind {
		case "schedule", "again":
			a.Delay = delay.Draw(t, "delay")
			a.Timer = rapid.IntRange(0, 30).Draw(t, "timer")
			if depth > 0 && rapid.Bool().Draw(t, "acts") {
				then := drawAction(depth-1).Draw(t, "then")
				a.Then = &then
			}
		case "stop":
			a.Timer = rapid.IntRange(0, 30).Draw(t, "timer")
		case "clock":
			a.Step = rapid.SampledFrom([]time.Duration{-time.Hour, -3, 0, 2, time.Minute}).Draw(t, "step")
			a.Rate = rapid.SampledFrom([]int64{-999_999_999, -500_000_000, -333_333_333, 0, 20_000, 1_000_000_000}).Draw(t, "rate")
		}
		return a
	})
}

// pending is what a world must offer to the actions.
type pending interface {
	schedule(a action)
	stop(timer int) bool
	pause(group int)
	resume(group int)
	kill(group int)
	start(group int)
	clock(group int, step time.Duration, rate int64)
	run(d time.Duration)
}

func perform(w pending, a action) {
	switch a.Kind {
	case "schedule":
		w.schedule(a)
	case "stop":
		w.stop(a.Timer)
	case "again": // a timer that is set anew, as a lease's is
		w.stop(a.Timer)
		w.schedule(a)
	case "pause":
		w.pause(a.Group)
	case "resume":
		w.resume(a.Group)
	case "kill":
		w.kill(a.Group)
	case "start":
		w.start(a.Group)
	case "clock":
		w.clock(a.Group, a.Step, a.Rate)
	case "run":
		w.run(a.Delay)
	}
}

// kernel is the real thing.
type kernel struct {
	s      *sim.Simulation
	groups []*sim.Group
	timers []sim.Timer
	log    []string
}

func (k *kernel) schedule(a action) {
	id, g := len(k.timers), k.groups[a.Group]
	k.timers = append(k.timers, sim.Timer{})
	k.timers[id] = g.After(a.Delay, func() {
		k.log = append(k.log, fmt.Sprintf("%v: %d", k.s.Now(), id))
		if a.Then != nil {
			perform(k, *a.Then)
		}
	})
}
func (k *kernel) stop(timer int) bool {
	if timer >= len(k.timers) {
		return false
	}
	return k.timers[timer].Stop()
}
func (k *kernel) pause(g int)  { k.groups[g].Pause() }
func (k *kernel) resume(g int) { k.groups[g].Resume() }
func (k *kernel) kill(g int)   { k.groups[g].Kill() }
func (k *kernel) start(g int) {
	if !k.groups[g].Alive() {
		k.groups[g].Start()
	}
}
func (k *kernel) clock(g int, step time.Duration, rate int64) { k.groups[g].SetClock(step, rate) }
func (k *kernel) run(d time.Duration)                         { k.s.RunUntil(k.s.Now().Add(d)) }

// ledger is the same, slow and plain: a list that is sorted, and clocks in exact arithmetic.
type ledger struct {
	now    sim.Time
	seq    int
	events []*booked
	groups [groups]booker
	log    []string
}

type booked struct {
	action
	group  int
	life   int
	at     sim.Time
	mono   *big.Int // when it is due on the group's monotonic clock
	seq    int
	held   bool
	gone   bool // happened, stopped, or never was
	number int
}

type booker struct {
	dead, paused bool
	life         int
	base         sim.Time
	shown        *big.Int // by the monotonic clock at base
	rate         int64
}

var exactBillion = big.NewInt(1_000_000_000)

func (b *booker) mono(now sim.Time) *big.Int {
	x := new(big.Int).Mul(big.NewInt(int64(now-b.base)), big.NewInt(1_000_000_000+b.rate))
	return x.Add(x.Div(x, exactBillion), b.shown)
}

// due is the first instant, not before now, at which the monotonic clock shows m.
func (b *booker) due(m *big.Int, now sim.Time) sim.Time {
	x := new(big.Int).Sub(m, b.shown)
	x.Mul(x, exactBillion)
	speed := big.NewInt(1_000_000_000 + b.rate)
	x.Add(x, new(big.Int).Sub(speed, big.NewInt(1))) // rounded up
	x.Div(x, speed)
	x.Add(x, big.NewInt(int64(b.base)))
	if !x.IsInt64() {
		return sim.Never
	}
	return max(sim.Time(x.Int64()), now)
}

func (l *ledger) enter(e *booked, at sim.Time) {
	l.seq++
	e.at, e.seq = at, l.seq
}

func (l *ledger) sort() {
	slices.SortFunc(l.events, func(a, b *booked) int {
		return 2*cmpInt(a.at, b.at) + cmpInt(a.seq, b.seq)
	})
}

func cmpInt[T int | sim.Time](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (l *ledger) schedule(a action) {
	g := &l.groups[a.Group]
	e := &booked{action: a, group: a.Group, life: g.life, number: len(l.events), gone: g.dead}
	e.mono = new(big.Int).Add(g.mono(l.now), big.NewInt(int64(a.Delay)))
	l.enter(e, g.due(e.mono, l.now))
	l.events = append(l.events, e)
}

func (l *ledger) stop(timer int) bool {
	for _, e := range l.events {
		if e.number == timer {
			e.gone = true
		}
	}
	return false
}

func (l *ledger) pause(g int) { l.groups[g].paused = !l.groups[g].dead }

func (l *ledger) resume(g int) {
	l.groups[g].paused = false
	l.sort()
	var held, due []*booked
	for _, e := range l.events {
		switch {
		case e.gone || e.group != g || e.life != l.groups[g].life:
		case e.held:
			held = append(held, e)
		case e.at == l.now:
			due = append(due, e)
		}
	}
	if len(held) == 0 {
		return
	}
	for _, e := range held {
		e.held = false
		e.mono = l.groups[g].mono(l.now)
		l.enter(e, l.now)
	}
	for _, e := range due {
		l.enter(e, l.now)
	}
}

func (l *ledger) kill(g int) {
	l.groups[g].dead, l.groups[g].paused = true, false
	l.groups[g].life++
}

func (l *ledger) start(g int) { l.groups[g].dead = false }

func (l *ledger) clock(g int, _ time.Duration, rate int64) {
	b := &l.groups[g]
	b.base, b.shown, b.rate = l.now, b.mono(l.now), rate
	l.sort()
	for _, e := range slices.Clone(l.events) {
		if e.gone || e.held || e.group != g || e.life != b.life {
			continue
		}
		if at := b.due(e.mono, l.now); at != e.at {
			l.enter(e, at)
		}
	}
}

func (l *ledger) run(d time.Duration) {
	until := l.now.Add(d)
	for {
		l.sort()
		i := slices.IndexFunc(l.events, func(e *booked) bool { return !e.gone && !e.held && e.life == l.groups[e.group].life })
		if i < 0 || l.events[i].at > until {
			break
		}
		e := l.events[i]
		l.now = e.at
		if l.groups[e.group].paused {
			e.held = true
			continue
		}
		e.gone = true
		l.log = append(l.log, fmt.Sprintf("%v: %d", l.now, e.number))
		if e.Then != nil {
			perform(l, *e.Then)
		}
	}
	l.now = until
}

func TestTheOrderOfEventsIsThatOfASortedList(t *testing.T) {
	worker := sim.NewWorker()
	defer worker.Close()
	rapid.Check(t, func(t *rapid.T) {
		drive := rapid.Custom(func(t *rapid.T) action {
			return action{Kind: "run", Delay: rapid.SampledFrom([]time.Duration{0, 1, 2, 10, 1000, time.Second, time.Hour}).Draw(t, "for")}
		})
		actions := rapid.SliceOfN(rapid.OneOf(drawAction(2), drawAction(2), drive), 1, 60).Draw(t, "actions")

		l := &ledger{}
		for i := range l.groups {
			l.groups[i].shown = new(big.Int)
		}
		var k *kernel
		_, err := worker.Run(sim.Config{}, func(s *sim.Simulation) {
			k = &kernel{s: s}
			for i := range groups {
				k.groups = append(k.groups, s.NewGroup(fmt.Sprint(i)))
			}
			for _, a := range actions {
				perform(k, a)
				perform(l, a)
			}
			perform(k, action{Kind: "run", Delay: 24 * time.Hour})
			perform(l, action{Kind: "run", Delay: 24 * time.Hour})
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l.log, k.log); diff != "" {
			t.Fatalf("the order differs (-sorted list +kernel):\n%s", diff)
		}
	})
}
