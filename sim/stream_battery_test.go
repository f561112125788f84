package sim_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"os"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/nines-sim/nines/sim"
)

// This file asks whether streams look random to each other: one after the other, side by side, one
// number of each. Whatever the arrangement, it is one sequence of 64-bit numbers, and a battery of
// tests of independent uniform numbers either finds something in it or does not.

const (
	numbers = 1 << 17 // in a sequence
	lags    = 16      // how far apart numbers are compared
	alarm   = 0.001   // the chance that a family of tests finds something in perfect randomness
)

// A finding is what one test says of a sequence: the chance that perfect randomness looks at least as odd.
type finding struct {
	sequence, test string
	p              float64
}

// A sequence is numbers without end.
type sequence struct {
	name string
	next func() uint64
}

// battery tests a sequence. Every test looks at the high end of the numbers and, with their bits in
// reverse, at the low end, which generators of the linear congruential kind are worst in.
func battery(s sequence) (found []finding) {
	xs, reversed := make([]uint64, numbers), make([]uint64, numbers)
	for i := range xs {
		xs[i] = s.next()
		reversed[i] = bits.Reverse64(xs[i])
	}
	note := func(test string, p float64) { found = append(found, finding{s.name, test, p}) }
	for _, end := range []struct {
		name string
		xs   []uint64
	}{{"high", xs}, {"low", reversed}} {
		note("equidistribution, "+end.name, cells(end.xs, 1, 12))
		note("pairs, "+end.name, cells(end.xs, 2, 6))
		note("triples, "+end.name, cells(end.xs, 3, 4))
		note("serial correlation, "+end.name, correlation(end.xs))
		note("birthday spacings, "+end.name, birthdays(end.xs))
	}
	note("frequency of each bit", eachBit(xs, 0))
	note("agreement of each bit with the next number's", eachBit(xs, 1))
	note("bits in common with the numbers before", common(xs))
	return found
}

// cells sorts groups of numbers into cells by their first bits and compares the counts.
func cells(xs []uint64, group, first int) float64 {
	counts := make([]float64, 1<<(group*first))
	groups := len(xs) / group
	for i := range groups {
		cell := uint64(0)
		for _, x := range xs[i*group : (i+1)*group] {
			cell = cell<<first | x>>(64-first)
		}
		counts[cell]++
	}
	want, sum := float64(groups)/float64(len(counts)), 0.0
	for _, n := range counts {
		sum += (n - want) * (n - want) / want
	}
	return chiSquare(sum, len(counts)-1)
}

// correlation adds the squares of the standardized correlations at each lag.
func correlation(xs []uint64) float64 {
	us := make([]float64, len(xs))
	for i, x := range xs {
		us[i] = (float64(x>>11)*0x1p-53 - 0.5) * math.Sqrt(12) // mean 0, variance 1
	}
	sum := 0.0
	for lag := 1; lag <= lags; lag++ {
		z := 0.0
		for i, u := range us[lag:] {
			z += u * us[i]
		}
		sum += z * z / float64(len(us)-lag)
	}
	return chiSquare(sum, lags)
}

// birthdays counts equal gaps between sorted numbers: groups of 2^14 birthdays in a year of 2^40
// days, each with a Poisson number of mean 1 of them (G. Marsaglia, "A Current View of Random Number
// Generators", 1985; the sizes are those for which P. L'Ecuyer and R. Simard, "On the Performance of
// Birthday Spacings Tests with Certain Families of Random Number Generators", 2001, trust the formula).
func birthdays(xs []uint64) float64 {
	const group = 1 << 14
	equal := 0.0
	for days := range slices.Chunk(slices.Clone(xs), group) {
		for i := range days {
			days[i] >>= 24
		}
		slices.Sort(days)
		for i := group - 1; i > 0; i-- {
			days[i] -= days[i-1]
		}
		slices.Sort(days)
		for i := range days[1:] {
			if days[i] == days[i+1] {
				equal++
			}
		}
	}
	d := distuv.Poisson{Lambda: float64(len(xs) / group)}
	return min(1, 2*min(d.CDF(equal), d.Survival(equal-1)))
}

