package study

import (
	"fmt"
	"math"
	"sort"
	"strings"
)

// A ledger holds, for one variant and objective, the means over the runs of each class that a year is
// made of. Lengths are in years.
type ledger struct {
	bad, valid, length []float64 // by class, of one run: for a pair, how much it has beyond its parts ...
	rate               []float64 // ... times the length of the first, and its rate is per year squared
	calmBad, calmValid float64   // calls a year if it were calm throughout
}

// ledger computes the means of a variant's runs.
func (s *incidentStudy) ledger(v, o int) ledger {
	n := len(s.classes)
	l := ledger{bad: make([]float64, n), valid: make([]float64, n), length: make([]float64, n)}
	l.rate = s.rates(v, nil)
	calm := s.classes[0].mean(v, o)
	if calm.length > 0 {
		l.calmBad, l.calmValid = calm.bad/calm.length, calm.valid/calm.length
	}
	for i, c := range s.classes[1:] {
		m := c.mean(v, o)
		if len(c.causes) == 2 {
			m = account{}
			for _, x := range s.excess(c, v, o, l) {
				m.bad += x.bad / float64(len(c.blocks))
				m.valid += x.valid / float64(len(c.blocks))
				m.length += x.length / float64(len(c.blocks))
			}
		}
		l.bad[i+1], l.valid[i+1], l.length[i+1] = m.bad, m.valid, m.length
	}
	return l
}

// rates returns how often a year each class happens in a variant, under the given rates per victim, or
// the plan's own if they are nil. The rate of a pair is the product of those of its causes.
func (s *incidentStudy) rates(v int, perYear []float64) []float64 {
	list := make([]float64, len(s.classes))
	for i, c := range s.classes {
		if len(c.causes) == 0 || !s.has(v, c.causes...) {
			continue
		}
		list[i] = 1
		for _, k := range c.causes {
			r := s.plan.Causes[k].Rate.PerYear
			if perYear != nil {
				r = perYear[k]
			}
			list[i] *= r * s.variants[v].victims(s.plan.Causes[k].Name)
		}
	}
	return list
}

// An account is what one run, or the mean of many, has: calls, and its length in years.
type account struct{ bad, valid, length float64 }

func (m *Measurement) account(o int) account {
	return account{m.Objectives[o].Bad, m.Objectives[o].Valid, float64(m.Length) / float64(year)}
}

// mean returns the weighted mean of a variant's runs.
func (c *class) mean(v, o int) (m account) {
	n := float64(len(c.blocks))
	for _, b := range c.blocks {
		if b.runs[v] != nil {
			a := b.runs[v].account(o)
			m.bad += b.weight * a.bad / n
			m.valid += b.weight * a.valid / n
			m.length += b.weight * a.length / n
		}
	}
	return m
}

// excess returns, for each block of a pair, what both incidents together have beyond each alone, calm
// calls left out, times the length of the first: the times at which a second one can begin.
func (s *incidentStudy) excess(pair *class, v, o int, l ledger) []account {
	first, second := s.single(pair.causes[0]), s.single(pair.causes[1])
	beyond := func(a account) account { // what calm time of the same length would not have
		return account{a.bad - l.calmBad*a.length, a.valid - l.calmValid*a.length, 0}
	}
	alone := beyond(second.mean(v, o))
	list := make([]account, len(pair.blocks))
	for i, b := range pair.order() {
		both, at := b.runs[v], first.at(b.seed)
		if both == nil || at == nil || at.runs[v] == nil {
			continue
		}
		a := at.runs[v].account(o)
		x, y := beyond(both.account(o)), beyond(a)
		w := b.weight * a.length
		list[i] = account{w * (x.bad - y.bad - alone.bad), w * (x.valid - y.valid - alone.valid), 0}
	}
	return list
}

// at returns the block of a seed.
func (c *class) at(seed uint64) *block {
	for i := range c.blocks {
		if c.blocks[i].seed == seed {
			return &c.blocks[i]
		}
	}
	return nil
}

// calmTime returns the share of a year without any incident, under the given rates of the classes. It is
// zero when incidents take up the year, which the method of incidents cannot describe well.
func (l ledger) calmTime(rates []float64) float64 {
	t := 1.0
	for i, r := range rates {
		t -= r * l.length[i]
	}
	return max(0, t)
}

// perCall returns the minutes a year that one bad call a year stands for.
func (l ledger) perCall(rates []float64) float64 {
	calls := l.calmTime(rates) * l.calmValid
	for i, r := range rates {
		calls += r * l.valid[i]
	}
	if calls <= 0 {
		return 0
	}
	return minutesPerYear / calls
}

