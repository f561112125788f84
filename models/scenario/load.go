package scenario

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A LoadReport is what arithmetic says about a design before it is run: the share of each
// service's cpus that the workload needs. Retries and faults are left out, but for the surge and the
// lost zone that the columns name; caches are warm. What a fallback sends to a queue is left out too; what it calls
// is the share of calls that fail without any fault, and a column says what it is if all fail.
type LoadReport struct {
	Surge     *Fault        // the strongest surge among the faults; nil if there is none
	Zones     bool          // whether there is more than one zone to lose
	Fallbacks bool          // whether calls can fall back on other calls
	Rows      []ServiceLoad // of each service, in order
}

// A ServiceLoad is the load of one service: 1 is all that its cpus can do, NaN stands for a service
// without capacity: an external one, or one that is gone with its zone.
type ServiceLoad struct {
	Service       string
	Rate          float64 // calls a second, without retries
	Base          float64
	Slowest       float64 // of the slowest replica, if all get as many calls
	Surged        float64 // during the surge
	ZoneLost      float64 // during the surge, while the zone with most of its replicas is gone
	Fallen        float64 // without the surge, if every call that can fall back on another one does
	Amplification float64 // calls for each call without retries, when every call on the way fails as often as it is tried
}

// LoadReport computes the load of each service.
func (s *Scenario) LoadReport() LoadReport {
	report := LoadReport{Zones: len(s.Zones) > 1}
	for i := range s.Faults {
		if f := &s.Faults[i]; f.Kind == "surge" && (report.Surge == nil || f.By > report.Surge.By) {
			report.Surge = f
		}
	}
	surge := func(string) float64 { return 1 }
	if report.Surge != nil {
		hit := s.Targets(report.Surge)
		surge = func(stream string) float64 {
			for _, name := range hit {
				if name == stream {
					return report.Surge.By
				}
			}
			return 1
		}
	}
	report.Fallbacks = s.hasStandIns()
	calm := s.flow(always, nil, s.failing)
	surged := s.flow(surge, nil, s.failing)
	tried := s.flow(always, calm.miss, s.failing)
	fallen := s.flow(always, nil, always)
	for i := range s.Services {
		svc := &s.Services[i]
		cpus, left, slowest := svc.capacity()
		row := ServiceLoad{Service: svc.Name, Rate: calm.rate[svc.Name], Amplification: 1}
		if row.Rate > 0 {
			row.Amplification = tried.rate[svc.Name] / row.Rate
		}
		row.Base = share(calm.work[svc.Name], cpus)
		row.Slowest = share(calm.work[svc.Name], slowest*float64(svc.Instances()))
		row.Surged = share(surged.work[svc.Name], cpus)
		row.ZoneLost = share(surged.work[svc.Name], left)
		row.Fallen = share(fallen.work[svc.Name], cpus)
		report.Rows = append(report.Rows, row)
	}
	return report
}

func share(work, cpus float64) float64 {
	if cpus == 0 {
		return math.NaN()
	}
	return work / cpus
}

// capacity is what the replicas can do, in cpus of speed 1: all, those that are left when the zone that has most
// is gone, and the slowest. Replicas are placed in turn, so that zone is the first.
func (s *Service) capacity() (all, left, slowest float64) {
	zones := max(len(s.Spread), 1)
	slowest = math.Inf(1)
	for i := range s.Instances() {
		one := float64(s.CPUs)
		if len(s.Speed) > 0 {
			one = float64(one * s.Speed[i%len(s.Speed)])
		}
		all += one
		if i%zones > 0 {
			left += one
		}
		slowest = min(slowest, one)
	}
	return all, left, slowest
}

// A flow is how many calls a second reach each service, and the cpu seconds a second that they need.
type flow struct {
	rate map[string]float64 // by service
	work map[string]float64 // by service
	ops  map[string]float64 // by operation: calls a second
	miss map[string]float64 // by operation: share of calls that its cache does not answer

	asked []demand // in the order of the scenario
}

// A demand is how often a second a caller asks for an operation. It may be there several times.
type demand struct {
	caller, ref string
	rate        float64
}

func always(string) float64 { return 1 }

