package measure

import (
	"fmt"
	"slices"
)

// derive fills in what follows from the counts.
func (o *ObjectiveResult) derive() {
	o.Availability = share(float64(o.Good), float64(o.Valid))
	o.TimeAvailability = share(float64(o.WindowsMet), float64(o.WindowsValid))
}

// Merge returns what several runs of the same system measured together. Counts and latencies are those
// of all calls of all runs; means over time are weighted by the length of the runs; outages, faults and
// alerts are listed one run after the other. Windows are left out. The results must come from Finish, not
// from JSON, and have the same configuration; Merge panics if they do not.
func Merge(results ...*Result) *Result {
	if len(results) == 0 {
		return &Result{}
	}
	sum := *results[0]
	sum.Objectives = slices.Clone(sum.Objectives)
	for i := range sum.Objectives {
		sum.Objectives[i].Windows = nil
	}
	sum.Operations = slices.Clone(sum.Operations)
	sum.Edges = slices.Clone(sum.Edges)
	sum.Queues = slices.Clone(sum.Queues)
	sum.Servers = slices.Clone(sum.Servers)
	sum.Effects = slices.Clone(sum.Effects)
	for _, r := range results[1:] {
		sum.add(r)
	}
	return &sum
}

func (sum *Result) add(r *Result) {
	same := slices.EqualFunc(sum.Objectives, r.Objectives, func(a, b ObjectiveResult) bool { return a.Objective == b.Objective }) &&
		slices.EqualFunc(sum.Operations, r.Operations, func(a, b OperationResult) bool { return a.Operation == b.Operation }) &&
		slices.EqualFunc(sum.Edges, r.Edges, func(a, b EdgeResult) bool { return a.Edge == b.Edge && sameLayers(a.Layers, b.Layers) }) &&
		slices.EqualFunc(sum.Queues, r.Queues, func(a, b QueueResult) bool { return a.Queue == b.Queue }) &&
		slices.EqualFunc(sum.Servers, r.Servers, func(a, b ServerResult) bool { return a.Server == b.Server }) &&
		slices.EqualFunc(sum.Effects, r.Effects, func(a, b EffectResult) bool { return a.Effect == b.Effect }) &&
		sum.Digits == r.Digits && sum.Window == r.Window
	if !same {
		panic(fmt.Sprintf("measure: merging results of different systems: %d and %d objectives, %d and %d operations, ...",
			len(sum.Objectives), len(r.Objectives), len(sum.Operations), len(r.Operations)))
	}
	before := ratio(sum.Seconds, sum.Seconds+r.Seconds) // weight of the sum in means over time
	mean := func(a, b float64) float64 { return float64(a*before) + float64(b*(1-before)) }
	sum.Runs += r.Runs
	sum.Seconds += r.Seconds
	sum.Warmup += r.Warmup
	sum.Calls = sum.Calls.plus(r.Calls)
	sum.Lost += r.Lost
	for i := range sum.Objectives {
		sum.Objectives[i].add(r.Objectives[i])
	}
	for i, o := range r.Operations {
		s := &sum.Operations[i]
		s.Calls = s.Calls.plus(o.Calls)
		s.Attempts += o.Attempts
		s.OK, s.All = s.OK.merge(o.OK), s.All.merge(o.All)
		s.AttemptsPerCall = ratio(float64(s.Attempts), float64(s.All.Calls))
	}
	for i, e := range r.Edges {
		s := &sum.Edges[i]
		s.EdgeCounts = s.minus(EdgeCounts{}.minus(e.EdgeCounts))
		s.AttemptsPerCall = ratio(float64(s.Sent), float64(s.Calls))
		s.Layers = addLayers(s.Layers, e.Layers, 1)
	}
	for i, q := range r.Queues {
		s := &sum.Queues[i]
		s.MeanLength = mean(s.MeanLength, q.MeanLength)
		s.MeanWait = ratio(float64(s.MeanWait*float64(s.Entered))+float64(q.MeanWait*float64(q.Entered)), float64(s.Entered+q.Entered))
		s.MaxLength = max(s.MaxLength, q.MaxLength)
		s.Entered += q.Entered
		s.Dropped += q.Dropped
	}
	for i, v := range r.Servers {
		s := &sum.Servers[i]
		s.Utilisation = mean(s.Utilisation, v.Utilisation)
		s.Load = mean(s.Load, v.Load)
		s.Units, s.Busiest = max(s.Units, v.Units), max(s.Busiest, v.Busiest)
	}
	for i, e := range r.Effects {
		sum.Effects[i].Double += e.Double
		sum.Effects[i].Late += e.Late
	}
	sum.Faults = append(slices.Clip(sum.Faults), r.Faults...)
	sum.Alerts = append(slices.Clip(sum.Alerts), r.Alerts...)
}

func sameLayers(a, b []Layer) bool {
	return slices.EqualFunc(a, b, func(a, b Layer) bool {
		return a.Layer == b.Layer && slices.EqualFunc(a.Counts, b.Counts, func(a, b LayerCount) bool { return a.Name == b.Name })
	})
}

func (o *ObjectiveResult) add(other ObjectiveResult) {
	o.Valid += other.Valid
	o.Good += other.Good
	o.LeftOut += other.LeftOut
	o.WindowsValid += other.WindowsValid
	o.WindowsMet += other.WindowsMet
	o.Outages = append(slices.Clip(o.Outages), other.Outages...)
	causes := slices.Clone(o.ByCause)
	for _, c := range other.ByCause {
		if i := slices.IndexFunc(causes, func(d CauseResult) bool { return d.Cause == c.Cause }); i >= 0 {
			causes[i].Bad += c.Bad
		} else {
			causes = append(causes, c)
		}
	}
	o.ByCause = causes
	o.derive()
}
