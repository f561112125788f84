package alert

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// OnCallConfig says how fast somebody helps. The distributions are in seconds.
type OnCallConfig struct {
	Ack     dist.Distribution // from the page until the person has acknowledged it
	Fix     dist.Distribution // from then until the fix is in effect
	Unpaged time.Duration     // a problem that pages nobody is noticed after so long. Zero: never
}

// DefaultOnCallConfig is an assumption, to be replaced by your own incident reviews: acknowledged
// within 5 minutes half of the time and within 20 in 19 of 20 cases; then fixed within 15 minutes
// and 90; noticed without a page after a day.
func DefaultOnCallConfig() OnCallConfig {
	minutes := func(p50, p95 float64) dist.Distribution {
		return dist.Must(dist.LognormalFromQuantiles(0.5, 60*p50, 0.95, 60*p95))
	}
	return OnCallConfig{Ack: minutes(5, 20), Fix: minutes(15, 90), Unpaged: 24 * time.Hour}
}

// Validate names every field that makes no sense.
func (c OnCallConfig) Validate() error {
	var errs []error
	if c.Ack == nil {
		errs = append(errs, errors.New("alert: on-call has no ack"))
	}
	if c.Fix == nil {
		errs = append(errs, errors.New("alert: on-call has no fix"))
	}
	if c.Unpaged < 0 {
		errs = append(errs, fmt.Errorf("alert: on-call unpaged is %v, need 0 or more", c.Unpaged))
	}
	return errors.Join(errs...)
}

// An Incident is one time that somebody was called: from the first page to the fix.
type Incident struct {
	Cause   string   // what paged first
	Unpaged bool     // a problem was noticed that had paged nobody
	Pages   int      // those that joined included
	Began   sim.Time // of the oldest problem that was open then; Paged if none was: a false alarm
	Paged   sim.Time
	Acked   sim.Time // zero until then
	Fixed   sim.Time // zero until then
}

// Detected returns the time from the start of the problem to the page.
func (i Incident) Detected() time.Duration { return i.Paged.Sub(i.Began) }

// An OnCall is one person who works on one incident at a time. A page that comes while an incident
// is open joins it: one fix is for all that is known when it takes effect.
//
//	idle ──Page──▶ paged ──Ack──▶ working ──Fix──▶ repair ──▶ idle
type OnCall struct {
	s         *sim.Simulation
	cfg       OnCallConfig
	name      string
	draws     sim.Keyed // by number of the incident
	bell      *sim.Signal
	incidents []Incident
	open      bool // the last incident is
	problems  []*Problem
}

// NewOnCall puts somebody on call. When an incident is fixed, repair is run, in a process of its
// own group: it ends whatever is wrong by then. It panics if cfg is not valid.
func NewOnCall(s *sim.Simulation, name string, cfg OnCallConfig, repair func(p *sim.Process)) *OnCall {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	o := &OnCall{
		s: s, cfg: cfg, name: name,
		draws: s.Keyed("alert/on-call/" + name),
		bell:  sim.NewSignal(s, "page for "+name),
	}
	s.NewGroup("on-call "+name).Background("on call", func(p *sim.Process) { o.work(p, repair) })
	return o
}

// Page calls the person.
func (o *OnCall) Page(cause string) { o.page(cause, false) }

// Hear pages if the news is that an alert that pages is firing, or still is.
func (o *OnCall) Hear(c Change) {
	if c.To == Firing && c.Rule.Severity == Page {
		o.Page(c.Rule.Name)
	}
}

// A Problem is something that is wrong, whether or not anybody knows.
type Problem struct {
	o       *OnCall
	what    string
	began   sim.Time
	noticed sim.Timer
}

// Began says that something is wrong from now on. It is noticed by itself after Unpaged, if it
// lasts that long.
func (o *OnCall) Began(what string) *Problem {
	b := &Problem{o: o, what: what, began: o.s.Now()}
	o.problems = append(o.problems, b)
	if o.cfg.Unpaged > 0 {
		b.noticed = o.s.After(o.cfg.Unpaged, func() { o.page(what, true) })
	}
	return b
}

// Over says that the problem is gone, by a fix or by itself. Saying it twice is no harm.
func (b *Problem) Over() {
	b.noticed.Stop()
	for i, open := range b.o.problems {
		if open == b {
			b.o.problems = append(b.o.problems[:i], b.o.problems[i+1:]...)
			return
		}
	}
}

// Incidents returns all incidents so far; the last may be open.
func (o *OnCall) Incidents() []Incident { return o.incidents }

func (o *OnCall) page(cause string, unpaged bool) {
	if o.open {
		o.latest().Pages++
		return
	}
	now := o.s.Now()
	i := Incident{Cause: cause, Unpaged: unpaged, Pages: 1, Began: now, Paged: now}
	if len(o.problems) > 0 {
		i.Began = o.problems[0].began
	}
	o.incidents = append(o.incidents, i)
	o.open = true
	o.note("paged: "+cause, i.Detected())
	o.bell.Notify()
}

func (o *OnCall) work(p *sim.Process, repair func(p *sim.Process)) {
	for {
		for !o.open {
			if o.bell.Wait(p) != nil {
				return
			}
		}
		draw := o.draws.At(uint64(len(o.incidents)))
		ack, fix := dist.Duration(o.cfg.Ack, &draw), dist.Duration(o.cfg.Fix, &draw)
		if p.Sleep(ack) != nil {
			return
		}
		o.latest().Acked = p.Now()
		o.note("acknowledged", ack)
		if p.Sleep(fix) != nil {
			return
		}
		o.latest().Fixed = p.Now()
		o.open = false // a page during the repair is about something that it does not end
		o.note("fixed", fix)
		repair(p)
	}
}

func (o *OnCall) latest() *Incident { return &o.incidents[len(o.incidents)-1] }

func (o *OnCall) note(what string, took time.Duration) {
	o.s.Note("on-call", o.name, strconv.Itoa(len(o.incidents))+" "+what, int64(took))
}
