package study

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