// minutes returns the bad minutes a year under the given rates of the classes.
func (l ledger) minutes(rates []float64) float64 {
	bad := l.calmTime(rates) * l.calmBad
	for i, r := range rates {
		bad += r * l.bad[i]
	}
	return bad * l.perCall(rates)
}

// contributions returns, for each class, what each block contributes to a variant's bad minutes a
// year: their mean over the blocks is the class's part, the sum over the classes the estimate.
func (s *incidentStudy) contributions(v, o int) [][]float64 {
	l := s.ledger(v, o)
	perCall := l.perCall(l.rate)
	list := make([][]float64, len(s.classes))
	for i, c := range s.classes {
		list[i] = make([]float64, len(c.blocks))
		factor := l.rate[i] * perCall
		switch len(c.causes) {
		case 0:
			length := c.mean(v, o).length
			for j, b := range c.blocks {
				list[i][j] = l.calmTime(l.rate) * perCall * b.runs[v].account(o).bad / length
			}
		case 1:
			for j, b := range c.order() {
				if b.runs[v] != nil {
					list[i][j] = factor * b.weight * b.runs[v].account(o).bad
				}
			}
		case 2:
			for j, x := range s.excess(c, v, o, l) {
				list[i][j] = factor * x.bad
			}
		}
	}
	return list
}

// estimate returns a variant's bad minutes a year for an objective, a term for each class. It takes
// the rates of the causes as known.
func (s *incidentStudy) estimate(v, o int) sum {
	l := s.ledger(v, o)
	e := sum{floor: 0, ceil: minutesPerYear}
	for i, y := range s.contributions(v, o) {
		c := s.classes[i]
		t := newTerm(y, len(c.causes) > 0)
		if len(c.causes) < 2 {
			t.floor, t.ceil = 0, minutesPerYear
		}
		if i > 0 && (l.rate[i] == 0 || len(c.blocks) == 0) {
			t = term{runs: 2} // the variant does not have the cause; or a pair that was not reached
		}
		if l.perCall(l.rate) == 0 {
			t.runs = 0 // no call was judged: nothing is known
		}
		e.terms = append(e.terms, t)
	}
	blameless := e.value() == 0
	for i, c := range s.classes {
		if t := &e.terms[i]; t.value == 0 && t.se == 0 && (i == 0 || l.rate[i] > 0) {
			t.ifHit = s.ifHit(c, i, v, o, l, blameless)
		}
	}
	return e
}

// inputs returns a variant's bad minutes a year under each draw of the uncertain rates.
func (s *incidentStudy) inputs(v, o int) []float64 {
	if s.draws == nil {
		return nil
	}
	l := s.ledger(v, o)
	return under(s.plan.Causes, s.draws, func(perYear []float64) float64 { return l.minutes(s.rates(v, perYear)) })
}

// ifHit returns what a run of a class in which no call went bad is supposed to cost, had one gone bad,
// in bad minutes a year. For an incident, as much as the worst run of the mildest variant that was hit.
// If none was, the cause is taken to be harmless, unless the variant has not lost a call at all: then
// every call of the incident. For calm runs, calls are taken to go bad independently.
func (s *incidentStudy) ifHit(c *class, i, v, o int, l ledger, blameless bool) float64 {
	if len(c.causes) == 0 {
		var valid float64
		for _, b := range c.blocks {
			valid += b.runs[v].Objectives[o].Valid
		}
		if valid == 0 {
			return 0
		}
		return float64(len(c.blocks)) / valid * l.calmTime(l.rate) * l.calmValid * l.perCall(l.rate)
	}
	mildest := math.Inf(1)
	for w := range s.variants {
		worst := 0.0
		for _, b := range c.blocks {
			if b.runs[w] != nil {
				worst = max(worst, b.runs[w].Objectives[o].Bad)
			}
		}
		if worst > 0 {
			mildest = min(mildest, worst)
		}
	}
	switch {
	case len(c.causes) == 2:
		return 0
	case !math.IsInf(mildest, 1):
		return mildest * l.rate[i] * l.perCall(l.rate)
	case blameless:
		return l.valid[i] * l.rate[i] * l.perCall(l.rate)
	default:
		return 0
	}
}

// narrowEnough reports whether all intervals are as narrow as the plan wants them.
func (s *incidentStudy) narrowEnough() bool {
	if s.plan.HalfWidth <= 0 {
		return false
	}
	for v := range s.variants {
		for o := range s.plan.Objectives {
			if !Enough(s.estimate(v, o).interval(s.plan.Level), s.plan.HalfWidth) {
				return false
			}
		}
	}
	return true
}

