package alert

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Span is a stretch of time, from Start to just before End.
type Span struct{ Start, End sim.Time }

// Scores say how well firings told of incidents.
type Scores struct {
	Incidents int
	Detected  int           // incidents during which, or within the grace after which, something fired
	Delay     time.Duration // from start of incident to first firing, summed over the detected
	Firings   int
	True      int // firings that overlap an incident
	Flaps     int // true firings beyond the first of an incident
}

// Score compares what happened with what fired. Both lists are in order of start. A firing within
// grace after the end of an incident still detects it, but is not counted as true.
func Score(incidents, firings []Span, grace time.Duration) Scores {
	s := Scores{Incidents: len(incidents), Firings: len(firings)}
	for _, i := range incidents {
		during := 0
		first := sim.Never
		for _, f := range firings {
			if f.End > i.Start && f.Start < i.End {
				during++
			}
			if f.End > i.Start && f.Start <= i.End.Add(grace) {
				first = min(first, max(f.Start, i.Start))
			}
		}
		if first != sim.Never {
			s.Detected++
			s.Delay += first.Sub(i.Start)
		}
		s.Flaps += max(0, during-1)
	}
	for _, f := range firings {
		for _, i := range incidents {
			if f.End > i.Start && f.Start < i.End {
				s.True++
				break
			}
		}
	}
	return s
}

// Precision returns the share of firings that were about something. It reports false if nothing fired.
func (s Scores) Precision() (float64, bool) { return share(s.True, s.Firings) }

// Recall returns the share of incidents that were detected. It reports false if there were none.
func (s Scores) Recall() (float64, bool) { return share(s.Detected, s.Incidents) }

// MeanTimeToDetect is over the detected incidents only. It reports false if there were none.
func (s Scores) MeanTimeToDetect() (time.Duration, bool) {
	if s.Detected == 0 {
		return 0, false
	}
	return s.Delay / time.Duration(s.Detected), true
}

func share(part, whole int) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}
