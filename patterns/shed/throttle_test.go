package shed_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

const (
	ms = time.Millisecond
	s  = time.Second
)

func at(d time.Duration) sim.Time { return sim.Time(d) }

// calls tells a throttle at an instant of so many calls that were accepted, and so many that were not.
func calls(th *shed.Throttle, now sim.Time, accepted, dropped int) {
	for range accepted {
		th.Done(now, shed.Success)
	}
	for range dropped {
		th.Done(now, shed.Dropped)
	}
}

// The formulas of the libraries, by hand. SRE: (requests - 2 accepts)/(requests+1). Envoy: ((requests -
// accepts/0.95)/(requests+1))^(1/aggression), at most 0.8. Kratos: (requests - accepts/0.6)/(requests+1)
// from 100 requests on. failsafe-go: (requests - accepts/0.9)/(requests+1), at most 0.9.
func TestShares(t *testing.T) {
	aggressive := shed.EnvoyAdmission()
	aggressive.Aggression = 2
	busy := shed.EnvoyAdmission()
	busy.MinRate = 3 // 90 in 30 s
	for _, c := range []struct {
		name              string
		cfg               shed.ThrottleConfig
		accepted, dropped int
		want              float64
	}{
		{"nothing is known", shed.SRE(), 0, 0, 0},
		{"half of them is enough", shed.SRE(), 10, 10, 0},
		{"one less is not", shed.SRE(), 9, 11, 2.0 / 21},
		{"none", shed.SRE(), 0, 9, 9.0 / 10},
		{"never all", shed.SRE(), 0, 999, 999.0 / 1000},
		{"95 % are enough", shed.EnvoyAdmission(), 95, 5, 0},
		{"half", shed.EnvoyAdmission(), 50, 50, (100 - 50/.95) / 101},
		{"at most 80 %", shed.EnvoyAdmission(), 1, 99, .8},
		{"the root of it", aggressive, 50, 50, math.Sqrt((100 - 50/.95) / 101)},
		{"the root of less than nothing", aggressive, 100, 0, 0},
		{"too few to say", busy, 0, 89, 0},
		{"enough", busy, 0, 90, .8},
		{"too few to say", shed.Kratos(), 0, 99, 0},
		{"enough", shed.Kratos(), 0, 100, 100.0 / 101},
		{"60 % are enough", shed.Kratos(), 60, 40, 0},
		{"half", shed.Kratos(), 50, 50, (100 - 50/.6) / 101},
		{"90 % are enough", shed.FailsafeThrottler(), 90, 10, 0},
		{"half", shed.FailsafeThrottler(), 5, 5, (10 - 5/.9) / 11},
		{"at most 90 %", shed.FailsafeThrottler(), 0, 50, .9},
	} {
		th := shed.NewThrottle(c.cfg, 0, sim.Keyed{})
		calls(th, 0, c.accepted, c.dropped)
		if got := th.Share(0); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %d accepted and %d not: %v are rejected, want %v", c.name, c.accepted, c.dropped, got, c.want)
		}
	}
}

// The window forgets by steps of a tenth of two minutes, which begin at multiples of 12 s from time zero, or
// from the start, or with the first call.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		align       shed.Align
		start, call time.Duration
		forgotten   time.Duration
	}{
		{shed.Origin, 0, 0, 120 * s},
		{shed.Origin, 0, 11 * s, 120 * s},
		{shed.Origin, 0, 12 * s, 132 * s},
		{shed.Origin, 5 * s, 11 * s, 125 * s},
		{shed.Epoch, 5 * s, 11 * s, 120 * s},
		{shed.Age, 0, 11 * s, 131 * s},
	} {
		cfg := shed.SRE()
		cfg.Align = c.align
		th := shed.NewThrottle(cfg, at(c.start), sim.Keyed{})
		calls(th, at(c.call), 0, 3)
		if got := th.Share(at(c.forgotten) - 1); got != 3.0/4 {
			t.Errorf("%v, start %v, call at %v: %v just before it is forgotten", c.align, c.start, c.call, got)
		}
		if got := th.Share(at(c.forgotten)); got != 0 {
			t.Errorf("%v, start %v, call at %v: %v at %v, want 0", c.align, c.start, c.call, got, c.forgotten)
		}
	}
}