// eachBit adds, over the 64 bits, the squares of how much more often than not a bit is 1, in the numbers
// or in what they have different from the number at a lag.
func eachBit(xs []uint64, lag int) float64 {
	var bytes [8][256]float64
	for i, x := range xs[lag:] {
		if lag > 0 {
			x ^= xs[i]
		}
		for at := range bytes {
			bytes[at][x>>(8*at)&0xff]++
		}
	}
	sum, n := 0.0, float64(len(xs)-lag)
	for bit := range 64 {
		ones := 0.0
		for value, count := range bytes[bit/8] {
			ones += count * float64(value>>(bit%8)&1)
		}
		sum += (2*ones - n) * (2*ones - n) / n
	}
	return chiSquare(sum, 64)
}

// common adds the squares of the standardized numbers of bits that differ at each lag.
func common(xs []uint64) float64 {
	sum := 0.0
	for lag := 1; lag <= lags; lag++ {
		differ := 0
		for i, x := range xs[lag:] {
			differ += bits.OnesCount64(x ^ xs[i])
		}
		n := 64 * float64(len(xs)-lag)
		sum += (2*float64(differ) - n) * (2*float64(differ) - n) / n
	}
	return chiSquare(sum, lags)
}

// chiSquare returns how likely a sum of squares is to be so large or so small: what is more even than
// chance is not random either.
func chiSquare(sum float64, degrees int) float64 {
	d := distuv.ChiSquared{K: float64(degrees)}
	return 2 * min(d.CDF(sum), d.Survival(sum))
}

// odd returns the findings of a family that cannot be chance: the chance of any at all is alarm in
// perfect randomness, however the tests depend on each other (S. Holm, "A Simple Sequentially
// Rejective Multiple Test Procedure", 1979).
func odd(family []finding) []finding {
	slices.SortFunc(family, func(a, b finding) int {
		if a.p < b.p {
			return -1
		}
		return 1
	})
	for i, f := range family {
		if !(f.p < alarm/float64(len(family)-i)) {
			return family[:i]
		}
	}
	return family
}

// inTurn takes a number of each stream, and again.
func inTurn(streams []sim.Stream) func() uint64 {
	i := len(streams) - 1
	return func() uint64 {
		i = (i + 1) % len(streams)
		return streams[i].Uint64()
	}
}

// each takes the first few numbers of the stream of 0, then of 1, and so on.
func each(few int, stream func(i uint64) sim.Stream) func() uint64 {
	var s sim.Stream
	n := uint64(0)
	return func() uint64 {
		if n%uint64(few) == 0 {
			s = stream(n / uint64(few))
		}
		n++
		return s.Uint64()
	}
}

func sixteen(stream func(i uint64) sim.Stream) (streams []sim.Stream) {
	for i := range uint64(16) {
		streams = append(streams, stream(i))
	}
	return streams
}

// sequences are the ways in which models use streams.
func sequences() []sequence {
	const seed = sim.Seed(7)
	work := seed.Keyed("work")
	named := func(i uint64) sim.Stream { return seed.Stream(fmt.Sprintf("a%d", i)) }
	long := func(i uint64) sim.Stream { return seed.Stream(fmt.Sprintf("zone-%d/host-%d/disk", i%7, i)) }
	seeded := func(i uint64) sim.Stream { return sim.Seed(i).Stream("arrivals") }
	one := seed.Stream("work")
	return []sequence{
		{"one stream", one.Uint64},
		{"adjacent names, one number each", each(1, named)},
		{"adjacent names, four numbers each", each(4, named)},
		{"adjacent names, in turn", inTurn(sixteen(named))},
		{"long adjacent names, one number each", each(1, long)},
		{"adjacent keys, one number each", each(1, work.At)},
		{"adjacent keys, four numbers each", each(4, work.At)},
		{"adjacent keys, in turn", inTurn(sixteen(work.At))},
		{"keys that differ in high bits", each(1, func(i uint64) sim.Stream { return work.At(i << 46) })},
		{"keys of child calls", each(1, func(i uint64) sim.Stream { return work.At(sim.Mix(i/8, i%8)) })},
		{"one key of adjacent families", each(1, func(i uint64) sim.Stream { return seed.Keyed(fmt.Sprint("step", i)).At(1) })},
		{"one key of adjacent seeds", each(1, func(i uint64) sim.Stream { return sim.Seed(i).Keyed("work").At(1) })},
		{"a grid of seeds and keys", each(1, func(i uint64) sim.Stream { return sim.Seed(i / 512).Keyed("work").At(i % 512) })},
		{"seeds and keys that grow together", each(1, func(i uint64) sim.Stream { return sim.Seed(i).Keyed("work").At(i) })},
		{"adjacent seeds, one number each", each(1, seeded)},
		{"adjacent seeds, four numbers each", each(4, seeded)},
		{"adjacent seeds, in turn", inTurn(sixteen(seeded))},
		{"seeds that differ in high bits", each(1, func(i uint64) sim.Stream { return sim.Seed(i << 46).Stream("arrivals") })},
		{"the stream and the first key of one name, in turn", inTurn([]sim.Stream{seed.Stream("work"), work.At(0)})},
	}
}

