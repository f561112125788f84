package nodes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A gate stands before a replica. It turns requests away, lets them wait, or bounds how long they may take in all, by
// their IDs.
type gate struct{}

var errGate = &patterns.Error{Kind: patterns.Overloaded, Layer: "gate"}

func (gate) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		switch req.ID % 4 {
		case 1:
			return patterns.Response{}, errGate
		case 2:
			if err := p.Sleep(5 * ms); err != nil {
				return patterns.Response{}, err
			}
		case 3:
			scope := p.WithTimeout(15 * ms)
			defer scope.Close()
			resp, err := next(p, req)
			if scope.Ended(err) {
				err = &patterns.Error{Kind: patterns.Timeout, Layer: "gate", Maybe: true}
			}
			return resp, err
		}
		return next(p, req)
	}
}

// A rulebook decides as it is told.
type rulebook struct {
	wait   time.Duration
	newest int           // above which the newest is next
	drop   time.Duration // who has waited so long is turned away
	evict  bool
}

func (b rulebook) Arrive(sim.Time, int) time.Duration  { return b.wait }
func (b rulebook) Newest(_ sim.Time, waiting int) bool { return waiting > b.newest }
func (b rulebook) Drop(now, came sim.Time, _ int) bool { return b.drop > 0 && now.Sub(came) >= b.drop }
func (b rulebook) Evict(priority, lowest int) bool     { return b.evict && priority > lowest }
func (w *world) inEachLife(set func(r *nodes.Replica)) {
	for _, r := range w.r {
		set(r)
		r.OnStart(func() { set(r) })
	}
}

func TestFrontStories(t *testing.T) {
	const reject, delay, bound = 1, 2, 3
	send := func(w *world, at time.Duration, name string, id uint64, d time.Duration) {
		w.request(at, name, 0, patterns.Request{ID: id, Op: work, Value: uint64(d)})
	}
	for _, story := range []struct {
		name  string
		cfg   nodes.Config
		story func(w *world)
		want  string
	}{
		{"what it passes on has a thread and a cpu", config(1, 1, 0), func(w *world) { send(w, 0, "a", 4, 10*ms) }, "12ms a ok"},
		{
			"what it turns away takes no place", config(1, 1, 1),
			func(w *world) {
				send(w, 0, "a", 4, 10*ms)
				send(w, 0, "no", reject, 10*ms)
				send(w, 0, "b", 8, 10*ms)
				send(w, 0, "c", 12, 10*ms)
			},
			"2ms no overloaded; 2ms c overloaded; 12ms a ok; 22ms b ok",
		},
		{
			"who waits in it holds no thread", config(1, 1, 0),
			func(w *world) { send(w, 0, "late", delay, 10*ms); send(w, 0, "a", 4, 4*ms) },
			"6ms a ok; 17ms late ok",
		},
		{
			"its patience ends a wait in the queue, and the place is free", config(1, 1, 1),
			func(w *world) {
				send(w, 0, "a", 4, 40*ms)
				send(w, 0, "b", bound, 10*ms)
				send(w, 20*ms, "c", 8, 10*ms)
			},
			"17ms b timeout; 42ms a ok; 52ms c ok",
		},
		{
			"and work on a thread", config(1, 1, 1),
			func(w *world) { send(w, 0, "a", bound, 40*ms); send(w, 0, "b", 4, 10*ms) },
			"17ms a timeout; 27ms b ok",
		},
		{
			"who gives up leaves the queue", config(1, 1, 1),
			func(w *world) {
				w.tr.Cancels = true
				send(w, 0, "a", 4, 40*ms)
				w.request(0, "b", 10*ms, patterns.Request{ID: 4, Op: work, Value: uint64(10 * ms)})
				send(w, 20*ms, "c", 8, 10*ms)
			},
			"10ms b gives up; 42ms a ok; 52ms c ok",
		},
		{
			"a crash ends all that are with it", config(1, 1, 1),
			func(w *world) {
				send(w, 0, "late", delay, 10*ms)
				send(w, 0, "a", 4, 10*ms)
				send(w, 0, "b", 4, 10*ms)
				w.at(3*ms, w.r[0].Crash)
			},
			"4ms late reset; 4ms a reset; 4ms b reset",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, 1, story.cfg, func(w *world) {
				w.inEachLife(func(r *nodes.Replica) { r.SetFront(gate{}) })
				story.story(w)
			})
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Errorf("got  %s\nwant %s", got, story.want)
			}
		})
	}
}

func TestRulesStories(t *testing.T) {
	for _, story := range []struct {
		name  string
		rules rulebook
		story func(w *world)
		want  string
	}{
		{
			"who waits longer than they say is turned away", rulebook{wait: 5 * ms, newest: 9},
			func(w *world) { w.call(0, "a", work, 10*ms); w.call(0, "b", work, 10*ms) },
			"7ms b overloaded; 12ms a ok",
		},
		{
			"the newest is next while too many wait", rulebook{newest: 2},
			func(w *world) {
				for _, name := range []string{"a", "b", "c", "d"} {
					w.call(0, name, work, 10*ms)
				}
			},
			"12ms a ok; 22ms d ok; 32ms b ok; 42ms c ok",
		},
		{
			"who has waited too long when the turn comes is turned away", rulebook{newest: 9, drop: 15 * ms},
			func(w *world) {
				for _, name := range []string{"a", "b", "c"} {
					w.call(0, name, work, 10*ms)
				}
				w.call(15*ms, "d", work, 10*ms)
			},
			"12ms a ok; 22ms b ok; 22ms c overloaded; 32ms d ok",
		},
		{
			"a higher priority takes the place of the newest of the lowest", rulebook{newest: 9, evict: true},
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				for _, c := range []struct {
					name     string
					priority int
				}{{"low", 1}, {"mid", 2}, {"low too", 1}, {"high", 3}, {"equal", 1}} {
					w.request(ms, c.name, 0, patterns.Request{Value: uint64(10 * ms), Priority: c.priority})
				}
			},
			"3ms low too overloaded; 3ms equal overloaded; 12ms a ok; 22ms low ok; 32ms mid ok; 42ms high ok",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, 1, config(1, 1, 3), func(w *world) {
				w.inEachLife(func(r *nodes.Replica) { r.SetRules(story.rules) })
				story.story(w)
			})
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Errorf("got  %s\nwant %s", got, story.want)
			}
		})
	}
}

// What stood in front of a life, and its rules, are gone with it.
func TestFrontEndsWithItsLife(t *testing.T) {
	w := run(t, 1, config(1, 1, 3), func(w *world) {
		w.r[0].SetFront(gate{})
		w.r[0].SetRules(rulebook{wait: ms, newest: 9})
		no := patterns.Request{ID: 1, Op: work, Value: uint64(10 * ms)}
		w.request(0, "a", 0, no)
		w.at(5*ms, func() { w.r[0].Crash(); w.r[0].Start() })
		w.request(10*ms, "b", 0, no)
		w.request(10*ms, "c", 0, no)
	})
	if got, want := strings.Join(w.log, "; "), "2ms a overloaded; 22ms b ok; 32ms c ok"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
