package system

import (
	"github.com/nines-sim/nines/nodes"
)

// ServiceUse is how a service's servers were used over a run, warm-up included.
type ServiceUse struct {
	Service     string  `json:"service"`
	Instances   int     `json:"instances"`
	Utilisation float64 `json:"utilisation"` // share of cpu time that was used
	Rejected    uint64  `json:"rejected"`    // calls turned away by full queues
	Lost        uint64  `json:"lost"`        // calls that died with a replica
	Wasted      uint64  `json:"wasted"`      // calls answered after their caller had said that it gave up
}

func (sys *System) use() []ServiceUse {
	var list []ServiceUse
	for _, svc := range sys.services {
		list = append(list, sys.useOf(svc.Name(), svc.Stats(), len(svc.members), svc.sc.CPUs))
	}
	return list
}

func (sys *System) useOf(name string, st nodes.Stats, instances, cpus int) ServiceUse {
	capacity := float64(instances*cpus) * sys.s.Now().Seconds()
	return ServiceUse{name, instances, st.Busy.Seconds() / capacity, st.Rejected, st.Lost, st.Wasted}
}

// metrics are the numbers of a run that a study averages or adds up.
//
//	load_factor  calls that reached the network for each call asked for: retries make it more than 1
//	p50_ms, p99_ms, p999_ms  latency of successful calls from outside
//	double       effects that happened more than once
//	late         promises kept too late
//	lost         acknowledged writes that are gone
//	alerts       alerts that fired
//	stuck        1 if the system did not recover
func (sys *System) metrics(out *Outcome) map[string]float64 {
	m := map[string]float64{}
	var calls, sent int64
	for _, e := range out.Result.Edges {
		calls += e.Calls
		sent += e.Sent
	}
	if calls > 0 {
		m["load_factor"] = float64(sent) / float64(calls)
	}
	for i, o := range out.Result.Objectives {
		for _, op := range out.Result.Operations {
			if op.Operation == o.Of && i == 0 || op.Operation == o.Of && m["p99_ms"] < op.OK.P99 {
				m["p50_ms"], m["p99_ms"], m["p999_ms"] = op.OK.P50, op.OK.P99, op.OK.P999
			}
		}
	}
	for _, e := range out.Result.Effects {
		m["double"] += float64(e.Double)
		m["late"] += float64(e.Late)
	}
	m["lost"] = float64(out.Result.Lost)
	m["alerts"] = float64(len(out.Result.Alerts))
	if out.Stuck {
		m["stuck"] = 1
	}
	return m
}