// Against a model that keeps every call and finds the steps of the window by going through them.
func TestThrottleEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := shed.ThrottleConfig{
			K:             rapid.SampledFrom([]float64{1, 1.5, 2}).Draw(t, "K"),
			Steps:         rapid.IntRange(1, 5).Draw(t, "steps"),
			Align:         rapid.SampledFrom([]shed.Align{shed.Epoch, shed.Origin, shed.Age}).Draw(t, "align"),
			MaxReject:     rapid.SampledFrom([]float64{0.8, 1}).Draw(t, "max reject"),
			Aggression:    1,
			MinRequests:   rapid.IntRange(0, 4).Draw(t, "min requests"),
			CountRejected: rapid.Bool().Draw(t, "count rejected"),
			Priorities:    rapid.IntRange(0, 3).Draw(t, "priorities"),
		}
		step := time.Duration(rapid.IntRange(1, 20).Draw(t, "step"))
		cfg.Window = step * time.Duration(cfg.Steps)
		start := sim.Time(rapid.IntRange(0, 30).Draw(t, "start"))
		th := shed.NewThrottle(cfg, start, sim.Keyed{})

		type event struct {
			step     sim.Time // in which it counts
			ended    bool
			accepted bool
			class    int
		}
		var (
			now    = start
			steps  []sim.Time // that have begun
			events []event
			counts shed.ThrottleCounts
		)
		// present returns when the step of now began; by age, looking at the window begins one, too.
		present := func() sim.Time {
			if n := len(steps); n > 0 && now < steps[n-1].Add(step) {
				return steps[n-1]
			}
			began := now
			switch cfg.Align {
			case shed.Origin:
				began -= (now - start) % sim.Time(step)
			case shed.Epoch:
				began -= now % sim.Time(step)
			}
			steps = append(steps, began)
			return began
		}
		live := func(e event) bool { return now.Sub(e.step) < cfg.Window }
		share := func() float64 {
			present()
			var requests, accepts float64
			for _, e := range events {
				if e.ended && live(e) {
					requests++
					if e.accepted {
						accepts++
					}
				}
			}
			if requests < float64(cfg.MinRequests) {
				return 0
			}
			return min(max((requests-cfg.K*accepts)/(requests+1), 0), cfg.MaxReject)
		}
		t.Repeat(map[string]func(*rapid.T){
			"pass": func(t *rapid.T) { now += sim.Time(rapid.IntRange(0, 50).Draw(t, "time")) },
			"call": func(t *rapid.T) {
				luck, priority := rapid.Float64Range(0, 0.999).Draw(t, "luck"), rapid.IntRange(-1, 3).Draw(t, "priority")
				rank := luck
				if cfg.Priorities > 0 {
					class := min(max(priority, 0), cfg.Priorities-1)
					events = append(events, event{step: present(), class: class})
					var below, same, all float64
					for _, e := range events {
						if e.ended || !live(e) {
							continue
						}
						all++
						switch {
						case e.class < class:
							below++
						case e.class == class:
							same++
						}
					}
					rank = (below + luck*same) / all
				}
				want := rank >= share()
				if got := th.Allow(now, priority, luck); got != want {
					t.Fatalf("at %v with luck %v, rank %v of %v: allowed is %v", now, luck, rank, share(), got)
				}
				if want {
					counts.Allowed++
					return
				}
				if counts.Rejected++; cfg.CountRejected {
					events = append(events, event{step: present(), ended: true})
				}
			},
			"end": func(t *rapid.T) {
				outcome := shed.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))
				th.Done(now, outcome)
				if outcome != shed.Ignored {
					events = append(events, event{step: present(), ended: true, accepted: outcome == shed.Success})
				}
			},
			"": func(t *rapid.T) {
				if got, want := th.Share(now), share(); got != want {
					t.Fatalf("at %v: %v are rejected, want %v", now, got, want)
				}
				if got := th.Counts(); got != counts {
					t.Fatalf("counted %+v, want %+v", got, counts)
				}
			},
		})
	})
}