// Rates returns the calls a second that each operation gets, by its path, as in a [LoadReport] when all
// is calm.
func (s *Scenario) Rates() map[string]float64 { return s.flow(always, nil, s.failing).ops }

// flow computes the calls that the streams, each times its factor, cause. Given the misses of a calm
// flow, it counts every try that the retries on the way allow. Of the calls of each operation, so many
// fail and fall back on another.
func (s *Scenario) flow(factor func(stream string) float64, calmMiss map[string]float64, failing func(ref string) float64) flow {
	order := s.callersFirst()
	queued := make(map[string]float64)
	var f flow
	// Queues can feed operations that fill queues again; a few rounds settle all but circles that grow.
	for range len(s.Queues) + 2 {
		ops := make(map[string]float64)
		f = flow{rate: make(map[string]float64), work: make(map[string]float64), ops: ops, miss: make(map[string]float64)}
		sent := make(map[string]float64)
		tried := func(caller, ref string, rate float64) float64 {
			if calmMiss == nil || rate == 0 {
				return rate
			}
			service, _ := cut(ref)
			p := s.Calls.Between(caller, service)
			return float64(rate * p.tries(rate, s.clientsOf(caller)))
		}
		ask := func(caller, ref string, rate float64) {
			ops[ref] += tried(caller, ref, rate)
			f.asked = append(f.asked, demand{caller, ref, rate})
			service, _ := cut(ref)
			for _, other := range s.Calls.standIns(caller, service) {
				rate = float64(rate * failing(ref))
				ops[other] += tried(caller, other, rate)
				f.asked = append(f.asked, demand{caller, other, rate})
				ref = other
			}
		}
		for _, w := range s.Workload {
			for _, share := range w.Mix {
				ask(w.Name, share.Op, float64(s.streamRate(&w)*factor(w.Name)*share.Share))
			}
		}
		for _, q := range s.Queues {
			if q.To != "" {
				ask(q.Name, q.To, queued[q.Name])
			}
		}
		for _, ref := range order {
			svc, op := s.Op(ref)
			rate := ops[ref]
			f.rate[svc.Name] += rate
			f.work[svc.Name] += float64(rate * op.Work.Distribution().Mean())
			f.miss[ref] = op.Cache.miss(rate, svc.Instances())
			miss := f.miss[ref]
			if calmMiss != nil {
				miss = calmMiss[ref]
			}
			eachStep(op.Calls, rate*miss, func(step Step, rate float64) {
				if step.Call != "" {
					ask(svc.Name, step.Call, rate)
				} else {
					sent[step.Send] += rate
				}
			})
		}
		queued = sent
	}
	return f
}

// tries is how often each call is sent at most, by the retries and hedges of so many clients that make calls at a rate
// together: +Inf if nothing limits them.
func (p *Policies) tries(rate float64, clients int) float64 {
	if p.Hedge != nil {
		return float64(p.retries(rate, clients) * min(float64(p.Hedge.Attempts), p.Hedge.Budget.most(rate, clients)))
	}
	return p.retries(rate, clients)
}

// retries is the same without hedges.
func (p *Policies) retries(rate float64, clients int) float64 {
	r := p.Retry
	if r == nil {
		return 1
	}
	var within time.Duration
	if p.Timeout != nil {
		within = p.Timeout.Total
	}
	most := math.Inf(1)
	if n := r.most(within); n < Unlimited {
		most = float64(n)
	}
	return min(most, r.Budget.most(rate, clients))
}

// clientsOf is how many clients of each callee a caller has.
func (s *Scenario) clientsOf(caller string) int {
	if svc := s.Service(caller); svc != nil {
		return svc.Instances()
	}
	return 1
}

// streamRate is the calls a second of a stream. Users who wait for answers call as often as they
// would if nothing were busy.
func (s *Scenario) streamRate(w *Stream) float64 {
	if w.Users == 0 {
		return w.Rate
	}
	cycle := w.Think.Distribution().Mean()
	for _, share := range w.Mix {
		cycle += float64(share.Share * s.idleTime(share.Op))
	}
	if cycle == 0 {
		return math.Inf(1)
	}
	return float64(w.Users) / cycle
}

