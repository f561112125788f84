package system

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/trace"
)

// spans tells a recorder what calls do: each call from outside, and each attempt that goes over the
// network on its behalf. It is nil in a run that is not traced.
type spans struct {
	rec     *trace.Recorder
	attempt map[uint64]trace.SpanID // that is under way, or was, by attemptKey
	waiting map[uint64]trace.SpanID // who waits for a request, by the request's identity
}

func newSpans(rec *trace.Recorder) *spans {
	if rec == nil {
		return nil
	}
	return &spans{rec, map[uint64]trace.SpanID{}, map[uint64]trace.SpanID{}}
}

func attemptKey(req *patterns.Request) uint64 { return sim.Mix(req.ID, uint64(req.Attempt)) }

// visit opens the span of a call from outside.
func (sp *spans) visit(req *patterns.Request, operation, stream string) trace.SpanID {
	id := sp.rec.Begin(req.Intended, trace.Span{Call: req.Origin, Kind: "call", Name: operation, Host: stream})
	sp.waiting[req.ID] = id
	return id
}

// visited closes it.
func (sp *spans) visited(id trace.SpanID, at sim.Time, outcome measure.Outcome) {
	sp.rec.End(id, at, outcome.String())
}

// asks says on behalf of which request another one is made.
func (sp *spans) asks(req, child *patterns.Request) {
	sp.waiting[child.ID] = sp.attempt[attemptKey(req)]
}

// attempts makes a span of each attempt that an edge sends. One whose caller was killed, or gave up, is
// cut short; what the server does for it goes on below it.
func (sp *spans) attempts(e *edge, next patterns.Call) patterns.Call {
	if sp == nil {
		return next
	}
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		id := sp.rec.Begin(p.Sim().Now(), trace.Span{
			Parent: sp.waiting[req.ID], Call: req.Origin, Kind: "attempt", Name: e.callee + "." + req.Op, Host: e.caller,
		})
		sp.attempt[attemptKey(&req)] = id
		outcome := "cut short"
		defer func() { sp.rec.End(id, p.Sim().Now(), outcome) }()
		resp, err := next(p, req)
		switch failed, known := err.(*patterns.Error); {
		case known:
			outcome = failed.Kind.String()
		case err == nil && resp.Degraded:
			outcome = "degraded"
		case err == nil:
			outcome = "ok"
		}
		if resp.From != "" {
			outcome += ", " + resp.From
		}
		return resp, err
	}
}