// Of n calls in a window, f go through, of which A are accepted: see [shed.SRE]. Counting rejections, each of
// n is let through with probability (1+K*A)/(n+1), which is linear in A, so f = n(1+K*A)/(n+1) holds for
// the means. Not counting them, f(f+1) = n(1+K*A) holds where f is so large that chance hardly matters.
func TestThrottleAgainstClosedForms(t *testing.T) {
	const k = 2.0
	through := func(seed uint64, counting bool, n int, share, capacity float64, warmUp, windows int) float64 {
		cfg := shed.SRE()
		cfg.Window, cfg.Steps, cfg.CountRejected = time.Duration(n)*time.Microsecond, n/10, counting
		th := shed.NewThrottle(cfg, 0, sim.Keyed{})
		luck := sim.Seed(seed).Stream("luck")
		var tokens float64
		var before uint64
		for i := range (warmUp + windows) * n {
			now := sim.Time(i) * sim.Time(time.Microsecond)
			if i == warmUp*n {
				before = th.Counts().Allowed
			}
			tokens = min(tokens+capacity/float64(n), 100)
			if !th.Allow(now, 0, luck.Float64()) {
				continue
			}
			outcome := shed.Dropped
			switch {
			case luck.Float64() < share:
				outcome = shed.Success
			case tokens >= 1:
				tokens--
				outcome = shed.Success
			}
			th.Done(now, outcome)
		}
		return float64(th.Counts().Allowed-before) / float64(windows)
	}
	for _, c := range []struct {
		name            string
		share, capacity float64 // accepted by chance, or in a window of all that come
		want            float64
	}{
		{"dead", 0, 0, 1},
		{"30 % succeed", 0.3, 0, 1 / (1 - k*0.3)},
		{"takes 100 of 1000", 0, 100, 1 + k*100},
	} {
		var mean, se float64
		const batches = 30
		var list [batches]float64
		for i := range list {
			list[i] = through(uint64(i), true, 1000, c.share, c.capacity, 25, 50)
			mean += list[i] / batches
		}
		for _, x := range list {
			se += (x - mean) * (x - mean)
		}
		se = math.Sqrt(se / (batches - 1) / batches)
		if math.Abs(mean-c.want) > 4*se+c.want/100 || se > 0.1*c.want { // a window is between 990 and 1000 calls
			t.Errorf("%s, counted: %.3f ± %.3f go through in a window, want %.3f", c.name, mean, se, c.want)
		}
	}
	// The positive root of f² + (1-b)f = c.
	root := func(b, c float64) float64 { return (b - 1 + math.Sqrt((b-1)*(b-1)+4*c)) / 2 }
	const n = 20_000
	for _, c := range []struct {
		name            string
		share, capacity float64
		want            float64
	}{
		{"dead", 0, 0, root(0, n)},
		{"30 % succeed", 0.3, 0, root(n*k*0.3, n)},
		{"takes 1000 of 20,000", 0, 1000, root(0, n*(1+k*1000))},
	} {
		got := through(1, false, n, c.share, c.capacity, 5, 20)
		if math.Abs(got-c.want) > 0.02*c.want {
			t.Errorf("%s, not counted: %.1f go through in a window, want %.1f", c.name, got, c.want)
		}
	}
}

