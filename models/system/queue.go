package system

import (
	"math"
	"slices"
	"strings"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A queued is a queue with its consumers. It belongs to the platform: no fault takes it away, and its
// consumers run outside the zones.
type queued struct {
	*queue.Broker
	sys    *System
	sc     *scenario.Queue
	length dist.Distribution // of the consumers' own work
	luck   sim.Keyed
	draw   sim.Stream // the one at hand
	effect int        // that a message promises, or -1
	client patterns.Call
	op     string // that consumers call, if any
}

func (sys *System) addQueue(sc *scenario.Queue) {
	const longest = 15 // times the visibility, where the doubling of the wait before the next delivery stops
	cfg := queue.Config{
		Visibility: sc.Visibility, DeadLetters: sc.DeadLetters,
		Backoff: sc.Visibility / 4, MaxBackoff: longest * min(sc.Visibility, math.MaxInt64/longest),
	}
	if sc.Length != scenario.Unlimited {
		cfg.Capacity = sc.Length
	}
	if sc.Receives != scenario.Unlimited {
		cfg.Receives = sc.Receives
	}
	sys.queues = append(sys.queues, &queued{
		Broker: queue.NewBroker(sys.s, sc.Name, cfg), sys: sys, sc: sc, length: sc.Work.Distribution(),
		luck: sys.s.Keyed("queue/" + sc.Name), effect: sys.recorded.promise(sc),
	})
}

func (sys *System) queue(name string) *queued {
	return sys.queues[slices.IndexFunc(sys.queues, func(q *queued) bool { return q.sc.Name == name })]
}

// connect starts the consumers.
func (q *queued) connect() {
	g := q.sys.s.NewGroup(q.sc.Name)
	if q.sc.To != "" {
		service, op, _ := strings.Cut(q.sc.To, ".")
		q.client, q.op = q.sys.client(q.sc.Name, service, q.sys.platform, g), op
	}
	q.Start(g, q.sc.Consumers, q.work)
}

// send leaves a message and promises its effect.
func (q *queued) send(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	resp, err := q.Send(p, req)
	if err == nil && q.effect >= 0 {
		q.sys.rec.Promised(measureID(&req), q.effect)
	}
	return resp, err
}

// work is what a consumer does for a message.
func (q *queued) work(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
	if !q.sc.Work.IsZero() {
		q.draw = q.luck.At(req.ID)
		if err := p.Sleep(dist.Duration(q.length, &q.draw)); err != nil {
			return resp, err
		}
	}
	if q.client == nil {
		if q.effect >= 0 {
			q.sys.applied(&req, q.effect)
		}
		return resp, nil
	}
	req.Op, req.Intended = q.op, p.Now()
	if q.sc.Priority != nil {
		req.Priority = *q.sc.Priority
	}
	return q.client(p, req)
}
