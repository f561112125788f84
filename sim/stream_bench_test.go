package sim_test

import (
	"testing"

	"github.com/nines-sim/nines/sim"
)

// What is drawn goes here, so that no draw is left out.
var sinkUint64 uint64
var sinkFloat64 float64
var sinkInt int

func BenchmarkStream(b *testing.B) {
	r := sim.Seed(1).Stream("bench")
	b.Run("Uint64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sinkUint64 = r.Uint64()
		}
	})
	b.Run("Float64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sinkFloat64 = r.Float64()
		}
	})
	b.Run("IntN", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sinkInt = r.IntN(1000)
		}
	})
}

// BenchmarkKeyed is one draw for each key, as for each request.
func BenchmarkKeyed(b *testing.B) {
	b.ReportAllocs()
	k, key := sim.Seed(1).Keyed("bench"), uint64(0)
	for b.Loop() {
		r := k.At(key)
		sinkUint64 = r.Uint64()
		key++
	}
}

func BenchmarkSeedStream(b *testing.B) {
	b.ReportAllocs()
	for seed := sim.Seed(0); b.Loop(); seed++ {
		r := seed.Stream("network/loss")
		sinkUint64 = r.Uint64()
	}
}
