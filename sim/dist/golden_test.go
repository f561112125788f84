package dist_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

var update = os.Getenv("NINES_UPDATE") == "1" // golden files are written anew

// TestGolden holds every bit of 100,000 samples of each distribution, of its figures, and of the
// elementary functions. A change here changes the result of every seed: say so in the changelog.
// The file is the same for every processor: .ci/run runs this test under emulation too.
func TestGolden(t *testing.T) {
	const name = "testdata/golden.txt"
	var got strings.Builder
	for _, d := range kinds() {
		r, samples, figures := stream(7), new(sum), new(sum)
		for range 100_000 {
			samples.add(d.Sample(r))
		}
		figures.add(d.Mean())
		figures.add(d.Variance())
		for p := 0.0; p <= 1; p += 0.125 {
			figures.add(d.Quantile(p))
			figures.add(d.CDF(d.Quantile(p)))
		}
		fmt.Fprintf(&got, "samples %s  figures %s  %v\n", samples, figures, d)
	}
	for _, f := range []struct {
		name string
		f    func(x float64) float64
	}{
		{"Log", dist.Log},
		{"Exp", func(x float64) float64 { return dist.Exp(float64(1400*x) - 700) }},
		{"Log1p", func(x float64) float64 { return dist.Log1p(x - 0.5) }},
		{"Expm1", func(x float64) float64 { return dist.Expm1(x - 0.5) }},
		{"Pow", func(x float64) float64 { return dist.Pow(float64(9*x), float64(90*x)-30) }},
		{"LogGamma", func(x float64) float64 { return dist.LogGamma(float64(30 * x)) }},
		{"NormalQuantile", dist.NormalQuantile},
		{"NormalCDF", func(x float64) float64 { return dist.NormalCDF(float64(20*x) - 10) }},
	} {
		r, values := stream(8), new(sum)
		for range 20_000 {
			values.add(f.f(r.Float64()))
		}
		fmt.Fprintf(&got, "values  %s  %s\n", values, f.name)
	}
	if update {
		if err := os.WriteFile(name, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(want, []byte(got.String())) {
		return
	}
	old := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got.String(), "\n") {
		if i >= len(old) || line != old[i] {
			t.Errorf("line %d of %s is no longer right: now %s", i+1, name, line)
		}
	}
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
