package dist_test

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A latency as a dashboard shows it becomes something to draw from.
func ExampleLognormalFromMedianP99() {
	work, err := dist.LognormalFromMedianP99(0.008, 0.030)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(work)
	fmt.Println("mean", dist.Seconds(work.Mean()), "p99.9", dist.Seconds(work.Quantile(0.999)))

	r := sim.Seed(7).Stream("service/work")
	for range 3 {
		fmt.Println(dist.Duration(work, &r))
	}

	_, err = dist.LognormalFromMedianP99(0.008, 0.005)
	fmt.Println(err)
	// Output:
	// lognormal(p50=0.008, p99=0.03)
	// mean 9.401308ms p99.9 46.303237ms
	// 15.582295ms
	// 7.665037ms
	// 4.690729ms
	// dist: lognormal: p99 is 0.005, need more than p50, which is 0.008
}

// Most repairs are quick, and some wait for a spare part.
func ExampleMixture() {
	repair := dist.Must(dist.NewMixture(
		dist.Part{Weight: 9, Distribution: dist.Must(dist.NewExponential(time.Hour.Seconds()))},
		dist.Part{Weight: 1, Distribution: dist.Exactly(24 * time.Hour)},
	))
	fmt.Println("mean", dist.Seconds(repair.Mean()), "p50", dist.Seconds(repair.Quantile(0.5)).Round(time.Second), "p99", dist.Seconds(repair.Quantile(0.99)))
	// Output:
	// mean 3h18m0s p50 48m39s p99 24h0m0s
}
