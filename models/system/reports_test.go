package system

import (
	"errors"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// Two cpus are half busy for ten seconds with 40 answers, of which ten are failures; then a quarter, with 20.
func TestReport(t *testing.T) {
	var r report
	begin := sim.Time(time.Minute)
	busy := time.Hour // of lives before
	r.starts(begin, busy)
	for i := range 40 {
		if r.last != (balance.Report{}) {
			t.Fatalf("after %d answers it reports %v", i, r.last)
		}
		var err error
		if i%4 == 0 {
			err = errors.New("no")
		}
		busy += 250 * time.Millisecond
		if now := begin.Add(time.Duration(i+1) * reportOver / 40); r.answered(now, err) {
			r.full(now, busy, 2)
		}
	}
	want := balance.Report{Utilization: 0.5, Rate: 4, Failures: 1}
	if r.last != want {
		t.Errorf("reports %v, want %v", r.last, want)
	}
	for i := range 20 {
		if r.last != want {
			t.Fatalf("after %d more it reports %v already", i, r.last)
		}
		busy += 250 * time.Millisecond
		if now := begin.Add(reportOver + time.Duration(i+1)*reportOver/20); r.answered(now, nil) {
			r.full(now, busy, 2)
		}
	}
	if want := (balance.Report{Utilization: 0.25, Rate: 2}); r.last != want {
		t.Errorf("reports %v, want %v", r.last, want)
	}
	r.starts(begin.Add(3*reportOver), busy)
	if r.last != (balance.Report{}) {
		t.Errorf("a new life reports %v", r.last)
	}
}