// idleTime is the mean work of a call and of all it waits for, in seconds.
func (s *Scenario) idleTime(ref string) float64 {
	_, op := s.Op(ref)
	if op == nil {
		return 0
	}
	return op.Work.Distribution().Mean() + s.idleSteps(op.Calls)
}

func (s *Scenario) idleSteps(steps []Step) float64 {
	total := 0.0
	for _, step := range steps {
		one := 0.0
		if step.Call != "" {
			one = s.idleTime(step.Call)
		}
		for _, branch := range step.Parallel {
			one = max(one, s.idleSteps([]Step{branch}))
		}
		total += float64(one * step.Share * float64(step.Times))
	}
	return total
}

// eachStep calls f for each call and message in steps, with how often a second it is done.
func eachStep(steps []Step, rate float64, f func(Step, float64)) {
	for _, step := range steps {
		r := rate * step.Share * float64(step.Times)
		if step.Parallel != nil {
			eachStep(step.Parallel, r, f)
		} else {
			f(step, r)
		}
	}
}

// callersFirst lists the operations so that each comes after all that call it.
func (s *Scenario) callersFirst() []string {
	var order []string
	seen := make(map[string]bool)
	var visit func(ref string)
	visit = func(ref string) {
		svc, op := s.Op(ref)
		if op == nil || seen[ref] {
			return
		}
		seen[ref] = true
		eachStep(op.Calls, 1, func(step Step, _ float64) {
			visit(step.Call)
			callee, _ := cut(step.Call)
			for _, other := range s.Calls.standIns(svc.Name, callee) {
				visit(other)
			}
		})
		order = append(order, ref)
	}
	for _, svc := range s.Services {
		for _, op := range svc.Ops {
			visit(svc.Name + "." + op.Name)
		}
	}
	for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// notes says which services have more to do than they can.
func (r LoadReport) notes() []finding {
	var list []finding
	for _, row := range r.Rows {
		path := "services." + row.Service
		switch {
		case row.Base >= 1:
			list = append(list, finding{path, fmt.Sprintf("is overloaded: it needs %s of its cpus without any fault, and its queue grows for ever", percent(row.Base)), ""})
		case row.Slowest >= 1:
			list = append(list, finding{path, fmt.Sprintf("has a replica that is overloaded if all get as many calls: it needs %s of its cpus without any fault", percent(row.Slowest)), ""})
		case r.Surge != nil && row.Surged >= 1:
			list = append(list, finding{path, fmt.Sprintf("is overloaded during %s: it needs %s of its cpus", r.Surge.Name, percent(row.Surged)), ""})
		case r.Surge != nil && r.Zones && row.ZoneLost >= 1:
			list = append(list, finding{path, fmt.Sprintf("is overloaded during %s while a zone is lost: it needs %s of the cpus left", r.Surge.Name, percent(row.ZoneLost)), ""})
		case r.Fallbacks && row.Fallen >= 1:
			list = append(list, finding{path, fmt.Sprintf("is overloaded when all calls that can fall back on another do: it needs %s of its cpus", percent(row.Fallen)), ""})
		}
	}
	return list
}

// String writes the report as a table.
func (r LoadReport) String() string {
	head := []string{"service", "calls/s", "base"}
	if r.Surge != nil {
		head = append(head, r.Surge.Name)
	}
	if r.Zones {
		lost := "a zone lost"
		if r.Surge != nil {
			lost = r.Surge.Name + ", " + lost
		}
		head = append(head, lost)
	}
	if r.Fallbacks {
		head = append(head, "all fallbacks")
	}
	head = append(head, "worst retries")
	rows := [][]string{head}
	for _, l := range r.Rows {
		row := []string{l.Service, fmt.Sprintf("%.1f", l.Rate), percent(l.Base)}
		if r.Surge != nil {
			row = append(row, percent(l.Surged))
		}
		if r.Zones {
			row = append(row, percent(l.ZoneLost))
		}
		if r.Fallbacks {
			row = append(row, percent(l.Fallen))
		}
		worst := fmt.Sprintf("%.3gx", l.Amplification)
		if math.IsInf(l.Amplification, 1) {
			worst = "unlimited"
		}
		rows = append(rows, append(row, worst))
	}
	widths := make([]int, len(head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func percent(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.0f%%", 100*x)
}