// compare returns the difference between a variant and the baseline.
func (s *incidentStudy) compare(v, o int) comparison {
	c := comparison{
		variant: s.variants[v].key(), baseline: s.variants[s.baseline].key(), objective: s.plan.Objectives[o],
		equal: true, runs: s.runs(), sum: sum{floor: -minutesPerYear, ceil: minutesPerYear},
	}
	a, b := s.contributions(v, o), s.contributions(s.baseline, o)
	for i, class := range s.classes {
		ordered := len(class.causes) > 0
		diffs := make([]float64, len(class.blocks))
		for j := range diffs {
			diffs[j] = a[i][j] - b[i][j]
			c.equal = c.equal && diffs[j] == 0
		}
		c.sum.terms = append(c.sum.terms, newTerm(diffs, ordered))
		x, y := newTerm(a[i], ordered), newTerm(b[i], ordered)
		c.unpaired += x.se*x.se + y.se*y.se
	}
	if s.draws != nil && !c.equal {
		l, m := s.ledger(v, o), s.ledger(s.baseline, o)
		c.sum.inputs = under(s.plan.Causes, s.draws, func(perYear []float64) float64 {
			return l.minutes(s.rates(v, perYear)) - m.minutes(s.rates(s.baseline, perYear))
		})
	}
	return c
}

// availability turns bad minutes a year into the share of good calls.
func availability(bad Interval) Interval {
	share := func(minutes float64) float64 { return min(1, max(0, 1-minutes/minutesPerYear)) }
	a := bad
	a.Value, a.Low, a.High = share(bad.Value), share(bad.High), share(bad.Low)
	return a
}

// result says how a variant meets an objective, from its estimate.
func result(o Objective, e sum, level float64) Result {
	bad := e.interval(level)
	bad.Bound = bad.Value == 0
	r := Result{Objective: o.Name, Availability: availability(bad), BadMinutes: bad}
	sampling := sum{terms: e.terms, floor: e.floor, ceil: e.ceil}
	half, whole := sampling.interval(level).HalfWidth(), bad.HalfWidth()
	inputs := max(0, whole*whole-half*half)
	r.More = More{whole, math.Sqrt(half*half/2 + inputs), math.Sqrt(half*half/4 + inputs)}
	switch {
	case o.Target == 0:
	case r.Availability.Low >= o.Target:
		r.Met = Yes
	case r.Availability.High < o.Target:
		r.Met = No
	default:
		r.Met = Unclear
	}
	return r
}

// summary says what the finished runs show.
func (s *incidentStudy) summary() *Summary {
	level := s.plan.Level
	sum := &Summary{
		Method: "incidents", Baseline: s.variants[s.baseline].key(), Objectives: s.plan.Objectives,
		FirstSeed: s.plan.FirstSeed, LastSeed: s.plan.FirstSeed, Rows: s.rows, Runs: len(s.rows),
	}
	for _, r := range s.rows {
		sum.Events += r.Events
		sum.LastSeed = max(sum.LastSeed, r.Seed)
	}
	for _, c := range s.classes {
		sum.Classes = append(sum.Classes, Class{c.name, s.names(c), len(c.blocks)})
	}
	if s.empty() {
		return sum
	}
	for v := range s.variants {
		sum.Variants = append(sum.Variants, s.finding(v))
	}
	for o := range s.plan.Objectives {
		var list []comparison
		for v := range s.variants {
			if v != s.baseline {
				list = append(list, s.compare(v, o))
			}
		}
		sum.Diffs = append(sum.Diffs, judge(list, level)...)
	}
	overlap := s.overlap
	overlap.Share, overlap.Variant = s.overlapShare()
	sum.Overlap = &overlap
	return sum
}

// empty reports whether some class has no complete block, so that nothing can be said about a year.
func (s *incidentStudy) empty() bool {
	for _, c := range s.classes {
		if len(c.blocks) == 0 && len(c.causes) < 2 {
			return true
		}
	}
	return false
}

