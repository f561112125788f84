package study

import "math/bits"

// sobol returns the seed-th number of the first (0) or second (1) dimension of the sequence of Sobol',
// as a binary fraction. The first is the sequence of van der Corput: the digits reversed. The second
// belongs to the polynomial x+1, whose direction numbers are the rows of Pascal's triangle modulo 2.
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