// A third of the calls is of each priority. Of a share of ½, the lowest bear all, the next one half.
func TestLowestPrioritiesFirst(t *testing.T) {
	cfg := shed.SRE()
	cfg.Priorities, cfg.CountRejected = 3, false
	th := shed.NewThrottle(cfg, 0, sim.Keyed{})
	calls(th, 0, 500, 1500) // (2000-1000)/2001
	luck := sim.Seed(1).Stream("luck")
	const each = 20_000
	var rejected [3]int
	for i := range 3 * each {
		if !th.Allow(0, i%3, luck.Float64()) {
			rejected[i%3]++
		}
	}
	for priority, want := range []float64{1, 0.5, 0} {
		if got := float64(rejected[priority]) / each; math.Abs(got-want) > 0.015 {
			t.Errorf("of priority %d %.3f are rejected, want %v", priority, got, want)
		}
	}
}

func TestThrottlePolicy(t *testing.T) {
	fails := func(kind patterns.Kind) error { return &patterns.Error{Kind: kind, Layer: "payment"} }
	for _, c := range []struct {
		name   string
		err    error
		server bool
		want   float64 // share after 9 calls, and 10 that were not accepted
	}{
		{"accepted", nil, false, 1.0 / 20},
		{"turned away", fails(patterns.Overloaded), false, 19.0 / 20},
		{"failed, but accepted", fails(patterns.Conflict), false, 1.0 / 20},
		{"never sent", fails(patterns.Rejected), false, 10.0 / 11},
		{"cut short", errors.New("somebody else's"), false, 10.0 / 11},
		{"at the server", fails(patterns.Timeout), true, 19.0 / 20},
	} {
		cfg := shed.SRE()
		cfg.On, cfg.Server = patterns.KindsOf(patterns.Overloaded, patterns.Timeout), c.server
		cfg.MinRequests, cfg.CountRejected = 9, false
		simulate(t, func(s *sim.Simulation) {
			th := shed.NewThrottle(cfg, 0, s.Keyed("throttle"))
			call := th.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
				return patterns.Response{Value: 7}, c.err
			})
			s.Go("client", func(p *sim.Process) {
				for range 9 {
					if resp, err := call(p, patterns.Request{}); resp.Value != 7 || err != c.err {
						t.Errorf("%s: got %v, %v", c.name, resp, err)
					}
				}
				calls(th, 0, 0, 10)
				if got := th.Share(0); got != c.want {
					t.Errorf("%s: %v are rejected, want %v", c.name, got, c.want)
				}
				for range 20 {
					_, err := call(p, patterns.Request{})
					if !errors.Is(err, shed.ErrThrottled) {
						continue
					}
					if e := err.(*patterns.Error); e.Layer != "throttle" || e.Maybe || (e.Kind == patterns.Overloaded) != c.server {
						t.Errorf("%s: rejected with %v", c.name, err)
					}
				}
				if got := th.Counts(); got.Allowed+got.Rejected != 29 || c.want > 0.9 && got.Rejected == 0 {
					t.Errorf("%s: counted %+v of 29", c.name, got)
				}
			})
		})
	}
}

// Half of the calls are rejected: those of the lower of two priorities, of which there are as many.
func TestThrottleKnowsThePriority(t *testing.T) {
	cfg := shed.SRE()
	cfg.Priorities, cfg.CountRejected = 2, false
	simulate(t, func(s *sim.Simulation) {
		th := shed.NewThrottle(cfg, 0, s.Keyed("throttle"))
		calls(th, 0, 1000, 3000)
		call := th.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, errors.New("nothing is learned")
		})
		s.Go("client", func(p *sim.Process) {
			var rejected [2]int
			for i := range 200 {
				if _, err := call(p, patterns.Request{Priority: i % 2}); errors.Is(err, shed.ErrThrottled) {
					rejected[i%2]++
				}
			}
			if rejected[0] < 95 || rejected[1] > 5 {
				t.Errorf("of 100 of each priority are rejected %v", rejected)
			}
		})
	})
}