func TestStreamsLookRandom(t *testing.T) {
	sequences := sequences()
	found := make([][]finding, len(sequences))
	var wait sync.WaitGroup
	for i, s := range sequences {
		wait.Go(func() { found[i] = battery(s) })
	}
	wait.Wait()
	family := slices.Concat(found...)
	for _, f := range odd(family) {
		t.Errorf("%s: %s: p = %.2g", f.sequence, f.test, f.p)
	}
	t.Logf("%d tests; the smallest p is %.2g", len(family), family[0].p)
}

// TestTheBatteryFindsBadGenerators shows that the battery is not blind: these are known to be bad, or
// are what streams would be if part of how they are made were left out.
func TestTheBatteryFindsBadGenerators(t *testing.T) {
	filler := sim.Seed(7).Stream("filler")
	lcg := uint64(1)
	randu := uint32(1)
	weyl := uint64(0)
	counter := uint64(0)
	var overlapping [numbers/4 + 4]uint64
	for i := range overlapping {
		overlapping[i] = filler.Uint64()
	}
	for _, g := range []sequence{
		{"a linear congruential generator of 64 bits (Knuth's MMIX)", func() uint64 {
			lcg = lcg*6364136223846793005 + 1442695040888963407
			return lcg
		}},
		{"RANDU above good low bits", func() uint64 {
			randu = randu * 65539 & (1<<31 - 1)
			return uint64(randu)<<33 | filler.Uint64()>>31
		}},
		{"multiples of the golden ratio", func() uint64 {
			weyl += 0x9e3779b97f4a7c15
			return weyl
		}},
		{"a counter hashed by FNV-1a", func() uint64 {
			counter++
			hash := fnv.New64a()
			hash.Write(binary.LittleEndian.AppendUint64(nil, counter))
			return hash.Sum64()
		}},
		{"a name hashed by FNV-1a", func() uint64 {
			counter++
			hash := fnv.New64a()
			fmt.Fprintf(hash, "a%d", counter)
			return hash.Sum64()
		}},
		{"a counter, multiplied and folded once", func() uint64 {
			counter++
			h := counter * 0x9e3779b97f4a7c15
			return h ^ h>>32
		}},
		{"streams that overlap", func() uint64 {
			counter++
			return overlapping[counter/4+counter%4]
		}},
		{"a seed plus a key", each(1, func(i uint64) sim.Stream { return sim.Seed(i/512 + i%512).Stream("arrivals") })},
	} {
		counter = 0
		family := battery(g)
		if len(odd(family)) == 0 {
			t.Errorf("the battery finds nothing in %s", g.name)
		}
		t.Logf("%s: %d of %d tests find it, first %q", g.name, len(odd(family)), len(family), family[0].test)
	}
}

// TestWriteNumbers writes one of the sequences for another battery to read, until that has enough:
//
//	mkfifo numbers
//	dieharder -a -g 200 <numbers &
//	NINES_NUMBERS=numbers NINES_SEQUENCE='adjacent keys, one number each' go test -run WriteNumbers -timeout 0 ./sim
func TestWriteNumbers(t *testing.T) {
	name := os.Getenv("NINES_NUMBERS")
	if name == "" {
		t.Skip("no file in NINES_NUMBERS")
	}
	all := sequences()
	i := slices.IndexFunc(all, func(s sequence) bool { return s.name == os.Getenv("NINES_SEQUENCE") })
	if i < 0 {
		t.Fatalf("no sequence %q", os.Getenv("NINES_SEQUENCE"))
	}
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for buffer := make([]byte, 0, 1<<16); err == nil; buffer = buffer[:0] {
		for len(buffer) < cap(buffer) {
			buffer = binary.LittleEndian.AppendUint64(buffer, all[i].next())
		}
		_, err = file.Write(buffer)
	}
	t.Log("the reader has gone: ", err)
	os.Unsetenv("NINES_NUMBERS") // tests run twice
}
