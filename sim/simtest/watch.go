package simtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

type always struct {
	name   string
	period time.Duration
	next   sim.Time
	cond   func() bool
}

type sometimes struct {
	name string
	cond func() bool
	hit  bool
}

type eventually struct {
	name  string
	since sim.Time
	until sim.Time
	cond  func() bool
}

// Always asks for cond after every event from now on, and at the end of the run. The run ends as
// failed when it does not hold. cond must not change the run.
func (t *T) Always(name string, cond func() bool) { t.AlwaysEvery(0, name, cond) }

// AlwaysEvery is Always for a condition that costs time: it is asked after the first event of every
// period, and at the end.
func (t *T) AlwaysEvery(period time.Duration, name string, cond func() bool) {
	if period < 0 {
		panic("simtest: AlwaysEvery with the negative period " + period.String())
	}
	t.always = append(t.always, &always{name: name, period: period, next: t.now(), cond: cond})
}

// Sometimes asks that cond holds after an event of at least one run of the whole list of seeds: a
// test whose breaker never opened proves nothing about breakers. It is not asked of a single seed,
// nor when seeds failed or were left out.
func (t *T) Sometimes(name string, cond func() bool) {
	t.sometimes = append(t.sometimes, &sometimes{name: name, cond: cond})
}

// Eventually asks that cond holds within a length of time from now: at once, or after an event. A
// run that ends earlier fails too.
func (t *T) Eventually(name string, within time.Duration, cond func() bool) {
	if within < 0 {
		panic("simtest: Eventually within the negative length " + within.String())
	}
	if !cond() {
		t.eventually = append(t.eventually, &eventually{name, t.now(), t.now().Add(within), cond})
	}
}

// check sees to everything that was asked for, after an event.
func (t *T) check(e sim.Event) {
	for _, a := range t.always {
		if e.At < a.next {
			continue
		}
		if a.period > 0 {
			a.next = e.At.Add(a.period - time.Duration(e.At)%a.period)
		}
		if !a.cond() {
			t.violate(e.At, e.Who.String(), "not always: "+a.name)
		}
	}
	for _, g := range t.sometimes {
		g.hit = g.hit || g.cond()
	}
	t.eventually = slices.DeleteFunc(t.eventually, func(v *eventually) bool {
		if e.At > v.until {
			t.violate(v.until, "", v.String())
		}
		return v.cond()
	})
}

// finish sees to everything once more when the function of the test has returned.
func (t *T) finish() {
	if t.Failed() || t.s.Err() != nil {
		return
	}
	for _, a := range t.always {
		if !a.cond() {
			t.violate(t.now(), "", "not always: "+a.name)
		}
	}
	for _, g := range t.sometimes {
		g.hit = g.hit || g.cond()
	}
	for _, v := range t.eventually {
		if !v.cond() {
			t.violate(t.now(), "", v.String())
		}
	}
}

func (v *eventually) String() string {
	return fmt.Sprintf("not within %v from %v: %s", v.until.Sub(v.since), v.since, v.name)
}

// violate ends the run.
func (t *T) violate(at sim.Time, who, what string) {
	t.violated = whereabouts(t.seed, at, who) + what
	t.FailNow()
}

// goals are what the runs of a test must reach sometimes, all seeds taken together.
type goals struct {
	whole bool // the list of seeds was not cut down to one

	mu      sync.Mutex // seeds may run at the same time
	names   []string   // in the order of the first run that asked
	reached map[string]bool
	done    int // seeds that ran to their end and did not fail
}

// reach takes in what a run has reached.
func (g *goals) reach(run []*sometimes) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done++
	if g.reached == nil {
		g.reached = map[string]bool{}
	}
	for _, goal := range run {
		if !slices.Contains(g.names, goal.name) {
			g.names = append(g.names, goal.name)
		}
		g.reached[goal.name] = g.reached[goal.name] || goal.hit
	}
}

// report fails the test if there is a goal that no run has reached.
func (g *goals) report(t *testing.T, seeds []sim.Seed, command string) {
	t.Helper()
	if !g.whole || g.done < len(seeds) {
		return
	}
	var missed []string
	for _, name := range g.names {
		if !g.reached[name] {
			missed = append(missed, name)
		}
	}
	if len(missed) > 0 {
		slices.Sort(missed) // seeds that run at the same time come in any order
		t.Errorf("never in %d runs, but sometimes was asked for: %s\nreplay: %s",
			len(seeds), strings.Join(missed, "; "), command)
	}
}
