package sim

import "math/bits"

// Generator names the algorithm behind every [Stream] and how seeds and names become its state.
// Results of a seed may change only together with this name.
const Generator = "pcg-dxsm/1"

// A Seed fixes all chance in a run.
type Seed uint64

// A Stream is a sequence of random numbers that depends on a seed and on the name of its one
// purpose, so that drawing more for one purpose shifts no other. The zero Stream is not seeded;
// get one from [Simulation.Stream], [Seed.Stream] or [Keyed.At]. A Stream is not for concurrent use.
type Stream struct{ hi, lo uint64 }

// Stream returns the stream of one named purpose.
func (seed Seed) Stream(name string) Stream {
	return newStream(Mix(uint64(seed), hashName(name)))
}

// Keyed returns the family of draws of one named purpose.
func (seed Seed) Keyed(name string) Keyed {
	return Keyed{Mix(uint64(seed), hashName(name)+1)}
}

// Keyed draws belong to a key, such as the identity of a request: the same key meets the same
// luck wherever and whenever it is asked, whatever else the run draws.
type Keyed struct{ base uint64 }

// At returns the stream of one key.
func (k Keyed) At(key uint64) Stream { return newStream(Mix(k.base, key)) }

func newStream(h uint64) Stream { return Stream{h, Mix(h, 0x6e696e6573)} }

// Uint64 returns 64 random bits.
func (s *Stream) Uint64() uint64 {
	// PCG-DXSM (M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
	// Algorithms for Random Number Generation", 2014, and pcg-cpp's cm_setseq_dxsm), as in math/rand/v2:
	// a linear congruential step of 128 bits, then "double xorshift multiply" of what it gave.
	const (
		mulHi, mulLo = 2549297995355413924, 4865540595714422341
		incHi, incLo = 6364136223846793005, 1442695040888963407
		cheap        = 0xda942042e4dd58b5
	)
	hi, lo := bits.Mul64(s.lo, mulLo)
	hi += s.hi*mulLo + s.lo*mulHi
	lo, carry := bits.Add64(lo, incLo, 0)
	hi, _ = bits.Add64(hi, incHi, carry)
	s.hi, s.lo = hi, lo

	hi = (hi ^ hi>>32) * cheap
	return (hi ^ hi>>48) * (lo | 1)
}

// Float64 returns a number from [0, 1): a multiple of 2⁻⁵³, the same on every processor.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// IntN returns an integer from [0, n), every one equally likely. It panics if n is not positive.
func (s *Stream) IntN(n int) int {
	if n <= 0 {
		panic("sim: IntN needs a positive number")
	}
	// Lemire, "Fast Random Integer Generation in an Interval", 2019.
	hi, lo := bits.Mul64(s.Uint64(), uint64(n))
	if lo < uint64(n) {
		for threshold := -uint64(n) % uint64(n); lo < threshold; {
			hi, lo = bits.Mul64(s.Uint64(), uint64(n))
		}
	}
	return int(hi)
}

// Chance reports true with probability p. It always draws once, so that a p of 0 or 1 does not
// shift what follows.
func (s *Stream) Chance(p float64) bool { return s.Float64() < p }

// Shuffle puts n elements into a random order, every one equally likely.
func (s *Stream) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, s.IntN(i+1))
	}
}

// Mix combines two numbers into one whose bits depend on all of theirs. It derives identities
// and keys: the key of a child call is Mix(parent, step).
func Mix(a, b uint64) uint64 {
	// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014) on both halves of a product.
	h := a ^ bits.RotateLeft64(b*0x9e3779b97f4a7c15, 32)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27 ^ b) * 0x94d049bb133111eb
	h ^= h >> 31
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// hashName is FNV-1a of 64 bits.
func hashName(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
