package study

import "math"

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
