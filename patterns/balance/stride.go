package balance

import (
	"math"
	"slices"

	"github.com/nines-sim/nines/sim"
)

// A stride is gRPC's static stride scheduler, which the pick StaticStride has (gRFC A58; scheduler.go of
// weightedroundrobin, grpc-go v1.85.0). All in use are looked at in turn, again and again. In each round
// one is chosen or passed over, so that of 65,535 rounds it is chosen in as many as its weight says,
// where the greatest weight is 65,535, and those in which it is are spread evenly. A weight that is less than
// half of a 65,535th of the greatest is none: as there, it is never chosen.
type stride struct {
	inUse   []*member
	weights []uint16 // of those in use; nil: each is chosen in every round
	looked  uint32   // how many were looked at
	made    sim.Time // when who is in use was noticed; weights are made anew at whole periods after that
	due     sim.Time // when they are
}

// strided picks by static stride: the next that the present pick does not leave out. If that takes too long, for
// those that are left have little weight, it is the next in turn.
func (b *Balancer) strided(draws *sim.Stream) *member {
	s := &b.stride
	if !b.sameInUse() {
		s.inUse = slices.DeleteFunc(slices.Clone(b.members), func(m *member) bool { return !b.inUse(m) })
		s.looked = uint32(draws.Uint64()) // clients do not march together
		s.made = b.now
		s.due = b.now.Add(b.cfg.Reports.Update)
		b.weigh(b.now)
	}
	b.weighAgain(b.now)
	if len(s.inUse) == 0 {
		return nil
	}
	i := 0
	for range 4 * len(s.inUse) {
		if i = s.next(); b.usable(s.inUse[i]) {
			return s.inUse[i]
		}
	}
	for range s.inUse {
		i = (i + 1) % len(s.inUse)
		if b.usable(s.inUse[i]) {
			return s.inUse[i]
		}
	}
	return nil
}

// inUse reports whether m is one of those whose turn comes.
func (b *Balancer) inUse(m *member) bool { return !b.believe || m.wasHealthy }

// noticeHealth sees who is healthy now. Who is so again has reported nothing.
func (b *Balancer) noticeHealth(m *member) {
	healthy := m.Healthy()
	if healthy && !m.wasHealthy {
		m.reported = reported{}
	}
	m.wasHealthy = healthy
}

// sameInUse reports whether the same are in use as at the last pick.
func (b *Balancer) sameInUse() bool {
	same, n := true, 0
	for _, m := range b.members {
		if b.noticeHealth(m); !b.inUse(m) {
			continue
		}
		same = same && n < len(b.stride.inUse) && b.stride.inUse[n] == m
		n++
	}
	return same && n == len(b.stride.inUse)
}

// weighAgain makes weights anew if that was due.
func (b *Balancer) weighAgain(now sim.Time) {
	period := sim.Time(b.cfg.Reports.Update)
	if s := &b.stride; period > 0 && now >= s.due && len(s.inUse) > 0 {
		last := now - (now-s.made)%period // of those missed only the last matters: nothing was reported since
		s.due = last + period
		b.weigh(last)
	}
}

// weigh makes the weights of those in use. Whose weight is not known has the mean of the others. If at most
// one is known, or all are about equal, they take turns.
func (b *Balancer) weigh(now sim.Time) {
	s := &b.stride
	s.weights = nil
	sum, most, known := 0.0, 0.0, 0
	for _, m := range s.inUse {
		if w := b.weightFor(m, now); w > 0 {
			sum, most, known = sum+w, max(most, w), known+1
		}
	}
	if known <= 1 {
		return
	}
	scale := math.MaxUint16 / most
	mean := uint16(math.Round(scale * (sum / float64(known))))
	weights := make([]uint16, len(s.inUse))
	equal := true
	for i, m := range s.inUse {
		weights[i] = mean
		if w := b.weightFor(m, now); w > 0 {
			weights[i] = uint16(math.Round(scale * w))
		}
		equal = equal && weights[i] == mean
	}
	if !equal {
		s.weights = weights
	}
}

// weightFor returns the weight of m, or 0 if it is not known.
func (b *Balancer) weightFor(m *member, now sim.Time) float64 {
	if b.cfg.Reports.Update == 0 {
		return m.weight
	}
	return m.reported.at(now, &b.cfg.Reports)
}

// next returns the place of the next one that is chosen.
func (s *stride) next() int {
	n := uint64(len(s.inUse))
	for {
		s.looked++
		i, round := uint64(s.looked)%n, uint64(s.looked)/n
		if s.weights == nil {
			return int(i)
		}
		// The half that each place is shifted by keeps neighbours of equal weight from being passed over in
		// the same rounds.
		w := uint64(s.weights[i])
		if (w*round+i*(math.MaxUint16/2))%math.MaxUint16 >= math.MaxUint16-w {
			return int(i)
		}
	}
}
