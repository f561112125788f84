package system

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
		st, n := svc.Stats(), len(svc.members)
		capacity := float64(n*svc.sc.CPUs) * sys.s.Now().Seconds()
		list = append(list, ServiceUse{svc.Name(), n, st.Busy.Seconds() / capacity, st.Rejected, st.Lost, st.Wasted})
	}
	return list
}

// Counts names the metrics that add up over a year.
func Counts() []string { return []string{"double", "lost", "alerts"} }

// metrics are the numbers of a run that a study averages or adds up.
//
//	load_factor              calls sent for each call asked for, over all edges: retries make it more than 1
//	p50_ms, p99_ms, p999_ms  latency of successful calls from outside, of the objective with the longest p99
//	OBJECTIVE.p50_ms, ...    the same, of each objective
//	double                   effects that happened more than once
//	late                     promises kept too late
//	lost                     acknowledged writes that are gone
//	alerts                   alerts that fired
//	stuck                    1 if the system did not recover
func (sys *System) metrics(out *Outcome) map[string]float64 {
	m := map[string]float64{"double": 0, "late": 0}
	res := out.Result
	var calls, sent int64
	for _, e := range res.Edges {
		calls += e.Calls
		sent += e.Sent
	}
	if calls > 0 {
		m["load_factor"] = float64(sent) / float64(calls)
	}
	for _, o := range res.Objectives {
		l := res.Operations[sys.recorded.operation(o.Of)].OK
		quantiles := map[string]float64{"p50_ms": l.P50, "p99_ms": l.P99, "p999_ms": l.P999}
		longest := m["p99_ms"] <= l.P99
		for name, q := range quantiles {
			m[o.Objective+"."+name] = q
			if longest {
				m[name] = q
			}
		}
	}
	for _, e := range res.Effects {
		m["double"] += float64(e.Double)
		m["late"] += float64(e.Late)
	}
	m["lost"] = float64(res.Lost)
	m["alerts"] = float64(len(res.Alerts))
	if out.Stuck {
		m["stuck"] = 1
	}
	return m
}
