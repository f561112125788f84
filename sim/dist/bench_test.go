package dist_test

import (
	"strings"
	"testing"

	"github.com/nines-sim/nines/sim/dist"
)

var sink float64 // so that nothing measured is left out

// BenchmarkSample draws from every distribution through the interface, as models do.
func BenchmarkSample(b *testing.B) {
	for _, kind := range kinds() {
		b.Run(strings.ReplaceAll(kind.String(), " ", ""), func(b *testing.B) {
			b.ReportAllocs()
			var d dist.Distribution = kind
			for r := stream(1); b.Loop(); {
				sink = d.Sample(r)
			}
		})
	}
}

// BenchmarkFunction takes arguments from 0 to 1.
func BenchmarkFunction(b *testing.B) {
	for _, f := range []struct {
		name string
		f    func(float64) float64
	}{
		{"Log", dist.Log}, {"Log1p", dist.Log1p}, {"Exp", dist.Exp}, {"Expm1", dist.Expm1},
		{"Pow", func(x float64) float64 { return dist.Pow(x, 1.5+x) }},
		{"LogGamma", dist.LogGamma}, {"NormalQuantile", dist.NormalQuantile}, {"NormalCDF", dist.NormalCDF},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for x := 0.0; b.Loop(); {
				if x += 0.001; x >= 1 {
					x = 0.0005
				}
				sink = f.f(x)
			}
		})
	}
}
