//go:build unix

// The bench program runs one workload of the usual benchmarks of discrete-event kernels through
// the public interface of sim, and prints what it cost on one line:
//
//	bench WORKLOAD N [M]
//	RESULT w=hold n=100 ops=10000000 cpu=.. wall=.. rss=.. mean=..
//
// docs/performance.md says what each workload is, and has the table.
package main

import (
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A workload runs n (and m) of something on s and reports to the meter.
type workload struct {
	name string
	args int // how many numbers it takes
	run  func(b *bench, n, m int)
}

var workloads = []workload{
	{"hold", 2, hold},
	{"mm1q", 1, mm1q},
	{"mm1r", 1, mm1r},
	{"mm1cb", 1, mm1cb},
	{"pingpong", 1, pingpong},
	{"pingpongcb", 1, pingpongcb},
	{"timers", 2, timers},
	{"memev", 1, memev},
	{"memproc", 1, memproc},
}

// bench is what a workload works with.
type bench struct {
	*sim.Simulation
	meter meter
	gaps  sim.Stream
	work  sim.Stream
	one   dist.Distribution // mean 1 s
}

func main() {
	w, n, m, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	line, err := measure(w, n, m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(line)
}

// measure runs a workload and returns the line that says what it cost.
func measure(w workload, n, m int) (line string, err error) {
	// Two processes that wake each other at one instant are the workload here, not a mistake.
	_, err = sim.Run(sim.Config{Seed: 7, MaxAtInstant: math.MaxInt}, func(s *sim.Simulation) {
		b := &bench{Simulation: s, gaps: s.Stream("gaps"), work: s.Stream("work"), one: dist.Must(dist.NewExponential(1))}
		b.meter.start()
		w.run(b, n, m)
		line = fmt.Sprintf("RESULT w=%s n=%d %s", w.name, n, b.meter.line)
	})
	return line, err
}

// parse reads the command line.
func parse(args []string) (w workload, n, m int, err error) {
	usage := "usage: bench WORKLOAD N [M], where WORKLOAD is one of"
	for _, known := range workloads {
		usage += " " + known.name
		if len(args) > 0 && known.name == args[0] {
			w = known
		}
	}
	if w.run == nil || len(args) != 1+w.args {
		return w, 0, 0, fmt.Errorf("%s", usage)
	}
	numbers := []*int{&n, &m}
	for i, a := range args[1:] {
		if *numbers[i], err = strconv.Atoi(a); err != nil || *numbers[i] < 1 {
			return w, 0, 0, fmt.Errorf("bench: %q: need a whole number of 1 or more", a)
		}
	}
	return w, n, m, nil
}
