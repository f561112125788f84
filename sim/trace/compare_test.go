package trace

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
)

// ticking runs events a second apart; from the odd-th on they are a nanosecond late.
func ticking(t *testing.T, events, odd int) sim.Result {
	t.Helper()
	result, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		for i := range events {
			at := sim.Time(i) * sim.Time(time.Second)
			if odd > 0 && i+1 >= odd {
				at++
			}
			s.At(at, func() {})
		}
		if err := s.RunUntilIdle(); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Events != uint64(events) {
		t.Fatalf("%d events, want %d", result.Events, events)
	}
	return result
}

func TestPart(t *testing.T) {
	tests := []struct {
		about    string
		a, b     sim.Result
		differ   bool
		same     uint64 // events up to which they agree
		atA, atB uint64 // events of the first checkpoints that differ
	}{
		{"equal", ticking(t, 5000, 0), ticking(t, 5000, 0), false, 0, 0, 0},
		{"in the middle", ticking(t, 5000, 0), ticking(t, 5000, 3000), true, 2048, 3072, 3072},
		{"at a checkpoint", ticking(t, 5000, 0), ticking(t, 5000, 3072), true, 2048, 3072, 3072},
		{"just after a checkpoint", ticking(t, 5000, 0), ticking(t, 5000, 3073), true, 3072, 4096, 4096},
		{"at the first event", ticking(t, 5000, 0), ticking(t, 5000, 1), true, 0, 1024, 1024},
		{"after the last checkpoint", ticking(t, 5000, 0), ticking(t, 5000, 4999), true, 4096, 5000, 5000},
		{"too short for checkpoints", ticking(t, 10, 0), ticking(t, 10, 5), true, 0, 10, 10},
		{"one ends", ticking(t, 2500, 0), ticking(t, 5000, 0), true, 2048, 2500, 3072},
		{"one ends at a checkpoint", ticking(t, 2048, 0), ticking(t, 5000, 0), true, 2048, 2048, 3072},
		{"one ends before there is any", ticking(t, 5000, 0), ticking(t, 10, 0), true, 0, 1024, 10},
		{"checkpoints of different distance", ticking(t, 2500, 0), ticking(t, 200_000, 0), true, 2048, 2500, 4096},
		{"and a difference", ticking(t, 7000, 0), ticking(t, 200_000, 5000), true, 4096, 6144, 6144},
	}
	for _, tt := range tests {
		for _, mirrored := range []bool{false, true} {
			a, b, atA, atB := tt.a, tt.b, tt.atA, tt.atB
			if mirrored {
				a, b, atA, atB = b, a, atB, atA
			}
			p, differ := Part(a, b)
			if differ != tt.differ || p.Same.Events != tt.same || p.A.Events != atA || p.B.Events != atB {
				t.Errorf("%s (mirrored: %t): %t, %v", tt.about, mirrored, differ, p)
			}
		}
	}
}

func TestPartingAsText(t *testing.T) {
	p := Parting{sim.Checkpoint{Events: 2048, At: sim.Time(time.Second), Digest: 1},
		sim.Checkpoint{Events: 3072, At: sim.Time(2 * time.Second), Digest: 0xa}, sim.Checkpoint{Events: 3072, At: sim.Time(3 * time.Second), Digest: 0xb}}
	if got, want := p.String(), "the runs agree up to event 2048 (1s) and have digests 000000000000000a and 000000000000000b at event 3072 (2s and 3s)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.A.Events = 2500
	if got, want := p.String(), "the runs agree up to event 2048 (1s), and then one ends while the other goes on: event 2500 (2s) and event 3072 (3s)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDiff(t *testing.T) {
	tests := []struct{ about, a, b, want string }{
		{"equal", "x y z", "x y z", ""},
		{"both empty", "", "", ""},
		{"the first", "x y", "w y", "the traces part at event 1:\n  a:    x\n  b:    w\n"},
		{"the last", "x y z", "x y w", "the traces part at event 3:\n  both: y\n  a:    z\n  b:    w\n"},
		{"one ends", "x y", "x", "the traces part at event 2:\n  both: x\n  a:    y\n  b:    (no more events)\n"},
		{"one is empty", "", "x", "the traces part at event 1:\n  a:    (no more events)\n  b:    x\n"},
	}
	for _, tt := range tests {
		got := ""
		if d, differ := Diff(slices.Values(strings.Fields(tt.a)), slices.Values(strings.Fields(tt.b))); differ {
			got = d.String()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.about, diff)
		}
	}
}

func TestDiffSeesAnEmptyLine(t *testing.T) {
	if d, differ := Diff(slices.Values([]string{"x", ""}), slices.Values([]string{"x"})); !differ || d.Event != 2 {
		t.Errorf("%t %v", differ, d)
	}
}

func TestDiffFiles(t *testing.T) {
	r, _ := record(t, shop)
	other, _ := record(t, func(s *sim.Simulation, r *Recorder) {
		shop(s, r)
		s.At(12_500*ms, func() { s.Note("alert", "checkout_burn", "fires") })
	})
	file := func(r *Recorder, seed sim.Seed) io.Reader {
		var b bytes.Buffer
		if err := r.WriteLines(&b, About{Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	if d, differ, err := DiffFiles(file(r, 7), file(r, 8)); differ || err != nil {
		t.Errorf("the same trace twice: %v %v", d, err)
	}
	d, differ, err := DiffFiles(file(r, 7), file(other, 7))
	if err != nil || !differ || d.Event != 5 || d.B != `{"at":12500000000,"note":"alert","subject":"checkout_burn","detail":"fires"}` {
		t.Errorf("an alert more: %v %v", d, err)
	}
	if inMemory, _ := Diff(r.Lines(), other.Lines()); inMemory != d {
		t.Errorf("in memory: %v, in files: %v", inMemory, d)
	}

	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		about string
		a, b  io.Reader
		want  string
	}{
		{"no trace", strings.NewReader("\x89PNG"), file(r, 7), `trace: the first trace: line 1: is "\x89PNG", need a header {"format":1,...}`},
		{"empty", file(r, 7), strings.NewReader(""), `trace: the second trace: line 1: is "", need a header {"format":1,...}`},
		{"unreadable", iotest.ErrReader(broken), file(r, 7), "trace: the first trace: disk on fire"},
		{"unreadable later", io.MultiReader(file(r, 7), iotest.ErrReader(broken)), file(r, 7), "trace: the first trace: disk on fire"},
	} {
		if _, _, err := DiffFiles(tt.a, tt.b); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.about, err, tt.want)
		}
	}
}
