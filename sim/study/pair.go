package study

import (
	"math"
	"sort"
)

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