func (s *incidentStudy) finding(v int) Finding {
	f := Finding{
		Variant: s.variants[v].Name, Point: s.variants[v].Point,
		Metrics: map[string]map[string]float64{}, Yearly: map[string]float64{},
	}
	for o, objective := range s.plan.Objectives {
		e, l := s.estimate(v, o), s.ledger(v, o)
		e.inputs = s.inputs(v, o)
		r := result(objective, e, s.plan.Level)
		var untouched []string
		for i, t := range e.terms {
			c := s.classes[i]
			if i > 0 && l.rate[i] == 0 {
				continue
			}
			low, high := t.limits(s.plan.Level)
			p := Part{Class: c.name, PerYear: l.rate[i], Runs: len(c.blocks), MeanLength: c.mean(v, o).length * year.Seconds()}
			if len(c.causes) == 2 { // the rate of the second, while the first is under way
				p.PerYear *= s.single(c.causes[0]).mean(v, o).length
				low, high = max(low, -minutesPerYear), min(high, minutesPerYear)
			}
			p.BadMinutes = Interval{Value: t.value, Low: low, High: high, Level: s.plan.Level, Covers: Sampling, Bound: t.value == 0 && t.se == 0}
			r.ByCause = append(r.ByCause, p)
			if p.BadMinutes.Bound {
				untouched = append(untouched, fmt.Sprintf("%s (%d runs)", c.name, len(c.blocks)))
			}
		}
		if untouched != nil {
			r.Note = "no bad call seen in " + strings.Join(untouched, ", ")
		}
		if l.calmTime(l.rate) == 0 {
			r.Note = "incidents take up the whole year: use the method timeline. " + r.Note
		}
		f.Objectives = append(f.Objectives, r)
	}
	l := s.ledger(v, 0)
	for i, c := range s.classes {
		means, sums, weights := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for _, b := range c.blocks {
			if b.runs[v] == nil {
				continue
			}
			for name, x := range b.runs[v].Metrics {
				sums[name] += b.weight * x
				weights[name] += b.weight
			}
		}
		for name, x := range sums {
			means[name] = x / weights[name]
		}
		if len(means) > 0 {
			f.Metrics[c.name] = means
		}
		for _, name := range s.plan.Counts {
			mean := sums[name] / float64(max(1, len(c.blocks)))
			switch length := c.mean(v, 0).length; {
			case len(c.causes) == 0 && length > 0:
				f.Yearly[name] += l.calmTime(l.rate) * mean / length
			case len(c.causes) == 1:
				f.Yearly[name] += l.rate[i] * mean
			}
		}
	}
	return f
}

// overlapShare returns the largest share of the time of an incident in which another is under way, and
// the variant that has it. Incidents begin independently, so the number under way at any time is
// Poisson distributed.
func (s *incidentStudy) overlapShare() (share float64, variant string) {
	for v := range s.variants {
		under := 0.0
		for i, r := range s.rates(v, nil) {
			if len(s.classes[i].causes) == 1 {
				under += r * s.classes[i].mean(v, 0).length
			}
		}
		if x := 1 - math.Exp(-under); x >= share {
			share, variant = x, s.variants[v].key()
		}
	}
	return share, variant
}

// addPairs makes classes of the pairs of causes that may matter, and notes those that do not.
func (s *incidentStudy) addPairs() {
	type candidate struct {
		Pair
		causes []int
		share  float64 // of a variant's bad minutes
	}
	var list []candidate
	for _, a := range s.classes[1:] {
		for _, b := range s.classes[1:] {
			best := candidate{causes: []int{a.causes[0], b.causes[0]}}
			best.First, best.Second = a.name, b.name
			for v := range s.variants {
				if !s.has(v, best.causes...) {
					continue
				}
				for o := range s.plan.Objectives {
					l := s.ledger(v, o)
					x, y := a.mean(v, o), b.mean(v, o)
					perYear := x.length
					for _, k := range best.causes {
						perYear *= s.plan.Causes[k].Rate.PerYear * s.variants[v].victims(s.plan.Causes[k].Name)
					}
					atMost := perYear * (x.valid + y.valid) * l.perCall(l.rate)
					share := atMost / max(l.minutes(l.rate), 1e-9) // without bad calls, pairs may be all that matters
					if share > best.share {
						best.share, best.PerYear, best.AtMost = share, perYear, atMost
					}
				}
			}
			if best.share > 0 {
				list = append(list, best)
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].share > list[j].share })
	room := min(maxPairs, (s.plan.Runs-s.runs())/2/s.plan.Pilot)
	for _, c := range list {
		if c.share >= s.plan.PairThreshold && len(s.overlap.Simulated) < room {
			s.overlap.Simulated = append(s.overlap.Simulated, c.Pair)
			s.classes = append(s.classes, &class{name: c.First + "+" + c.Second, causes: c.causes})
		} else {
			s.overlap.Neglected = append(s.overlap.Neglected, c.Pair)
		}
	}
}
