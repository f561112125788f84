package system

import (
	"math"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/trace"
)

// A stream is one kind of visitor from outside.
type stream struct {
	sys    *System
	sc     *scenario.Stream
	group  *sim.Group
	luck   sim.Keyed // what a visitor asks for, and about what
	salt   uint64    // makes the identities of its visits
	asked  []asked
	faulty impaired

	// Visitors at a rate.
	gaps     sim.Stream // between arrivals
	visits   uint64
	idle     []*visit
	rate     float64 // now, per second
	pending  sim.Timer
	due      float64  // arrivals that the next one is away, at a rate of one
	dueSince sim.Time // when due was true

	// Users.
	think   dist.Distribution
	waits   sim.Keyed  // thinking times
	wait    sim.Stream // the draw at hand
	users   int        // who are to be there
	present []bool     // who are
	calls   []uint64   // that each has made
}

// asked is one operation that visitors ask for.
type asked struct {
	upTo      float64 // cumulative share of the mix
	op        string
	operation int // its number in the recorder
	call      patterns.Call
}

// A visit is one call from outside.
type visit struct {
	st *stream
	id uint64
}

func (sys *System) addStream(sc *scenario.Stream) {
	st := &stream{
		sys: sys, sc: sc, group: sys.s.NewGroup(sc.Name), salt: sim.Mix(uint64(len(sys.streams)+1), 0x7669736974),
		luck: sys.s.Keyed("visits/" + sc.Name), gaps: sys.s.Stream("arrivals/" + sc.Name), waits: sys.s.Keyed("think/" + sc.Name),
		think: sc.Think.Distribution(), rate: sc.Rate,
	}
	clients := map[string]patterns.Call{}
	share := 0.0
	for _, part := range sc.Mix {
		svc, op := sys.sc.Op(part.Op)
		if clients[svc.Name] == nil {
			clients[svc.Name] = sys.client(sc.Name, svc.Name, sys.clients, st.group)
		}
		share += part.Share
		st.asked = append(st.asked, asked{share, op.Name, sys.recorded.operation(part.Op), clients[svc.Name]})
	}
	st.asked[len(st.asked)-1].upTo = 1
	sys.streams = append(sys.streams, st)
	if sc.Users > 0 {
		st.setUsers(sc.Users)
	} else if st.rate > 0 {
		st.next()
	}
}

// surge makes the stream so many times as strong.
func (st *stream) surge(factor float64) {
	if st.sc.Users > 0 {
		st.setUsers(int(math.Round(float64(st.sc.Users) * factor)))
	} else {
		st.setRate(float64(st.sc.Rate * factor))
	}
}

var unitExponential = dist.Must(dist.NewExponential(1))

// next plans the next arrival at a rate.
func (st *stream) next() {
	st.due = 1
	if st.sc.Arrivals != "regular" {
		st.due = unitExponential.Sample(&st.gaps)
	}
	st.dueSince = st.sys.s.Now()
	st.plan()
}

func (st *stream) plan() {
	if st.rate > 0 {
		st.pending = st.sys.s.AtCall(st.dueSince.Add(dist.Seconds(st.due/st.rate)), arrived, st)
	}
}

// setRate changes the rate: the wait that is left shrinks or grows with it, so that the same
// visitors come, sooner or later.
func (st *stream) setRate(rate float64) {
	if rate == st.rate {
		return
	}
	st.pending.Stop()
	now := st.sys.s.Now()
	st.due = max(0, st.due-float64(now.Sub(st.dueSince).Seconds()*st.rate))
	st.dueSince, st.rate = now, rate
	st.plan()
}

func arrived(arg any) {
	st := arg.(*stream)
	st.next()
	var v *visit
	if n := len(st.idle); n > 0 {
		v = st.idle[n-1]
		st.idle = st.idle[:n-1]
	} else {
		v = &visit{st: st}
	}
	st.visits++
	v.id = sim.Mix(st.salt, st.visits)
	st.group.Spawn(st.sc.Name, visits, v)
}

func visits(p *sim.Process, arg any) {
	v := arg.(*visit)
	v.st.visit(p, v.id)
	v.st.idle = append(v.st.idle, v)
}

// setUsers changes how many users there are. Those who come are always the same, and go on where
// they left off; those who are too many leave when they have their answer.
func (st *stream) setUsers(n int) {
	st.users = n
	for len(st.present) < n {
		st.present = append(st.present, false)
		st.calls = append(st.calls, 0)
	}
	for i := range n {
		if !st.present[i] {
			st.present[i] = true
			st.group.Background(st.sc.Name, func(p *sim.Process) { st.user(p, i) })
		}
	}
}

// user is a person who thinks, calls, waits for the answer, and thinks again.
func (st *stream) user(p *sim.Process, i int) {
	for i < st.users {
		id := sim.Mix(sim.Mix(st.salt, uint64(i)<<32), st.calls[i])
		st.calls[i]++
		if !st.sc.Think.IsZero() {
			st.wait = st.waits.At(id)
			p.Sleep(dist.Duration(st.think, &st.wait))
		}
		asked := p.Now()
		st.visit(p, id)
		if st.sc.Think.IsZero() && p.Now() == asked { // an answer that takes no time must not keep the clock from moving
			p.Sleep(time.Millisecond)
		}
	}
	st.present[i] = false
}

// visit makes one call from outside and tells the recorder how it ended.
func (st *stream) visit(p *sim.Process, id uint64) {
	luck := st.luck.At(id)
	a := st.pick(luck.Float64())
	now := p.Now()
	call := st.sys.rec.Arrived(a.operation, now)
	req := patterns.Request{
		ID: id, Key: luck.Uint64(), Op: a.op, Origin: uint64(call), Idempotency: id, Priority: st.sc.Priority, Attempt: 1, Intended: now,
	}
	var patience sim.Scope
	if st.sc.Patience > 0 {
		patience = p.WithTimeout(st.sc.Patience)
	}
	spans := st.sys.spans
	var span trace.SpanID
	if spans != nil {
		span = spans.visit(&req, st.sys.recorded.cfg.Operations[a.operation].Name, st.sc.Name)
	}
	resp, err := a.call(p, req)
	outcome := outcomeOf(resp, err)
	if err != nil && patience.Ended(err) {
		outcome = measure.Timeout
	}
	patience.Close()
	if spans != nil {
		spans.visited(span, st.sys.s.Now(), outcome)
	}
	st.sys.ended(call, a.operation, now, outcome)
}

func (st *stream) pick(u float64) *asked {
	for i := range st.asked {
		if u < st.asked[i].upTo {
			return &st.asked[i]
		}
	}
	return &st.asked[len(st.asked)-1]
}

// outcomeOf says how a call from outside ended.
func outcomeOf(resp patterns.Response, err error) measure.Outcome {
	if err == nil {
		if resp.Degraded {
			return measure.Degraded
		}
		return measure.OK
	}
	e, ok := err.(*patterns.Error)
	if !ok {
		return measure.Error
	}
	switch e.Kind {
	case patterns.Timeout:
		return measure.Timeout
	case patterns.Rejected, patterns.Overloaded:
		return measure.Rejected
	case patterns.Reset:
		return measure.Unknown
	}
	return measure.Error
}
