package dist_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

const golden = "testdata/golden.txt"

// TestGolden holds every bit of a million samples of each distribution, of its figures, and of the
// elementary functions. The file is the same for every processor: .ci/run runs this test for each kind.
func TestGolden(t *testing.T) {
	now := append(samples(), values()...)
	if os.Getenv("NINES_UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(strings.Join(now, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSuffix(string(file), "\n"), "\n"), now); diff != "" {
		t.Errorf("draws differ (-%s +now):\n%s\n"+
			"If only this processor gives others, a float differs between processors: that is a bug.\n"+
			"If the results are meant to change, somebody has these seeds in a bug report: say so in CHANGELOG.md under\n"+
			"\"Results change\", and run NINES_UPDATE=1 go test ./sim/dist -run Golden", golden, diff)
	}
}

// samples returns a line for each distribution.
func samples() []string {
	kinds := kinds()
	lines := make([]string, len(kinds))
	var wait sync.WaitGroup
	for i, d := range kinds {
		wait.Go(func() {
			r, samples, figures := stream(7), new(sum), new(sum)
			for range 1_000_000 {
				samples.add(d.Sample(r))
			}
			figures.add(d.Mean())
			figures.add(d.Variance())
			for p := 0.0; p <= 1; p += 0.125 {
				figures.add(d.Quantile(p))
				figures.add(d.CDF(d.Quantile(p)))
			}
			lines[i] = fmt.Sprintf("samples %s  figures %s  %v", samples, figures, d)
		})
	}
	wait.Wait()
	return lines
}

// values returns a line for each function.
func values() (lines []string) {
	for _, f := range []struct {
		name string
		f    func(x float64) float64
	}{
		{"Log", dist.Log},
		{"Exp", func(x float64) float64 { return dist.Exp(float64(1400*x) - 700) }},
		{"Log1p", func(x float64) float64 { return dist.Log1p(float64(20*x) - 1) }},
		{"Expm1", func(x float64) float64 { return dist.Expm1(float64(100*x) - 40) }},
		{"Pow", func(x float64) float64 { return dist.Pow(float64(9*x), float64(90*x)-30) }},
		{"LogGamma", func(x float64) float64 { return dist.LogGamma(float64(30 * x)) }},
		{"NormalQuantile", dist.NormalQuantile},
		{"NormalCDF", func(x float64) float64 { return dist.NormalCDF(float64(20*x) - 10) }},
	} {
		r, values := stream(8), new(sum)
		for range 20_000 {
			values.add(f.f(r.Float64()))
		}
		lines = append(lines, fmt.Sprintf("values  %s  %s", values, f.name))
	}
	return lines
}

// A sum is a hash of the bits of numbers.
type sum uint64

func (s *sum) add(x float64) {
	if math.IsNaN(x) {
		panic("not a number, whose bits nothing promises")
	}
	*s = sum(sim.Mix(uint64(*s), math.Float64bits(x)))
}

func (s *sum) String() string { return fmt.Sprintf("%016x", uint64(*s)) }
