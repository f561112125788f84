package timeout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// Stories of a server that may turn away one request for two served: . is a request without a deadline,
// + one in time, - one whose deadline has passed, s a second, h half of one.
func TestExpiredStories(t *testing.T) {
	half := timeout.ExpiredConfig{Layer: "expired", Share: 0.5, Period: 10 * time.Second}
	dry, none := half, half
	dry.Dry, none.Share = true, 0
	for _, c := range []struct {
		name        string
		cfg         timeout.ExpiredConfig
		story, want string // r: rejected, s: served
		rejected    uint64
	}{
		{"nothing was served yet", half, "-", "s", 0},
		{"one for two", half, "..-", "ssr", 1},
		{"what is served late counts too", half, "--- --- ---", "ssrssrssr", 3},
		{"no more", half, "..--.-", "ssrssr", 2},
		{"in time is never turned away", half, "....++", "ssssss", 0},
		{"what was served is forgotten", half, "..ssssssssss -", "sss", 0},
		{"not sooner", half, "..sssssssss -", "ssr", 1},
		{"a tenth of the period begins with a request", half, "h..sssssssssh -", "ssr", 1},
		{"only counted", dry, "..-..-", "ssssss", 2},
		{"none", none, "......-", "sssssss", 0},
		{"as Finagle has it", timeout.DefaultExpiredConfig(), ".....- ....- .-", "sssssrssssssr", 2},
	} {
		e := timeout.NewExpired(c.cfg)
		now := sim.Time(time.Minute)
		var got strings.Builder
		for _, what := range c.story {
			deadline := sim.Time(0)
			switch what {
			case ' ':
				continue
			case 's':
				now = now.Add(time.Second)
				continue
			case 'h':
				now = now.Add(time.Second / 2)
				continue
			case '+':
				deadline = now // at that very instant it has not passed
			case '-':
				deadline = now - 1
			}
			if e.Rejects(now, deadline) {
				got.WriteByte('r')
			} else {
				got.WriteByte('s')
			}
		}
		if got.String() != c.want || e.Counts().Rejected != c.rejected {
			t.Errorf("%s: %s: got %s, %+v, want %s, %d rejected", c.name, c.story, got.String(), e.Counts(), c.want, c.rejected)
		}
	}
}

// Never more are turned away than the share of those served in the period before, and one is served only
// if that would be exceeded.
func TestExpiredShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := timeout.ExpiredConfig{Layer: "expired", Share: rapid.SampledFrom([]float64{0.1, 0.2, 0.5, 1}).Draw(t, "share"), Period: 10 * time.Second}
		e := timeout.NewExpired(cfg)
		var now sim.Time
		served, rejected := 0, 0
		for range rapid.IntRange(1, 200).Draw(t, "requests") { // all within one step of the period
			now++
			if e.Rejects(now, sim.Time(rapid.IntRange(0, 1).Draw(t, "expired"))*(now-1)) {
				rejected++
			} else {
				served++
			}
			if float64(rejected) > cfg.Share*float64(served)+1e-9 {
				t.Fatalf("%d rejected for %d served", rejected, served)
			}
			if c := e.Counts(); c.Rejected != uint64(rejected) || c.Expired < c.Rejected {
				t.Fatalf("%+v, %d rejected", c, rejected)
			}
		}
		before := float64(rejected + 1)
		if rejects := e.Rejects(now+2, now); rejects != (before <= cfg.Share*float64(served)+1e-9) {
			t.Fatalf("%d rejected for %d served: the next one is rejected: %v", rejected, served, rejects)
		}
	})
}

func TestExpiredIsValidated(t *testing.T) {
	err := timeout.ExpiredConfig{Share: 2}.Validate()
	want := "timeout: Layer is \"\", need a name\ntimeout: Share is 2, need 0 to 1\ntimeout: Period is 0s, need 1s to 1m"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func ExampleExpired() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		filter := timeout.NewExpired(timeout.ExpiredConfig{Layer: "orders", Share: 1, Period: 10 * time.Second})
		serve := filter.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, p.Sleep(time.Second)
		})
		s.Go("server", func(p *sim.Process) {
			for range 3 {
				_, err := serve(p, patterns.Request{Deadline: sim.Time(500 * time.Millisecond)})
				fmt.Println(p.Now(), err)
			}
		})
		s.RunUntilIdle()
	})
	// Output:
	// 1s <nil>
	// 1s orders: timeout: deadline already past
	// 2s <nil>
}