// The same request has the same luck in every variant; another attempt has its own. Nameless requests are
// all different.
func TestLuckBelongsToTheRequest(t *testing.T) {
	verdicts := func(requests ...patterns.Request) string {
		cfg := shed.SRE()
		cfg.CountRejected = false
		var words []string
		simulate(t, func(s *sim.Simulation) {
			th := shed.NewThrottle(cfg, 0, s.Keyed("throttle"))
			calls(th, 0, 100, 300) // (400-200)/401
			ignored := func(*sim.Process, patterns.Request) (patterns.Response, error) {
				return patterns.Response{}, errors.New("nothing is learned")
			}
			call := th.Wrap(ignored)
			s.Go("client", func(p *sim.Process) {
				for _, req := range requests {
					_, err := call(p, req)
					words = append(words, map[bool]string{true: "x", false: "+"}[errors.Is(err, shed.ErrThrottled)])
				}
			})
		})
		return strings.Join(words, "")
	}
	var forwards, backwards, attempts, nameless []patterns.Request
	for i := range 32 {
		forwards = append(forwards, patterns.Request{ID: uint64(i + 1), Attempt: 1})
		backwards = append(backwards, patterns.Request{ID: uint64(32 - i), Attempt: 1})
		attempts = append(attempts, patterns.Request{ID: 1, Attempt: i})
		nameless = append(nameless, patterns.Request{})
	}
	one, other := verdicts(forwards...), []byte(verdicts(backwards...))
	for i := range one {
		if one[i] != other[31-i] {
			t.Fatalf("request %d has another luck if it comes later", i+1)
		}
	}
	for _, list := range [][]patterns.Request{forwards, attempts, nameless} {
		if got := verdicts(list...); strings.Count(got, "x") < 8 || strings.Count(got, "x") > 24 {
			t.Errorf("all have the same luck: %s", got)
		}
	}
}

func TestThrottleConfigs(t *testing.T) {
	for i, cfg := range []shed.ThrottleConfig{shed.DefaultThrottleConfig(), shed.SRE(), shed.EnvoyAdmission(), shed.Kratos(), shed.FailsafeThrottler()} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("preset %d: %v", i, err)
		}
	}
	err := shed.ThrottleConfig{Window: 3, Steps: 2, Align: shed.Age + 1, MaxReject: 2, MinRequests: -1, MinRate: -1, Priorities: -1}.Validate()
	want := `shed: ThrottleConfig.K is 0, need 1 to 1000
shed: ThrottleConfig.Window is 3ns, need more than 0 and a multiple of Steps
shed: ThrottleConfig.Align is whole, need epoch, origin or age
shed: ThrottleConfig.MaxReject is 2, need 0 to 1
shed: ThrottleConfig.Aggression is 0, need 1 to 1000
shed: ThrottleConfig.MinRequests is -1, need 0 or more
shed: ThrottleConfig.MinRate is -1, need 0 or more
shed: ThrottleConfig.Priorities is -1, need 0 to 1000`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func simulate(t interface{ Fatal(...any) }, f func(s *sim.Simulation)) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ExampleThrottle() {
	th := shed.NewThrottle(shed.SRE(), 0, sim.Keyed{})
	for second := range 5 {
		now := sim.Time(second) * sim.Time(time.Second)
		for range 100 {
			th.Done(now, shed.Dropped)
			if second < 2 {
				th.Done(now, shed.Success)
				th.Done(now, shed.Success)
			}
		}
		fmt.Printf("%v: rejects %.0f %%\n", now, 100*th.Share(now))
	}
	// Output:
	// 0s: rejects 0 %
	// 1s: rejects 0 %
	// 2s: rejects 0 %
	// 3s: rejects 0 %
	// 4s: rejects 11 %
}

func BenchmarkThrottle(b *testing.B) {
	th := shed.NewThrottle(shed.SRE(), 0, sim.Keyed{})
	var now sim.Time
	b.ReportAllocs()
	for b.Loop() {
		now += sim.Time(time.Millisecond)
		if th.Allow(now, 0, 0.5) {
			th.Done(now, shed.Success)
		}
	}
}
