package study

import (
	"math/bits"
	"strconv"

	"github.com/nines-sim/nines/sim"
)

// Quantile returns a number from (0, 1) for one seed of a class of runs. In dimension 0, consecutive
// seeds spread their numbers evenly, wherever they begin: 2^k of them put exactly one into each of 2^k
// equal parts of the interval, at a random place within it, and further ones fill the gaps. So the
// lengths of incidents are stratified whatever the number of runs turns out to be, and more runs refine
// what is there.
//
// Dimensions 0 and 1 together cover the square evenly: they are the first two of the sequence of Sobol'
// (1967), with their digits scrambled (Owen, 1995). Higher dimensions are plain random numbers.
func Quantile(class string, seed uint64, dimension int) float64 {
	s := sim.Seed(0).Stream("study/" + class + "/" + strconv.Itoa(dimension))
	salt := s.Uint64()
	x := sobol(seed, dimension)
	if dimension > 1 {
		x = sim.Mix(salt, seed)
	}
	var y uint64
	for b := range 52 { // a digit is flipped or not, depending on those before it
		prefix := x>>(63-b)>>1 | 1<<b
		y = y<<1 | (x>>(63-b)^sim.Mix(salt, prefix))&1
	}
	return (float64(y) + 0.5) * 0x1p-52
}

// sobol returns the n-th number of the first (0) or second (1) dimension of the sequence of Sobol', as a
// binary fraction. The first has the digits of n reversed (van der Corput). The second belongs to the
// polynomial x+1: its direction numbers are the rows of Pascal's triangle modulo 2.
func sobol(n uint64, dimension int) uint64 {
	if dimension == 0 {
		return bits.Reverse64(n)
	}
	var x uint64
	for v := uint64(1 << 63); n != 0; n >>= 1 {
		if n&1 != 0 {
			x ^= v
		}
		v ^= v >> 1
	}
	return x
}

// stretch makes a quantile of an incident's length out of an evenly spread number, so that long
// incidents are simulated more often than they happen, and returns the weight that makes up for it.
//
// Lengths are skewed: the longest tenth may hold half of the bad minutes, and equal shares for all
// lengths would leave it to two or three runs. With the density of u being 1/(2·√(1−u)), a typical
// lognormal length (p95 = 7·p50) needs about a tenth of the runs for the same interval; where the length
// does not matter, about a third more.
func stretch(v float64) (u, weight float64) {
	return 1 - float64((1-v)*(1-v)), 2 * (1 - v)
}
