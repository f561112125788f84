package theory_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/models/theory"
)

func TestComponent(t *testing.T) {
	c := theory.Component{MTBF: 1000, MTTR: 10}
	printed(t, "availability", c.Availability(), "0.9900990")
	printed(t, "mean over a year", c.MeanOver(8760), "0.9901102")
	printed(t, "deviation over a year", c.SDOver(8760), "0.0047074")
	printed(t, "at the start", c.At(0), "1.000000000")
	printed(t, "soon after", theory.Component{MTBF: 4, MTTR: 4}.At(2), "0.6839397") // ½ + ½/e
	printed(t, "in the end", c.At(1e6), "0.9900990")
}

func TestKOfN(t *testing.T) {
	for _, row := range rows(`
		2of3  2.98e-4
		3of5  9.8506e-6
		4of7  3.4167e-7
		1of3  1e-6`) {
		k, n := kOfN(row[0])
		printed(t, row[0], theory.KOfN(k, n, 0.01), row[1])
	}
}

func TestRepairGroup(t *testing.T) {
	for _, row := range rows(`
		1of2  1  1.960400e-4  5150       1.960400e-4  1
		1of2  2  9.802960e-5  5150       1.960592e-4  0.5
		2of3  1  5.880036e-4  1750       5.821817e-4  1.01
		2of3  3  2.921476e-4  1750       5.823541e-4  0.501667
		3of5  1  5.818293e-5  18078.333  5.703090e-5  1.0202
		3of5  5  9.562325e-6  35578.333  2.854397e-5  0.335003
		1of3  3  9.705901e-7  345183.33  2.911770e-6  0.333333`) {
		k, n := kOfN(row[0])
		crews, _ := strconv.Atoi(row[1])
		g := theory.RepairGroup{Units: n, Needed: k, Crews: crews, MTBF: 100, MTTR: 1}
		name := fmt.Sprintf("%+v ", g)
		printed(t, name+"unavailability", g.Unavailability(), row[2])
		printed(t, name+"MTTF", g.MTTF(), row[3])
		printed(t, name+"failure rate", g.FailureRate(), row[4])
		printed(t, name+"mean outage", g.MeanOutage(), row[5])
	}
}

// TestDurability reads the same chain as the time to data loss of disks.
func TestDurability(t *testing.T) {
	for _, row := range rows(`
		1of2  1e3  10  51500          51500
		1of3  1e3  10  1735166.7      3451833.3
		7of8  1e3  10  2053.5714      2053.5714
		6of8  1e3  10  34363.095      66505.952
		6of9  1e3  10  386392.2       2215029.8
		1of2  1e5  24  2.0848333e8    2.0848333e8
		7of8  1e5  24  7467261.9      7467261.9
		1of3  1e5  24  2.8962981e11   5.7919e11
		6of9  1e5  24  2.4007633e12   1.4390712e13`) {
		k, n := kOfN(row[0])
		x := numbers(t, row[1:], 2)
		g := theory.RepairGroup{Units: n, Needed: k, Crews: 1, MTBF: x[0], MTTR: x[1]}
		printed(t, fmt.Sprintf("%+v", g), g.MTTF(), row[3])
		g.Crews = n
		printed(t, fmt.Sprintf("%+v", g), g.MTTF(), row[4])
	}
}

func TestZones(t *testing.T) {
	for _, row := range rows(`
		1,1,1      1.149437e-3   1.718132e-5
		2,1        1.038054e-2   4.133607e-4
		3          1.019025e-2   4.117715e-4
		2,2,1      8.779607e-4   5.343334e-6
		3,2        1.019867e-2   -
		5          9.910458e-3   -
		1,1,1,1,1  7.425653e-5   -`) {
		var replicas []int
		for n := range strings.SplitSeq(row[0], ",") {
			i, _ := strconv.Atoi(n)
			replicas = append(replicas, i)
		}
		z := theory.Zones{Replicas: replicas, Node: theory.Component{MTBF: 100, MTTR: 1}, Zone: theory.Component{MTBF: 1000, MTTR: 10}}
		printed(t, "zones "+row[0], z.Unavailability(), row[1])
		if row[2] != "-" {
			z.Node, z.Zone = theory.Component{MTBF: 1000, MTTR: 2}, theory.Component{MTBF: 10000, MTTR: 4}
			printed(t, "zones "+row[0], z.Unavailability(), row[2])
		}
	}
}

// TestAvailabilitiesAgree holds the models to each other where they meet.
func TestAvailabilitiesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := theory.Component{MTBF: rapid.Float64Range(1, 1e4).Draw(t, "MTBF"), MTTR: rapid.Float64Range(0.01, 10).Draw(t, "MTTR")}
		n := rapid.IntRange(1, 9).Draw(t, "n")
		k := rapid.IntRange(1, n).Draw(t, "k")
		binomial := theory.KOfN(k, n, c.Unavailability())
		chain := theory.RepairGroup{Units: n, Needed: k, Crews: n, MTBF: c.MTBF, MTTR: c.MTTR}
		zones := theory.Zones{Replicas: []int{n}, Needed: k, Node: c, Zone: theory.Component{MTBF: 1}}
		for _, got := range []float64{chain.Unavailability(), zones.Unavailability()} {
			if math.Abs(got-binomial) > 1e-9*binomial {
				t.Errorf("%d of %d: unavailability %v and %v", k, n, got, binomial)
			}
		}
		if k == n { // any failure ends it
			if got, want := chain.MTTF(), c.MTBF/float64(n); math.Abs(got-want) > 1e-9*want {
				t.Errorf("%d of %d: MTTF is %v, want %v", k, n, got, want)
			}
		}
	})
}

func kOfN(s string) (k, n int) {
	fmt.Sscanf(s, "%dof%d", &k, &n)
	return k, n
}
