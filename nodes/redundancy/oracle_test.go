package redundancy_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/nodes/redundancy"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// In these tests an hour takes a second, so that a billion hours fit into a run.

func exponential(mean float64) dist.Distribution { return dist.Must(dist.NewExponential(mean)) }

// node fails every 100 hours and is repaired in 1.
var node = redundancy.Config{Life: exponential(100), Repair: exponential(1)}

func crews(s *sim.Simulation, n int) redundancy.Upkeep {
	return redundancy.Upkeep{Crews: sim.NewResource(s, "crews", n, sim.FIFO)}
}

func components(s *sim.Simulation, n int, cfg redundancy.Config, upkeep redundancy.Upkeep) (list []*redundancy.Component) {
	for i := range n {
		list = append(list, redundancy.NewComponent(s, fmt.Sprint("component ", i), cfg, upkeep))
	}
	return list
}

func blocks(list []*redundancy.Component) (members []redundancy.Block) {
	for _, c := range list {
		members = append(members, c)
	}
	return members
}

// What a study of a block has found, one number per run; a cycle is from all components up to the
// next outage.
type findings struct {
	unavailability, rate []float64
	outages, cycles      []float64
}

// study runs a block again and again for so many hours.
func study(t *testing.T, runs int, hours float64, build func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component)) (f findings) {
	t.Helper()
	w := sim.NewWorker()
	defer w.Close()
	for seed := range runs {
		_, err := w.Run(sim.Config{Seed: sim.Seed(seed)}, func(s *sim.Simulation) {
			block, parts := build(s)
			began, waits, up := sim.Time(0), false, len(parts)
			for _, c := range parts {
				c.OnChange(func(isUp bool) {
					if !isUp {
						up--
						return
					}
					if up++; up == len(parts) && waits {
						began, waits = s.Now(), false
					}
				})
			}
			var down sim.Time
			block.OnChange(func(isUp bool) {
				if isUp {
					f.outages = append(f.outages, s.Now().Sub(down).Seconds())
					return
				}
				if down = s.Now(); !waits {
					f.cycles = append(f.cycles, s.Now().Sub(began).Seconds())
					waits = true
				}
			})
			s.RunUntil(sim.Time(dist.Seconds(hours)))
			st := block.Stats()
			f.unavailability = append(f.unavailability, st.Unavailability())
			f.rate = append(f.rate, float64(st.Outages)/hours)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// agree asserts that a mean is within 4 standard errors of what is exact, and that these are at
// most a share of it.
func agree(t *testing.T, what string, samples []float64, exact, share float64) {
	t.Helper()
	mean, sd := stat.MeanStdDev(samples, nil)
	se := sd / math.Sqrt(float64(len(samples)))
	if math.Abs(mean-exact) > 4*se || se > share*exact || len(samples) < 20 {
		t.Errorf("%s: %.6g ± %.2g (%.1f standard errors off, each %.1f %%, n = %d), want %.6g",
			what, mean, se, (mean-exact)/se, 100*se/exact, len(samples), exact)
	}
}

// The numbers are those of birth-death chains.
func TestKOfN(t *testing.T) {
	for _, c := range []struct {
		needed, n, crews                   int // 0: no crews to wait for, which is the same as n
		unavailability, mttf, rate, outage float64
		hours                              float64 // each of 40 runs
	}{
		{1, 2, 1, 1.960400e-4, 5150, 1.960400e-4, 1, 5e5},
		{1, 2, 2, 9.802960e-5, 5150, 1.960592e-4, .5, 5e5},
		{2, 3, 1, 5.880036e-4, 1750, 5.821817e-4, 1.01, 1.5e5},
		{2, 3, 3, 2.921476e-4, 1750, 5.823541e-4, .501667, 1.5e5},
		{2, 3, 0, 2.921476e-4, 1750, 5.823541e-4, .501667, 1.5e5},
		{3, 5, 1, 5.818293e-5, 18078.333, 5.703090e-5, 1.0202, 1e6},
	} {
		t.Run(fmt.Sprintf("%dof%d, %d crews", c.needed, c.n, c.crews), func(t *testing.T) {
			t.Parallel()
			f := study(t, 40, c.hours, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
				upkeep := redundancy.Upkeep{}
				if c.crews > 0 {
					upkeep = crews(s, c.crews)
				}
				parts := components(s, c.n, node, upkeep)
				return redundancy.NewGroup(s, "group", c.needed, blocks(parts)...), parts
			})
			agree(t, "unavailability", f.unavailability, c.unavailability, .03)
			agree(t, "outages per hour", f.rate, c.rate, .03)
			agree(t, "mean outage", f.outages, c.outage, .03)
			agree(t, "mean time from all up to an outage", f.cycles, c.mttf, .03)
		})
	}
}

// A component is up for U/(U+D) of the time, whatever the shape of its distributions.
func TestOneComponent(t *testing.T) {
	for _, c := range []redundancy.Config{
		{Life: exponential(100), Repair: exponential(10)},
		{Life: dist.Must(dist.WeibullFromMeanCV(100, 0.5)), Repair: dist.Must(dist.LognormalFromMeanCV(10, 2))},
		{Life: dist.Must(dist.LognormalFromMeanCV(100, 1.5)), Repair: dist.Must(dist.NewConstant(10))},
		{Life: dist.Must(dist.NewConstant(100)), Repair: dist.Must(dist.WeibullFromMeanCV(10, 1.5))},
	} {
		t.Run(fmt.Sprint(c.Life, c.Repair), func(t *testing.T) {
			f := study(t, 40, 2e5, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
				parts := components(s, 1, c, redundancy.Upkeep{})
				return parts[0], parts
			})
			agree(t, "unavailability", f.unavailability, 1./11, .01)
			agree(t, "outages per hour", f.rate, 1./110, .01)
			agree(t, "mean time to failure", f.cycles, 100, .01)
			agree(t, "mean outage", f.outages, 10, .02)
		})
	}
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		c := components(s, 1, redundancy.Config{Life: dist.Must(dist.NewConstant(100)), Repair: dist.Must(dist.NewConstant(10))}, redundancy.Upkeep{})[0]
		s.RunUntil(sim.Time(11000 * time.Second))
		want := redundancy.Stats{Up: 10000 * time.Second, Down: 1000 * time.Second, Outages: 100, ToFirst: 100 * time.Second}
		if got := c.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A majority of all nodes must be up, each with the zone that it is in. Two zones are no better
// than one.
func TestZones(t *testing.T) {
	zone := redundancy.Config{Life: exponential(1000), Repair: exponential(10)}
	for _, c := range []struct {
		layout         []int
		unavailability float64
		hours          float64
	}{
		{[]int{1, 1, 1}, 1.149437e-3, 1e5},
		{[]int{2, 1}, 1.038054e-2, 1e5},
		{[]int{3}, 1.019025e-2, 1e5},
		{[]int{2, 2, 1}, 8.779607e-4, 1.5e5},
		{[]int{3, 2}, 1.019867e-2, 1e5},
		{[]int{5}, 9.910458e-3, 1e5},
		{[]int{1, 1, 1, 1, 1}, 7.425653e-5, 8e5},
	} {
		t.Run(fmt.Sprint(c.layout), func(t *testing.T) {
			t.Parallel()
			f := study(t, 40, c.hours, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
				var replicas []redundancy.Block
				var parts []*redundancy.Component
				for i, n := range c.layout {
					z := redundancy.NewComponent(s, fmt.Sprint("zone ", i), zone, redundancy.Upkeep{})
					parts = append(parts, z)
					for range n {
						name := fmt.Sprint("replica ", len(replicas))
						m := redundancy.NewComponent(s, "node of "+name, node, redundancy.Upkeep{})
						parts = append(parts, m)
						replicas = append(replicas, redundancy.NewGroup(s, name, 2, m, z))
					}
				}
				return redundancy.NewGroup(s, "majority", len(replicas)/2+1, replicas...), parts
			})
			agree(t, "unavailability", f.unavailability, c.unavailability, .03)
		})
	}
}

// stationary solves a continuous-time Markov chain given by its rates.
func stationary(states int, rates map[[2]int]float64) []float64 {
	a, b := mat.NewDense(states, states, nil), mat.NewVecDense(states, nil)
	for move, rate := range rates { // the flow out of a state is the flow into it
		from, to := move[0], move[1]
		a.Set(from, from, a.At(from, from)-rate)
		a.Set(to, from, a.At(to, from)+rate)
	}
	for j := range states { // one equation follows from the others; instead, the sum is 1
		a.Set(0, j, 1)
	}
	b.SetVec(0, 1)
	var p mat.VecDense
	if err := p.SolveVec(a, b); err != nil {
		panic(err)
	}
	return p.RawVector().Data
}

// One works and one is idle, with one crew. A failover takes an hour on average.
func TestStandby(t *testing.T) {
	const fails, mended, takesOver = 1. / 100, 1. / 10, 1.
	cfg := redundancy.Config{Life: exponential(1 / fails), Repair: exponential(1 / mended)}
	for name, dormancy := range map[string]float64{"cold": redundancy.Cold, "warm": .3, "hot": redundancy.Hot} {
		const (
			good     = iota // one works, one is idle
			turning         // one takes over, one is being repaired
			backed          // one takes over, one is idle
			single          // one works, one is being repaired
			gone            // both have failed
			standing        // one works, and the idle one is being repaired: the same as single
		)
		p := stationary(standing, map[[2]int]float64{
			{good, turning}: fails, {good, single}: fails * dormancy,
			{turning, single}: takesOver, {turning, backed}: mended, {turning, gone}: fails,
			{backed, good}: takesOver, {backed, turning}: fails + fails*dormancy,
			{single, good}: mended, {single, gone}: fails,
			{gone, single}: mended,
		})
		t.Run(name, func(t *testing.T) {
			f := study(t, 40, 2e5, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
				parts := components(s, 2, cfg, crews(s, 1))
				scfg := redundancy.DefaultStandbyConfig()
				scfg.Dormancy, scfg.Failover = dormancy, exponential(1/takesOver)
				return redundancy.NewStandby(s, "pair", scfg, parts...), parts
			})
			agree(t, "unavailability", f.unavailability, p[turning]+p[backed]+p[gone], .03)
		})
		t.Run(name+", at once", func(t *testing.T) { // a birth-death chain
			up, one := fails*(1+dormancy)/mended, fails/mended
			exact := up * one / (1 + up + up*one)
			f := study(t, 40, 2e5, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
				parts := components(s, 2, cfg, crews(s, 1))
				scfg := redundancy.DefaultStandbyConfig()
				scfg.Dormancy = dormancy
				return redundancy.NewStandby(s, "pair", scfg, parts...), parts
			})
			agree(t, "unavailability", f.unavailability, exact, .03)
			agree(t, "mean time from both up to an outage", f.cycles, 1/(fails*(1+dormancy))+1/fails*(1+mended/(fails*(1+dormancy))), .03)
		})
	}
}

// With spares that are put in at once, n components and S spares are a machine repair problem: the
// failed ones are served by the crews, and the group is short of one as soon as more than S are.
func TestSpares(t *testing.T) {
	const fails, mended = 1. / 100, 1. / 10
	cfg := redundancy.Config{Life: exponential(1 / fails), Repair: exponential(1 / mended)}
	rates := map[[2]int]float64{} // from so many failed units to another number
	for failed := range 5 {       // 3 components, 2 spares
		rates[[2]int{failed, failed + 1}] = fails * float64(min(3, 5-failed))
		rates[[2]int{failed + 1, failed}] = mended * float64(min(2, failed+1))
	}
	p := stationary(6, rates)
	f := study(t, 40, 1.5e5, func(s *sim.Simulation) (redundancy.Block, []*redundancy.Component) {
		upkeep := crews(s, 2)
		upkeep.Spares = redundancy.NewSpares(s, "spares", 2, nil)
		parts := components(s, 3, cfg, upkeep)
		return redundancy.NewGroup(s, "group", 3, blocks(parts)...), parts
	})
	agree(t, "unavailability", f.unavailability, p[3]+p[4]+p[5], .03)
}
